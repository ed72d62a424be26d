//! First-order optimisers whose state can be saved.

mod adamw;
mod sgd;

use candle_core::{Result, Tensor};
use surprisal_core::Parameter;

pub use adamw::AdamW;
pub use sgd::Sgd;

/// An optimiser's rule. Its memory is a list of tensors that a checkpoint can hold.
pub trait Optimizer: Send + Sync {
    /// The learning rate before the schedule's factor.
    fn learning_rate(&self) -> f64;

    /// Memory for these parameters before the first step.
    fn start(&self, parameters: &[Parameter]) -> Result<Vec<Tensor>>;

    /// One update of every parameter in place. `step` counts from 1. Returns, per parameter, the
    /// step size each of its coordinates had (same shape), which proximal penalties need.
    fn step(
        &self,
        parameters: &[Parameter],
        gradient: &[Tensor],
        memory: &mut [Tensor],
        learning_rate: f64,
        step: u64,
    ) -> Result<Vec<Tensor>>;

    /// The first impossible value, in words.
    fn problem(&self) -> Option<String>;
}

surprisal_core::registry! {
    /// Optimisers.
    pub enum OptimizerConfig: dyn Optimizer {
        "adamw" => AdamW,
        "sgd" => Sgd,
    }
}
