//! Stochastic gradient descent with momentum (Sutskever et al. 2013, eqs 1–2, in the form
//! b ← µb + g, θ ← θ − ηb).

use candle_core::{Result, Tensor};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use surprisal_core::Parameter;

use super::{Method, Optimizer, StepRule};

/// Stochastic gradient descent with momentum.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Sgd {
    /// η, before the schedule.
    pub learning_rate: f64,
    /// µ; 0 is plain gradient descent.
    #[serde(default)]
    pub momentum: f64,
}

impl Optimizer for Sgd {
    fn method(&self) -> Method<'_> {
        Method::StepRule(self)
    }

    fn problem(&self) -> Option<String> {
        if !(self.learning_rate > 0.0 && self.learning_rate.is_finite()) {
            return Some(format!("`learning_rate` must be positive, found {}", self.learning_rate));
        }
        (!(0.0..1.0).contains(&self.momentum)).then(|| format!("`momentum` must be in [0, 1), found {}", self.momentum))
    }
}

impl StepRule for Sgd {
    fn learning_rate(&self) -> f64 {
        self.learning_rate
    }

    fn start(&self, parameters: &[Parameter]) -> Result<Vec<Tensor>> {
        parameters.iter().map(|p| p.var.zeros_like()).collect()
    }

    fn step(
        &self,
        parameters: &[Parameter],
        gradient: &[Tensor],
        memory: &mut [Tensor],
        learning_rate: f64,
        _step: u64,
    ) -> Result<()> {
        for ((parameter, g), buffer) in parameters.iter().zip(gradient).zip(memory) {
            *buffer = (buffer.affine(self.momentum, 0.0)? + g)?;
            parameter.var.set(&(parameter.var.as_detached_tensor() - buffer.affine(learning_rate, 0.0)?)?)?;
        }
        Ok(())
    }

    fn step_sizes(
        &self,
        parameters: &[Parameter],
        _memory: &[Tensor],
        learning_rate: f64,
        _step: u64,
    ) -> Result<Vec<Tensor>> {
        parameters.iter().map(|p| p.var.zeros_like()?.affine(0.0, learning_rate)).collect()
    }
}
