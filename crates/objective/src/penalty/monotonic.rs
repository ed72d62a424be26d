//! Predictions rise (or fall) with an input.
//!
//! With Δ = m(x + h·e) − m(x), e the unit vector of the standardised input, h a small step and m the
//! expectation in units of the target scale: weight · mean over the batch of (−s·Δ/h)₊², s = ±1; zero
//! wherever the mean is monotonic over the step (Gupta et al. 2019 penalise the derivative alike).

use candle_core::Tensor;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use surprisal_core::{Probe, closest};

use super::{Facts, Kind, Penalty, PredictionPenalty, Seen};
use crate::ObjectiveError;

/// Squared slope in the wrong direction, in target scales per standard deviation of the input.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Monotonic {
    /// The input column; one of words is named `column=word`.
    pub input: String,
    /// Which way.
    #[serde(default)]
    pub direction: Direction,
    /// h, in standard deviations of the input.
    #[serde(default = "step")]
    pub step: f64,
    /// Nats per unit of the penalty.
    pub weight: f64,
}

/// Which way a prediction goes with its input.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    /// Up.
    #[default]
    Increasing,
    /// Down.
    Decreasing,
}

fn step() -> f64 {
    0.1
}

impl Penalty for Monotonic {
    fn kind(&self) -> Kind<'_> {
        Kind::Prediction(self)
    }

    fn weight(&self) -> f64 {
        self.weight
    }
}

impl PredictionPenalty for Monotonic {
    fn misplaced(&self, facts: &Facts) -> Option<String> {
        if !(self.step > 0.0 && self.step.is_finite()) {
            return Some(format!("a positive `step`, found {}", self.step));
        }
        if facts.inputs.contains(&self.input) {
            return None;
        }
        let near = closest(&self.input, facts.inputs.iter().map(String::as_str));
        let near = near.map_or(String::new(), |near| format!(" (did you mean `{near}`?)"));
        Some(format!("an input column, and `{}` is none{near}", self.input))
    }

    fn probes(&self, facts: &Facts) -> Vec<Probe> {
        let input = facts.inputs.iter().position(|name| *name == self.input);
        input.map(|input| Probe::Moved { input, shift: self.step }).into_iter().collect()
    }

    fn value(&self, seen: &Seen<'_>) -> Result<Tensor, ObjectiveError> {
        let wrong_way = match self.direction {
            Direction::Increasing => -1.0 / self.step,
            Direction::Decreasing => 1.0 / self.step,
        };
        let slope = ((&seen.probes[0] - seen.mean)? * wrong_way)?;
        Ok((slope.relu()?.sqr()?.mean_all()? * self.weight)?)
    }
}
