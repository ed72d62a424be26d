//! Trimmed mean: the mean without the largest losses (least trimmed squares, Rousseeuw 1984, for any
//! loss).
//!
//! It leaves the worst fraction a out, where CVaR keeps nothing else: it is for data of which some is
//! wrong, and blind to rare cases that are right. As CVaR it sorts the batch, and counts the sample at
//! the cut with its fraction; the gradient is that of the samples kept.

use candle_core::{Device, Tensor};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use surprisal_core::Parameters;

use super::cvar::weights;
use super::{Losses, Risk};
use crate::ObjectiveError;

/// The mean of all but the worst fraction of the losses.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Trimmed {
    /// The fraction a of samples left out, 0 ≤ a < 1.
    pub fraction: f64,
}

impl Risk for Trimmed {
    fn check_settings(&self) -> Option<(&'static str, &'static str, f64)> {
        let valid = (0.0..1.0).contains(&self.fraction);
        if valid { None } else { Some(("fraction", "at least 0 and below 1", self.fraction)) }
    }

    fn value(&self, losses: &Losses<'_>, _: &Parameters) -> Result<Tensor, ObjectiveError> {
        // the best fraction b = 1 − a is the worst of the negated losses
        let negated: Vec<f64> = losses.values.to_vec1::<f64>()?.iter().map(|loss| -loss).collect();
        let weights = weights(&negated, 1.0 - self.fraction);
        Ok((losses.values * Tensor::new(weights, &Device::Cpu)?)?.sum_all()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_losses_do_not_count() -> Result<(), ObjectiveError> {
        let losses = Tensor::new(&[1.0, 100.0, 3.0, 2.0, 50.0], &Device::Cpu)?;
        let value = |fraction| -> Result<f64, ObjectiveError> {
            let losses = Losses { values: &losses, weight: None };
            Ok(Trimmed { fraction }.value(&losses, &Parameters::new())?.to_scalar()?)
        };
        assert!((value(0.4)? - 2.0).abs() < 1e-15);
        assert!((value(0.3)? - (6.0 + 0.5 * 50.0) / 3.5).abs() < 1e-14);
        assert!((value(0.0)? - 156.0 / 5.0).abs() < 1e-14);
        Ok(())
    }
}
