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
    /// Normal draws of the given standard deviation.
    pub(super) fn normal(&mut self, name: &str, role: Role, shape: &[usize], deviation: f64) -> Result<usize> {
        let index = self.parameters.len();
        let mut stream = rng::stream(self.seed, "weights", index as u64);
        let values = (0..shape.iter().product()).map(|_| deviation * rng::standard_normal(&mut stream)).collect();
        self.parameters.add_values(name, role, values, shape, self.dtype, self.device)?;
        Ok(index)
    }

    /// A weight whose output has `gain` times the standard deviation of its input (LeCun et al. 1998
    /// for gain 1).
    pub(super) fn weight(&mut self, name: &str, d_in: usize, d_out: usize, gain: f64) -> Result<usize> {
        self.normal(name, Role::Weight, &[d_in, d_out], gain / (d_in as f64).sqrt())
    }

    pub(super) fn affine(&mut self, name: &str, d_in: usize, d_out: usize, gain: f64) -> Result<Affine> {
        let weight = self.weight(&format!("{name}.weight"), d_in, d_out, gain)?;
        let bias = self.normal(&format!("{name}.bias"), Role::Bias, &[d_out], 0.0)?;
        Ok(Affine { weight, bias })
    }

    /// silu between two affine layers of width `d_in`, `d_hidden`, `d_out`, the second with the gain.
    pub(super) fn two_layers(&mut self, name: &str, widths: [usize; 3], gain: f64) -> Result<TwoLayers> {
        let [d_in, d_hidden, d_out] = widths;
        Ok(TwoLayers {
            first: self.affine(&format!("{name}.0"), d_in, d_hidden, 1.0)?,
            second: self.affine(&format!("{name}.1"), d_hidden, d_out, gain)?,
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
