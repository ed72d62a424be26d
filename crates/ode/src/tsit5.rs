//! The configuration of the solver `tsit5`: Tsitouras' explicit pair of order 5(4) with adaptive steps.
//!
//! For non-stiff problems. The local error of every accepted step satisfies
//! rms(errorᵢ / (atolᵢ + rtol·max(|yᵢ|, |y₁ᵢ|))) ≤ 1. Coefficients in [`crate::tableau`], step sizes
//! in [`crate::controller`].

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::error::OdeError;
use crate::tolerance::Tolerance;

/// Explicit Runge–Kutta of order 5 (Tsitouras 2011), for non-stiff problems.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Tsit5 {
    /// Relative tolerance of the local error.
    pub rtol: f64,
    /// Absolute tolerance of the local error, in the units of the states: a number, or a list with
    /// one for each state.
    pub atol: Tolerance,
    /// Most steps per trajectory, rejected ones included.
    #[serde(default = "default_max_steps")]
    pub max_steps: usize,
}

fn default_max_steps() -> usize {
    10_000
}

impl Tsit5 {
    /// A solver of these tolerances.
    pub fn new(rtol: f64, atol: impl Into<Tolerance>) -> Self {
        Self { rtol, atol: atol.into(), max_steps: default_max_steps() }
    }

    /// Whether the tolerances make sense for `dim` states.
    pub(crate) fn check(&self, dim: usize) -> Result<(), OdeError> {
        let positive = |name: &'static str, value: f64| {
            if value > 0.0 && value.is_finite() { Ok(()) } else { Err(OdeError::Tolerance { name, value }) }
        };
        positive("rtol", self.rtol)?;
        self.atol.values().iter().try_for_each(|&value| positive("atol", value))?;
        match &self.atol {
            Tolerance::PerComponent(values) if values.len() != dim => {
                Err(OdeError::Length { what: "atol", expected: dim, found: values.len() })
            }
            _ => Ok(()),
        }
    }
}
