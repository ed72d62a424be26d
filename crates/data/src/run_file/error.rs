//! What can go wrong with a run file, with the file and the object inside it.

use std::path::PathBuf;

use surprisal_core::{Blame, Diagnose};

/// A run file that cannot be written or read as asked.
#[derive(Debug, thiserror::Error)]
pub enum RunFileError {
    /// `create` found a file in its place.
    #[error("{} already exists", path.display())]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// There is no such file.
    #[error("{} does not exist", path.display())]
    NotFound {
        /// The file.
        path: PathBuf,
    },
    /// HDF5 refused to create or open the file.
    #[error("{} cannot be opened: {source}", path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// What HDF5 said.
        source: hdf5::Error,
    },
    /// An HDF5 file, but not one of ours.
    #[error("{} is not a run file: its attribute `format` is {found}", path.display())]
    Format {
        /// The file.
        path: PathBuf,
        /// The attribute's value, or `missing`.
        found: String,
    },
    /// A run file of another version of the layout.
    #[error("{} has run-file version {found}, this program knows version {known}", path.display())]
    Version {
        /// The file.
        path: PathBuf,
        /// The file's version.
        found: u32,
        /// The version this program reads and writes.
        known: u32,
    },
    /// A group, dataset or attribute that the file does not have.
    #[error("{} has no `{object}`", path.display())]
    Missing {
        /// The file.
        path: PathBuf,
        /// Path of the object inside the file.
        object: String,
    },
    /// An array whose shape is not the declared one.
    #[error("{}: `{object}` has shape {found:?}, expected {expected:?}", path.display())]
    Shape {
        /// The file.
        path: PathBuf,
        /// Path of the object inside the file.
        object: String,
        /// The declared shape.
        expected: Vec<usize>,
        /// The shape that was found or given.
        found: Vec<usize>,
    },
    /// On a resume: the file holds other groups than the data that were read now.
    #[error("{}: `{object}` differs from the groups of the data", path.display())]
    Groups {
        /// The file.
        path: PathBuf,
        /// Path of the object inside the file.
        object: String,
    },
    /// On a resume: the file has fewer evaluations than are to be kept.
    #[error("{} holds {found} evaluations, {keep} were to be kept", path.display())]
    Evaluations {
        /// The file.
        path: PathBuf,
        /// Evaluations asked for.
        keep: usize,
        /// Complete evaluations found.
        found: usize,
    },
    /// On a resume: the rewritten file could not take the place of the old one.
    #[error("{} cannot be replaced: {source}", path.display())]
    Replace {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A name that cannot stand in the file.
    #[error("the name `{name}` cannot be used for a {family}: {reason}")]
    Name {
        /// The name.
        name: String,
        /// What it names: split, metric, column, parameter, attribute.
        family: &'static str,
        /// Why not.
        reason: &'static str,
    },
    /// An attribute that does not hold what it should.
    #[error("{}: attribute `{object}` cannot be understood: {reason}", path.display())]
    Attribute {
        /// The file.
        path: PathBuf,
        /// The attribute.
        object: String,
        /// What is wrong with it.
        reason: String,
    },
    /// HDF5 failed on one object.
    #[error("{}: cannot {action} `{object}`: {source}", path.display())]
    Hdf5 {
        /// The file.
        path: PathBuf,
        /// Path of the object inside the file.
        object: String,
        /// What was attempted.
        action: &'static str,
        /// What HDF5 said.
        source: hdf5::Error,
    },
}

impl Diagnose for RunFileError {
    fn blame(&self) -> Blame {
        match self {
            Self::Exists { .. }
            | Self::NotFound { .. }
            | Self::Open { .. }
            | Self::Format { .. }
            | Self::Version { .. }
            | Self::Missing { .. }
            | Self::Groups { .. }
            | Self::Evaluations { .. }
            | Self::Name { .. } => Blame::User,
            Self::Shape { .. } | Self::Replace { .. } | Self::Attribute { .. } | Self::Hdf5 { .. } => Blame::Program,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Exists { .. } => Some("choose another folder, or resume the run that is there".into()),
            Self::Open { .. } => Some(
                "the file is locked while a run writes it; if none does, it may be damaged or on a file system \
                 without locks (then set HDF5_USE_FILE_LOCKING=FALSE)"
                    .into(),
            ),
            Self::Version { .. } => Some("read it with the version of the program that wrote it".into()),
            Self::Groups { .. } => Some("a run can only be resumed with the data it was started with".into()),
            Self::Evaluations { .. } => Some("the checkpoint and run.h5 belong to different runs; start again".into()),
            Self::Hdf5 { .. } | Self::Replace { .. } => Some("check that the disk is not full".into()),
            Self::NotFound { .. }
            | Self::Format { .. }
            | Self::Missing { .. }
            | Self::Shape { .. }
            | Self::Name { .. }
            | Self::Attribute { .. } => None,
        }
    }
}
