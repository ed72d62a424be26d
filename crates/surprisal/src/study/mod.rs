//! Studies: folders of configurations with what their runs should give again.

pub(crate) mod data;
pub(crate) mod expected;
pub(crate) mod outcome;
pub(crate) mod quantity;

use std::path::{Path, PathBuf};

use surprisal_core::closest;

use self::expected::Expected;
use crate::failure::Failure;

/// Where studies are looked for by name.
const FOLDER: &str = "experiments";
/// What makes a folder a study.
const EXPECTED: &str = "expected.toml";

/// A study's folder.
#[derive(Debug, Clone)]
pub(crate) struct Study {
    /// The folder's own name.
    pub(crate) name: String,
    pub(crate) folder: PathBuf,
}

impl Study {
    /// The folder given, or the one of that name in `experiments/`.
    pub(crate) fn find(given: &Path) -> Result<Self, Failure> {
        let named = Path::new(FOLDER).join(given);
        let Some(folder) = [given, &named].into_iter().find(|folder| folder.join(EXPECTED).is_file()) else {
            let wanted = given.file_name().unwrap_or(given.as_os_str()).to_string_lossy().into_owned();
            let studies = studies();
            let hint = match closest(&wanted, studies.iter().map(String::as_str)) {
                Some(name) => format!("did you mean `{name}`?"),
                None if studies.is_empty() => {
                    "name a folder with an expected.toml, or start in the project's folder".into()
                }
                None => format!("{FOLDER}/ has {}", studies.join(", ")),
            };
            return Err(Failure::user(format!("{} is no study: it has no {EXPECTED}", given.display()), hint));
        };
        let absolute = folder.canonicalize().map_err(|e| Failure::file(folder, "open", &e))?;
        let name = absolute.file_name().unwrap_or_default().to_string_lossy().into_owned();
        Ok(Self { name, folder: folder.to_path_buf() })
    }

    /// What its runs should give.
    pub(crate) fn expected(&self) -> Result<Expected, Failure> {
        Expected::read(&self.folder.join(EXPECTED))
    }
}

/// The studies of the project in whose folder the program was started.
pub(crate) fn studies() -> Vec<String> {
    let entries = std::fs::read_dir(FOLDER).into_iter().flatten().flatten();
    let mut names: Vec<String> = entries
        .filter(|entry| entry.path().join(EXPECTED).is_file())
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}
