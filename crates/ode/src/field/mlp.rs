//! A multilayer perceptron as vector field.
//!
//! With x₀ = y, or (y, t) with a time input, and L layers:
//! zₖ = Wₖ xₖ₋₁ + bₖ, xₖ = σ(zₖ) for k < L, f = z_L.
//!
//! **Parameters**, flat: for every layer Wₖ `[out, in]` row-major, then bₖ `[out]`.
//! **Tape**: x₀, x₁ … x_{L−1} one after the other; then, for activations whose derivative does not
//! follow from their value, σ′(z₁) … σ′(z_{L−1}).
//!
//! Initial weights are uniform on ±√(6/(in + out)) (Glorot & Bengio 2010, eq. 16), biases 0, and the
//! last layer is a tenth of that: a solver then starts on a slow, non-stiff flow.

use candle_core::{DType, Device};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::cell::RefCell;

use surprisal_core::{Role, rng};

use super::activation::Activation;
use super::lanes::{LaneField, Row};
use super::mlp_lanes::MlpLanes;
use super::mlp_tensors::MlpTensors;
use super::vector_tanh::tanh_slice;
use super::{BuildField, ParameterBlock, VectorField};
use crate::equations::Start;
use crate::tensors::TensorField;

/// A multilayer perceptron whose inputs and outputs are the states.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MlpField {
    /// Widths of the hidden layers; empty for a linear field.
    pub hidden: Vec<usize>,
    /// Nonlinearity of the hidden layers.
    #[serde(default)]
    pub activation: Activation,
    /// Whether t is an input beside the states (a non-autonomous field).
    #[serde(default)]
    pub time_input: bool,
    /// States beside the measured ones, which start at 0 and give trajectories room to pass each other
    /// (augmented neural ODE: E. Dupont, A. Doucet, Y. W. Teh, NeurIPS 32 (2019), section 5).
    #[serde(default)]
    pub augment: usize,
}

impl BuildField for MlpField {
    fn build(&self, dim: usize) -> Box<dyn VectorField> {
        Box::new(Mlp::new(self, dim))
    }

    fn problem(&self) -> Option<String> {
        empty_layer(&self.hidden)
    }

    fn hidden_states(&self, _n_columns: usize) -> Vec<Start> {
        vec![Start::Number(0.0); self.augment]
    }
}

/// A layer without units, in words.
pub(super) fn empty_layer(hidden: &[usize]) -> Option<String> {
    let empty = hidden.iter().position(|&width| width == 0)?;
    Some(format!("`hidden` must be widths of at least 1, found 0 (layer {})", empty + 1))
}

/// Scale of the last layer's initial weights relative to Glorot's.
const LAST_LAYER_SCALE: f64 = 0.1;

/// The field of an [`MlpField`] of so many states.
#[derive(Debug, Clone)]
pub struct Mlp {
    /// States among the inputs.
    pub(super) n_states: usize,
    pub(super) n_out: usize,
    pub(super) time_input: bool,
    pub(super) activation: Activation,
    pub(super) layers: Vec<Layer>,
    /// Inputs of all layers together: the part of the tape before the slopes.
    pub(super) n_inputs: usize,
    pub(super) tape_len: usize,
    width: usize,
}

/// Where a layer's numbers are.
#[derive(Debug, Clone)]
pub(super) struct Layer {
    pub(super) n_in: usize,
    pub(super) n_out: usize,
    /// Offset of W in the parameters; b follows it.
    pub(super) weight: usize,
    /// Offset of this layer's input in the tape.
    pub(super) input: usize,
    /// Offset of σ′ at this layer's *input* in the tape, where it is stored.
    pub(super) slope: usize,
}

impl Layer {
    pub(super) fn bias(&self) -> usize {
        self.weight + self.n_in * self.n_out
    }
}

impl Mlp {
    /// The network of `config` for `dim` states.
    pub fn new(config: &MlpField, dim: usize) -> Self {
        Self::between(dim, config, dim)
    }

    /// The network of `config` from any number of inputs to any number of outputs.
    pub(crate) fn between(n_states: usize, config: &MlpField, n_out: usize) -> Self {
        let mut sizes = vec![n_states + usize::from(config.time_input)];
        sizes.extend(&config.hidden);
        sizes.push(n_out);
        let n_inputs: usize = sizes[..sizes.len() - 1].iter().sum();
        let stored_slopes = if config.activation.derivative_follows_from_value() { 0 } else { n_inputs - sizes[0] };
        let (mut weight, mut input) = (0, 0);
        let layers = sizes
            .windows(2)
            .map(|pair| {
                let (n_in, n_out) = (pair[0], pair[1]);
                // slopes lie in the order of the inputs, without those of the first layer
                let slope = (n_inputs + input).saturating_sub(sizes[0]);
                let layer = Layer { n_in, n_out, weight, input, slope };
                weight += (n_in + 1) * n_out;
                input += n_in;
                layer
            })
            .collect();
        Self {
            n_states,
            n_out,
            time_input: config.time_input,
            activation: config.activation,
            layers,
            n_inputs,
            tape_len: n_inputs + stored_slopes,
            width: sizes.iter().copied().max().unwrap_or(0),
        }
    }

    /// Tangents of the outputs from those of the inputs, in the direction of every lane.
    ///
    /// # Shapes
    /// `tape` of an evaluation, `x_dot` `[n_inputs]`, `scratch` of at least [`Mlp::tangent_rows`],
    /// `out` `[n_outputs]`.
    #[inline(always)]
    pub(crate) fn tangents(
        &self,
        parameters: &[f64],
        tape: &[f64],
        x_dot: &[Row],
        scratch: &mut [Row],
        out: &mut [Row],
    ) {
        let (values, slopes) = tape.split_at(self.n_inputs);
        let (mut x, mut z) = scratch.split_at_mut(self.width);
        x[..x_dot.len()].copy_from_slice(x_dot);
        for (k, layer) in self.layers.iter().enumerate() {
            let weight = &parameters[layer.weight..layer.bias()];
            if k > 0 {
                for (i, (row, &a)) in x.iter_mut().zip(&values[layer.input..][..layer.n_in]).enumerate() {
                    let slope = self.activation.derivative_from_value(a);
                    let slope = slope.unwrap_or_else(|| slopes[layer.slope - self.n_inputs + i]);
                    row.0.iter_mut().for_each(|u| *u *= slope);
                }
            }
            for (z, weights) in z.iter_mut().zip(weight.chunks_exact(layer.n_in)) {
                let mut sum = Row::ZERO;
                weights.iter().zip(&*x).for_each(|(&w, x)| sum.add_scaled(w, x));
                *z = sum;
            }
            std::mem::swap(&mut x, &mut z);
        }
        out.copy_from_slice(&x[..self.n_out]);
    }

    /// Length of the scratch of [`Mlp::tangents`].
    pub(crate) fn tangent_rows(&self) -> usize {
        2 * self.width
    }

    /// `signal` *= σ′ at the input of a layer behind the first.
    pub(super) fn scale_by_slope(&self, layer: &Layer, tape: &[f64], signal: &mut [f64]) {
        let (values, slopes) = tape.split_at(self.n_inputs);
        let values = &values[layer.input..][..layer.n_in];
        for (i, (s, &a)) in signal.iter_mut().zip(values).enumerate() {
            *s *= self.activation.derivative_from_value(a).unwrap_or_else(|| slopes[layer.slope - self.n_inputs + i]);
        }
    }
}

impl VectorField for Mlp {
    fn dim(&self) -> usize {
        self.n_states
    }

    fn blocks(&self) -> Vec<ParameterBlock> {
        let block = |k: usize, part: &str, shape: Vec<usize>, role| ParameterBlock {
            name: format!("layers.{k}.{part}"),
            shape,
            role,
        };
        self.layers
            .iter()
            .enumerate()
            .flat_map(|(k, layer)| {
                [
                    block(k, "weight", vec![layer.n_out, layer.n_in], Role::Weight),
                    block(k, "bias", vec![layer.n_out], Role::Bias),
                ]
            })
            .collect()
    }

    fn n_parameters(&self) -> usize {
        self.layers.last().map_or(0, |layer| layer.bias() + layer.n_out)
    }

    fn initial_parameters(&self, seed: u64) -> Vec<f64> {
        let mut parameters = vec![0.0; self.n_parameters()];
        for (k, layer) in self.layers.iter().enumerate() {
            let glorot = (6.0 / (layer.n_in + layer.n_out) as f64).sqrt();
            let bound = if k + 1 == self.layers.len() { LAST_LAYER_SCALE * glorot } else { glorot };
            let mut rng = rng::stream(seed, "ode.mlp.weight", k as u64);
            for weight in &mut parameters[layer.weight..layer.bias()] {
                *weight = bound * (2.0 * rng::uniform(&mut rng) - 1.0);
            }
        }
        parameters
    }

    fn tape_len(&self) -> usize {
        self.tape_len
    }

    fn rhs(&self, parameters: &[f64], t: f64, y: &[f64], dy: &mut [f64], tape: &mut [f64]) {
        let (values, slopes) = tape.split_at_mut(self.n_inputs);
        values[..self.n_states].copy_from_slice(y);
        if self.time_input {
            values[self.n_states] = t;
        }
        for (k, layer) in self.layers.iter().enumerate() {
            let weight = &parameters[layer.weight..layer.bias()];
            let bias = &parameters[layer.bias()..][..layer.n_out];
            let (below, above) = values.split_at_mut(layer.input + layer.n_in);
            let input = &below[layer.input..];
            let Some(next) = self.layers.get(k + 1) else {
                affine(weight, bias, input, dy);
                return;
            };
            let output = &mut above[..layer.n_out];
            affine(weight, bias, input, output);
            if !self.activation.derivative_follows_from_value() {
                let slope = &mut slopes[next.slope - self.n_inputs..][..layer.n_out];
                slope.iter_mut().zip(&*output).for_each(|(s, &z)| *s = self.activation.derivative(z));
            }
            if self.activation == Activation::Tanh {
                tanh_slice(output);
            } else {
                output.iter_mut().for_each(|z| *z = self.activation.value(*z));
            }
        }
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
        with_scratch(2 * self.width, |scratch| {
            let (mut z_bar, mut x_bar) = scratch.split_at_mut(self.width);
            z_bar[..self.n_out].copy_from_slice(cotangent);
            for (k, layer) in self.layers.iter().enumerate().rev() {
                let weight = &parameters[layer.weight..layer.bias()];
                let input = &tape[layer.input..][..layer.n_in];
                let (weight_bar, rest) = parameter_bar[layer.weight..].split_at_mut(layer.n_in * layer.n_out);
                let below = &mut x_bar[..layer.n_in];
                below.fill(0.0);
                for (i, &z) in z_bar[..layer.n_out].iter().enumerate() {
                    rest[i] += z;
                    axpy(z, input, &mut weight_bar[i * layer.n_in..][..layer.n_in]);
                    axpy(z, &weight[i * layer.n_in..][..layer.n_in], below);
                }
                if k > 0 {
                    self.scale_by_slope(layer, tape, below);
                }
                std::mem::swap(&mut z_bar, &mut x_bar);
            }
            y_bar.copy_from_slice(&z_bar[..self.n_states]);
        });
    }

    fn jvp(&self, parameters: &[f64], _t: f64, _y: &[f64], tape: &[f64], tangent: &[f64], dy_dot: &mut [f64]) {
        with_scratch(2 * self.width, |scratch| {
            let (mut x_dot, mut z_dot) = scratch.split_at_mut(self.width);
            x_dot[..tangent.len()].copy_from_slice(tangent);
            // t is held fixed
            x_dot[tangent.len()..self.layers[0].n_in].fill(0.0);
            for (k, layer) in self.layers.iter().enumerate() {
                let x = &mut x_dot[..layer.n_in];
                if k > 0 {
                    self.scale_by_slope(layer, tape, x);
                }
                let weight = &parameters[layer.weight..layer.bias()];
                for (z, row) in z_dot.iter_mut().zip(weight.chunks_exact(layer.n_in)) {
                    *z = dot(row, x);
                }
                std::mem::swap(&mut x_dot, &mut z_dot);
            }
            dy_dot.copy_from_slice(&x_dot[..self.n_out]);
        });
    }

    fn lanes<'a>(&'a self, parameters: &'a [f64]) -> Option<Box<dyn LaneField + 'a>> {
        Some(Box::new(MlpLanes::new(self, parameters)))
    }

    fn tensors<'a>(
        &'a self,
        parameters: &'a [f64],
        device: &Device,
    ) -> Option<candle_core::Result<Box<dyn TensorField + 'a>>> {
        let tensors = MlpTensors::new(self, parameters, device, DType::F64);
        Some(tensors.map(|tensors| Box::new(tensors) as Box<dyn TensorField>))
    }
}

thread_local! {
    /// What the products of single evaluations on this thread write to.
    static SCRATCH: RefCell<Vec<f64>> = const { RefCell::new(vec![]) };
}

/// Calls `f` with `length` numbers of any content.
fn with_scratch<R>(length: usize, f: impl FnOnce(&mut [f64]) -> R) -> R {
    SCRATCH.with_borrow_mut(|scratch| {
        scratch.resize(scratch.len().max(length), 0.0);
        f(&mut scratch[..length])
    })
}

/// `out` = W x + b.
fn affine(weight: &[f64], bias: &[f64], x: &[f64], out: &mut [f64]) {
    for ((out, row), &b) in out.iter_mut().zip(weight.chunks_exact(x.len())).zip(bias) {
        *out = b + dot(row, x);
    }
}

/// Σ aᵢbᵢ in eight partial sums, which the compiler keeps in vector registers.
fn dot(a: &[f64], b: &[f64]) -> f64 {
    let mut partial = [0.0; 8];
    let (a_chunks, b_chunks) = (a.chunks_exact(8), b.chunks_exact(8));
    let tail: f64 = a_chunks.remainder().iter().zip(b_chunks.remainder()).map(|(x, y)| x * y).sum();
    for (a, b) in a_chunks.zip(b_chunks) {
        for l in 0..8 {
            partial[l] += a[l] * b[l];
        }
    }
    partial.iter().sum::<f64>() + tail
}

/// `out` += s x.
fn axpy(s: f64, x: &[f64], out: &mut [f64]) {
    out.iter_mut().zip(x).for_each(|(o, &x)| *o += s * x);
}
