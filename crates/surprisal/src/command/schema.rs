//! `surprisal schema`: the JSON Schema of a configuration file.

use std::process::ExitCode;

use super::say;
use crate::experiment::Experiment;
use crate::failure::Failure;

/// Prints the schema.
pub(crate) fn run() -> Result<ExitCode, Failure> {
    let schema = schemars::schema_for!(Experiment);
    say(&serde_json::to_string_pretty(&schema).map_err(|e| Failure::program(e.to_string()))?)?;
    Ok(ExitCode::SUCCESS)
}
