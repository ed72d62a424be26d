//! Predictions and targets in the data's own units, for files and figures.

use surprisal_core::{Prediction, Target};

use super::Outcome;
use crate::ObjectiveError;
use crate::likelihood::Marginal;

/// A prediction in the data's own units, row-major.
#[derive(Debug, Clone, PartialEq)]
pub struct DataUnits {
    /// `[n, d]`.
    pub location: Vec<f64>,
    /// `[n, b]` per parameter, in the order of [`Outcome::columns`].
    pub parameters: Vec<(String, Vec<f64>)>,
}

impl Outcome {
    /// Location and parameters in the data's own units.
    pub fn data_units(&self, prediction: &Prediction) -> Result<DataUnits, ObjectiveError> {
        let natural = self.natural(prediction)?;
        let mut location = natural.location.flatten_all()?.to_vec1::<f64>()?;
        self.unstandardize(&mut location);
        let mut parameters = Vec::with_capacity(self.specs.len());
        for (spec, values) in self.specs.iter().zip(&natural.parameters) {
            let mut values = values.flatten_all()?.to_vec1::<f64>()?;
            for (i, value) in values.iter_mut().enumerate() {
                *value *= self.unit(spec, i % self.blocks.n_blocks);
            }
            parameters.push((spec.name.to_string(), values));
        }
        Ok(DataUnits { location, parameters })
    }

    /// Observed values in the data's own units, row-major `[n, d]`; NaN where missing.
    pub fn target_in_data_units(&self, target: &Target) -> Result<Vec<f64>, ObjectiveError> {
        let mut values = target.value.flatten_all()?.to_vec1::<f64>()?;
        self.unstandardize(&mut values);
        if let Some(observed) = &target.observed {
            for (value, seen) in values.iter_mut().zip(observed.flatten_all()?.to_vec1::<f64>()?) {
                if seen == 0.0 {
                    *value = f64::NAN;
                }
            }
        }
        Ok(values)
    }

    fn unstandardize(&self, values: &mut [f64]) {
        for (i, value) in values.iter_mut().enumerate() {
            let component = i % self.dim;
            *value = self.target_shift[component] + self.target_scale[component] * *value;
        }
    }

    /// The distribution of one component of one sample, in the data's own units.
    pub fn marginal(&self, data: &DataUnits, sample: usize, component: usize) -> Box<dyn Marginal> {
        self.likelihood.get().marginal(&self.component(data, sample, component), self.blocks.block_dim)
    }

    /// Named uncertainties of one component of one sample.
    pub fn uncertainties(&self, data: &DataUnits, sample: usize, component: usize) -> Vec<(&'static str, f64)> {
        self.likelihood.get().uncertainties(&self.component(data, sample, component), self.blocks.block_dim)
    }

    fn component(&self, data: &DataUnits, sample: usize, component: usize) -> Vec<f64> {
        let block = sample * self.blocks.n_blocks + self.blocks.of_component(component);
        let location = data.location[sample * self.dim + component];
        std::iter::once(location).chain(data.parameters.iter().map(|(_, values)| values[block])).collect()
    }
}
