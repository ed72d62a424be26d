//! The `[data.…]` table of a configuration.

use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::csv_series::CsvSeriesConfig;
use crate::csv_table::CsvConfig;
use crate::error::DataError;
use crate::extxyz::ExtxyzConfig;

/// Where the data comes from. The kinds differ in the records they load, so each has a `load` of its
/// own.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub enum DataConfig {
    /// Frames of atoms in extended XYZ files.
    #[serde(rename = "extxyz")]
    Extxyz(ExtxyzConfig),
    /// Rows of a CSV file.
    #[serde(rename = "csv")]
    Csv(CsvConfig),
    /// Trajectories in a CSV file.
    #[serde(rename = "csv_series")]
    CsvSeries(CsvSeriesConfig),
}

impl DataConfig {
    /// Every name.
    pub const NAMES: &'static [&'static str] = &["extxyz", "csv", "csv_series"];

    /// The name of this entry in a configuration.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Extxyz(_) => "extxyz",
            Self::Csv(_) => "csv",
            Self::CsvSeries(_) => "csv_series",
        }
    }

    /// Whether every value is possible, as far as it can be told without the files.
    pub fn check(&self) -> Result<(), DataError> {
        match self {
            Self::Extxyz(config) => config.check(),
            Self::Csv(config) => config.check(),
            Self::CsvSeries(config) => config.check(),
        }
    }

    /// Whether anything is held out for validation.
    pub fn holds_out(&self) -> bool {
        match self {
            Self::Extxyz(config) => config.valid.is_some() || config.valid_fraction > 0.0,
            Self::Csv(config) => config.valid_fraction > 0.0,
            Self::CsvSeries(config) => config.valid_fraction > 0.0,
        }
    }

    /// Every file that will be read, relative paths resolved against `root`.
    pub fn files(&self, root: &Path) -> Vec<PathBuf> {
        self.named_files().into_iter().map(|(_, path)| root.join(path)).collect()
    }

    /// Every file that will be read, as it is written, with the keys that lead to it.
    pub fn named_files(&self) -> Vec<(Vec<&str>, &Path)> {
        fn optional<'a>(key: &'static str, path: &'a Option<PathBuf>) -> Option<(Vec<&'a str>, &'a Path)> {
            path.as_deref().map(|path| (vec![key], path))
        }
        match self {
            Self::Extxyz(config) => {
                let test = config.test.iter().map(|(name, path)| (vec!["test", name], path.as_path()));
                std::iter::once((vec!["train"], config.train.as_path()))
                    .chain(optional("valid", &config.valid))
                    .chain(test)
                    .chain(optional("isolated_atoms", &config.isolated_atoms))
                    .collect()
            }
            Self::Csv(config) => std::iter::once((vec!["path"], config.path.as_path()))
                .chain(optional("splits", &config.splits))
                .collect(),
            Self::CsvSeries(config) => vec![(vec!["path"], config.path.as_path())],
        }
    }
}
