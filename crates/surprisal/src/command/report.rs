//! `surprisal report`: metrics, figures and report of a finished run, made again.

use std::path::Path;
use std::process::ExitCode;

use super::say;
use crate::failure::Failure;
use crate::run_dir::RunDir;

/// Reads the run's files and writes `metrics.json`, `figures/` and `report.html` again.
pub(crate) fn run(directory: &Path) -> Result<ExitCode, Failure> {
    let dir = RunDir::open(directory)?;
    crate::assembled::report(&dir, None)?;
    say(&format!("report: {}", dir.path().join("report.html").display()))?;
    Ok(ExitCode::SUCCESS)
}
