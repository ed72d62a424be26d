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

    /// A weight that keeps the variance of what passes through it (LeCun et al. 1998).
    pub(super) fn weight(&mut self, name: &str, d_in: usize, d_out: usize) -> Result<usize> {
        self.normal(name, Role::Weight, &[d_in, d_out], 1.0 / (d_in as f64).sqrt())
    }

    pub(super) fn affine(&mut self, name: &str, d_in: usize, d_out: usize) -> Result<Affine> {
        let weight = self.weight(&format!("{name}.weight"), d_in, d_out)?;
        let bias = self.normal(&format!("{name}.bias"), Role::Bias, &[d_out], 0.0)?;
        Ok(Affine { weight, bias })
    }

    /// silu between two affine layers.
    pub(super) fn two_layers(&mut self, name: &str, d_in: usize, d_hidden: usize, d_out: usize) -> Result<TwoLayers> {
        Ok(TwoLayers {
            first: self.affine(&format!("{name}.0"), d_in, d_hidden)?,
            second: self.affine(&format!("{name}.1"), d_hidden, d_out)?,
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
