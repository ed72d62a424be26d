//! `surprisal check`: everything a run would find wrong in its first moments.

use std::process::ExitCode;

use super::run::resolved;
use super::{device, say};
use crate::arguments::Configured;
use crate::failure::Failure;
use crate::plan::Plan;
use crate::source;

/// Parses, resolves, prints, reads the data and takes two steps without leaving anything behind.
pub(crate) fn run(arguments: &Configured) -> Result<ExitCode, Failure> {
    let source = source::read(&arguments.config, &arguments.set)?;
    say(&resolved(&source.experiment)?)?;
    let plan = Plan::build(&source, &device(&arguments.device)?)?;
    plan.check_intervals(&source.experiment)?;
    let losses = plan.try_steps(&source.experiment)?;
    let losses: Vec<String> = losses.iter().map(|loss| format!("{loss:.6}")).collect();
    say(&format!("# {}\n# losses of the first steps: {}", plan.describe(), losses.join(", ")))?;
    Ok(ExitCode::SUCCESS)
}
