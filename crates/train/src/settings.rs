//! The `[train]` table: as written ([`TrainConfig`]), and with everything filled in ([`Train`]).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::optimizer::{Method, Optimizer};

/// Iterations a minimiser may take where the configuration does not say.
const MINIMIZER_EPOCHS: usize = 1000;
/// Evaluations of each weight of a path, at most, where the configuration does not say.
const PATH_EVALUATIONS: usize = 100;

/// How long and in what portions to train.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TrainConfig {
    /// Passes over the training groups; iterations of a minimiser (1000 by default).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub epochs: Option<usize>,
    /// Groups (rows, trajectories, frames) per step; all of them by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub batch_size: Option<usize>,
    /// Groups per shard. Shards run in parallel; results depend on this number and never on the
    /// number of threads. The default is the predictor's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shard_size: Option<usize>,
    /// Decay of the exponential moving average of the weights that is evaluated and kept; 0, the
    /// default, turns it off.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ema_decay: Option<f64>,
    /// Largest 2-norm of a step's gradient; larger ones are scaled down to it (those of an ensemble's
    /// members one by one).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clip_norm: Option<f64>,
    /// Epochs from one evaluation to the next; by default 1, and for a regularisation path such that each
    /// weight has no more than 100.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evaluate_every: Option<usize>,
    /// At evaluations, the training and test splits are scored on at most this many groups, evenly
    /// spaced (100 by default); the validation split and the final predictions are always whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub curve_groups: Option<usize>,
    /// Stop after this many evaluations without a better validation NLL; never by default. Give it
    /// more room than the onset detector's 3 evaluations where the learning curve is the point.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub patience: Option<usize>,
    /// Which weights the predictions are made with; `"best"` by default, for a minimiser `"last"`,
    /// and `"best"` of a regularisation path.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keep: Option<Keep>,
    /// Seconds between checkpoints within an epoch (60 by default); one is also written after every
    /// evaluation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checkpoint_seconds: Option<f64>,
    /// Steps between checkpoints, for runs that must be cut at an exact place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checkpoint_steps: Option<u64>,
}

/// What a [`TrainConfig`] comes to.
#[derive(Debug, Clone)]
pub struct Train {
    /// Passes over the training groups, or iterations.
    pub epochs: usize,
    /// Groups per step; all of them where `None`.
    pub batch_size: Option<usize>,
    /// Groups per shard.
    pub shard_size: Option<usize>,
    /// Decay of the moving average of the weights; 0 where there is none.
    pub ema_decay: f64,
    /// Largest 2-norm of a step's gradient.
    pub clip_norm: Option<f64>,
    /// Epochs from one evaluation to the next.
    pub evaluate_every: usize,
    /// Groups of training and test splits scored at evaluations.
    pub curve_groups: usize,
    /// Evaluations to wait for a better validation NLL.
    pub patience: Option<usize>,
    /// Which weights the predictions are made with.
    pub keep: Keep,
    /// Seconds between checkpoints within an epoch.
    pub checkpoint_seconds: f64,
    /// Steps between checkpoints.
    pub checkpoint_steps: Option<u64>,
}

/// A key of `[train]` and what is wrong with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrainProblem {
    /// The key.
    pub key: &'static str,
    /// What is wrong, to follow the key in a sentence.
    pub problem: String,
    /// What to do about it.
    pub hint: String,
}

/// Which weights the predictions are made with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Keep {
    /// Those of the evaluation with the lowest validation NLL; the last where nothing is held out.
    Best,
    /// Those at the end.
    Last,
}

/// How many weights of one penalty the run goes through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stages {
    /// One.
    Single,
    /// A regularisation path.
    Path,
}

impl TrainConfig {
    /// Everything filled in for an optimiser of this name, or the first thing that is impossible.
    pub fn ready(&self, name: &str, optimizer: &dyn Optimizer, stages: Stages) -> Result<Train, TrainProblem> {
        if let Some(problem) = self.problem() {
            return Err(problem);
        }
        let (epochs, evaluate_every, keep) = match optimizer.method() {
            Method::StepRule(_) => {
                let epochs = self.epochs.ok_or_else(|| TrainProblem {
                    key: "epochs",
                    problem: format!("is missing, and `{name}` does not know by itself when to stop"),
                    hint: "say how long to train, for example `epochs = 100`".into(),
                })?;
                (epochs, 1, Keep::Best)
            }
            Method::Minimizer(_) => {
                let unused =
                    [("ema_decay", self.ema_decay.is_some_and(|d| d > 0.0)), ("clip_norm", self.clip_norm.is_some())];
                if let Some((key, _)) = unused.into_iter().find(|(_, given)| *given) {
                    return Err(TrainProblem {
                        key,
                        problem: format!(
                            "has no meaning for `{name}`, which searches for a minimum of the whole training loss"
                        ),
                        hint: "leave it out, or use `adamw` or `sgd`".into(),
                    });
                }
                let epochs = self.epochs.unwrap_or(MINIMIZER_EPOCHS);
                match stages {
                    Stages::Single => (epochs, 1, Keep::Last),
                    Stages::Path => (epochs, epochs.div_ceil(PATH_EVALUATIONS), Keep::Best),
                }
            }
        };
        Ok(Train {
            epochs,
            batch_size: self.batch_size,
            shard_size: self.shard_size,
            ema_decay: self.ema_decay.unwrap_or(0.0),
            clip_norm: self.clip_norm,
            evaluate_every: self.evaluate_every.unwrap_or(evaluate_every),
            curve_groups: self.curve_groups.unwrap_or(100),
            patience: self.patience,
            keep: self.keep.unwrap_or(keep),
            checkpoint_seconds: self.checkpoint_seconds.unwrap_or(60.0),
            checkpoint_steps: self.checkpoint_steps,
        })
    }

    /// The first value that nothing can make sense of.
    fn problem(&self) -> Option<TrainProblem> {
        let described =
            |key, problem| TrainProblem { key, problem, hint: "`surprisal schema` describes every key".into() };
        let positive = [
            ("epochs", self.epochs),
            ("batch_size", self.batch_size),
            ("shard_size", self.shard_size),
            ("evaluate_every", self.evaluate_every),
            ("curve_groups", self.curve_groups),
            ("patience", self.patience),
            ("checkpoint_steps", self.checkpoint_steps.map(|n| n as usize)),
        ];
        if let Some((key, _)) = positive.iter().find(|(_, value)| *value == Some(0)) {
            return Some(described(key, "must be at least 1, found 0".into()));
        }
        let numbers = [
            ("ema_decay", self.ema_decay.filter(|d| !(0.0..1.0).contains(d)), "in [0, 1)"),
            ("clip_norm", self.clip_norm.filter(|c| !(*c > 0.0 && c.is_finite())), "positive"),
            ("checkpoint_seconds", self.checkpoint_seconds.filter(|s| !(*s > 0.0)), "positive"),
        ];
        let (key, value, domain) = numbers.into_iter().find_map(|(key, value, domain)| Some((key, value?, domain)))?;
        Some(described(key, format!("must be {domain}, found {value}")))
    }
}

/// Written out, so that a resolved configuration says everything.
impl From<&Train> for TrainConfig {
    fn from(train: &Train) -> Self {
        Self {
            epochs: Some(train.epochs),
            batch_size: train.batch_size,
            shard_size: train.shard_size,
            ema_decay: Some(train.ema_decay),
            clip_norm: train.clip_norm,
            evaluate_every: Some(train.evaluate_every),
            curve_groups: Some(train.curve_groups),
            patience: train.patience,
            keep: Some(train.keep),
            checkpoint_seconds: Some(train.checkpoint_seconds),
            checkpoint_steps: train.checkpoint_steps,
        }
    }
}
