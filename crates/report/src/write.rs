//! The files of a report, each written beside its place and then renamed into it.

use std::path::Path;

use serde_json::Value;

use crate::figure::{FIGURES, files};
use crate::html::{self, Shown};
use crate::{Metrics, ReportError, RunData, load};

/// What a report states beside the run file.
#[derive(Debug, Clone, Default)]
pub struct ReportInputs {
    /// Times of the run, taken over into `metrics.json`.
    pub timing: Value,
    /// The resolved configuration.
    pub config_toml: String,
    /// Versions, host, command: JSON.
    pub provenance: String,
}

/// Reads `run.h5` in `run_dir` and writes `metrics.json`, `figures/` and `report.html` there.
pub fn write(run_dir: &Path, inputs: &ReportInputs) -> Result<Metrics, ReportError> {
    write_run(run_dir, &load(&run_dir.join("run.h5"))?, inputs)
}

/// Reads `run.h5` in `run_dir` and writes `metrics.json` alone.
pub fn write_metrics(run_dir: &Path, timing: Value) -> Result<Metrics, ReportError> {
    let metrics = Metrics::of(&load(&run_dir.join("run.h5"))?, timing);
    replace_metrics(run_dir, &metrics)?;
    Ok(metrics)
}

/// [`write()`] for a run that was read already.
pub fn write_run(run_dir: &Path, run: &RunData, inputs: &ReportInputs) -> Result<Metrics, ReportError> {
    let metrics = Metrics::of(run, inputs.timing.clone());
    replace_metrics(run_dir, &metrics)?;

    let folder = run_dir.join("figures");
    std::fs::create_dir_all(&folder).map_err(|source| ReportError::Write { path: folder.clone(), source })?;
    let mut shown = vec![];
    for figure in FIGURES {
        // A figure of an earlier report that this run has no data for would be a lie.
        let Some(drawing) = figure.draw(run) else {
            for ending in ["svg", "png", "csv"] {
                remove(&folder.join(figure.name()).with_extension(ending))?;
            }
            continue;
        };
        let files =
            files(&drawing, figure.title()).map_err(|source| ReportError::Figure { figure: figure.name(), source })?;
        for (ending, bytes) in files {
            replace(&folder.join(figure.name()).with_extension(ending), &bytes)?;
        }
        shown.push(Shown { title: figure.title(), caption: figure.caption(run), drawing });
    }
    replace(&run_dir.join("report.html"), html::page(run, &metrics, &shown, inputs).as_bytes())?;
    Ok(metrics)
}

fn replace_metrics(run_dir: &Path, metrics: &Metrics) -> Result<(), ReportError> {
    replace(&run_dir.join("metrics.json"), format!("{:#}\n", metrics.value()).as_bytes())
}

/// Writes a file beside its place and renames it there.
pub(crate) fn replace(path: &Path, bytes: &[u8]) -> Result<(), ReportError> {
    let failed = |source| ReportError::Write { path: path.to_owned(), source };
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".new");
    let beside = path.with_file_name(name);
    std::fs::write(&beside, bytes).map_err(failed)?;
    std::fs::rename(&beside, path).map_err(failed)
}

fn remove(path: &Path) -> Result<(), ReportError> {
    match std::fs::remove_file(path) {
        Err(source) if source.kind() != std::io::ErrorKind::NotFound => {
            Err(ReportError::Write { path: path.to_owned(), source })
        }
        _ => Ok(()),
    }
}
