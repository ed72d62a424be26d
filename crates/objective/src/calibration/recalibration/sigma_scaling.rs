//! σ-scaling: one factor s on the width of every predictive distribution.
//!
//! With m the predicted centre, Y becomes m + s(Y − m), so the density at y is f(m + (y − m)/s)/s per
//! component and the NLL of a sample of d components is ℓ(m + (y − m)/s) + d·ln s. The s that minimises
//! it on held-out data is √ZMS for a Gaussian, in closed form (Laves et al. 2020, MIDL, eq. 11), and
//! the minimum of [`Factor::fit`](super::Factor::fit) for any other continuous family on the whole line.

use candle_core::Result;

use super::mixture_nll::MixtureNll;
use crate::likelihood::{Blocks, Likelihood};

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
        let m = self.blocks.block_dim;
        let observed: Vec<bool> =
            self.target.chunks_exact(m).map(|block| block.iter().all(|y| y.is_finite())).collect();
        let moved: Vec<f64> = (0..self.target.len())
            .map(|i| {
                let center = self.center[i];
                if observed[i / m] { center + (self.target[i] - center) / factor } else { center }
            })
            .collect();
        let Self { likelihood, blocks, members, .. } = *self;
        let predicted =
            MixtureNll { likelihood, blocks, members, location: &self.location, parameters: &self.parameters };
        predicted.at(&moved, &observed, m as f64 * factor.ln())
    }
}
