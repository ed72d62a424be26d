//! A folder of its own for each test, with a small experiment in it, and the binary to run there.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;

/// A small experiment on four columns of numbers.
pub(crate) const EXPERIMENT: &str = r#"name = "small"
seed = 3

[data.csv]
path = "table.csv"
inputs = ["a", "b"]
target = "y"
valid_fraction = 0.25
test_fraction = 0.25

[model.mlp]
hidden = [8]

[likelihood.gaussian]

[[penalty]]
l2 = { weight = 1e-4 }

[optimizer.adamw]
learning_rate = 1e-2

[schedule.cosine]
warmup_steps = 5

[train]
epochs = 6
batch_size = 16
ema_decay = 0.9
"#;

pub(crate) struct Place {
    folder: TempDir,
}

impl Place {
    /// A folder with `experiment.toml` and `table.csv`.
    pub(crate) fn new() -> Self {
        let place = Self { folder: tempfile::tempdir().unwrap() };
        place.write("experiment.toml", EXPERIMENT);
        place.write("table.csv", &table(80));
        place
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, content: &str) {
        std::fs::write(self.path(name), content).unwrap();
    }

    pub(crate) fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap()
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_surprisal"));
        command.args(arguments).current_dir(self.folder.path());
        command
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    /// Runs and insists on success; returns standard output.
    pub(crate) fn succeed(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    /// Runs, insists on failure, and returns what a person reads, with the exit code in front.
    pub(crate) fn fail(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        let text = String::from_utf8(output.stderr).unwrap();
        assert!(!output.status.success(), "{arguments:?} succeeded");
        let folder = self.folder.path().canonicalize().unwrap();
        let text = text.replace(&*folder.to_string_lossy(), "<folder>");
        format!("exit {}\n{text}", output.status.code().unwrap_or(-1))
    }

    /// Names of everything in the folder.
    pub(crate) fn names(&self) -> Vec<String> {
        let mut names: Vec<String> = std::fs::read_dir(self.folder.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
            .collect();
        names.sort();
        names
    }
}

/// y = a − b/2 with a pattern for noise.
pub(crate) fn table(rows: usize) -> String {
    let mut text = String::from("a,b,y\n");
    for i in 0..rows {
        let a = (i as f64 * 0.37).sin();
        let b = (i as f64 * 0.91).cos();
        let y = a - 0.5 * b + 0.1 * (i as f64 * 12.9898).sin();
        text.push_str(&format!("{a:.6},{b:.6},{y:.6}\n"));
    }
    text
}

/// The project's folder.
pub(crate) fn project() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}
