//! Another reader than ours: h5py, without plugins.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::example;

/// `$SURPRISAL_PYTHON`, else the `.venv` that `scripts/setup` makes.
fn python() -> Option<PathBuf> {
    if let Some(python) = std::env::var_os("SURPRISAL_PYTHON") {
        return Some(python.into());
    }
    let python = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../.venv/bin/python");
    python.exists().then_some(python)
}

#[test]
#[allow(clippy::print_stderr)] // a skipped test must be seen to be skipped
fn h5py_reads_every_dataset() {
    let Some(python) = python() else {
        assert!(std::env::var_os("CI").is_none(), "no Python with h5py: run scripts/setup");
        eprintln!("SKIPPED: no Python with h5py; scripts/setup makes one, or set SURPRISAL_PYTHON");
        return;
    };
    let _turn = crate::one_at_a_time();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run.h5");
    example::write_complete(&path).unwrap();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/run_file_processes/read_with_h5py.py");
    let output = Command::new(&python).arg(script).arg(&path).output().unwrap();
    assert!(
        output.status.success(),
        "{}\n{}{}",
        python.display(),
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}
