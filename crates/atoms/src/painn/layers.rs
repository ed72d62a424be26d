//! Affine layers of a network, as indices into its list of weights.
//!
//! One network runs on two lists of the same tensors: the trained ones, and copies without history
//! (same storage) for forces, whose backward pass shall reach the positions only.

use candle_core::{DType, Device, Result, Tensor};
use surprisal_core::{Parameters, Role, rng};
use surprisal_ops::Dual;
use surprisal_ops::dual::Silu;

/// Draws weights and registers them, each from its own stream.
pub(super) struct Initializer<'a> {
    pub(super) parameters: &'a mut Parameters,
    pub(super) seed: u64,
    pub(super) dtype: DType,
    pub(super) device: &'a Device,
}

impl Initializer<'_> {
    /// Normal draws, each column (last dimension) with its standard deviation.
    fn columns(&mut self, name: &str, role: Role, shape: &[usize], deviations: &[f64]) -> Result<usize> {
        let index = self.parameters.len();
        let mut stream = rng::stream(self.seed, "weights", index as u64);
        let n = shape.iter().product();
        let deviations = deviations.iter().cycle().take(n);
        let values = deviations.map(|deviation| deviation * rng::standard_normal(&mut stream)).collect();
        self.parameters.add_values(name, role, values, shape, self.dtype, self.device)?;
        Ok(index)
    }

    /// Normal draws of the given standard deviation.
    pub(super) fn normal(&mut self, name: &str, role: Role, shape: &[usize], deviation: f64) -> Result<usize> {
        self.columns(name, role, shape, &[deviation])
    }

    /// A weight whose output has `gain` times the standard deviation of its input (LeCun et al. 1998
    /// for gain 1).
    pub(super) fn weight(&mut self, name: &str, d_in: usize, d_out: usize, gain: f64) -> Result<usize> {
        self.normal(name, Role::Weight, &[d_in, d_out], gain / (d_in as f64).sqrt())
    }

    /// An affine layer with one output for each of `gains`.
    fn affine(&mut self, name: &str, d_in: usize, gains: &[f64]) -> Result<Affine> {
        let deviations: Vec<f64> = gains.iter().map(|gain| gain / (d_in as f64).sqrt()).collect();
        let shape = [d_in, gains.len()];
        let weight = self.columns(&format!("{name}.weight"), Role::Weight, &shape, &deviations)?;
        let bias = self.normal(&format!("{name}.bias"), Role::Bias, &[gains.len()], 0.0)?;
        Ok(Affine { weight, bias })
    }

    /// silu between two affine layers, the second with one output for each of `gains`.
    pub(super) fn two_layers(&mut self, name: &str, d_in: usize, d_hidden: usize, gains: &[f64]) -> Result<TwoLayers> {
        Ok(TwoLayers {
            first: self.affine(&format!("{name}.0"), d_in, &vec![1.0; d_hidden])?,
            second: self.affine(&format!("{name}.1"), d_hidden, gains)?,
        })
    }
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Affine {
    weight: usize,
    bias: usize,
}

impl Affine {
    fn apply(self, weights: &[Tensor], x: &Dual) -> Result<Dual> {
        x.linear(&weights[self.weight], &weights[self.bias])
    }
}

/// W₂ silu(W₁ x + b₁) + b₂.
#[derive(Debug, Clone, Copy)]
pub(super) struct TwoLayers {
    first: Affine,
    second: Affine,
}

impl TwoLayers {
    pub(super) fn apply(self, weights: &[Tensor], x: &Dual) -> Result<Dual> {
        self.second.apply(weights, &self.first.apply(weights, x)?.map(Silu)?)
    }
}
