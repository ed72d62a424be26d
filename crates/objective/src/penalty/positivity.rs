//! A quantity stays at 0 or above along the predicted trajectories: concentrations, masses, populations.
//!
//! With g the expression and s the amount below 0 that counts as 1: weight · mean over trajectories and
//! points of (−g/s)₊². Unlike `bounds` and `expression`, which see measured columns at the times of
//! the data, it sees hidden states, and times between and behind the data.

use candle_core::Tensor;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use surprisal_core::{Probe, Sought};
use surprisal_expr::ExprError;

use super::{Facts, Kind, Penalty, PredictionPenalty, Seen, along};
use crate::ObjectiveError;

/// Mean squared amount by which a quantity is negative.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Positivity {
    /// What is not to be negative: a formula of states and parameters, in the data's own units.
    pub expression: String,
    /// The amount below 0 that counts as 1, in the unit of the expression.
    #[serde(default = "along::one")]
    pub scale: f64,
    /// Times of each trajectory at which it is looked at, evenly spread from its start to its end.
    #[serde(default = "along::points")]
    pub points: usize,
    /// The time at which they end, if not the trajectory's last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<f64>,
    /// Nats per unit of the penalty.
    pub weight: f64,
}

impl Penalty for Positivity {
    fn kind(&self) -> Kind<'_> {
        Kind::Prediction(self)
    }

    fn weight(&self) -> f64 {
        self.weight
    }

    fn check_settings(&self) -> Option<(&'static str, &'static str, f64)> {
        along::check(self.weight, self.scale, (self.points, 2), self.until)
    }
}

impl PredictionPenalty for Positivity {
    fn misplaced(&self, facts: &Facts) -> Option<String> {
        along::no_trajectories(facts)
    }

    fn mistyped(&self, facts: &Facts) -> Option<(&'static str, ExprError)> {
        along::mistyped(facts, "expression", &self.expression)
    }

    fn probes(&self, _: &Facts) -> Vec<Probe> {
        let sought = Sought::Formula { expression: self.expression.clone() };
        vec![Probe::Along { sought, times: along::grid(self.points, self.until) }]
    }

    fn value(&self, seen: &Seen<'_>) -> Result<Tensor, ObjectiveError> {
        Ok(((&seen.probes[0] / -self.scale)?.relu()?.sqr()?.mean_all()? * self.weight)?)
    }
}
