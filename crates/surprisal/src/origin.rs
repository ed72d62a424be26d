//! Where a key of an experiment was written: a line of its file, or a `--set`.

use std::path::Path;

use surprisal_core::{Probe, Times};
use surprisal_data::DataConfig;
use surprisal_data::error::DataError;
use surprisal_data::source::SourceError;
use surprisal_objective::penalty::{Facts, Kind};
use surprisal_objective::{ObjectiveError, PenaltyConfig};
use surprisal_train::TrainError;
use toml_edit::{Document, Item};

use crate::equations;
use crate::experiment::Experiment;
use crate::failure::Failure;

/// The text an experiment came from.
#[derive(Debug, Clone)]
pub(crate) struct Origin {
    pub(crate) file: String,
    pub(crate) text: String,
    pub(crate) overrides: Vec<String>,
}

impl Origin {
    pub(crate) fn new(path: &Path, text: String, overrides: &[String]) -> Self {
        Self { file: path.display().to_string(), text, overrides: overrides.to_vec() }
    }

    /// `file:line:column` of a key, `--set …` where that set it; of the innermost table around it where
    /// the file does not name the key itself.
    pub(crate) fn locate(&self, keys: &[&str]) -> String {
        let dotted = keys.join(".");
        let sets = |assignment: &&String| {
            let key = assignment.split('=').next().unwrap_or_default().trim();
            dotted == key || dotted.strip_prefix(key).is_some_and(|rest| rest.starts_with('.'))
        };
        if let Some(assignment) = self.overrides.iter().rev().find(sets) {
            return format!("--set {assignment}");
        }
        match (1..=keys.len()).rev().find_map(|n| self.span(&keys[..n])) {
            Some(span) => {
                let (line, column) = line_and_column(&self.text, span.start);
                format!("{}:{line}:{column}", self.file)
            }
            None => self.file.clone(),
        }
    }

    /// The key's own span, if the file has it.
    fn span(&self, keys: &[&str]) -> Option<std::ops::Range<usize>> {
        let document = Document::parse(self.text.as_str()).ok()?;
        span_in(document.as_item(), keys)
    }

    /// An impossible value of a likelihood, which stands under `family`.
    pub(crate) fn likelihood(&self, family: &[&str], error: ObjectiveError) -> Failure {
        let keys: Vec<&str> = match &error {
            ObjectiveError::FixedOutOfDomain { likelihood, parameter, .. }
            | ObjectiveError::EnergyFromNetwork { likelihood, parameter } => vec![likelihood, parameter],
            ObjectiveError::Setting { entry, setting, .. } => vec![entry, setting],
            ObjectiveError::NoJointForm { likelihood, .. } | ObjectiveError::NeedsVector { likelihood } => {
                vec![likelihood]
            }
            _ => return error.into(),
        };
        let place = self.locate(&[family, &keys].concat());
        Failure::from(error).at(&place)
    }

    /// An impossible value of a risk, a penalty or the likelihood of energies.
    pub(crate) fn objective(&self, experiment: &Experiment, error: ObjectiveError) -> Failure {
        let penalty = |wrong: &dyn Fn(&PenaltyConfig) -> bool| experiment.penalty.iter().position(wrong);
        let place = match &error {
            ObjectiveError::Setting { entry: family @ "energy_likelihood", setting, .. } => {
                self.locate(&[family, setting])
            }
            ObjectiveError::Setting { entry, setting, .. } if *entry == experiment.risk.name() => {
                self.locate(&["risk", entry, setting])
            }
            ObjectiveError::TwoProximal { second, .. } => {
                // It is the later one that is too much.
                let index = experiment.penalty.iter().rposition(|p| p.name() == *second).unwrap_or_default();
                self.locate(&["penalty", &index.to_string(), second])
            }
            ObjectiveError::Setting { entry, setting, value, .. } => {
                // Several penalties may have one name.
                let is_it = |p: &PenaltyConfig| {
                    let wrong = p.get().check_settings();
                    p.name() == *entry && wrong.is_some_and(|(s, _, v)| s == *setting && v.total_cmp(value).is_eq())
                };
                match penalty(&is_it) {
                    Some(index) => {
                        let index = index.to_string();
                        let of_path = ["penalty", &index, entry, "path", setting];
                        if self.span(&of_path).is_some() {
                            self.locate(&of_path)
                        } else {
                            self.locate(&["penalty", &index, entry, setting])
                        }
                    }
                    None => return self.likelihood(&["energy_likelihood", "likelihood"], error),
                }
            }
            ObjectiveError::PenaltyMisplaced { penalty: name, index, .. } => {
                self.locate(&["penalty", &index.to_string(), name])
            }
            ObjectiveError::Expression { penalty, index, setting, error } => {
                return equations::in_expression(self, &["penalty", &index.to_string(), penalty, setting], None, error);
            }
            _ => return self.likelihood(&["energy_likelihood", "likelihood"], error),
        };
        Failure::from(error).at(&place)
    }

    /// What is wrong with a group, at the penalty that cannot look at it.
    pub(crate) fn group(&self, experiment: &Experiment, error: TrainError) -> Failure {
        let TrainError::TooEarly { setting, time, .. } = &error else { return error.into() };
        let looks = |penalty: &PenaltyConfig| {
            let Kind::Prediction(penalty) = penalty.get().kind() else { return false };
            penalty.probes(&Facts::default()).iter().any(|probe| match probe {
                Probe::Along { times: Times::Grid { until, .. }, .. } => *setting == "until" && *until == Some(*time),
                Probe::Along { times: Times::At { time: at }, .. } => *setting == "at" && at == time,
                _ => false,
            })
        };
        let Some(index) = experiment.penalty.iter().position(looks) else { return error.into() };
        let place = self.locate(&["penalty", &index.to_string(), experiment.penalty[index].name(), setting]);
        Failure::from(error).at(&place)
    }

    /// What cannot be loaded, with the place of the setting where it is one's fault.
    pub(crate) fn data(&self, config: &DataConfig, error: DataError) -> Failure {
        let keys: Option<Vec<&str>> = match &error {
            DataError::Source(SourceError::Missing { file }) => {
                // The file's name is absolute here and relative in the configuration.
                config.named_files().into_iter().find(|(_, named)| file.ends_with(named)).map(|(keys, _)| keys)
            }
            _ => error.setting(),
        };
        let Some(keys) = keys else { return error.into() };
        let place = self.locate(&[&["data", config.name()], keys.as_slice()].concat());
        Failure::from(error).at(&place)
    }
}

fn span_in(item: &Item, keys: &[&str]) -> Option<std::ops::Range<usize>> {
    let (name, rest) = keys.split_first()?;
    if let Some(array) = item.as_array_of_tables() {
        let table = array.get(name.parse().ok()?)?;
        return if rest.is_empty() { table.span() } else { span_in(&Item::Table(table.clone()), rest) };
    }
    let (key, value) = item.as_table_like()?.get_key_value(name)?;
    if rest.is_empty() { key.span() } else { span_in(value, rest) }
}

/// Both counted from 1, columns in characters.
pub(crate) fn line_and_column(text: &str, offset: usize) -> (usize, usize) {
    let before = &text[..offset.min(text.len())];
    let line = before.matches('\n').count() + 1;
    (line, before.rsplit('\n').next().map_or(0, |l| l.chars().count()) + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_found_in_tables_inline_tables_and_arrays_of_tables() {
        let text = "name = \"x\"\n[train]\nepochs = 0\n[[penalty]]\nl1 = { weight = 1.0 }\n[[penalty]]\nl1 = { weight = -1.0 }\n";
        let overrides = ["train.batch_size=0".into(), "model.ode={ solver = {} }".into()];
        let origin = Origin::new(Path::new("c.toml"), text.into(), &overrides);
        assert_eq!(origin.locate(&["train", "epochs"]), "c.toml:3:1");
        assert_eq!(origin.locate(&["penalty", "1", "l1", "weight"]), "c.toml:7:8");
        assert_eq!(origin.locate(&["train", "batch_size"]), "--set train.batch_size=0");
        assert_eq!(origin.locate(&["model", "ode", "solver", "tsit5"]), "--set model.ode={ solver = {} }");
        assert_eq!(origin.locate(&["train", "patience"]), "c.toml:2:2", "the table that lacks it");
        assert_eq!(origin.locate(&["risk", "mean"]), "c.toml");
    }
}
