//! The forces of an isolated system sum to zero (Newton's third law).
//!
//! weight · mean over frames of ‖Σᵢ Fᵢ‖² / n_atoms, with F in units of the target scale, so that the
//! weight does not depend on the data's unit. The division makes the value independent of the number
//! of atoms for independent errors: it is then the mean squared error of one force. Zero for forces
//! that are gradients of an energy; it acts on directly predicted ones.

use candle_core::{D, Device, Tensor};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Facts, Kind, Penalty, PredictionPenalty, Seen};
use crate::ObjectiveError;

/// Squared sum of the predicted forces of each frame, per atom, in units of the target scale.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NetForce {
    /// Nats per unit of the penalty.
    pub weight: f64,
}

impl Penalty for NetForce {
    fn kind(&self) -> Kind<'_> {
        Kind::Prediction(self)
    }

    fn weight(&self) -> f64 {
        self.weight
    }
}

impl PredictionPenalty for NetForce {
    fn misplaced(&self, facts: &Facts) -> Option<String> {
        if facts.dim == 3 && facts.inputs.is_empty() {
            return None;
        }
        Some(format!("forces of atoms, found samples of {} components", facts.dim))
    }

    fn value(&self, seen: &Seen<'_>) -> Result<Tensor, ObjectiveError> {
        let target = seen.target;
        let mut n_atoms = vec![0.0f64; target.n_groups];
        for &group in &target.group {
            n_atoms[group as usize] += 1.0;
        }
        let weights: Vec<f64> =
            n_atoms.iter().map(|n| if *n > 0.0 { self.weight / (n * target.n_groups as f64) } else { 0.0 }).collect();
        let squared = target.sum_groups(seen.mean)?.sqr()?.sum(D::Minus1)?;
        Ok((squared * Tensor::new(weights, &Device::Cpu)?)?.sum_all()?)
    }
}
