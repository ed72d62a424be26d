//! A network within equations explains only what the known terms cannot.
//!
//! With u(t) the network's outputs on the predicted trajectory, divided by its `output_scale`:
//! weight · mean over samples and outputs of u². It is zero where the equations do without the network.

use candle_core::Tensor;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use surprisal_core::{Probe, closest};

use super::{Facts, Kind, Penalty, PredictionPenalty, Seen};
use crate::ObjectiveError;

/// Mean square of a network's outputs along the predicted trajectories, at the times of the data.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NetworkMagnitude {
    /// A network of `[model.ode.networks]`.
    pub network: String,
    /// Nats per squared `output_scale`.
    pub weight: f64,
}

impl Penalty for NetworkMagnitude {
    fn kind(&self) -> Kind<'_> {
        Kind::Prediction(self)
    }

    fn weight(&self) -> f64 {
        self.weight
    }
}

impl PredictionPenalty for NetworkMagnitude {
    fn misplaced(&self, facts: &Facts) -> Option<String> {
        if facts.networks.is_empty() {
            return Some("a network within equations, `[model.ode.networks]`, and the model has none".into());
        }
        if facts.networks.contains(&self.network) {
            return None;
        }
        let near = match closest(&self.network, facts.networks.iter().map(String::as_str)) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("there is {}", facts.networks.join(", ")),
        };
        Some(format!("a network of the equations, and `{}` is none ({near})", self.network))
    }

    fn probes(&self, _: &Facts) -> Vec<Probe> {
        vec![Probe::Network { network: self.network.clone() }]
    }

    fn value(&self, seen: &Seen<'_>) -> Result<Tensor, ObjectiveError> {
        Ok((seen.probes[0].sqr()?.mean_all()? * self.weight)?)
    }
}
