//! The exact evidential model: a conjugate Bayesian last layer on a network's features.
//!
//! φ(x) are the activations of the last hidden layer and a 1; each component of the target is regressed
//! on them as [`super::conjugate`] says, in standardised units. Its predictive distribution is that of
//! [`NormalInverseGamma`] with γ, ν, α and β in closed form, so that `aleatoric` is √(bₙ/(aₙ − 1)) and
//! `epistemic` √(bₙ/(aₙ − 1)·φᵀVφ).
//!
//! It is exact given the features. These were fitted to the same data, so that what it says of the
//! training split is too good, and of new data somewhat.

use candle_core::{Device, Tensor};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use surprisal_core::{Prediction, Target};
use surprisal_objective::likelihood::NormalInverseGamma;
use surprisal_objective::{Coupling, LikelihoodConfig, Outcome, Source};

use super::conjugate::{Posterior, Prior, posterior};
use crate::TrainError;

/// A normal-inverse-gamma prior on the last layer, all in standardised units.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BayesianConfig {
    /// Precision of the weights relative to that of the noise; maximises the marginal likelihood by
    /// default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lambda: Option<f64>,
    /// Shape of the prior of the noise's variance: it weighs as much as 2·a0 observations.
    #[serde(default = "one")]
    pub a0: f64,
    /// Its scale; maximises the marginal likelihood by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub b0: Option<f64>,
}

fn one() -> f64 {
    1.0
}

impl BayesianConfig {
    /// The first impossible value, in words that begin with the key in backticks.
    pub fn problem(&self) -> Option<String> {
        let numbers = [("lambda", self.lambda.unwrap_or(1.0)), ("a0", self.a0), ("b0", self.b0.unwrap_or(1.0))];
        let (key, value) = numbers.into_iter().find(|(_, value)| !(value.is_finite() && *value > 0.0))?;
        Some(format!("`{key}` must be positive, found {value}"))
    }
}

/// The posterior of each component of the target.
#[derive(Debug, Clone)]
pub struct BayesianLastLayer {
    components: Vec<Posterior>,
    n_weights: usize,
}

/// The likelihood its predictions have.
fn evidential() -> NormalInverseGamma {
    NormalInverseGamma {
        regularizer: 0.0,
        regularizer_form: Default::default(),
        nu: Source::Network,
        alpha: Source::Network,
        beta: Source::Network,
    }
}

impl BayesianLastLayer {
    /// Fits `features`, `[n, n_features]`, to what was observed of the same samples.
    pub fn fit(config: &BayesianConfig, features: &Tensor, target: &Target) -> Result<Self, TrainError> {
        let n_weights = features.dim(1)? + 1;
        let rows = with_one(features)?;
        let observed = target.value.t()?.to_vec2::<f64>()?;
        let prior = Prior { lambda: config.lambda, a0: config.a0, b0: config.b0 };
        let fit = |y: &Vec<f64>| {
            posterior(&rows.concat(), y, prior).ok_or_else(|| TrainError::Unfit {
                message: "the Bayesian last layer has no finite marginal likelihood: its features or residuals vanish"
                    .into(),
                hint: "give `lambda` and `b0`, or look at the data".into(),
            })
        };
        Ok(Self { components: observed.iter().map(fit).collect::<Result<_, _>>()?, n_weights })
    }

    /// The posterior of each component.
    pub fn components(&self) -> &[Posterior] {
        &self.components
    }

    /// What the predictions are judged by: the evidential likelihood in the units of `trained`.
    pub fn outcome(trained: &Outcome) -> Result<Outcome, TrainError> {
        let likelihood = LikelihoodConfig::NormalInverseGamma(evidential());
        let (scale, shift) = (trained.target_scale().to_vec(), trained.target_shift().to_vec());
        Ok(Outcome::new(likelihood, scale.len(), Coupling::Componentwise, scale, shift)?)
    }

    /// The predictive distributions of samples with these features, as raw values for `outcome`, which is
    /// that of [`BayesianLastLayer::outcome`].
    pub fn predict(&self, features: &Tensor, outcome: &Outcome) -> Result<Prediction, TrainError> {
        let rows = with_one(features)?;
        let (n, d) = (rows.len(), self.components.len());
        let (mut location, mut outputs) = (Vec::with_capacity(n * d), Vec::with_capacity(3 * n * d));
        for row in &rows {
            let predicted: Vec<_> = self.components.iter().map(|component| component.predict(row)).collect();
            location.extend(predicted.iter().map(|p| p.gamma));
            let of_parameter = [
                predicted.iter().map(|p| p.nu).collect::<Vec<_>>(),
                predicted.iter().map(|p| p.alpha).collect(),
                predicted.iter().map(|p| p.beta).collect(),
            ];
            for (spec, values) in outcome.specs().iter().zip(of_parameter) {
                outputs.extend(values.iter().map(|value| spec.link.inverse(*value)));
            }
        }
        if outputs.iter().any(|raw| !raw.is_finite()) {
            return Err(TrainError::Unfit {
                message: "the Bayesian last layer leaves no noise: its variance is below 1e-8 of the target's".into(),
                hint: "such data needs no likelihood; or give a larger `b0`".into(),
            });
        }
        let outputs = Tensor::from_vec(outputs, (n, 3 * d), &Device::Cpu)?;
        Ok(Prediction::new(Tensor::from_vec(location, (n, d), &Device::Cpu)?, Some(outputs)))
    }

    /// Name and shape of what a run file keeps of `dim` components with `n_features` features.
    pub fn shapes(dim: usize, n_features: usize) -> Vec<(String, Vec<usize>)> {
        let p = n_features + 1;
        let scalars = ["lambda", "b0", "a", "b", "log_evidence"].map(|name| (name, vec![dim]));
        let named = [("mean", vec![dim, p]), ("covariance", vec![dim, p, p])].into_iter().chain(scalars);
        named.map(|(name, shape)| (format!("last_layer.{name}"), shape)).collect()
    }

    /// The values under the names of [`BayesianLastLayer::shapes`].
    pub fn values(&self) -> Vec<(String, Vec<f64>)> {
        let scalar = |value: fn(&Posterior) -> f64| self.components.iter().map(value).collect::<Vec<_>>();
        let vector = |value: fn(&Posterior) -> &Vec<f64>| self.components.iter().flat_map(value).copied().collect();
        let values = [
            vector(|c| &c.mean),
            vector(|c| &c.covariance),
            scalar(|c| c.lambda),
            scalar(|c| c.b0),
            scalar(|c| c.a),
            scalar(|c| c.b),
            scalar(|c| c.log_evidence),
        ];
        let names = Self::shapes(self.components.len(), self.n_weights - 1);
        names.into_iter().map(|(name, _)| name).zip(values).collect()
    }
}

/// Every row with a 1 behind it.
fn with_one(features: &Tensor) -> candle_core::Result<Vec<Vec<f64>>> {
    let mut rows = features.to_vec2::<f64>()?;
    rows.iter_mut().for_each(|row| row.push(1.0));
    Ok(rows)
}
