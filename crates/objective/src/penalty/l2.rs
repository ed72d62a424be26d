//! Squared weights: weight·Σ w², the negative log of a normal prior with variance 1/(2·weight·n) if
//! the risk is a mean over n samples. Biases are left alone.

use candle_core::{DType, Device, Tensor};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use surprisal_core::{Parameters, Role};

use super::{Kind, ParameterPenalty, Penalty};
use crate::ObjectiveError;

/// Sum of the squared weights; biases are left alone.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct L2 {
    /// Nats per squared weight.
    pub weight: f64,
}

impl Penalty for L2 {
    fn kind(&self) -> Kind<'_> {
        Kind::Parameter(self)
    }

    fn weight(&self) -> f64 {
        self.weight
    }
}

impl ParameterPenalty for L2 {
    fn value(&self, model: &Parameters) -> Result<Tensor, ObjectiveError> {
        let mut sum = Tensor::new(0f64, &Device::Cpu)?;
        for parameter in model.iter().filter(|p| p.role == Role::Weight) {
            // squared and summed in float64: single-precision sums of many weights are not exact
            let weights = parameter.var.as_tensor().to_dtype(DType::F64)?.to_device(&Device::Cpu)?;
            sum = (sum + weights.sqr()?.sum_all()?)?;
        }
        Ok((sum * self.weight)?)
    }
}
