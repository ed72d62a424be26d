//! A multilayer perceptron as vector field.
//!
//! With x₀ = y, or (y, t) with a time input, and L layers:
//! zₖ = Wₖ xₖ₋₁ + bₖ, xₖ = σ(zₖ) for k < L, f = z_L.
//!
//! **Parameters**, flat: for every layer Wₖ `[out, in]` row-major, then bₖ `[out]`.
//! **Tape**: x₀, x₁ … x_{L−1} one after the other; then, for activations whose derivative does not
//! follow from their value, σ′(z₁) … σ′(z_{L−1}). Each of these begins at a slot of its own (the module
//! `number`).
//!
//! **float32**: x₀ and the weights are rounded; zₖ, xₖ, σ′ and the products of cotangents with weights and
//! inputs are float32. What leaves the network is float64: f, the bars of its inputs, and sums over
//! evaluations of those of its parameters. The products are those of the smooth function at the rounded
//! weights, to a few times 10⁻⁷; tangents (Ju) are computed in float64 from the float32 tape.
//!
//! Initial weights are uniform on ±√(6/(in + out)) (Glorot & Bengio 2010, eq. 16), biases 0, and the
//! last layer is a tenth of that: a solver then starts on a slow, non-stiff flow.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use surprisal_core::{Precision, Role, rng};

use super::activation::Activation;
use super::lanes::LaneField;
use super::mlp_lanes::{MlpLanes, NetworkLanes};
use super::number::Number;
use super::{BuildField, ParameterBlock, VectorField};
use crate::equations::Start;

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
    /// The type that the network computes in: "float32" computes its layers with half the memory and in
    /// wider vectors. States, parameters and gradients are float64 always.
    #[serde(default)]
    pub dtype: Precision,
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

/// How far outputs of a float32 network are from those of the same in float64, relative to their size: measured
/// from 1·10⁻⁷ (one hidden layer of 50) to 4·10⁻⁷ (two of 128).
const ROUNDING: f64 = 3e-7;

/// The field of an [`MlpField`] of so many states.
#[derive(Debug, Clone)]
pub struct Mlp {
    /// States among the inputs.
    pub(super) n_states: usize,
    pub(super) n_out: usize,
    pub(super) time_input: bool,
    pub(super) activation: Activation,
    pub(super) dtype: Precision,
    pub(super) layers: Vec<Layer>,
    /// Slots of the inputs of all layers together: the part of the tape before the slopes.
    pub(super) n_inputs: usize,
    pub(super) tape_len: usize,
    pub(super) width: usize,
}

/// Where a layer's numbers are.
#[derive(Debug, Clone)]
pub(super) struct Layer {
    pub(super) n_in: usize,
    pub(super) n_out: usize,
    /// Offset of W in the parameters; b follows it.
    pub(super) weight: usize,
    /// The slot of the tape at which this layer's input begins.
    pub(super) input: usize,
    /// The slot at which σ′ at this layer's *input* begins, where it is stored.
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
        let slots = match config.dtype {
            Precision::Float32 => f32::slots,
            Precision::Float64 => f64::slots,
        };
        let n_inputs: usize = sizes[..sizes.len() - 1].iter().map(|&n| slots(n)).sum();
        let first = slots(sizes[0]);
        let stored_slopes = if config.activation.derivative_follows_from_value() { 0 } else { n_inputs - first };
        let (mut weight, mut input) = (0, 0);
        let layers = sizes
            .windows(2)
            .map(|pair| {
                let (n_in, n_out) = (pair[0], pair[1]);
                // slopes lie in the order of the inputs, without those of the first layer
                let slope = (n_inputs + input).saturating_sub(first);
                let layer = Layer { n_in, n_out, weight, input, slope };
                weight += (n_in + 1) * n_out;
                input += slots(n_in);
                layer
            })
            .collect();
        Self {
            n_states,
            n_out,
            time_input: config.time_input,
            activation: config.activation,
            dtype: config.dtype,
            layers,
            n_inputs,
            tape_len: n_inputs + stored_slopes,
            width: sizes.iter().copied().max().unwrap_or(0),
        }
    }

    /// The network with these parameters over eight lanes, in its type.
    pub(crate) fn in_lanes<'a>(&'a self, parameters: &'a [f64]) -> Box<dyn NetworkLanes + 'a> {
        match self.dtype {
            Precision::Float32 => Box::new(MlpLanes::<f32>::new(self, parameters)),
            Precision::Float64 => Box::new(MlpLanes::<f64>::new(self, parameters)),
        }
    }

    /// Length of the scratch of [`Mlp::tangents`].
    pub(crate) fn tangent_rows(&self) -> usize {
        2 * self.width
    }
}

impl VectorField for Mlp {
    fn dim(&self) -> usize {
        self.n_states
    }

    fn rounding(&self) -> f64 {
        match self.dtype {
            Precision::Float32 => ROUNDING,
            Precision::Float64 => 0.0,
        }
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
        match self.dtype {
            Precision::Float32 => self.forward::<f32>(parameters, t, y, dy, tape),
            Precision::Float64 => self.forward::<f64>(parameters, t, y, dy, tape),
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
        match self.dtype {
            Precision::Float32 => self.reverse::<f32>(parameters, tape, cotangent, y_bar, parameter_bar),
            Precision::Float64 => self.reverse::<f64>(parameters, tape, cotangent, y_bar, parameter_bar),
        }
    }

    fn jvp(&self, parameters: &[f64], _t: f64, _y: &[f64], tape: &[f64], tangent: &[f64], dy_dot: &mut [f64]) {
        match self.dtype {
            Precision::Float32 => self.change::<f32>(parameters, tape, tangent, dy_dot),
            Precision::Float64 => self.change::<f64>(parameters, tape, tangent, dy_dot),
        }
    }

    fn lanes<'a>(&'a self, parameters: &'a [f64]) -> Option<Box<dyn LaneField + 'a>> {
        Some(self.in_lanes(parameters))
    }
}
