//! Predictions and targets in the data's own units, for files and figures.

use surprisal_core::{Prediction, Target};

use super::Outcome;
use super::columns::{Columns, SampleColumns};
use crate::ObjectiveError;
use crate::likelihood::Marginal;

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

    /// The reported location averaged over members, `[n, w]`.
    pub fn mean_location(&self, data: &DataUnits) -> Vec<f64> {
        let width = self.columns().location_width() / self.members;
        let mean = |sample: &[f64]| -> Vec<f64> {
            (0..width).map(|j| sample.chunks_exact(width).map(|m| m[j]).sum::<f64>() / self.members as f64).collect()
        };
        data.location.chunks_exact(width * self.members).flat_map(mean).collect()
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

    /// The columns of one sample.
    pub fn sample<'a>(&self, data: &'a DataUnits, columns: &Columns, sample: usize) -> SampleColumns<'a> {
        let width = columns.location_width();
        let parameters = data.parameters.iter().zip(columns.parameters());
        SampleColumns {
            location: &data.location[sample * width..(sample + 1) * width],
            parameters: parameters.map(|((_, v), (_, w))| &v[sample * w..(sample + 1) * w]).collect(),
        }
    }

    /// Every sample judged by its marginals.
    ///
    /// # Shapes
    /// `observed`: `[n, d]`, data units, NaN where missing.
    pub fn judge(&self, data: &DataUnits, observed: &[f64]) -> Vec<Judged> {
        let columns = self.columns();
        let judge = |(i, y): (usize, &[f64])| {
            let marginals = columns.marginals(&self.sample(data, &columns, i));
            let pairs = y.iter().zip(&marginals);
            let error = |(y, m): (&f64, &Option<Box<dyn Marginal>>)| {
                m.as_ref().map_or(f64::NAN, |m| m.represent(*y) - m.center())
            };
            Judged {
                error: pairs.map(error).collect(),
                variance: marginals.iter().map(|m| m.as_ref().map_or(f64::NAN, |m| m.variance())).collect(),
            }
        };
        observed.chunks_exact(self.dim).enumerate().map(judge).collect()
    }
}
