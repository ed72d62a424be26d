//! The `[data.…]` table of a configuration.

use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::csv_series::CsvSeriesConfig;
use crate::csv_table::CsvConfig;
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

    /// Every file that will be read, relative paths resolved against `root`.
    pub fn files(&self, root: &Path) -> Vec<PathBuf> {
        let named: Vec<&PathBuf> = match self {
            Self::Extxyz(config) => {
                let test = config.test.values();
                std::iter::once(&config.train).chain(&config.valid).chain(test).chain(&config.isolated_atoms).collect()
            }
            Self::Csv(config) => std::iter::once(&config.path).chain(&config.splits).collect(),
            Self::CsvSeries(config) => vec![&config.path],
        };
        named.into_iter().map(|path| root.join(path)).collect()
    }
}
