//! The folder of one run.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use crate::failure::Failure;

/// The folder of one run and the names of what it holds.
#[derive(Debug, Clone)]
pub(crate) struct RunDir {
    path: PathBuf,
}

impl RunDir {
    /// A new folder: `out`, which must not exist, or `results/<name>-<UTC time>`, with a number
    /// behind it where another run of the same second was first.
    pub(crate) fn create(out: Option<&Path>, name: &str) -> Result<Self, Failure> {
        let path = new_folder(out, name)?;
        let dir = Self { path };
        let checkpoints = dir.checkpoints();
        fs::create_dir(&checkpoints).map_err(|e| Failure::file(&checkpoints, "create", &e))?;
        Ok(dir)
    }

    /// The folder of an earlier run.
    pub(crate) fn open(path: &Path) -> Result<Self, Failure> {
        let dir = Self { path: path.to_path_buf() };
        if !dir.config().is_file() {
            return Err(Failure::user(
                format!("{} is no run folder: it has no config.toml", path.display()),
                "name the folder that `surprisal run` printed",
            ));
        }
        Ok(dir)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn config(&self) -> PathBuf {
        self.path.join("config.toml")
    }

    pub(crate) fn provenance(&self) -> PathBuf {
        self.path.join("provenance.json")
    }

    pub(crate) fn run_file(&self) -> PathBuf {
        self.path.join("run.h5")
    }

    pub(crate) fn log(&self) -> PathBuf {
        self.path.join("log.jsonl")
    }

    pub(crate) fn checkpoints(&self) -> PathBuf {
        self.path.join("checkpoints")
    }

    pub(crate) fn weights(&self) -> PathBuf {
        self.path.join("model.safetensors")
    }
}

/// `out`, which must not exist, or `results/<name>-<UTC time>`, with a number behind it where another of
/// the same second was first.
pub(crate) fn new_folder(out: Option<&Path>, name: &str) -> Result<PathBuf, Failure> {
    match out {
        Some(out) => {
            if let Some(parent) = out.parent().filter(|p| !p.as_os_str().is_empty()) {
                fs::create_dir_all(parent).map_err(|e| Failure::file(parent, "create", &e))?;
            }
            fs::create_dir(out).map_err(|e| match e.kind() {
                ErrorKind::AlreadyExists => Failure::user(
                    format!("{} exists already", out.display()),
                    "choose another --out, or add --resume to go on with the run in it",
                ),
                _ => Failure::file(out, "create", &e),
            })?;
            Ok(out.to_path_buf())
        }
        None => fresh(Path::new("results"), name),
    }
}

fn fresh(parent: &Path, name: &str) -> Result<PathBuf, Failure> {
    fs::create_dir_all(parent).map_err(|e| Failure::file(parent, "create", &e))?;
    let stamp = humantime::format_rfc3339_seconds(SystemTime::now())
        .to_string()
        .replace(['-', ':'], "")
        .replace(['T', 'Z'], "-");
    let stem = format!("{name}-{}", stamp.trim_end_matches('-'));
    for attempt in 1.. {
        let path = parent.join(if attempt == 1 { stem.clone() } else { format!("{stem}-{attempt}") });
        // create_dir fails where the folder exists: two launches can never share one.
        match fs::create_dir(&path) {
            Ok(()) => return Ok(path),
            Err(e) if e.kind() == ErrorKind::AlreadyExists => {}
            Err(e) => return Err(Failure::file(&path, "create", &e)),
        }
    }
    Err(Failure::program("no free folder name"))
}

/// Writes a file whole or not at all.
pub(crate) fn write_whole(path: &Path, content: &str) -> Result<(), Failure> {
    let temporary = path.with_extension("partial");
    fs::write(&temporary, content)
        .and_then(|()| fs::rename(&temporary, path))
        .map_err(|e| Failure::file(path, "write", &e))
}
