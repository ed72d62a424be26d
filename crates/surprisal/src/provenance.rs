//! Where the numbers of a run come from: code, machine, command, data.

use std::path::Path;
use std::process::Command;
use std::time::SystemTime;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::failure::Failure;

/// Longest git diff that is kept, in bytes.
const LONGEST_DIFF: usize = 1 << 20;

/// Everything known before the run computes anything.
pub(crate) fn collect(config: &Path, seed: u64, data: &[std::path::PathBuf]) -> Result<Value, Failure> {
    let folder = config.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let files = digests(data)?;
    let diff = git(folder, &["diff", "HEAD"]).filter(|d| !d.is_empty() && d.len() <= LONGEST_DIFF);
    Ok(json!({
        "started": humantime::format_rfc3339_seconds(SystemTime::now()).to_string(),
        "command": std::env::args().collect::<Vec<_>>(),
        "seed": seed,
        "versions": versions(),
        "git": {"commit": git(folder, &["rev-parse", "HEAD"]), "diff": diff},
        "host": host(),
        "data": files,
    }))
}

/// Path, size and SHA-256 of each file.
pub(crate) fn digests(data: &[std::path::PathBuf]) -> Result<Vec<Value>, Failure> {
    data.iter()
        .map(|path| {
            let content = std::fs::read(path).map_err(|e| Failure::file(path, "read", &e))?;
            let sum: String = Sha256::digest(&content).iter().map(|b| format!("{b:02x}")).collect();
            Ok(json!({"path": path, "bytes": content.len(), "sha256": sum}))
        })
        .collect()
}

/// Versions of the program and what it is built on.
pub(crate) fn versions() -> Value {
    json!({
        "surprisal": env!("CARGO_PKG_VERSION"),
        "build": if cfg!(debug_assertions) { "debug" } else { "release" },
        "cuda": cfg!(feature = "cuda"),
        "hdf5": surprisal_data::run_file::hdf5_version(),
    })
}

/// The machine's name, processor and threads.
pub(crate) fn host() -> Value {
    let first_line = |path: &str, key: &str| {
        let text = std::fs::read_to_string(path).ok()?;
        text.lines().find(|l| l.starts_with(key)).map(|l| l.rsplit(':').next().unwrap_or(l).trim().to_string())
    };
    json!({
        "name": first_line("/proc/sys/kernel/hostname", ""),
        "system": std::env::consts::OS,
        "architecture": std::env::consts::ARCH,
        "processor": first_line("/proc/cpuinfo", "model name"),
        "memory": first_line("/proc/meminfo", "MemTotal"),
        "threads": rayon::current_num_threads(),
    })
}

fn git(folder: &Path, arguments: &[&str]) -> Option<String> {
    let output = Command::new("git").arg("-C").arg(folder).args(arguments).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim_end().to_string())
}
