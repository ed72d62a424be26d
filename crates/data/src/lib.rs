//! Data on disk: readers and splits that turn files into the records of `surprisal_core`, and the
//! run file that training writes.

pub mod config;
pub mod csv_file;
pub mod csv_series;
pub mod csv_table;
pub mod error;
pub mod extxyz;
mod number;
pub mod run_file;
pub mod source;
pub mod split;

pub use config::DataConfig;
pub use csv_series::CsvSeriesConfig;
pub use csv_table::{CsvConfig, Label, TableSplits, TargetColumns};
pub use error::{DataError, Place};
pub use extxyz::ExtxyzConfig;
pub use split::ValidSplit;
