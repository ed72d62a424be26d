//! A Hamiltonian system whose H is a network (`hamiltonian`).
//!
//! The states are positions q, then as many momenta p:
//!
//! dq/dt = ∂H/∂p, dp/dt = −∂H/∂q − d∘∂H/∂p
//!
//! (S. Greydanus, M. Dzamba, J. Yosinski, NeurIPS 32 (2019), eq. 1). The flow keeps H where there is no
//! friction, d = 0; with it, d = e^ρ > 0 for every position and dH/dt = −Σ d(∂H/∂p)² ≤ 0 (Rayleigh
//! friction; Y. D. Zhong, B. Dey, A. Chakraborty, "Dissipative SymODEN" (2020), eq. 5). Greydanus et al. fit
//! derivatives; here the trajectories are, so that measured momenta stay what they are.
//!
//! H = ½p·p + N(q, p) in the solver's units, N the network: where it is 0, momenta are velocities and
//! trajectories go where their first momenta point, which is a start that training gets away from (from H = 0
//! it often does not). N = T(p) + V(q) where it is separable, which makes `leapfrog` symplectic for it. ∇H is
//! the network's own derivative, and the products of the field's Jacobian are those of ∂²H: with
//! v the cotangent, vᵀf = u·∇H for u = (−v_p, v_q − d∘v_p), whose gradient is exact
//! (the module `curvature`).
//!
//! With states in units s and time in units T, H is in units of s_q s_p/T of the first pair, and the
//! i-th pair's derivatives are multiplied by gᵢ = s_q₁s_p₁/(s_qᵢs_pᵢ): a Hamiltonian flow is one in any units.
//!
//! In the data's units friction is D dq/dt with D = d s_p/s_q: of momenta that are velocities, a rate per time.
//!
//! **Parameters**: the network N, or T and then V; then ρ `[n/2]` with friction, a block for each.
//! **Tape**: the networks' tapes, then ∇H `[n]`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use surprisal_core::{Role, rng};

use super::activation::Activation;
use super::curvature::Change;
use super::energy::Energy;
use super::hamiltonian_lanes::HamiltonianLanes;
use super::lanes::LaneField;
use super::mlp::{Mlp, MlpField, empty_layer};
use super::{BuildField, FieldQuantity, ParameterBlock, Units, VectorField};

/// A network is the energy of positions and as many momenta, listed in this order.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HamiltonianField {
    /// Widths of the hidden layers of the energy's network, or of each of the two.
    pub hidden: Vec<usize>,
    /// Nonlinearity of the hidden layers.
    #[serde(default)]
    pub activation: Activation,
    /// Whether H = T(p) + V(q), two networks; `leapfrog` is then symplectic.
    #[serde(default)]
    pub separable: bool,
    /// Whether friction proportional to the velocities, with a trained coefficient for each, takes
    /// energy away.
    #[serde(default)]
    pub dissipation: bool,
}

/// First value of d.
pub(super) const FIRST_FRICTION: f64 = 0.1;

impl BuildField for HamiltonianField {
    fn build(&self, dim: usize) -> Box<dyn VectorField> {
        self.build_in(&Units::of_data(dim))
    }

    fn build_in(&self, units: &Units) -> Box<dyn VectorField> {
        Box::new(Hamiltonian::new(self, units))
    }

    fn problem(&self) -> Option<String> {
        empty_layer(&self.hidden)
    }

    fn misfit(&self, n_columns: usize) -> Option<String> {
        (!n_columns.is_multiple_of(2))
            .then(|| format!("`hamiltonian` needs positions and as many momenta, found {n_columns} measured states"))
    }
}

/// A network that is a part of H.
#[derive(Debug, Clone)]
pub(super) struct Part {
    name: &'static str,
    pub(super) net: Mlp,
    /// Its first input among the states.
    pub(super) from: usize,
    pub(super) n_in: usize,
    pub(super) first_parameter: usize,
    pub(super) first_in_tape: usize,
}

/// The field of a [`HamiltonianField`].
#[derive(Debug, Clone)]
pub(super) struct Hamiltonian {
    pub(super) parts: Vec<Part>,
    /// `[n/2]`: g.
    pub(super) pairs: Vec<f64>,
    /// The energy's unit in the data's.
    unit: f64,
    pub(super) n_network_parameters: usize,
    /// Where ∇H begins in the tape.
    pub(super) gradient: usize,
    dissipation: bool,
    /// `[n/2]`: the data's units of friction per unit of d; empty without it.
    frictions: Vec<f64>,
}

/// The block of ρ of pair `i`.
fn log_friction(i: usize) -> String {
    format!("log_friction.{i}")
}

impl Hamiltonian {
    fn new(config: &HamiltonianField, units: &Units) -> Self {
        let m = units.columns.len() / 2;
        let products: Vec<f64> = (0..m).map(|i| units.columns[i] * units.columns[m + i]).collect();
        let places: &[(&'static str, usize, usize)] =
            if config.separable { &[("kinetic", m, m), ("potential", 0, m)] } else { &[("energy", 0, 2 * m)] };
        let layers = MlpField { hidden: config.hidden.clone(), activation: config.activation, ..MlpField::default() };
        let (mut first_parameter, mut first_in_tape) = (0, 0);
        let parts = places
            .iter()
            .map(|&(name, from, n_in)| {
                let net = Mlp::between(n_in, &layers, 1);
                let part = Part { name, from, n_in, first_parameter, first_in_tape, net };
                first_parameter += part.net.n_parameters();
                first_in_tape += part.net.tape_len();
                part
            })
            .collect();
        Self {
            parts,
            pairs: products.iter().map(|product| products[0] / product).collect(),
            unit: products.first().map_or(1.0, |product| product / units.time),
            n_network_parameters: first_parameter,
            gradient: first_in_tape,
            dissipation: config.dissipation,
            frictions: if config.dissipation {
                (0..m).map(|i| units.columns[m + i] / units.columns[i]).collect()
            } else {
                vec![]
            },
        }
    }

    /// d of pair `i`.
    pub(super) fn friction(&self, parameters: &[f64], i: usize) -> f64 {
        if self.dissipation { parameters[self.n_network_parameters + i].exp() } else { 0.0 }
    }

    /// f from ∇H, or Ju from ∂²H u.
    fn flow(&self, parameters: &[f64], gradient: &[f64], out: &mut [f64]) {
        let m = self.pairs.len();
        for (i, g) in self.pairs.iter().enumerate() {
            out[i] = g * gradient[m + i];
            out[m + i] = -g * gradient[i] - self.friction(parameters, i) * out[i];
        }
    }

    /// Adds ∂²H u to `y_bar`, and its product with θ to `parameter_bar` where that is wanted.
    fn hessian_product(
        &self,
        parameters: &[f64],
        tape: &[f64],
        u: &[f64],
        y_bar: &mut [f64],
        mut parameter_bar: Option<&mut [f64]>,
    ) {
        for part in &self.parts {
            let of = Change { along: &u[part.from..][..part.n_in], value_bar: &[0.0], change_bar: &[1.0] };
            let bar =
                parameter_bar.as_deref_mut().map(|bar| &mut bar[part.first_parameter..][..part.net.n_parameters()]);
            let x_bar = &mut y_bar[part.from..][..part.n_in];
            part.net.change_gradient(part.own(parameters), part.tape(tape), of, x_bar, &mut [], bar);
        }
        add_momenta(1.0, u, y_bar);
    }
}

/// Adds s·∂(½p·p)/∂y to `out`.
fn add_momenta(s: f64, y: &[f64], out: &mut [f64]) {
    let m = y.len() / 2;
    out[m..].iter_mut().zip(&y[m..]).for_each(|(out, p)| *out += s * p);
}

impl Part {
    pub(super) fn own<'a>(&self, parameters: &'a [f64]) -> &'a [f64] {
        &parameters[self.first_parameter..][..self.net.n_parameters()]
    }

    fn tape<'a>(&self, tape: &'a [f64]) -> &'a [f64] {
        &tape[self.first_in_tape..][..self.net.tape_len()]
    }

    /// Its value; fills the tape.
    fn value(&self, parameters: &[f64], y: &[f64], tape: &mut [f64]) -> f64 {
        let mut value = [0.0];
        self.net.rhs(self.own(parameters), 0.0, &y[self.from..][..self.n_in], &mut value, tape);
        value[0]
    }
}

impl VectorField for Hamiltonian {
    fn dim(&self) -> usize {
        2 * self.pairs.len()
    }

    fn blocks(&self) -> Vec<ParameterBlock> {
        let networks = self.parts.iter().flat_map(|part| {
            let named =
                |block: ParameterBlock| ParameterBlock { name: format!("{}.{}", part.name, block.name), ..block };
            part.net.blocks().into_iter().map(named)
        });
        let n_frictions = if self.dissipation { self.pairs.len() } else { 0 };
        let frictions =
            (0..n_frictions).map(|i| ParameterBlock { name: log_friction(i), shape: vec![], role: Role::Bias });
        networks.chain(frictions).collect()
    }

    /// D of dp/dt = −∂H/∂q − D dq/dt in the data's units: d s_p/s_q.
    fn quantities(&self) -> Vec<FieldQuantity> {
        let of = |(i, &unit): (usize, &f64)| FieldQuantity { name: "friction", state: i, block: log_friction(i), unit };
        self.frictions.iter().enumerate().map(of).collect()
    }

    fn initial_parameters(&self, seed: u64) -> Vec<f64> {
        let mut parameters = vec![];
        for (k, part) in self.parts.iter().enumerate() {
            let mut source = rng::stream(seed, "ode.hamiltonian", k as u64);
            let seed = (rng::uniform(&mut source) * (1_u64 << 53) as f64) as u64;
            parameters.extend(part.net.initial_parameters(seed));
        }
        parameters.resize(self.n_parameters(), FIRST_FRICTION.ln());
        parameters
    }

    fn tape_len(&self) -> usize {
        self.gradient + self.dim()
    }

    fn rhs(&self, parameters: &[f64], _t: f64, y: &[f64], dy: &mut [f64], tape: &mut [f64]) {
        let (tapes, gradient) = tape.split_at_mut(self.gradient);
        for part in &self.parts {
            let own = &mut tapes[part.first_in_tape..][..part.net.tape_len()];
            part.value(parameters, y, own);
            part.net.input_gradient(part.own(parameters), own, &[1.0], &mut gradient[part.from..][..part.n_in]);
        }
        add_momenta(1.0, y, gradient);
        self.flow(parameters, gradient, dy);
    }

    fn vjp(
        &self,
        parameters: &[f64],
        _t: f64,
        _y: &[f64],
        tape: &[f64],
        cotangent: &[f64],
        y_bar: &mut [f64],
        parameter_bar: &mut [f64],
    ) {
        let m = self.pairs.len();
        let mut u = vec![0.0; 2 * m];
        for (i, g) in self.pairs.iter().enumerate() {
            let d = self.friction(parameters, i);
            u[i] = -g * cotangent[m + i];
            u[m + i] = g * (cotangent[i] - d * cotangent[m + i]);
            if self.dissipation {
                parameter_bar[self.n_network_parameters + i] -= cotangent[m + i] * d * g * tape[self.gradient + m + i];
            }
        }
        y_bar.fill(0.0);
        self.hessian_product(parameters, tape, &u, y_bar, Some(parameter_bar));
    }

    fn jvp(&self, parameters: &[f64], _t: f64, _y: &[f64], tape: &[f64], tangent: &[f64], dy_dot: &mut [f64]) {
        let mut change = vec![0.0; self.dim()];
        self.hessian_product(parameters, tape, tangent, &mut change, None);
        self.flow(parameters, &change, dy_dot);
    }

    fn lanes<'a>(&'a self, parameters: &'a [f64]) -> Option<Box<dyn LaneField + 'a>> {
        Some(Box::new(HamiltonianLanes::new(self, parameters)))
    }

    fn energy(&self) -> Option<&dyn Energy> {
        Some(self)
    }
}

impl Energy for Hamiltonian {
    /// H in the data's units.
    fn value(&self, parameters: &[f64], y: &[f64]) -> f64 {
        let of = |part: &Part| part.value(parameters, y, &mut vec![0.0; part.net.tape_len()]);
        let kinetic = 0.5 * y[self.pairs.len()..].iter().map(|p| p * p).sum::<f64>();
        self.unit * (kinetic + self.parts.iter().map(of).sum::<f64>())
    }

    fn pull_back(&self, parameters: &[f64], y: &[f64], cotangent: f64, y_bar: &mut [f64], parameter_bar: &mut [f64]) {
        for part in &self.parts {
            let (mut tape, mut x_bar) = (vec![0.0; part.net.tape_len()], vec![0.0; part.n_in]);
            part.value(parameters, y, &mut tape);
            let bar = &mut parameter_bar[part.first_parameter..][..part.net.n_parameters()];
            part.net.vjp(part.own(parameters), 0.0, &[], &tape, &[self.unit * cotangent], &mut x_bar, bar);
            y_bar[part.from..].iter_mut().zip(&x_bar).for_each(|(sum, bar)| *sum += bar);
        }
        add_momenta(self.unit * cotangent, y, y_bar);
    }
}
