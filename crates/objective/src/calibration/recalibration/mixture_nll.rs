//! The NLL of samples from what a run file holds of their predictions.

use candle_core::{Device, Result, Tensor};

use crate::likelihood::{Blocks, Likelihood, Natural, ParameterSpec};

/// Predicted distributions, in the data's own units.
pub(super) struct MixtureNll<'a> {
    pub(super) likelihood: &'a dyn Likelihood,
    /// How its parameters are shared.
    pub(super) blocks: Blocks,
    /// M: members of an ensemble.
    pub(super) members: usize,
    /// Unconstrained, `[n·M·b·location_width]`.
    pub(super) location: &'a [f64],
    /// `[n·M·b·columns]` of each parameter.
    pub(super) parameters: &'a [Vec<f64>],
}

impl MixtureNll<'_> {
    /// Nats, `[n]`, each block's with `added` to it: NaN for samples of which no block was observed.
    ///
    /// # Shapes
    /// `target`: `[n·d]`, finite everywhere; `observed`: of each block, `[n·b]`.
    pub(super) fn at(&self, target: &[f64], observed: &[bool], added: f64) -> Result<Vec<f64>> {
        let Blocks { n_blocks: b, block_dim: m } = self.blocks;
        // The members of a sample are rows of their own.
        let rows = target.len() / (b * m) * self.members;
        let of_members: Vec<f64> = target.chunks_exact(b * m).flat_map(|row| row.repeat(self.members)).collect();
        let tensor = |values: &[f64], shape: &[usize]| Tensor::from_slice(values, shape, &Device::Cpu);
        let specs = self.likelihood.parameters(m);
        let parameter = |(values, spec): (&Vec<f64>, &ParameterSpec)| match spec.width {
            1 => tensor(values, &[rows, b]),
            width => tensor(values, &[rows, b, width]),
        };
        let natural = Natural {
            location: tensor(self.location, &[rows, b, self.likelihood.location_width(m)])?,
            parameters: self.parameters.iter().zip(&specs).map(parameter).collect::<Result<_>>()?,
            block_dim: m,
        };
        let nll = self.likelihood.nll(&natural, &tensor(&of_members, &[rows, b, m])?)?;
        let nll = nll.flatten_all()?.to_vec1::<f64>()?;
        let sample = |(nll, observed): (&[f64], &[bool])| {
            if !observed.contains(&true) {
                return f64::NAN;
            }
            let seen = |member: &[f64]| member.iter().zip(observed).filter(|(_, o)| **o).map(|(l, _)| l + added).sum();
            mixture(&nll.chunks_exact(b).map(seen).collect::<Vec<f64>>())
        };
        Ok(nll.chunks_exact(b * self.members).zip(observed.chunks_exact(b)).map(sample).collect())
    }
}

/// −ln of the mean density of members whose NLL are given.
fn mixture(nll: &[f64]) -> f64 {
    let least = nll.iter().copied().fold(f64::INFINITY, f64::min);
    if !least.is_finite() {
        return if nll.iter().any(|v| v.is_nan()) { f64::NAN } else { least };
    }
    let sum: f64 = nll.iter().map(|v| (least - v).exp()).sum();
    least - (sum / nll.len() as f64).ln()
}
