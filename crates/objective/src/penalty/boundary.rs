//! A quantity has a known value at a known time of every trajectory.
//!
//! With g(t*) the expression at the time t*, which need be no time of the data and may lie behind it, v the
//! known value and s the difference that counts as 1: weight · mean over trajectories of ((g(t*) − v)/s)².

use candle_core::Tensor;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use surprisal_core::{Probe, Sought, Times};
use surprisal_expr::ExprError;

use super::{Facts, Kind, Penalty, PredictionPenalty, Seen, along};
use crate::ObjectiveError;

/// Mean squared difference from a value that is known at one time.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Boundary {
    /// The time, in the data's.
    pub at: f64,
    /// A state, or a formula of states and parameters, in the data's own units.
    pub expression: String,
    /// What it is at that time.
    pub value: f64,
    /// The difference that counts as 1, in the unit of the expression.
    #[serde(default = "along::one")]
    pub scale: f64,
    /// Nats per unit of the penalty.
    pub weight: f64,
}

impl Penalty for Boundary {
    fn kind(&self) -> Kind<'_> {
        Kind::Prediction(self)
    }

    fn weight(&self) -> f64 {
        self.weight
    }

    fn check_settings(&self) -> Option<(&'static str, &'static str, f64)> {
        let infinite = |setting, value: f64| (!value.is_finite()).then_some((setting, "a finite number", value));
        along::check(self.weight, self.scale, (2, 2), None)
            .or(infinite("at", self.at))
            .or(infinite("value", self.value))
    }
}

impl PredictionPenalty for Boundary {
    fn misplaced(&self, facts: &Facts) -> Option<String> {
        along::no_trajectories(facts)
    }

    fn mistyped(&self, facts: &Facts) -> Option<(&'static str, ExprError)> {
        along::mistyped(facts, "expression", &self.expression)
    }

    fn probes(&self, _: &Facts) -> Vec<Probe> {
        let sought = Sought::Formula { expression: self.expression.clone() };
        vec![Probe::Along { sought, times: Times::At { time: self.at } }]
    }

    fn value(&self, seen: &Seen<'_>) -> Result<Tensor, ObjectiveError> {
        Ok((((&seen.probes[0] - self.value)? / self.scale)?.sqr()?.mean_all()? * self.weight)?)
    }
}
