//! σ-scaling: one factor s on the width of every predictive distribution.
//!
//! With m the predicted centre, Y becomes m + s(Y − m), so the density at y is f(m + (y − m)/s)/s per
//! component and the NLL of a sample of d components is ℓ(m + (y − m)/s) + d·ln s. The s that minimises
//! it on held-out data is √ZMS for a Gaussian, in closed form (Laves et al. 2020, MIDL, eq. 11), and
//! the minimum of [`Factor::fit`](super::Factor::fit) for any other continuous family on the whole line.

use candle_core::{Device, Result, Tensor};

use crate::likelihood::{Blocks, Likelihood, Natural, ParameterSpec};

/// The factor of Gaussian predictions: the root of the mean squared z-score.
///
/// # Shapes
/// `error`, `sigma`: `[n]`.
pub fn gaussian_factor(error: &[f64], sigma: &[f64]) -> f64 {
    crate::calibration::zms::zms(error, sigma).sqrt()
}

/// Predictions whose NLL can be had at any factor. A component that was not observed is NaN; a block
/// with one is left out. For families on the whole real line, whose unconstrained location is a
/// location; [`Stretch::nll`] at 1 has to give the NLL that the run reported.
pub struct Stretch<'a> {
    /// The family.
    pub likelihood: &'a dyn Likelihood,
    /// How its parameters are shared.
    pub blocks: Blocks,
    /// M: members of an ensemble, whose mixture is stretched; 1 where there is none.
    pub members: usize,
    /// Unconstrained, in the data's own units, `[n·M·b·location_width]`.
    pub location: Vec<f64>,
    /// `[n·M·b·columns]` of each parameter.
    pub parameters: Vec<Vec<f64>>,
    /// What the distribution is stretched about, `[n·d]`, d = b·m.
    pub center: Vec<f64>,
    /// `[n·d]`.
    pub target: Vec<f64>,
}

impl Stretch<'_> {
    /// NLL of each sample at a factor, nats, `[n]`; NaN where nothing was observed.
    pub fn nll(&self, factor: f64) -> Result<Vec<f64>> {
        let Blocks { n_blocks: b, block_dim: m } = self.blocks;
        // The members of a sample are rows of their own.
        let rows = self.target.len() / (b * m) * self.members;
        let observed: Vec<bool> =
            self.target.chunks_exact(m).map(|block| block.iter().all(|y| y.is_finite())).collect();
        let moved: Vec<f64> = (0..self.target.len())
            .map(|i| {
                let center = self.center[i];
                if observed[i / m] { center + (self.target[i] - center) / factor } else { center }
            })
            .collect();
        let of_members: Vec<f64> = moved.chunks_exact(b * m).flat_map(|row| row.repeat(self.members)).collect();
        let tensor = |values: &[f64], shape: &[usize]| Tensor::from_slice(values, shape, &Device::Cpu);
        let specs = self.likelihood.parameters(m);
        let parameter = |(values, spec): (&Vec<f64>, &ParameterSpec)| match spec.width {
            1 => tensor(values, &[rows, b]),
            width => tensor(values, &[rows, b, width]),
        };
        let natural = Natural {
            location: tensor(&self.location, &[rows, b, self.likelihood.location_width(m)])?,
            parameters: self.parameters.iter().zip(&specs).map(parameter).collect::<Result<_>>()?,
            block_dim: m,
        };
        let nll = self.likelihood.nll(&natural, &tensor(&of_members, &[rows, b, m])?)?;
        let nll = nll.flatten_all()?.to_vec1::<f64>()?;
        let log_volume = m as f64 * factor.ln();
        let sample = |(nll, observed): (&[f64], &[bool])| {
            if !observed.contains(&true) {
                return f64::NAN;
            }
            let seen =
                |member: &[f64]| member.iter().zip(observed).filter(|(_, o)| **o).map(|(l, _)| l + log_volume).sum();
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
