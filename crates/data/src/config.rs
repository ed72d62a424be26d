//! The `[data.…]` table of a configuration.

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
}
