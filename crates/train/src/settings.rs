//! The `[train]` table.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How long and in what portions to train.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Train {
    /// Passes over the training groups.
    pub epochs: usize,
    /// Groups (rows, trajectories, frames) per step; at least 1.
    pub batch_size: usize,
    /// Groups per shard. Shards run in parallel; results depend on this number and never on the
    /// number of threads. The default is the predictor's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shard_size: Option<usize>,
    /// Decay of the exponential moving average of the weights that is evaluated and kept; 0 turns
    /// it off.
    #[serde(default)]
    pub ema_decay: f64,
    /// Largest 2-norm of a step's gradient; larger ones are scaled down to it (those of an ensemble's
    /// members one by one).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clip_norm: Option<f64>,
    /// Epochs from one evaluation to the next.
    #[serde(default = "one")]
    pub evaluate_every: usize,
    /// At evaluations, the training and test splits are scored on at most this many groups, evenly
    /// spaced; the validation split and the final predictions are always whole.
    #[serde(default = "curve_groups")]
    pub curve_groups: usize,
    /// Stop after this many evaluations without a better validation NLL; never by default. Give it
    /// more room than the onset detector's 3 evaluations where the learning curve is the point.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub patience: Option<usize>,
    /// Which weights the predictions are made with.
    #[serde(default)]
    pub keep: Keep,
    /// Seconds between checkpoints within an epoch; one is also written after every evaluation.
    #[serde(default = "checkpoint_seconds")]
    pub checkpoint_seconds: f64,
    /// Steps between checkpoints, for runs that must be cut at an exact place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checkpoint_steps: Option<u64>,
}

/// Which weights the predictions are made with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Keep {
    /// Those of the evaluation with the lowest validation NLL; the last where nothing is held out.
    #[default]
    Best,
    /// Those at the end.
    Last,
}

fn one() -> usize {
    1
}

fn curve_groups() -> usize {
    100
}

fn checkpoint_seconds() -> f64 {
    60.0
}

impl Train {
    /// The first impossible value, as (key, what is wrong).
    pub fn problem(&self) -> Option<(&'static str, String)> {
        let positive = [
            ("epochs", self.epochs),
            ("batch_size", self.batch_size),
            ("shard_size", self.shard_size.unwrap_or(1)),
            ("evaluate_every", self.evaluate_every),
            ("curve_groups", self.curve_groups),
            ("patience", self.patience.unwrap_or(1)),
            ("checkpoint_steps", self.checkpoint_steps.unwrap_or(1) as usize),
        ];
        if let Some((key, _)) = positive.iter().find(|(_, value)| *value == 0) {
            return Some((key, "must be at least 1, found 0".into()));
        }
        if !(0.0..1.0).contains(&self.ema_decay) {
            return Some(("ema_decay", format!("must be in [0, 1), found {}", self.ema_decay)));
        }
        if self.clip_norm.is_some_and(|c| !(c > 0.0 && c.is_finite())) {
            return Some(("clip_norm", format!("must be positive, found {:?}", self.clip_norm.unwrap_or(f64::NAN))));
        }
        if !(self.checkpoint_seconds > 0.0) {
            return Some(("checkpoint_seconds", format!("must be positive, found {}", self.checkpoint_seconds)));
        }
        None
    }
}
