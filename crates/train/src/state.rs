//! Everything a run needs to go on as if it had never stopped.
//!
//! Random streams are functions of the seed, their purpose and the epoch ([`surprisal_core::rng`]),
//! so the counters below are their state too.

use std::time::Instant;

use candle_core::{Result, Tensor};
use serde::{Deserialize, Serialize};
use surprisal_core::Parameter;

use crate::optimizer::{Method, Optimizer};
use crate::stopping::Best;

/// The counters of a run.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Progress {
    /// Steps taken.
    pub step: u64,
    /// Epochs finished.
    pub epoch: usize,
    /// Batches of the current epoch that are done.
    pub batch: usize,
    /// Evaluations made.
    pub n_evaluations: usize,
    /// The best of them by validation NLL.
    pub best: Option<Best>,
    /// Σ loss · groups over the current epoch.
    pub loss_sum: f64,
    /// Groups seen in the current epoch.
    pub n_seen: usize,
    /// CPU-independent wall seconds spent in steps.
    pub train_seconds: f64,
    /// Wall seconds spent in evaluations.
    pub evaluate_seconds: f64,
    /// Why a minimiser has nothing left to do, once that is so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<Ended>,
    /// Epochs finished before the present stage of a regularisation path.
    #[serde(default)]
    pub stage_start: usize,
}

impl Progress {
    /// One step more, with its loss, on `n` groups.
    pub(crate) fn count(&mut self, loss: f64, n: usize, started: Instant) {
        self.step += 1;
        self.batch += 1;
        self.loss_sum += loss * n as f64;
        self.n_seen += n;
        self.train_seconds += started.elapsed().as_secs_f64();
    }
}

/// Why a minimiser has nothing left to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ended {
    /// The gradient vanishes.
    Converged,
    /// No step lowers the loss.
    Stalled,
}

/// The counters and tensors of a run, beside the weights themselves.
#[derive(Debug, Clone)]
pub struct State {
    /// Counters.
    pub progress: Progress,
    /// The optimiser's memory.
    pub memory: Vec<Tensor>,
    /// The moving average of the weights, where one is kept.
    pub average: Option<Vec<Tensor>>,
    /// The weights of the best evaluation.
    pub best: Option<Vec<Tensor>>,
    /// The finished points of a regularisation path ([`crate::path::points`]).
    pub path: Vec<Tensor>,
}

impl State {
    /// Before the first step.
    pub fn start(parameters: &[Parameter], optimizer: &dyn Optimizer, ema_decay: f64) -> Result<State> {
        let average = (ema_decay > 0.0).then(|| values(parameters)).transpose()?;
        let memory = match optimizer.method() {
            Method::StepRule(rule) => rule.start(parameters)?,
            Method::Minimizer(_) => vec![],
        };
        Ok(State { progress: Progress::default(), memory, average, best: None, path: vec![] })
    }
}

/// Copies of the parameters' values.
pub fn values(parameters: &[Parameter]) -> Result<Vec<Tensor>> {
    parameters.iter().map(|p| p.var.as_detached_tensor().copy()).collect()
}

/// Overwrites the parameters' values.
pub fn set_values(parameters: &[Parameter], values: &[Tensor]) -> Result<()> {
    parameters.iter().zip(values).try_for_each(|(p, value)| p.var.set(value))
}
