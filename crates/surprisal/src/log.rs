//! `log.jsonl`: one JSON object a line, as things happen.
//!
//! A killed run has logged more than its last checkpoint knows, and its last line may be half
//! written. A resumed run takes those steps again, so the log is first cut to what the checkpoint
//! knows: each step stands in it once.

use std::fs::{self, File, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use serde_json::Value;
use surprisal_train::TrainError;
use surprisal_train::state::Progress;

use crate::failure::Failure;
use crate::run_dir::write_whole;

/// An open log.
pub(crate) struct Log {
    file: File,
    path: PathBuf,
}

impl Log {
    /// Opens the log of a run that stands at `progress`, without the lines that lie beyond it.
    pub(crate) fn open(path: &Path, progress: &Progress) -> Result<Self, Failure> {
        if path.exists() {
            let text = fs::read(path).map_err(|e| Failure::file(path, "read", &e))?;
            let text = String::from_utf8_lossy(&text);
            let known = known_lines(&text, progress);
            if known.len() < text.len() {
                write_whole(path, known)?;
            }
        }
        let file =
            OpenOptions::new().create(true).append(true).open(path).map_err(|e| Failure::file(path, "write", &e))?;
        Ok(Self { file, path: path.to_path_buf() })
    }

    /// Appends one line.
    pub(crate) fn write(&mut self, event: &Value) -> Result<(), TrainError> {
        // In one call, so that a kill can cut a line but not interleave two.
        let line = format!("{event}\n");
        self.file.write_all(line.as_bytes()).map_err(|source| TrainError::Io { path: self.path.clone(), source })
    }
}

/// The lines in front of the first that is not whole or lies beyond the checkpoint.
fn known_lines<'a>(text: &'a str, progress: &Progress) -> &'a str {
    let mut end = 0;
    for line in text.split_inclusive('\n') {
        let whole = line.ends_with('\n');
        match serde_json::from_str::<Value>(line) {
            Ok(event) if whole && is_known(&event, progress) => end += line.len(),
            _ => break,
        }
    }
    &text[..end]
}

fn is_known(event: &Value, progress: &Progress) -> bool {
    let step_is_taken = event["step"].as_u64().is_none_or(|step| step <= progress.step);
    // A checkpoint may lie between the last step of an epoch and its evaluation.
    let evaluation_is_made = event["evaluation"].as_u64().is_none_or(|i| i < progress.n_evaluations as u64);
    step_is_taken && evaluation_is_made
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINES: [&str; 5] = [
        "{\"event\":\"start\",\"step\":0}\n",
        "{\"event\":\"step\",\"step\":1}\n",
        "{\"event\":\"checkpoint\",\"file\":\"step-000000001.safetensors\"}\n",
        "{\"event\":\"evaluation\",\"evaluation\":0,\"step\":1}\n",
        "{\"event\":\"step\",\"step\":2}\n",
    ];

    fn kept(text: &str, step: u64, n_evaluations: usize) -> usize {
        known_lines(text, &Progress { step, n_evaluations, ..Progress::default() }).lines().count()
    }

    #[test]
    fn lines_beyond_the_checkpoint_go() {
        let text = LINES.concat();
        assert_eq!(kept(&text, 2, 1), 5);
        assert_eq!(kept(&text, 1, 1), 4);
        assert_eq!(kept(&text, 1, 0), 3, "the evaluation will be made again");
        assert_eq!(kept(&text, 0, 0), 1);
    }

    #[test]
    fn a_half_written_line_goes() {
        let text = LINES.concat();
        assert_eq!(kept(&text[..text.len() - 1], 2, 1), 4, "even where only its end is missing");
        assert_eq!(kept(&text[..text.len() - 7], 2, 1), 4);
        assert_eq!(kept(&format!("{text}{{\"event\":\"st"), 9, 1), 5);
    }
}
