//! Dispersion scaling: one factor s on the spread of every predictive distribution of a family that is
//! none of location and scale.
//!
//! A gamma distribution of mean µ and shape k has standard deviation µ/√k, a Beta distribution
//! √(µ(1−µ)/(1+φ)), a von Mises distribution about 1/√κ: their shape, precision or concentration is
//! divided by s². A log-normal distribution's σ is multiplied by s, a Negative Binomial's α by s²
//! (Var = µ + αµ²). The location stays: mean, median or mean direction are kept, and so is the support,
//! which stretching about the centre would leave. The s that minimises the NLL on held-out data is that
//! of [`Factor::fit`](super::Factor::fit); for a family with a single parameter beside its location it
//! is a maximum-likelihood fit of a common dispersion (as that of McCullagh & Nelder 1989, sec. 8.3.6).
//! A Poisson distribution has no spread of its own to be scaled.

use candle_core::Result;

use super::mixture_nll::MixtureNll;
use crate::likelihood::{Blocks, Dispersion, Likelihood, LikelihoodConfig, Marginal};
use crate::outcome::{Columns, SampleColumns};

/// Predictions whose NLL and distributions can be had at any factor.
pub struct Dispersed<'a> {
    likelihood: &'a dyn Likelihood,
    dispersion: Dispersion,
    columns: Columns,
    blocks: Blocks,
    members: usize,
    /// As reported, in the data's own units.
    location: Vec<f64>,
    /// The same before the family's link.
    raw: Vec<f64>,
    parameters: Vec<Vec<f64>>,
    target: Vec<f64>,
}

impl<'a> Dispersed<'a> {
    /// From what a run file holds; `None` where the family has no such parameter.
    ///
    /// # Shapes
    /// `location`: `[n·M·b·w]` as reported; `parameters`: `[n·M·b·columns]` each; `target`: `[n·d]`, NaN
    /// where nothing was observed.
    pub fn new(
        likelihood: &'a LikelihoodConfig,
        blocks: Blocks,
        members: usize,
        location: Vec<f64>,
        parameters: Vec<Vec<f64>>,
        target: Vec<f64>,
    ) -> Option<Self> {
        let dispersion = likelihood.get().dispersion()?;
        let columns = Columns::new(likelihood, blocks, members);
        let raw = location.iter().flat_map(|value| (dispersion.raw_location)(*value)).collect();
        let likelihood = likelihood.get();
        Some(Self { likelihood, dispersion, columns, blocks, members, location, raw, parameters, target })
    }

    fn scaled(&self, factor: f64) -> Vec<Vec<f64>> {
        let mut parameters = self.parameters.clone();
        let scale = factor.powf(self.dispersion.power);
        parameters[self.dispersion.parameter].iter_mut().for_each(|value| *value *= scale);
        parameters
    }

    /// NLL of each sample at a factor, nats, `[n]`; NaN where nothing was observed.
    pub fn nll(&self, factor: f64) -> Result<Vec<f64>> {
        let (parameters, m) = (self.scaled(factor), self.blocks.block_dim);
        let observed: Vec<bool> = self.target.chunks_exact(m).map(|y| y.iter().all(|y| y.is_finite())).collect();
        let known = |(i, y): (usize, &f64)| if observed[i / m] { *y } else { self.likelihood.placeholder() };
        let target: Vec<f64> = self.target.iter().enumerate().map(known).collect();
        let Self { likelihood, blocks, members, .. } = *self;
        let predicted = MixtureNll { likelihood, blocks, members, location: &self.raw, parameters: &parameters };
        predicted.at(&target, &observed, 0.0)
    }

    /// The distribution of each component at a factor, `[n·d]`.
    pub fn marginals(&self, factor: f64) -> Vec<Option<Box<dyn Marginal>>> {
        let parameters = self.scaled(factor);
        let widths: Vec<usize> = self.columns.parameters().iter().map(|(_, width)| *width).collect();
        let rows = self.location.chunks_exact(self.columns.location_width()).enumerate();
        let sample = |(i, location)| SampleColumns {
            location,
            parameters: parameters.iter().zip(&widths).map(|(v, width)| &v[i * width..(i + 1) * width]).collect(),
        };
        rows.flat_map(|row| self.columns.marginals(&sample(row))).collect()
    }
}
