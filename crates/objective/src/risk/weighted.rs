//! Weighted mean: Σ wᵢℓᵢ / Σ wᵢ over a batch, with weights from a column of the data
//! (`data.csv.weight`): counts of repeated rows, inverse probabilities of being sampled.

use candle_core::Tensor;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use surprisal_core::Parameters;

use super::{Losses, Risk};
use crate::ObjectiveError;

/// The mean of the losses with the rows' own weights.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Weighted {}

impl Risk for Weighted {
    fn needs_weights(&self) -> bool {
        true
    }

    fn value(&self, losses: &Losses<'_>, _: &Parameters) -> Result<Tensor, ObjectiveError> {
        match losses.weight {
            Some(weight) => Ok(((losses.values * weight)?.sum_all()? / weight.sum_all()?)?),
            None => Ok(losses.values.mean_all()?),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::Device;

    #[test]
    fn a_weight_of_two_is_a_row_twice() -> Result<(), ObjectiveError> {
        let (values, weight) =
            (Tensor::new(&[1.0, 4.0, 3.0], &Device::Cpu)?, Tensor::new(&[2.0, 0.0, 1.0], &Device::Cpu)?);
        let losses = Losses { values: &values, weight: Some(&weight) };
        let value = Weighted {}.value(&losses, &Parameters::new())?.to_scalar::<f64>()?;
        assert!((value - 5.0 / 3.0).abs() < 1e-15);
        Ok(())
    }
}
