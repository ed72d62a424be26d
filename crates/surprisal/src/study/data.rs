//! `data.toml`: files of a study that the project does not ship.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::Study;
use crate::failure::Failure;
use crate::source::{self, Manual, located_in};

const MANUAL: Manual = Manual {
    keys: "experiments/counts/data.toml shows every key",
    names: "experiments/counts/data.toml shows every name",
};

/// What the project may not ship; `scripts/get_data` reads the rest of the file.
#[derive(Debug, Clone, Default, Deserialize)]
pub(crate) struct Shipping {
    /// Where the files come from.
    #[serde(default)]
    origin: String,
    #[serde(default)]
    file: Vec<File>,
}

#[derive(Debug, Clone, Deserialize)]
struct File {
    name: PathBuf,
}

/// A configuration's files, as far as they come with the study's `data.toml`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Needs {
    /// None of them.
    Nothing,
    /// Some, and they are there.
    Present,
    /// Some that are not there.
    Missing(Vec<PathBuf>),
}

impl Shipping {
    /// Reads the study's `data.toml`; a study without it needs nothing.
    pub(crate) fn read(study: &Study) -> Result<Self, Failure> {
        let path = study.folder.join("data.toml");
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(e) => return Err(Failure::file(&path, "read", &e)),
        };
        toml::from_str(&text)
            .map_err(|e| located_in(&path.display().to_string(), &text, e.span(), e.message(), &MANUAL))
    }

    /// Whether the study has none of its own.
    pub(crate) fn is_empty(&self) -> bool {
        self.file.is_empty()
    }

    /// Which of the files a run reads come from elsewhere, and whether they are there.
    pub(crate) fn needs(&self, config: &Path, overrides: &[String]) -> Result<Needs, Failure> {
        if self.is_empty() {
            return Ok(Needs::Nothing);
        }
        let (experiment, root) = source::experiment_and_root(config, overrides)?;
        let named = experiment.data.named_files();
        let ours: Vec<&Path> =
            named.into_iter().map(|(_, file)| file).filter(|file| self.file.iter().any(|f| f.name == *file)).collect();
        if ours.is_empty() {
            return Ok(Needs::Nothing);
        }
        let missing: Vec<PathBuf> = ours.into_iter().map(|file| root.join(file)).filter(|f| !f.is_file()).collect();
        Ok(if missing.is_empty() { Needs::Present } else { Needs::Missing(missing) })
    }

    /// What to say where files are missing.
    pub(crate) fn refusal(&self, study: &Study, run: &str, missing: &[PathBuf]) -> Failure {
        let files: Vec<String> = missing.iter().map(|file| file.display().to_string()).collect();
        Failure::user(
            format!("run `{run}` needs data that the project does not ship: {}", files.join(", ")),
            format!(
                "`scripts/get_data {}` says where it comes from ({}) and, with --from DIR, brings it; or name the \
                 folder that has it: --set data_root=DIR",
                study.name, self.origin
            ),
        )
    }
}
