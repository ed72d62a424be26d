//! A network over eight lanes with the derivatives of its derivative: the module `curvature`, in rows.
//!
//! The gradient of a·N + c·Ṅ has two outer products per layer, of the cotangents of z with x and of those of ż
//! with ẋ; both are deferred like those of a plain network.

use pulp::{Simd, WithSimd};
use surprisal_core::lanes::Row;

use super::activation::Activation;
use super::curvature::Change;
use super::lanes::LaneField;
use super::mlp::Mlp;
use super::mlp_lanes::{MlpLanes, NetworkLanes as _};
use super::number::Number;

pub(super) struct ChangeLanes<'a> {
    net: MlpLanes<'a, f64>,
    /// `[n_inputs]`: ż and ẋ.
    z_dot: Vec<Row>,
    x_dot: Vec<Row>,
    /// `[width]`.
    scratch: Vec<Row>,
}

impl<'a> ChangeLanes<'a> {
    /// The network with its own parameters.
    pub(super) fn new(mlp: &'a Mlp, parameters: &'a [f64]) -> Self {
        Self {
            net: MlpLanes::with_products(mlp, parameters, 2),
            z_dot: vec![Row::ZERO; mlp.n_inputs],
            x_dot: vec![Row::ZERO; mlp.n_inputs],
            scratch: vec![Row::ZERO; mlp.width],
        }
    }

    /// N; fills the tape.
    pub(super) fn evaluate(&mut self, x: &[Row], out: &mut [Row], tape: &mut [Row]) {
        self.net.rhs(&Row::ZERO, x, out, tape);
    }

    /// `x_bar` = aᵀ ∂N/∂x.
    pub(super) fn input_gradient(&mut self, tape: &[Row], cotangent: &[Row], x_bar: &mut [Row]) {
        self.net.pull_back(tape, cotangent, x_bar);
    }

    /// `out` = Ṅ along u.
    pub(super) fn change(&mut self, tape: &[Row], along: &[Row], out: &mut [Row]) {
        f64::dispatch(self.net.arch, ChangeOfOutputs { lanes: self, tape, along, out });
    }

    /// Adds the gradient of a·N + c·Ṅ to `x_bar` and `along_bar` `[n_in]`, the latter where it is not empty, and
    /// remembers that of the parameters.
    pub(super) fn change_gradient(
        &mut self,
        tape: &[Row],
        of: Change<'_, Row>,
        x_bar: &mut [Row],
        along_bar: &mut [Row],
    ) {
        f64::dispatch(self.net.arch, ChangeGradient { lanes: self, tape, of, x_bar, along_bar });
    }

    /// Adds what is remembered to `parameter_bar` and forgets it.
    pub(super) fn take_gradient(&mut self, parameter_bar: &mut [f64]) {
        self.net.take_gradient(parameter_bar);
    }

    /// ż and ẋ of all layers but the last.
    #[inline(always)]
    fn forward<S: Simd>(&mut self, simd: S, tape: &[Row], along: &[Row]) {
        let mlp = self.net.mlp;
        self.x_dot[..along.len()].copy_from_slice(along);
        for (k, pair) in mlp.layers.windows(2).enumerate() {
            let (layer, next) = (&pair[0], &pair[1]);
            let (below, above) = self.x_dot.split_at_mut(next.input);
            let z_dot = &mut self.z_dot[next.input..][..next.n_in];
            self.net.layers[k].forward.multiply(simd, None, &below[layer.input..], z_dot);
            let above = &mut above[..next.n_in];
            above.copy_from_slice(z_dot);
            MlpLanes::<f64>::scale_by_slope(mlp, simd, k + 1, tape, above);
        }
    }
}

struct ChangeOfOutputs<'f, 'a> {
    lanes: &'f mut ChangeLanes<'a>,
    tape: &'f [Row],
    along: &'f [Row],
    out: &'f mut [Row],
}

impl WithSimd for ChangeOfOutputs<'_, '_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        self.lanes.forward(simd, self.tape, self.along);
        let ChangeLanes { net, x_dot, .. } = self.lanes;
        if let Some((layer, lanes)) = net.mlp.layers.last().zip(net.layers.last()) {
            lanes.forward.multiply(simd, None, &x_dot[layer.input..], self.out);
        }
    }
}

struct ChangeGradient<'f, 'a> {
    lanes: &'f mut ChangeLanes<'a>,
    tape: &'f [Row],
    of: Change<'f, Row>,
    x_bar: &'f mut [Row],
    along_bar: &'f mut [Row],
}

impl WithSimd for ChangeGradient<'_, '_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { lanes, tape, of, x_bar, along_bar } = self;
        lanes.forward(simd, tape, of.along);
        let ChangeLanes { net, z_dot, x_dot, scratch } = lanes;
        let place = net.defer(simd, 2);
        let mlp = net.mlp;
        if let Some((layer, lanes)) = mlp.layers.last().zip(net.layers.last_mut()) {
            let (z_bar, dot_bar) = lanes.cotangents[place * layer.n_out..].split_at_mut(layer.n_out);
            z_bar.copy_from_slice(of.value_bar);
            dot_bar[..layer.n_out].copy_from_slice(of.change_bar);
        }
        for (k, layer) in mlp.layers.iter().enumerate().rev() {
            let (before, this) = net.layers.split_at_mut(k);
            let (lanes, n_in) = (&mut this[0], layer.n_in);
            let (x, dots) = lanes.inputs[place * n_in..][..2 * n_in].split_at_mut(n_in);
            x.copy_from_slice(&tape[layer.input..][..n_in]);
            dots.copy_from_slice(&x_dot[layer.input..][..n_in]);
            let (z_bar, dot_bar) = lanes.cotangents[place * layer.n_out..][..2 * layer.n_out].split_at(layer.n_out);
            let Some(before) = before.last_mut() else {
                let bars = &mut scratch[..mlp.n_states];
                lanes.backward.multiply(simd, None, z_bar, bars);
                x_bar.iter_mut().zip(&*bars).for_each(|(sum, bar)| sum.add_scaled(1.0, bar));
                if !along_bar.is_empty() {
                    lanes.backward.multiply(simd, None, dot_bar, bars);
                    along_bar.iter_mut().zip(&*bars).for_each(|(sum, bar)| sum.add_scaled(1.0, bar));
                }
                break;
            };
            let (below, below_dot) = before.cotangents[place * n_in..][..2 * n_in].split_at_mut(n_in);
            lanes.backward.multiply(simd, None, z_bar, below);
            lanes.backward.multiply(simd, None, dot_bar, below_dot);
            // σ″ from a where that will do, else from z, computed again
            let at = &mut scratch[..n_in];
            if mlp.activation.derivative_follows_from_value() {
                at.copy_from_slice(x);
            } else {
                let under = &mlp.layers[k - 1];
                let input = &tape[under.input..][..under.n_in];
                before.forward.multiply(simd, Some(&before.bias), input, at);
            }
            MlpLanes::<f64>::scale_by_slope(mlp, simd, k, tape, below);
            add_curvature(mlp.activation, at, &z_dot[layer.input..], below_dot, below);
            MlpLanes::<f64>::scale_by_slope(mlp, simd, k, tape, below_dot);
        }
    }
}

/// `below` += σ″(`at`) ż ∘ `below_dot`.
#[inline(always)]
fn add_curvature(activation: Activation, at: &[Row], z_dot: &[Row], below_dot: &[Row], below: &mut [Row]) {
    for ((below, below_dot), (at, z_dot)) in below.iter_mut().zip(below_dot).zip(at.iter().zip(z_dot)) {
        let mut weight = *below_dot;
        for (weight, z) in weight.0.iter_mut().zip(z_dot.0) {
            *weight *= z;
        }
        match activation {
            // written out: the compiler keeps it in vectors
            Activation::Tanh => {
                for l in 0..weight.0.len() {
                    let a = at.0[l];
                    below.0[l] += -2.0 * a * (1.0 - a * a) * weight.0[l];
                }
            }
            Activation::Sigmoid => {
                for l in 0..weight.0.len() {
                    let a = at.0[l];
                    below.0[l] += (1.0 - 2.0 * a) * a * (1.0 - a) * weight.0[l];
                }
            }
            Activation::Softplus | Activation::Silu => {
                for l in 0..weight.0.len() {
                    below.0[l] += activation.second_derivative(at.0[l]) * weight.0[l];
                }
            }
        }
    }
}
