//! The field of a system of equations: formulas around any number of networks.
//!
//! With scales s, the solver's states are z = (y/s, q, i): the physical states divided by their
//! scales, then the trajectory's own parameters q and, if there are external inputs, the number i of
//! the trajectory that they belong to; q and i never change. With ξ the symbols (t, y, q, θ, inputs at
//! t), networks N and formulas a, f:
//!
//! dz/dt = f(ξ, c·N(a(ξ)/b))/s,
//!
//! where b are the scales of the networks' inputs and c those of their outputs.
//!
//! **Parameters**, flat: the shared ones θ, then each network's, as [`Mlp`] orders them.
//! **Tape**: the values of a, the networks' tapes, the values of f.

use std::cell::RefCell;
use std::sync::Arc;

use candle_core::Device;
use pulp::{Arch, Simd, WithSimd};
use surprisal_core::lanes::{LANES, Row};
use surprisal_core::{Role, rng};
use surprisal_expr::{Lane, Program};

use super::hybrid_lanes::HybridLanes;
use super::hybrid_tensors::HybridTensors;
use super::signals::Signals;
use crate::field::lanes::LaneField;
use crate::field::mlp::Mlp;
use crate::field::{ParameterBlock, VectorField};
use crate::tensors::TensorField;

/// Formulas around networks.
#[derive(Debug, Clone)]
pub struct Hybrid {
    /// `[n_physical]`: s.
    pub(super) scales: Vec<f64>,
    /// Parameters that each trajectory has of its own.
    pub(super) n_individual: usize,
    /// Names and first values of θ.
    pub(super) shared: Vec<(String, f64)>,
    /// Number of external inputs.
    pub(super) n_inputs: usize,
    /// a: from the symbols to the inputs of all networks, one after the other.
    pub(super) feed: Program,
    /// `[n_physical]`: 1/s, since a product takes a fraction of the time of a quotient.
    pub(super) inverse_scales: Vec<f64>,
    /// 1/b, for every input of every network.
    pub(super) inverse_feed_scales: Vec<f64>,
    /// f: from the symbols and the outputs of all networks to dy/dt.
    pub(super) rates: Program,
    pub(super) networks: Vec<Network>,
    /// External inputs of every trajectory.
    pub(super) signals: Arc<Signals>,
}

/// A network within a field.
#[derive(Debug, Clone)]
pub(super) struct Network {
    pub(super) name: String,
    pub(super) mlp: Mlp,
    pub(super) n_in: usize,
    pub(super) n_out: usize,
    /// c.
    pub(super) output_scale: f64,
    /// Where its parameters begin among the field's.
    pub(super) first_parameter: usize,
}

/// What evaluations write to beside the tape.
#[derive(Default)]
pub(super) struct Work<L> {
    /// `[n_symbols]`, then the outputs of all networks.
    pub(super) symbols: Vec<L>,
    /// Cotangents of the same.
    bars: Vec<L>,
    /// Inputs of all networks, and their cotangents.
    feed: Vec<L>,
    scratch: Vec<L>,
    rates: Vec<L>,
}

thread_local! {
    /// What single evaluations on this thread write to.
    static WORK: RefCell<Work<f64>> = RefCell::default();
    /// The same for a Jacobian.
    static ROWS: RefCell<Rows> = RefCell::default();
}

#[derive(Default)]
struct Rows {
    work: Work<Row>,
    /// `[2, n]`: of z and dz/dt.
    tangents: Vec<Row>,
    /// Of the networks.
    scratch: Vec<Row>,
}

impl Hybrid {
    /// t, states, own parameters, shared parameters, inputs.
    pub(super) fn n_symbols(&self) -> usize {
        1 + self.scales.len() + self.n_individual + self.shared.len() + self.n_inputs
    }

    /// Where the inputs begin among the symbols.
    pub(super) fn first_input(&self) -> usize {
        self.n_symbols() - self.n_inputs
    }

    /// Where the inputs of network `k` begin among those of all networks.
    pub(super) fn first_feed(&self, k: usize) -> usize {
        self.networks[..k].iter().map(|net| net.n_in).sum()
    }

    pub(super) fn n_feed_values(&self) -> usize {
        if self.networks.is_empty() { 0 } else { self.feed.n_values() }
    }

    pub(super) fn work<L: Lane + Default>(&self) -> Work<L> {
        let mut work = Work::default();
        self.fit(&mut work);
        work
    }

    /// Makes the parts of `work` as long as they must be; their content is overwritten in every use.
    fn fit<L: Lane>(&self, work: &mut Work<L>) {
        let zero = L::splat(0.0);
        work.symbols.resize(self.rates.inputs().len(), zero);
        work.bars.resize(self.rates.inputs().len(), zero);
        work.feed.resize(self.inverse_feed_scales.len(), zero);
        work.scratch.resize(self.feed.n_values().max(self.rates.n_values()), zero);
        work.rates.resize(self.scales.len(), zero);
    }

    /// Calls `f` with memory that is not allocated anew each time.
    fn with_work<R>(&self, f: impl FnOnce(&mut Work<f64>) -> R) -> R {
        WORK.with_borrow_mut(|work| {
            self.fit(work);
            f(work)
        })
    }

    /// Writes time and states among the symbols; shared parameters and inputs are there already.
    #[inline(always)]
    pub(super) fn place<L: Lane>(&self, t: L, z: &[L], symbols: &mut [L]) {
        symbols[0] = t;
        let n = self.scales.len();
        for ((y, z), &s) in symbols[1..].iter_mut().zip(z).zip(&self.scales) {
            *y = z.map(|z| s * z);
        }
        symbols[1 + n..][..self.n_individual].copy_from_slice(&z[n..n + self.n_individual]);
    }

    /// dz/dt from the symbols; `network(k, x, out, tape)` evaluates network k.
    #[inline(always)]
    pub(super) fn forward<L: Lane>(
        &self,
        work: &mut Work<L>,
        dz: &mut [L],
        tape: &mut [L],
        mut network: impl FnMut(usize, &[L], &mut [L], &mut [L]),
    ) {
        let n_symbols = self.n_symbols();
        let (feed_values, mut rest) = tape.split_at_mut(self.n_feed_values());
        let (symbols, outputs) = work.symbols.split_at_mut(n_symbols);
        if !self.networks.is_empty() {
            self.feed.evaluate(symbols, feed_values);
            for (k, (x, &factor)) in work.feed.iter_mut().zip(&self.inverse_feed_scales).enumerate() {
                *x = self.feed.output(k, feed_values).map(|x| factor * x);
            }
        }
        let (mut x, mut outputs) = (&work.feed[..], outputs);
        for (k, net) in self.networks.iter().enumerate() {
            let (net_tape, behind) = rest.split_at_mut(net.mlp.tape_len());
            let (input, x_behind) = x.split_at(net.n_in);
            let (output, outputs_behind) = outputs.split_at_mut(net.n_out);
            network(k, input, output, net_tape);
            output.iter_mut().for_each(|u| *u = u.map(|u| net.output_scale * u));
            (x, outputs, rest) = (x_behind, outputs_behind, behind);
        }
        self.rates.evaluate(&work.symbols, rest);
        for (k, (dz, &factor)) in dz.iter_mut().zip(&self.inverse_scales).enumerate() {
            *dz = self.rates.output(k, rest).map(|rate| factor * rate);
        }
        dz[self.scales.len()..].fill(L::splat(0.0));
    }

    /// `z_bar` = vᵀJ; adds to `shared_bar`. `network(k, tape, cotangent, x_bar)` pulls back through
    /// network k.
    #[inline(always)]
    pub(super) fn backward<L: Lane>(
        &self,
        work: &mut Work<L>,
        tape: &[L],
        cotangent: &[L],
        z_bar: &mut [L],
        shared_bar: &mut [L],
        mut network: impl FnMut(usize, &[L], &[L], &mut [L]),
    ) {
        let (n, n_symbols) = (self.scales.len(), self.n_symbols());
        let (feed_values, mut rest) = tape.split_at(self.n_feed_values());
        let rates_values = &tape[tape.len() - self.rates.n_values()..];
        for ((rate, v), &factor) in work.rates.iter_mut().zip(cotangent).zip(&self.inverse_scales) {
            *rate = v.map(|v| factor * v);
        }
        work.bars.fill(L::splat(0.0));
        self.rates.vjp(rates_values, &work.rates, &mut work.scratch, &mut work.bars);
        let (bars, mut outputs) = work.bars.split_at_mut(n_symbols);
        let mut x_bar = &mut work.feed[..];
        for (k, net) in self.networks.iter().enumerate() {
            let (net_tape, behind) = rest.split_at(net.mlp.tape_len());
            let (input, x_behind) = x_bar.split_at_mut(net.n_in);
            let (output, outputs_behind) = outputs.split_at_mut(net.n_out);
            output.iter_mut().for_each(|u| *u = u.map(|u| net.output_scale * u));
            network(k, net_tape, output, input);
            (x_bar, outputs, rest) = (x_behind, outputs_behind, behind);
        }
        if !self.networks.is_empty() {
            work.feed.iter_mut().zip(&self.inverse_feed_scales).for_each(|(x, &r)| *x = x.map(|x| r * x));
            self.feed.vjp(feed_values, &work.feed, &mut work.scratch, bars);
        }
        for ((z_bar, bar), &s) in z_bar.iter_mut().zip(&bars[1..]).zip(&self.scales) {
            *z_bar = bar.map(|bar| s * bar);
        }
        let own = 1 + n;
        z_bar[n..n + self.n_individual].copy_from_slice(&bars[own..own + self.n_individual]);
        z_bar[n + self.n_individual..].fill(L::splat(0.0));
        for (sum, &bar) in shared_bar.iter_mut().zip(&bars[own + self.n_individual..]) {
            *sum = sum.zip(bar, |sum, bar| sum + bar);
        }
    }

    /// Writes all symbols at (t, z).
    pub(super) fn fill(&self, shared: &[f64], t: f64, z: &[f64], symbols: &mut [f64]) {
        self.place(t, z, symbols);
        symbols[self.first_input() - shared.len()..][..shared.len()].copy_from_slice(shared);
        if self.n_inputs > 0 {
            let signals = &self.signals.of_trajectory[z[z.len() - 1] as usize];
            let inputs = &mut symbols[self.first_input()..][..self.n_inputs];
            inputs.iter_mut().zip(signals).for_each(|(value, signal)| *value = signal.at(t));
        }
    }
}

impl Network {
    pub(super) fn parameters<'a>(&self, all: &'a [f64]) -> &'a [f64] {
        &all[self.first_parameter..][..self.mlp.n_parameters()]
    }
}

impl VectorField for Hybrid {
    fn dim(&self) -> usize {
        self.scales.len() + self.n_resting()
    }

    fn n_resting(&self) -> usize {
        self.n_individual + usize::from(self.n_inputs > 0)
    }

    fn rounding(&self) -> f64 {
        self.networks.iter().map(|net| net.mlp.rounding()).fold(0.0, f64::max)
    }

    fn blocks(&self) -> Vec<ParameterBlock> {
        let shared = self.shared.iter().map(|(name, _)| ParameterBlock {
            name: name.clone(),
            shape: vec![],
            // no feature is multiplied by it: a physical parameter is not to be decayed
            role: Role::Bias,
        });
        let networks = self.networks.iter().flat_map(|net| {
            net.mlp
                .blocks()
                .into_iter()
                .map(|block| ParameterBlock { name: format!("{}.{}", net.name, block.name), ..block })
        });
        shared.chain(networks).collect()
    }

    fn n_parameters(&self) -> usize {
        self.shared.len() + self.networks.iter().map(|net| net.mlp.n_parameters()).sum::<usize>()
    }

    fn initial_parameters(&self, seed: u64) -> Vec<f64> {
        let mut parameters: Vec<f64> = self.shared.iter().map(|(_, init)| *init).collect();
        for (k, net) in self.networks.iter().enumerate() {
            let mut source = rng::stream(seed, "ode.network", k as u64);
            let seed = (rng::uniform(&mut source) * (1_u64 << 53) as f64) as u64;
            parameters.extend(net.mlp.initial_parameters(seed));
        }
        parameters
    }

    fn tape_len(&self) -> usize {
        self.n_feed_values() + self.networks.iter().map(|net| net.mlp.tape_len()).sum::<usize>() + self.rates.n_values()
    }

    fn rhs(&self, parameters: &[f64], t: f64, z: &[f64], dz: &mut [f64], tape: &mut [f64]) {
        self.with_work(|work| {
            self.fill(&parameters[..self.shared.len()], t, z, &mut work.symbols);
            self.forward(work, dz, tape, |k, x, out, tape| {
                let net = &self.networks[k];
                net.mlp.rhs(net.parameters(parameters), t, x, out, tape);
            });
        });
    }

    fn vjp(
        &self,
        parameters: &[f64],
        t: f64,
        _z: &[f64],
        tape: &[f64],
        cotangent: &[f64],
        z_bar: &mut [f64],
        parameter_bar: &mut [f64],
    ) {
        let (shared_bar, network_bar) = parameter_bar.split_at_mut(self.shared.len());
        self.with_work(|work| {
            self.backward(work, tape, cotangent, z_bar, shared_bar, |k, tape, cotangent, x_bar| {
                let net = &self.networks[k];
                let bar = &mut network_bar[net.first_parameter - self.shared.len()..][..net.mlp.n_parameters()];
                net.mlp.vjp(net.parameters(parameters), t, &[], tape, cotangent, x_bar, bar);
            });
        });
    }

    fn jvp(&self, parameters: &[f64], t: f64, _z: &[f64], tape: &[f64], tangent: &[f64], dz_dot: &mut [f64]) {
        self.with_work(|work| {
            self.tangents(work, tape, tangent, dz_dot, |k, x, out, tape| {
                let net = &self.networks[k];
                net.mlp.jvp(net.parameters(parameters), t, &[], tape, x, out);
            });
        });
    }

    fn jacobian(&self, parameters: &[f64], _t: f64, _z: &[f64], tape: &[f64], jacobian: &mut [f64]) {
        ROWS.with_borrow_mut(|rows| Arch::new().dispatch(Jacobian { field: self, parameters, tape, jacobian, rows }));
    }

    fn lanes<'a>(&'a self, parameters: &'a [f64]) -> Option<Box<dyn LaneField + 'a>> {
        Some(Box::new(HybridLanes::new(self, parameters)))
    }

    fn tensors<'a>(
        &'a self,
        parameters: &'a [f64],
        device: &Device,
    ) -> Option<candle_core::Result<Box<dyn TensorField + 'a>>> {
        let tensors = HybridTensors::new(self, parameters, device);
        Some(tensors.map(|tensors| Box::new(tensors) as Box<dyn TensorField>))
    }
}

impl Hybrid {
    /// J times the tangents of z, one direction per lane; t, parameters and inputs are held fixed.
    /// `network(k, x_dot, out, tape)` gives the tangents of network k.
    #[inline(always)]
    fn tangents<L: Lane>(
        &self,
        work: &mut Work<L>,
        tape: &[f64],
        z_dot: &[L],
        dz_dot: &mut [L],
        mut network: impl FnMut(usize, &[L], &mut [L], &[f64]),
    ) {
        let n_symbols = self.n_symbols();
        let (feed_values, mut rest) = tape.split_at(self.n_feed_values());
        work.symbols.fill(L::splat(0.0));
        self.place(L::splat(0.0), z_dot, &mut work.symbols);
        let (symbols, mut outputs) = work.symbols.split_at_mut(n_symbols);
        if !self.networks.is_empty() {
            self.feed.jvp(feed_values, symbols, &mut work.scratch, &mut work.feed);
            work.feed.iter_mut().zip(&self.inverse_feed_scales).for_each(|(x, &r)| *x = x.map(|x| r * x));
        }
        let mut x = &work.feed[..];
        for (k, net) in self.networks.iter().enumerate() {
            let (net_tape, behind) = rest.split_at(net.mlp.tape_len());
            let (input, x_behind) = x.split_at(net.n_in);
            let (output, outputs_behind) = outputs.split_at_mut(net.n_out);
            network(k, input, output, net_tape);
            output.iter_mut().for_each(|u| *u = u.map(|u| net.output_scale * u));
            (x, outputs, rest) = (x_behind, outputs_behind, behind);
        }
        self.rates.jvp(rest, &work.symbols, &mut work.scratch, &mut work.rates);
        dz_dot.fill(L::splat(0.0));
        for ((dot, rate), &factor) in dz_dot.iter_mut().zip(&work.rates).zip(&self.inverse_scales) {
            *dot = rate.map(|rate| factor * rate);
        }
    }
}

/// J in the directions of all states, eight at a time.
struct Jacobian<'a> {
    field: &'a Hybrid,
    parameters: &'a [f64],
    tape: &'a [f64],
    jacobian: &'a mut [f64],
    rows: &'a mut Rows,
}

impl WithSimd for Jacobian<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let Self { field, parameters, tape, jacobian, rows: Rows { work, tangents, scratch } } = self;
        let n = field.dim();
        field.fit(work);
        tangents.resize(2 * n, Row::ZERO);
        let widest = field.networks.iter().map(|net| net.mlp.tangent_rows()).max().unwrap_or(0);
        scratch.resize(scratch.len().max(widest), Row::ZERO);
        let (z_dot, dz_dot) = tangents.split_at_mut(n);
        for first in (0..n).step_by(LANES) {
            let columns = first..n.min(first + LANES);
            z_dot.fill(Row::ZERO);
            columns.clone().for_each(|j| z_dot[j].0[j - first] = 1.0);
            field.tangents(work, tape, z_dot, dz_dot, |k, x_dot, out, tape| {
                let net = &field.networks[k];
                net.mlp.tangents(net.parameters(parameters), tape, x_dot, scratch, out);
            });
            for (row, dots) in jacobian.chunks_exact_mut(n).zip(&*dz_dot) {
                row[columns.clone()].iter_mut().zip(dots.0).for_each(|(j, dot)| *j = dot);
            }
        }
    }
}
