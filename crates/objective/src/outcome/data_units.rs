//! Predictions and targets in the data's own units, for files and figures.

use surprisal_core::{Prediction, Target};

use super::Outcome;
use crate::ObjectiveError;
use crate::likelihood::{BlockValues, Blocks};

/// A prediction in the data's own units, row-major.
#[derive(Debug, Clone, PartialEq)]
pub struct DataUnits {
    /// `[n, location_width]`, as [`crate::Likelihood::location`] reports it.
    pub location: Vec<f64>,
    /// Name and `[n, width]` per parameter, in the order of [`Outcome::columns`].
    pub parameters: Vec<(String, Vec<f64>)>,
}

/// One sample's prediction and what was observed, judged component by component.
#[derive(Debug, Clone, PartialEq)]
pub struct Judged {
    /// `observed − centre` of each component, `[d]`; NaN where missing.
    pub error: Vec<f64>,
    /// Predicted variance of each component, `[d]`.
    pub variance: Vec<f64>,
}

impl Outcome {
    /// Location and parameters in the data's own units.
    pub fn data_units(&self, prediction: &Prediction) -> Result<DataUnits, ObjectiveError> {
        let natural = self.natural(prediction)?;
        let raw = natural.location.flatten_all()?.to_vec1::<f64>()?;
        let mut location = Vec::with_capacity(raw.len());
        let per_block = self.likelihood.get().location_width(self.blocks.block_dim);
        for (i, raw) in raw.chunks_exact(per_block).enumerate() {
            let first = i % self.blocks.n_blocks * self.blocks.block_dim;
            let reported = self.likelihood.get().location(raw);
            let of_one = reported.len() != self.blocks.block_dim;
            location.extend(reported.iter().enumerate().map(|(j, value)| {
                let component = if of_one { first } else { first + j };
                self.target_shift[component] + self.target_scale[component] * value
            }));
        }
        let mut parameters = Vec::with_capacity(self.specs.len());
        for (spec, values) in self.specs.iter().zip(&natural.parameters) {
            let mut values = values.flatten_all()?.to_vec1::<f64>()?;
            let width = self.blocks.n_blocks * spec.width;
            for (i, value) in values.iter_mut().enumerate() {
                *value *= self.unit(spec, i % width);
            }
            parameters.push((spec.name.to_string(), values));
        }
        Ok(DataUnits { location, parameters })
    }

    /// Observed values in the data's own units, row-major `[n, d]`; NaN where missing.
    pub fn target_in_data_units(&self, target: &Target) -> Result<Vec<f64>, ObjectiveError> {
        let mut values = target.value.flatten_all()?.to_vec1::<f64>()?;
        for (i, value) in values.iter_mut().enumerate() {
            let component = i % self.dim;
            *value = self.target_shift[component] + self.target_scale[component] * *value;
        }
        if let Some(observed) = &target.observed {
            for (value, seen) in values.iter_mut().zip(observed.flatten_all()?.to_vec1::<f64>()?) {
                if seen == 0.0 {
                    *value = f64::NAN;
                }
            }
        }
        Ok(values)
    }

    /// Calls `judge` with every block of a sample: the number of its first component and its values.
    pub fn blocks_of<'a>(&self, data: &'a DataUnits, sample: usize) -> impl Iterator<Item = (usize, OwnedBlock<'a>)> {
        let Blocks { n_blocks, block_dim } = self.blocks;
        let location = self.location_width() / n_blocks;
        let widths: Vec<usize> = self.specs.iter().map(|s| s.width).collect();
        (0..n_blocks).map(move |block| {
            let i = sample * n_blocks + block;
            let columns = data.parameters.iter().zip(&widths);
            let parameters = columns.flat_map(|((_, v), w)| &v[i * w..(i + 1) * w]).copied().collect();
            let location = &data.location[i * location..(i + 1) * location];
            (block * block_dim, OwnedBlock { location, parameters, block_dim })
        })
    }

    /// Every sample judged by its marginals.
    ///
    /// # Shapes
    /// `observed`: `[n, d]`, data units, NaN where missing.
    pub fn judge(&self, data: &DataUnits, observed: &[f64]) -> Vec<Judged> {
        observed
            .chunks_exact(self.dim)
            .enumerate()
            .map(|(sample, y)| {
                let (mut error, mut variance) = (Vec::with_capacity(self.dim), Vec::with_capacity(self.dim));
                for (first, block) in self.blocks_of(data, sample) {
                    for component in 0..block.block_dim {
                        let marginal = self.likelihood.get().marginal(&block.values(), component);
                        error.push(marginal.represent(y[first + component]) - marginal.center());
                        variance.push(marginal.variance());
                    }
                }
                Judged { error, variance }
            })
            .collect()
    }
}

/// [`BlockValues`] gathered from the columns of a prediction.
#[derive(Debug, Clone)]
pub struct OwnedBlock<'a> {
    location: &'a [f64],
    parameters: Vec<f64>,
    /// Components of the block.
    pub block_dim: usize,
}

impl OwnedBlock<'_> {
    /// The values.
    pub fn values(&self) -> BlockValues<'_> {
        BlockValues { location: self.location, parameters: &self.parameters, block_dim: self.block_dim }
    }
}
