//! Another last layer for a trained network, fitted to the activations of its last hidden layer.

mod bayesian;
mod cholesky;
pub mod conjugate;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use bayesian::{BayesianConfig, BayesianLastLayer};

/// What replaces the last layer after the fit.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub enum LastLayerConfig {
    /// Bayesian linear regression, exact.
    #[serde(rename = "bayesian")]
    Bayesian(BayesianConfig),
}
