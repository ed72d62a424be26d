//! `surprisal report`: metrics, figures and report of a finished run, made again; or several compared.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use super::say;
use crate::failure::Failure;
use crate::run_dir::RunDir;

/// Reads the files of a run and writes `metrics.json`, `figures/` and `report.html` again; of several
/// runs, one page that compares them.
pub(crate) fn run(directories: &[PathBuf], out: Option<&Path>) -> Result<ExitCode, Failure> {
    let dirs = directories.iter().map(|d| RunDir::open(d)).collect::<Result<Vec<_>, _>>()?;
    match (dirs.as_slice(), out) {
        ([_], Some(out)) => {
            return Err(Failure::user(
                format!("--out {}: the report of one run is written into its folder", out.display()),
                "leave --out away, or name several runs to compare",
            ));
        }
        ([dir], None) => {
            crate::assembled::report(dir, None)?;
            say(&format!("report: {}", dir.path().join("report.html").display()))?;
        }
        (_, out) => {
            let out = out.unwrap_or(Path::new("comparison.html"));
            surprisal_report::compare(directories, out)?;
            say(&format!("comparison: {}", out.display()))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}
