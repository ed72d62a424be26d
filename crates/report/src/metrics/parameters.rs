//! Trained parameters that mean something, in their own units.
//!
//! `{k: 0.71, start: [1.2, 0.9], intervals: {k: [0.66, 0.76], …}, standard_errors: {k: 0.025, …}}`, like
//! the metrics of a split; null where the data do not determine one. `profile_intervals` where there are
//! profiles; an end that the data leave open is null.

use serde_json::{Map, Value, json};
use surprisal_data::run_file::ParameterProfile;

use crate::solution::Solution;

/// Adds `parameters`, to those that are there.
pub(super) fn add(metrics: &mut Value, solution: &Solution) {
    let parameters = &solution.intervals;
    if parameters.is_empty() {
        return;
    }
    let (mut intervals, mut errors) = (Map::new(), Map::new());
    for parameter in parameters {
        let pairs = parameter.lower.iter().zip(&parameter.upper).map(|(lower, upper)| match lower.is_nan() {
            true => Value::Null,
            false => json!([lower, upper]),
        });
        metrics["parameters"][&parameter.name] = one_or_all(parameter.values.iter().map(|v| json!(v)));
        intervals.insert(parameter.name.clone(), one_or_all(pairs));
        errors.insert(parameter.name.clone(), one_or_all(parameter.standard_error.iter().map(|e| json!(e))));
    }
    metrics["parameters"]["intervals"] = Value::Object(intervals);
    metrics["parameters"]["standard_errors"] = Value::Object(errors);
    let ends = |profile: &ParameterProfile| one_or_all(profile.ends.iter().map(|ends| json!(ends)));
    let profiles: Map<String, Value> = solution.profiles.iter().map(|p| (p.name.clone(), ends(p))).collect();
    if !profiles.is_empty() {
        metrics["parameters"]["profile_intervals"] = Value::Object(profiles);
    }
}

/// The value, or the list where there are several.
fn one_or_all(values: impl Iterator<Item = Value>) -> Value {
    let mut values: Vec<Value> = values.collect();
    if values.len() == 1 { values.remove(0) } else { Value::Array(values) }
}
