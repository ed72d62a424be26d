//! Known equations hold along the predicted trajectories.
//!
//! With ẏ the model's rate of change of a state, at its own predicted states, f the formula that is known
//! for it and s the difference that counts as 1: weight · mean over trajectories and collocation points of
//! ((ẏ − f)/s)². The predicted trajectories solve the model's equations as they are, so that this is
//! no residual of the solver (as M. Raissi, P. Perdikaris, G. E. Karniadakis, J. Comput. Phys. 378
//! (2019) 686, eq. 3, is of a network that stands for the solution): it is how far the model is
//! from what is known, where a network could be anything. Formulas that only roughly hold are for a small weight.

use candle_core::Tensor;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use surprisal_core::{Probe, Sought, closest};
use surprisal_expr::ExprError;

use super::{Facts, Kind, Penalty, PredictionPenalty, Seen, along};
use crate::ObjectiveError;

/// Mean squared difference between a state's rate of change and a formula for it.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OdeResidual {
    /// The state.
    pub state: String,
    /// What its time derivative should be: a formula of states and parameters, in the data's own units.
    pub rhs: String,
    /// The difference that counts as 1, in the unit of the derivative.
    #[serde(default = "along::one")]
    pub scale: f64,
    /// Collocation points of each trajectory, evenly spread from its start to its end.
    #[serde(default = "along::points")]
    pub points: usize,
    /// The time at which they end, if not the trajectory's last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<f64>,
    /// Nats per unit of the penalty.
    pub weight: f64,
}

impl Penalty for OdeResidual {
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

impl PredictionPenalty for OdeResidual {
    fn misplaced(&self, facts: &Facts) -> Option<String> {
        along::no_trajectories(facts).or_else(|| {
            if facts.states.contains(&self.state) {
                return None;
            }
            let near = match closest(&self.state, facts.states.iter().map(String::as_str)) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("there are {}", facts.states.join(", ")),
            };
            Some(format!("a state of the equations, and `{}` is none ({near})", self.state))
        })
    }

    fn mistyped(&self, facts: &Facts) -> Option<(&'static str, ExprError)> {
        along::mistyped(facts, "rhs", &self.rhs)
    }

    fn probes(&self, _: &Facts) -> Vec<Probe> {
        let sought = Sought::Residual { state: self.state.clone(), rhs: self.rhs.clone() };
        vec![Probe::Along { sought, times: along::grid(self.points, self.until) }]
    }

    fn value(&self, seen: &Seen<'_>) -> Result<Tensor, ObjectiveError> {
        Ok(((&seen.probes[0] / self.scale)?.sqr()?.mean_all()? * self.weight)?)
    }
}
