//! `surprisal list`: every name of every registry.

use std::process::ExitCode;

use surprisal_core::closest;

use super::say;
use crate::experiment::ModelConfig;
use crate::failure::Failure;

/// Families by their key in a configuration.
pub(crate) fn families() -> Vec<(&'static str, Vec<&'static str>)> {
    vec![
        ("data", surprisal_data::DataConfig::NAMES.to_vec()),
        ("model", ModelConfig::NAMES.to_vec()),
        ("model.ode.field", surprisal_ode::FieldConfig::NAMES.to_vec()),
        ("model.ode.solver", surprisal_ode::SolverConfig::NAMES.to_vec()),
        ("likelihood", surprisal_objective::LikelihoodConfig::NAMES.to_vec()),
        ("risk", surprisal_objective::RiskConfig::NAMES.to_vec()),
        ("penalty", surprisal_objective::PenaltyConfig::NAMES.to_vec()),
        ("optimizer", surprisal_train::OptimizerConfig::NAMES.to_vec()),
        ("schedule", surprisal_train::ScheduleConfig::NAMES.to_vec()),
        ("figure", surprisal_report::figure::FIGURES.iter().map(|figure| figure.name()).collect()),
    ]
}

/// Lists all families, or one.
pub(crate) fn run(family: Option<&str>) -> Result<ExitCode, Failure> {
    let families = families();
    if let Some(wanted) = family {
        let (_, names) = families.iter().find(|(name, _)| *name == wanted).ok_or_else(|| {
            let known: Vec<&str> = families.iter().map(|(name, _)| *name).collect();
            Failure::user(
                format!("there is no family `{wanted}`"),
                match closest(wanted, known.iter().copied()) {
                    Some(name) => format!("did you mean `{name}`?"),
                    None => format!("the families are {}", known.join(", ")),
                },
            )
        })?;
        names.iter().try_for_each(|name| say(name))?;
        return Ok(ExitCode::SUCCESS);
    }
    for (name, entries) in families {
        say(&format!("{name:<17} {}", entries.join(", ")))?;
    }
    Ok(ExitCode::SUCCESS)
}
