//! Energy is kept along the predicted trajectories, or only lost.
//!
//! With Eₖ the energy at evenly spread times of a trajectory, E₀ at its start, and s the change that
//! counts as 1: weight · mean over trajectories and k ≥ 1 of (Dₖ/s)², where Dₖ = Eₖ − E₀, or, where it
//! may fall, Dₖ = Σ_{j≤k} (Eⱼ − Eⱼ₋₁)₊, all that it has risen. The one vanishes where the energy stays,
//! the other where it never rises.

use candle_core::Tensor;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use surprisal_core::{Probe, Sought};
use surprisal_expr::ExprError;

use super::{Facts, Kind, Penalty, PredictionPenalty, Seen, along};
use crate::ObjectiveError;

/// Mean squared drift of the energy since the start of each trajectory.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EnergyDrift {
    /// The energy: a formula of states and parameters, in the data's own units. Without it, the one that
    /// the `field` is made of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expression: Option<String>,
    /// What it may do.
    #[serde(default)]
    pub may: May,
    /// The change that counts as 1, in the unit of the energy.
    #[serde(default = "along::one")]
    pub scale: f64,
    /// Times of each trajectory at which it is looked at, evenly spread from its start to its end.
    #[serde(default = "along::points")]
    pub points: usize,
    /// The time at which they end, if not the trajectory's last: the model is held to it beyond its data.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<f64>,
    /// Nats per unit of the penalty.
    pub weight: f64,
}

/// What an energy may do.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum May {
    /// Nothing but stay.
    #[default]
    Stay,
    /// Fall, as friction makes it, and not rise.
    Fall,
}

impl Penalty for EnergyDrift {
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

impl PredictionPenalty for EnergyDrift {
    fn misplaced(&self, facts: &Facts) -> Option<String> {
        let unknown = self.expression.is_none() && !facts.energy;
        along::no_trajectories(facts).or_else(|| {
            unknown.then(|| "`expression`, or a `field` that is made of an energy (`hamiltonian`, `lagrangian`)".into())
        })
    }

    fn mistyped(&self, facts: &Facts) -> Option<(&'static str, ExprError)> {
        along::mistyped(facts, "expression", self.expression.as_ref()?)
    }

    fn probes(&self, _: &Facts) -> Vec<Probe> {
        let sought = match &self.expression {
            Some(expression) => Sought::Formula { expression: expression.clone() },
            None => Sought::Energy,
        };
        vec![Probe::Along { sought, times: along::grid(self.points, self.until) }]
    }

    fn value(&self, seen: &Seen<'_>) -> Result<Tensor, ObjectiveError> {
        let energy = (&seen.probes[0] / self.scale)?;
        let n = self.points - 1;
        let later = energy.narrow(1, 1, n)?;
        let drift = match self.may {
            May::Stay => later.broadcast_sub(&energy.narrow(1, 0, 1)?)?,
            May::Fall => (later - energy.narrow(1, 0, n)?)?.relu()?.cumsum(1)?,
        };
        Ok((drift.sqr()?.mean_all()? * self.weight)?)
    }
}
