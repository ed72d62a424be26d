//! Where a key of an experiment was written: a line of its file, or a `--set`.

use std::path::Path;

use surprisal_objective::ObjectiveError;
use toml_edit::{Document, Item};

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

    /// `file:line:column` of a key, `--set …` where that set it, the file alone where it is a default.
    pub(crate) fn locate(&self, keys: &[&str]) -> String {
        let dotted = keys.join(".");
        let is_it = |assignment: &&String| assignment.split('=').next().is_some_and(|key| key.trim() == dotted);
        if let Some(assignment) = self.overrides.iter().rev().find(is_it) {
            return format!("--set {assignment}");
        }
        match self.span(keys) {
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

    /// An impossible value of the objective, with its place.
    pub(crate) fn objective(&self, error: ObjectiveError) -> Failure {
        let place = match &error {
            ObjectiveError::FixedOutOfDomain { likelihood, parameter, .. } => {
                self.locate(&["likelihood", likelihood, parameter])
            }
            ObjectiveError::Setting { entry, setting, .. } => {
                if self.span(&["penalty", entry, "path", setting]).is_some() {
                    let place = self.locate(&["penalty", entry, "path", setting]);
                    return Failure::from(error).at(&place);
                }
                let families = ["likelihood", "risk", "penalty"];
                let family = families.into_iter().find(|family| self.span(&[family, entry, setting]).is_some());
                self.locate(&[family.unwrap_or("likelihood"), entry, setting])
            }
            ObjectiveError::TwoProximal { second, .. } => self.locate(&["penalty", second]),
            _ => return error.into(),
        };
        Failure::from(error).at(&place)
    }
}

fn span_in(item: &Item, keys: &[&str]) -> Option<std::ops::Range<usize>> {
    let (name, rest) = keys.split_first()?;
    if let Some(array) = item.as_array_of_tables() {
        return array.iter().find_map(|table| span_in(&Item::Table(table.clone()), keys));
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
        let text = "name = \"x\"\n[train]\nepochs = 0\n[[penalty]]\nl1 = { weight = 1.0 }\n[[penalty]]\nl2 = { weight = -1.0 }\n";
        let origin = Origin::new(Path::new("c.toml"), text.into(), &["train.batch_size=0".into()]);
        assert_eq!(origin.locate(&["train", "epochs"]), "c.toml:3:1");
        assert_eq!(origin.locate(&["penalty", "l2", "weight"]), "c.toml:7:8");
        assert_eq!(origin.locate(&["train", "batch_size"]), "--set train.batch_size=0");
        assert_eq!(origin.locate(&["train", "patience"]), "c.toml");
    }
}
