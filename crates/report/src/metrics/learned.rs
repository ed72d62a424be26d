//! How far what networks within equations learned is from what it is compared with: for each output that
//! has a reference, the root mean square of the difference along the solutions, and that of the reference,
//! in the equations' units. Times are those of the dense curves, so that no part of a solution counts
//! more because it was measured more often; there is one solution, and no interval.

use serde_json::{Map, Value, json};

use crate::run_data::LearnedTerm;

/// `{nn: {u: {rmse, reference_rms}}}`; empty without references.
pub(super) fn measure(terms: &[LearnedTerm]) -> Map<String, Value> {
    let mut all = Map::new();
    for term in terms {
        let of_output = |(o, name): (usize, &String)| {
            let (rmse, reference_rms) = term.error(o)?;
            Some((name.clone(), json!({ "rmse": rmse, "reference_rms": reference_rms })))
        };
        let outputs: Map<String, Value> = term.outputs.iter().enumerate().filter_map(of_output).collect();
        if !outputs.is_empty() {
            all.insert(term.name.clone(), Value::Object(outputs));
        }
    }
    all
}
