//! What can go wrong while a report is made.

use std::path::PathBuf;

use surprisal_core::{Blame, Diagnose};
use surprisal_data::run_file::RunFileError;
use surprisal_objective::likelihood::Kind;

use crate::figure::bitmap::BitmapError;

/// A report that cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// The run file cannot be read.
    #[error(transparent)]
    RunFile {
        /// What is wrong with it.
        #[from]
        source: RunFileError,
    },
    /// An attribute of the run file that this version does not understand.
    #[error("{}: attribute `{attribute}` cannot be understood: {reason}", path.display())]
    Attribute {
        /// The run file.
        path: PathBuf,
        /// The attribute.
        attribute: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// Predictions whose shape is not that of their target.
    #[error("{}: `{column}` of split `{split}` holds {found} numbers, expected {expected}", path.display())]
    Shape {
        /// The run file.
        path: PathBuf,
        /// The split.
        split: String,
        /// The column.
        column: String,
        /// Numbers it should hold.
        expected: usize,
        /// Numbers it holds.
        found: usize,
    },
    /// A figure that cannot be drawn.
    #[error("figure `{figure}`: {source}")]
    Figure {
        /// Name of the figure.
        figure: &'static str,
        /// What went wrong.
        source: BitmapError,
    },
    /// Runs that predict different kinds of things.
    #[error(
        "{first} and {second} cannot be compared: the targets of the one are of kind `{first_kind:?}`, of the other \
         `{second_kind:?}`"
    )]
    Incomparable {
        /// A run.
        first: String,
        /// What it predicts.
        first_kind: Kind,
        /// Another.
        second: String,
        /// What that predicts.
        second_kind: Kind,
    },
    /// A file of the report that cannot be written.
    #[error("cannot write {}: {source}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
}

impl Diagnose for ReportError {
    fn blame(&self) -> Blame {
        match self {
            Self::RunFile { source } => source.blame(),
            Self::Attribute { .. } | Self::Incomparable { .. } => Blame::User,
            Self::Shape { .. } | Self::Figure { .. } | Self::Write { .. } => Blame::Program,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::RunFile { source } => source.hint(),
            Self::Attribute { .. } => Some("make the report with the version of the program that wrote the run".into()),
            Self::Incomparable { .. } => Some("compare runs whose likelihoods are of one kind".into()),
            Self::Write { .. } => Some("check that the folder may be written to and the disk is not full".into()),
            Self::Shape { .. } | Self::Figure { .. } => None,
        }
    }
}
