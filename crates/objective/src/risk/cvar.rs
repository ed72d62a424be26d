//! Conditional value at risk: the mean of the worst fraction a of the losses.
//!
//! CVaR_a(ℓ) = min_τ τ + E(ℓ − τ)₊/a (Rockafellar & Uryasev 2000). Over n losses this is the mean of
//! the a·n largest, the last of them counted with its fraction.
//!
//! It guards against the worst cases by weighting them *more*. It is therefore more, not less,
//! sensitive to outliers than the mean: for wrong data use a heavy-tailed likelihood instead.
//!
//! The sorted form of a small batch is biased: keep τ as a trained variable (`threshold =
//! "trained"`), or use the whole training set as the batch.

use candle_core::{DType, Device, Tensor};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use surprisal_core::{Parameters, Role};

use super::{Losses, Risk};
use crate::ObjectiveError;

/// Conditional value at risk: the mean of the worst fraction of the losses.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Cvar {
    /// The fraction a of samples that count, 0 < a ≤ 1.
    pub fraction: f64,
    /// Where the threshold comes from.
    #[serde(default)]
    pub threshold: Threshold,
}

/// Where the loss above which samples count comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Threshold {
    /// The batch itself, by sorting.
    #[default]
    Batch,
    /// A trained variable that starts at 0 nats.
    Trained,
}

/// The name of the trained threshold.
const TAU: &str = "risk.threshold";

impl Risk for Cvar {
    fn parameters(&self) -> Result<Parameters, ObjectiveError> {
        let mut own = Parameters::new();
        if self.threshold == Threshold::Trained {
            own.add_values(TAU, Role::Bias, vec![0.0], &[1], DType::F64, &Device::Cpu)?;
        }
        Ok(own)
    }

    fn check_settings(&self) -> Option<(&'static str, &'static str, f64)> {
        let valid = self.fraction > 0.0 && self.fraction <= 1.0;
        if valid { None } else { Some(("fraction", "above 0 and at most 1", self.fraction)) }
    }

    fn value(&self, losses: &Losses<'_>, own: &Parameters) -> Result<Tensor, ObjectiveError> {
        let losses = losses.values;
        match own.get(TAU) {
            Some(tau) => {
                let tau = tau.var.as_tensor();
                let excess = losses.broadcast_sub(tau)?.relu()?.mean_all()?;
                Ok((tau.sum_all()? + (excess / self.fraction)?)?)
            }
            None => {
                let weights = weights(&losses.to_vec1::<f64>()?, self.fraction);
                Ok((losses * Tensor::new(weights, &Device::Cpu)?)?.sum_all()?)
            }
        }
    }
}

/// The weight of each loss in CVaR: 1/(a·n) for the worst, a fraction of it for the last one, 0 else.
pub(super) fn weights(losses: &[f64], fraction: f64) -> Vec<f64> {
    let mut order: Vec<usize> = (0..losses.len()).collect();
    order.sort_by(|&i, &j| losses[j].total_cmp(&losses[i]));
    let n_worst = fraction * losses.len() as f64;
    let mut weights = vec![0.0; losses.len()];
    let mut left = n_worst;
    for i in order {
        weights[i] = left.min(1.0) / n_worst;
        left = (left - 1.0).max(0.0);
    }
    weights
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cvar(losses: &[f64], fraction: f64) -> f64 {
        weights(losses, fraction).iter().zip(losses).map(|(w, l)| w * l).sum()
    }

    #[test]
    fn the_sorted_form_is_the_minimum_over_thresholds() {
        let losses = [0.3f64, -1.0, 2.5, 0.7, 0.7, 4.0, -0.2];
        for fraction in [0.05, 0.2, 1.0 / 3.0, 0.5, 0.99, 1.0] {
            // the minimum of a piecewise linear function is at one of its corners
            let minimum = losses
                .iter()
                .map(|tau| {
                    tau + losses.iter().map(|l| (l - tau).max(0.0)).sum::<f64>() / (fraction * losses.len() as f64)
                })
                .fold(f64::INFINITY, f64::min);
            assert!((cvar(&losses, fraction) - minimum).abs() < 1e-14, "{fraction}");
        }
        assert_eq!(cvar(&losses, 0.05), 4.0);
        assert!((cvar(&losses, 1.0) - losses.iter().sum::<f64>() / 7.0).abs() < 1e-15);
    }

    #[test]
    fn the_trained_form_and_its_gradient_are_the_definition() -> Result<(), ObjectiveError> {
        let risk = Cvar { fraction: 0.25, threshold: Threshold::Trained };
        let own = risk.parameters()?;
        let tau = own.iter().next().map(|p| p.var.clone()).expect("one parameter");
        tau.set(&Tensor::new(&[0.5f64], &Device::Cpu)?)?;
        let losses = candle_core::Var::new(&[0.3, -1.0, 2.5, 0.7], &Device::Cpu)?;
        let value = risk.value(&Losses { values: losses.as_tensor(), weight: None }, &own)?;
        assert!((value.to_scalar::<f64>()? - (0.5 + 2.2)).abs() < 1e-15);
        let gradients = value.backward()?;
        let of = |v: &candle_core::Var| gradients.get(v).expect("a gradient").to_vec1::<f64>();
        assert_eq!(of(&losses)?, [0.0, 0.0, 1.0, 1.0]);
        assert_eq!(of(&tau)?, [1.0 - 2.0]);
        Ok(())
    }
}
