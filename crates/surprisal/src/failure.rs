//! What the command line says when something goes wrong, and its exit code.

use std::fmt;
use std::path::Path;
use std::process::ExitCode;

use surprisal_core::{Blame, Diagnose};

/// An error for a person: one paragraph, a hint, an exit code.
#[derive(Debug)]
pub(crate) struct Failure {
    message: String,
    hint: Option<String>,
    blame: Blame,
}

impl Failure {
    /// The user's mistake.
    pub(crate) fn user(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { message: message.into(), hint: Some(hint.into()), blame: Blame::User }
    }

    /// The program's or the machine's failure.
    pub(crate) fn program(message: impl Into<String>) -> Self {
        Self { message: message.into(), hint: None, blame: Blame::Program }
    }

    /// A file that could not be read or written.
    pub(crate) fn file(path: &Path, action: &str, error: &std::io::Error) -> Self {
        let message = format!("cannot {action} {}: {error}", path.display());
        match error.kind() {
            std::io::ErrorKind::NotFound | std::io::ErrorKind::PermissionDenied => {
                Self::user(message, "check the path and its permissions")
            }
            _ => Self::program(message),
        }
    }

    /// The same with its place in front.
    pub(crate) fn at(self, place: &str) -> Self {
        Self { message: format!("{place}: {}", self.message), ..self }
    }

    /// 2 for the user's mistakes, 1 for ours.
    pub(crate) fn exit_code(&self) -> ExitCode {
        match self.blame {
            Blame::User => ExitCode::from(2),
            Blame::Program => ExitCode::from(1),
        }
    }

    /// The message alone, to tell whether two failures are the same.
    pub(crate) fn message(&self) -> &str {
        &self.message
    }
}

impl<E: Diagnose> From<E> for Failure {
    fn from(error: E) -> Self {
        Self { message: error.to_string(), hint: error.hint(), blame: error.blame() }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "error: {}", self.message)?;
        match &self.hint {
            Some(hint) => write!(f, "\nhint: {hint}"),
            None => Ok(()),
        }
    }
}
