//! What can go wrong while fitting.

use std::path::PathBuf;

use surprisal_atoms::AtomsError;
use surprisal_core::{Blame, Diagnose};
use surprisal_objective::ObjectiveError;
use surprisal_ode::{EquationError, OdeError};

/// What can go wrong while fitting.
#[derive(Debug, thiserror::Error)]
pub enum TrainError {
    /// A loss or gradient that is not a number.
    #[error("the {what} became {value} at step {step} (epoch {epoch}), batch: {}{kept}", named(groups))]
    NotFinite {
        /// Loss or gradient norm.
        what: &'static str,
        /// NaN or ±inf.
        value: f64,
        /// Step, counted from 1.
        step: u64,
        /// Epoch, counted from 1.
        epoch: usize,
        /// The groups of the batch, each in words; a message shows the first of them, `log.jsonl` all.
        groups: Vec<String>,
        /// The last good checkpoint, in words.
        kept: String,
    },
    /// A checkpoint that cannot be used.
    #[error("checkpoint {}: {reason}", path.display())]
    Checkpoint {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A file that cannot be written or read.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// Records that do not fit the predictor.
    #[error("{message}")]
    Unfit {
        /// What does not fit.
        message: String,
        /// What to do about it.
        hint: String,
    },
    /// A penalty that looks at a time at which a trajectory has not started.
    #[error("trajectory `{trajectory}` does not start before `{setting} = {time}`")]
    TooEarly {
        /// The trajectory's name in the data.
        trajectory: String,
        /// The penalty's setting.
        setting: &'static str,
        /// Its value.
        time: f64,
    },
    /// An observer (the run file, the log) failed.
    #[error("{0}")]
    Observer(Box<dyn Diagnose + Send + Sync>),
    /// The force model failed.
    #[error(transparent)]
    Atoms(#[from] AtomsError),
    /// The solver failed.
    #[error("trajectory `{trajectory}`: {source}")]
    Ode {
        /// The trajectory's name in the data.
        trajectory: String,
        /// What the solver said.
        source: OdeError,
    },
    /// The device of the solver failed.
    #[error(transparent)]
    Device(OdeError),
    /// A mistake in a system of equations.
    #[error(transparent)]
    Equations(Box<EquationError>),
    /// The objective failed.
    #[error(transparent)]
    Objective(#[from] ObjectiveError),
    /// A tensor operation failed.
    #[error("tensor operation: {0}")]
    Tensor(#[from] candle_core::Error),
}

/// Most groups that a message names.
const NAMED: usize = 32;

fn named(groups: &[String]) -> String {
    let shown = groups[..groups.len().min(NAMED)].join(", ");
    if groups.len() <= NAMED {
        return shown;
    }
    format!("{shown}, … ({} in all; all are listed in log.jsonl)", groups.len())
}

impl Diagnose for TrainError {
    fn blame(&self) -> Blame {
        match self {
            Self::NotFinite { .. }
            | Self::Checkpoint { .. }
            | Self::Unfit { .. }
            | Self::TooEarly { .. }
            | Self::Ode { .. } => Blame::User,
            Self::Io { .. } | Self::Tensor(_) => Blame::Program,
            Self::Device(e) => e.blame(),
            Self::Equations(e) => e.blame(),
            Self::Observer(e) => e.blame(),
            Self::Atoms(e) => e.blame(),
            Self::Objective(e) => e.blame(),
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::NotFinite { .. } => {
                Some("lower `learning_rate`, set `train.clip_norm`, or look at the named groups for wrong data".into())
            }
            Self::Checkpoint { .. } => {
                Some("remove the damaged file to resume from the one before it, or start a new run".into())
            }
            Self::Unfit { hint, .. } => Some(hint.clone()),
            Self::TooEarly { .. } => {
                Some("choose a later time: it is one of the data's, and lies in every trajectory's future".into())
            }
            Self::Ode { source, .. } | Self::Device(source) => source.hint(),
            Self::Equations(e) => e.hint(),
            Self::Observer(e) => e.hint(),
            Self::Atoms(e) => e.hint(),
            Self::Objective(e) => e.hint(),
            Self::Io { .. } | Self::Tensor(_) => None,
        }
    }
}
