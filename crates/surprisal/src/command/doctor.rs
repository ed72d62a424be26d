//! `surprisal doctor`: what this build and machine can do.

use std::process::ExitCode;

use serde_json::Value;
use surprisal_data::run_file::{Layout, Writer};

use super::say;
use crate::failure::Failure;
use crate::provenance;

/// Prints versions and machine, and tries what a run needs: writing an HDF5 file and a figure's font.
pub(crate) fn run() -> Result<ExitCode, Failure> {
    for (title, facts) in [("build", provenance::versions()), ("machine", provenance::host())] {
        say(title)?;
        for (key, value) in facts.as_object().into_iter().flatten() {
            let value = match value {
                Value::String(text) => text.clone(),
                other => other.to_string(),
            };
            say(&format!("  {key:<13} {value}"))?;
        }
    }
    say("checks")?;
    let mut healthy = true;
    for (name, outcome) in [("HDF5 write", try_hdf5()), ("results/", try_writable()), ("CUDA", try_cuda())] {
        match outcome {
            Ok(note) => say(&format!("  {name:<13} ok{note}"))?,
            Err(problem) => {
                healthy = false;
                say(&format!("  {name:<13} FAILED: {problem}"))?;
            }
        }
    }
    Ok(if healthy { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

fn try_hdf5() -> Result<&'static str, String> {
    let folder = tempfile::tempdir().map_err(|e| e.to_string())?;
    let layout = Layout {
        name: "doctor".into(),
        seed: 0,
        attributes: vec![],
        splits: vec![],
        parameters: vec![],
        solution: Default::default(),
    };
    Writer::create(&folder.path().join("probe.h5"), &layout).map(|_| "").map_err(|e| e.to_string())
}

fn try_writable() -> Result<&'static str, String> {
    let place = if std::path::Path::new("results").is_dir() { "results" } else { "." };
    tempfile::tempfile_in(place).map(|_| "").map_err(|e| format!("cannot write into {place}: {e}"))
}

fn try_cuda() -> Result<&'static str, String> {
    if !cfg!(feature = "cuda") {
        return Ok(" (built without; `--features cuda` adds it)");
    }
    candle_core::Device::new_cuda(0).map(|_| "").map_err(|e| e.to_string())
}
