//! A quantity is conserved along the predicted trajectories.
//!
//! With I(t) the expression on the trajectory and s the change that counts as 1:
//! weight · mean over samples of ((I(t) − I(t₀))/s)²; zero where it stays what it was at the start.

use candle_core::Tensor;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use surprisal_core::Probe;
use surprisal_expr::{ExprError, Expression, Program};

use super::{Facts, Kind, Penalty, PredictionPenalty, Seen};
use crate::ObjectiveError;

/// Mean squared change of a conserved quantity since the start of each trajectory, at the times of
/// the data.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Invariant {
    /// What is conserved: a formula of states and parameters, in the data's own units.
    pub expression: String,
    /// The change that counts as 1, in the unit of the expression.
    #[serde(default = "one")]
    pub scale: f64,
    /// Nats per unit of the penalty.
    pub weight: f64,
}

fn one() -> f64 {
    1.0
}

impl Penalty for Invariant {
    fn kind(&self) -> Kind<'_> {
        Kind::Prediction(self)
    }

    fn weight(&self) -> f64 {
        self.weight
    }

    fn check_settings(&self) -> Option<(&'static str, &'static str, f64)> {
        let wrong = !(self.scale.is_finite() && self.scale > 0.0);
        super::not_negative("weight", self.weight).or(wrong.then_some(("scale", "a positive number", self.scale)))
    }
}

impl PredictionPenalty for Invariant {
    fn misplaced(&self, facts: &Facts) -> Option<String> {
        facts.symbols.is_empty().then(|| "trajectories, which `[model.ode]` predicts".into())
    }

    fn mistyped(&self, facts: &Facts) -> Option<(&'static str, ExprError)> {
        let names: Vec<&str> = facts.symbols.iter().map(String::as_str).collect();
        let compiled = Expression::parse(&self.expression).and_then(|e| Program::compile(&names, &[], &[&e]));
        compiled.err().map(|error| ("expression", error))
    }

    fn probes(&self, _: &Facts) -> Vec<Probe> {
        vec![Probe::Change { expression: self.expression.clone() }]
    }

    fn value(&self, seen: &Seen<'_>) -> Result<Tensor, ObjectiveError> {
        Ok(((&seen.probes[0] / self.scale)?.sqr()?.mean_all()? * self.weight)?)
    }
}
