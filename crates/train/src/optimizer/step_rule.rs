//! First-order rules: one gradient, one update.

use candle_core::{Result, Tensor};
use surprisal_core::Parameter;

/// An update rule. Its memory is a list of tensors that a checkpoint can hold.
pub trait StepRule: Send + Sync {
    /// The learning rate before the schedule's factor.
    fn learning_rate(&self) -> f64;

    /// Memory for these parameters before the first step.
    fn start(&self, parameters: &[Parameter]) -> Result<Vec<Tensor>>;

    /// One update of every parameter in place. `step` counts from 1.
    fn step(
        &self,
        parameters: &[Parameter],
        gradient: &[Tensor],
        memory: &mut [Tensor],
        learning_rate: f64,
        step: u64,
    ) -> Result<()>;

    /// The step size that each coordinate of each parameter had in the step just made (shapes of the
    /// parameters), which proximal penalties need.
    fn step_sizes(
        &self,
        parameters: &[Parameter],
        memory: &[Tensor],
        learning_rate: f64,
        step: u64,
    ) -> Result<Vec<Tensor>>;
}
