//! Predictions stay within bounds that are known.
//!
//! weight · mean over samples and components of (lower − m)₊² + (m − upper)₊², m the expectation, in
//! units of the target scale; zero wherever the bounds hold.

use candle_core::{Device, Tensor};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Facts, Kind, Penalty, PredictionPenalty, Seen};
use crate::ObjectiveError;

/// Squared distance of the predicted means from an interval, in units of the target scale.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Bounds {
    /// Smallest value, in the data's own units.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lower: Option<f64>,
    /// Largest value, in the data's own units.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upper: Option<f64>,
    /// Nats per unit of the penalty.
    pub weight: f64,
}

impl Penalty for Bounds {
    fn kind(&self) -> Kind<'_> {
        Kind::Prediction(self)
    }

    fn weight(&self) -> f64 {
        self.weight
    }
}

impl PredictionPenalty for Bounds {
    fn misplaced(&self, _: &Facts) -> Option<String> {
        match (self.lower, self.upper) {
            (None, None) => Some("`lower`, `upper` or both".into()),
            (Some(lower), Some(upper)) if !(lower < upper) => {
                Some(format!("`lower` < `upper`, found {lower} and {upper}"))
            }
            _ => None,
        }
    }

    fn value(&self, seen: &Seen<'_>) -> Result<Tensor, ObjectiveError> {
        let in_units = |bound: f64| -> candle_core::Result<Tensor> {
            let row: Vec<f64> = seen.target_scale.iter().map(|s| bound / s).collect();
            Tensor::from_vec(row, (1, seen.target_scale.len()), &Device::Cpu)
        };
        let mut sum = Tensor::new(0f64, &Device::Cpu)?;
        if let Some(lower) = self.lower {
            sum = (sum + in_units(lower)?.broadcast_sub(seen.mean)?.relu()?.sqr()?.mean_all()?)?;
        }
        if let Some(upper) = self.upper {
            sum = (sum + seen.mean.broadcast_sub(&in_units(upper)?)?.relu()?.sqr()?.mean_all()?)?;
        }
        Ok((sum * self.weight)?)
    }
}
