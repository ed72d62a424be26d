//! What can go wrong between a file and its records.

use std::fmt;
use std::path::{Path, PathBuf};

use surprisal_core::{Blame, Diagnose};

use crate::csv_file::CsvError;
use crate::extxyz::{ExtxyzError, ReferenceEnergyError};
use crate::source::SourceError;
use crate::split::SplitError;

/// What can go wrong between a file and its records.
#[derive(Debug, thiserror::Error)]
pub enum DataError {
    /// The file could not be opened or read.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// The file is not extended XYZ, or lacks what training needs.
    #[error(transparent)]
    Extxyz(#[from] ExtxyzError),
    /// A reference energy of the configuration cannot be used.
    #[error(transparent)]
    ReferenceEnergy(#[from] ReferenceEnergyError),
    /// The file is not a table, or lacks what training needs.
    #[error(transparent)]
    Csv(#[from] CsvError),
    /// The records cannot be cut into the parts asked for.
    #[error(transparent)]
    Split(#[from] SplitError),
}

impl DataError {
    /// The keys that lead from the `[data.…]` table to the setting that it is about, if it is about
    /// one.
    pub fn setting(&self) -> Option<Vec<&str>> {
        match self {
            Self::Source(_) | Self::Extxyz(_) => None,
            Self::ReferenceEnergy(error) => Some(vec!["isolated_atom_energies", &error.element]),
            Self::Csv(error) => error.fault.setting().map(|key| vec![key]),
            Self::Split(error) => Some(error.setting()),
        }
    }

    fn inner(&self) -> &dyn Diagnose {
        match self {
            Self::Source(error) => error,
            Self::Extxyz(error) => error,
            Self::ReferenceEnergy(error) => error,
            Self::Csv(error) => error,
            Self::Split(error) => error,
        }
    }
}

impl Diagnose for DataError {
    fn blame(&self) -> Blame {
        self.inner().blame()
    }

    fn hint(&self) -> Option<String> {
        self.inner().hint()
    }
}

/// A place in a file, printed as `file`, `file:line` or `file:line:column`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The file.
    pub file: PathBuf,
    /// Counted from 1.
    pub line: Option<usize>,
    /// Counted in characters from 1.
    pub column: Option<usize>,
}

impl Place {
    /// The file as a whole.
    pub fn file(file: &Path) -> Self {
        Self { file: file.to_path_buf(), line: None, column: None }
    }

    /// A line, counted from 1.
    pub fn line(file: &Path, line: usize) -> Self {
        Self { line: Some(line), ..Self::file(file) }
    }

    /// The same line at a column, counted from 1.
    pub fn at(self, column: usize) -> Self {
        Self { column: Some(column), ..self }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.file.display())?;
        if let Some(line) = self.line {
            write!(f, ":{line}")?;
        }
        if let Some(column) = self.column {
            write!(f, ":{column}")?;
        }
        Ok(())
    }
}

/// Names as a sentence lists them: `` `a`, `b`, `c` ``.
pub(crate) fn listed<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    names.into_iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}
