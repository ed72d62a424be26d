//! What a network adds to equations, or a quantity of the states, changes smoothly along the
//! predicted trajectories.
//!
//! With uₖ, k = 0 … n, at evenly spread times of a trajectory, s the size that counts as 1, and τ from 0
//! to 1 over these times: weight · mean over trajectories and components of
//!
//! - `curvature`: mean over 0 < k < n of (n²(uₖ₊₁ − 2uₖ + uₖ₋₁)/s)², nearly ∫ (d²u/dτ²/s)² dτ, the roughness of
//!   P. J. Green, B. W. Silverman, *Nonparametric Regression and Generalized Linear Models* (1994), eq. 1.2;
//! - `variation`: Σₖ |uₖ₊₁ − uₖ|/s, which allows jumps at the price of their height (L. I. Rudin,
//!   S. Osher, E. Fatemi, Physica D 60 (1992) 259, eq. 2.4a).

use candle_core::Tensor;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use surprisal_core::{Probe, Sought, closest};
use surprisal_expr::ExprError;

use super::{Facts, Kind, Penalty, PredictionPenalty, Seen, along};
use crate::ObjectiveError;

/// Roughness of a network's outputs, or of a quantity, along the trajectories.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Smoothness {
    /// A network of `[model.ode.networks]`, whose outputs count in its `output_scale`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub network: Option<String>,
    /// Or a formula of states and parameters, in the data's own units.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expression: Option<String>,
    /// What roughness is.
    #[serde(default)]
    pub measure: Measure,
    /// The size that counts as 1.
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

/// What roughness is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Measure {
    /// The square of the second derivative.
    #[default]
    Curvature,
    /// The sum of all changes.
    Variation,
}

impl Smoothness {
    /// The one thing there is to look at.
    fn sought(&self) -> Option<Sought> {
        match (&self.network, &self.expression) {
            (Some(network), None) => Some(Sought::Network { network: network.clone() }),
            (None, Some(expression)) => Some(Sought::Formula { expression: expression.clone() }),
            _ => None,
        }
    }
}

impl Penalty for Smoothness {
    fn kind(&self) -> Kind<'_> {
        Kind::Prediction(self)
    }

    fn weight(&self) -> f64 {
        self.weight
    }

    fn check_settings(&self) -> Option<(&'static str, &'static str, f64)> {
        along::check(self.weight, self.scale, (self.points, 3), self.until)
    }
}

impl PredictionPenalty for Smoothness {
    fn misplaced(&self, facts: &Facts) -> Option<String> {
        if self.sought().is_none() {
            return Some("`network` or `expression`, one of the two".into());
        }
        along::no_trajectories(facts).or_else(|| {
            let network = self.network.as_ref().filter(|network| !facts.networks.contains(network))?;
            let near = closest(network, facts.networks.iter().map(String::as_str));
            let near = near.map_or(String::new(), |near| format!(" (did you mean `{near}`?)"));
            Some(format!("a network of the equations, and `{network}` is none{near}"))
        })
    }

    fn mistyped(&self, facts: &Facts) -> Option<(&'static str, ExprError)> {
        along::mistyped(facts, "expression", self.expression.as_ref()?)
    }

    fn probes(&self, _: &Facts) -> Vec<Probe> {
        let along = |sought| Probe::Along { sought, times: along::grid(self.points, self.until) };
        self.sought().map(along).into_iter().collect()
    }

    fn value(&self, seen: &Seen<'_>) -> Result<Tensor, ObjectiveError> {
        let n = self.points - 1;
        let (groups, width) = seen.probes[0].dims2()?;
        let values = (seen.probes[0].reshape((groups, self.points, width / self.points))? / self.scale)?;
        let steps = (values.narrow(1, 1, n)? - values.narrow(1, 0, n)?)?;
        let roughness = match self.measure {
            Measure::Curvature => {
                let turns = (steps.narrow(1, 1, n - 1)? - steps.narrow(1, 0, n - 1)?)?;
                (turns * (n * n) as f64)?.sqr()?.mean_all()?
            }
            // |x| with a slope of 0 at 0
            Measure::Variation => ((steps.relu()? + steps.neg()?.relu()?)?.sum(1)?).mean_all()?,
        };
        Ok((roughness * self.weight)?)
    }
}
