//! Whether an uncertainty tells shifted data from familiar data.

use serde_json::{Map, Value, json};
use surprisal_objective::calibration::{GroupBootstrap, auroc};

use super::{N_RESAMPLES, Section};
use crate::run_data::{RunData, SplitData};

/// AUROC of each uncertainty of each shifted split against the reference.
pub(super) fn measure(run: &RunData, notes: &mut Vec<String>) -> Value {
    let Some(reference) = run.reference() else { return json!({}) };
    let familiar = GroupBootstrap::new(&reference.group, N_RESAMPLES, run.seed);
    let mut out = Map::new();
    for (at, split) in run.shifted().enumerate() {
        // Another seed: the two sets of groups are drawn independently.
        let shifted = GroupBootstrap::new(&split.group, N_RESAMPLES, run.seed.wrapping_add(1 + at as u64));
        let both = familiar.beside(&shifted);
        let mut section = Section::new(&format!("ood.{}", split.name), notes);
        let mut done: Vec<String> = vec![];
        for (name, here, there) in pairs(reference, split) {
            let key = format!("{name}_auroc");
            if !done.contains(&key) {
                let values = [there.as_slice(), here.as_slice()].concat();
                let second: Vec<bool> = (0..values.len()).map(|i| i >= there.len()).collect();
                let presorted = auroc::Presorted::new(&values, &second, both.group());
                section.measure(&[&key], auroc::auroc(&there, &here), both.each(|draw| presorted.of(draw)));
                done.push(key);
            }
        }
        out.insert(split.name.clone(), Value::Object(section.finish()));
    }
    Value::Object(out)
}

/// Name and values of each uncertainty in the shifted split and in the reference, the one that should
/// grow off the training data first.
fn pairs(reference: &SplitData, split: &SplitData) -> Vec<(String, Vec<f64>, Vec<f64>)> {
    let (primary, here) = split.knowledge();
    let primary = if primary == "total" { "total" } else { "epistemic" };
    let named = split.uncertainties.iter().zip(&reference.uncertainties);
    std::iter::once((primary.to_owned(), here, reference.knowledge().1))
        .chain(named.map(|((name, here), (_, there))| (name.clone(), here.clone(), there.clone())))
        .collect()
}
