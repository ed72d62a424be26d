//! How a split's predictions treat the groups that an attribute makes.
//!
//! Of every group: its size, the mean target and the mean prediction; of yes-or-no targets also the rate
//! of predictions above ½ and that rate among the positives (true positive rate) and the negatives
//! (false positive rate). A gap is the largest less the smallest over the groups; demographic parity asks
//! for equal predictions, equalised odds (Hardt, Price & Srebro 2016) for equal true and false positive
//! rates. `ks` is the largest distance between two groups' distribution functions of the prediction
//! (Agarwal, Dudík & Wu 2019).

use serde_json::{Map, Value, json};
use surprisal_objective::likelihood::Kind;

use crate::run_data::SplitData;
use crate::tabular::{Attribute, Tabular};

/// `{attribute: {groups: {level: {…}}, gaps: {…}}}`; null where there is nothing to compare.
pub(super) fn measure(split: &SplitData, kind: Kind, table: &Tabular) -> Value {
    if split.dim != 1 || table.attributes.is_empty() {
        return Value::Null;
    }
    let named = table.attributes.iter().filter_map(|attribute| {
        let (_, groups) = attribute.groups.iter().find(|(name, _)| *name == split.name)?;
        Some((attribute.name.clone(), of(attribute, groups, split, kind)))
    });
    Value::Object(named.collect())
}

fn of(attribute: &Attribute, groups: &[usize], split: &SplitData, kind: Kind) -> Value {
    let members = |level: usize| -> Vec<usize> {
        let observed = |&i: &usize| groups[i] == level && split.target[i].is_finite() && split.mean[i].is_finite();
        (0..groups.len()).filter(observed).collect()
    };
    let rate = |rows: &[usize], of: &dyn Fn(usize) -> f64| -> f64 {
        rows.iter().map(|&i| of(i)).sum::<f64>() / rows.len() as f64
    };
    let yes = |i: usize| f64::from(u8::from(split.mean[i] > 0.5));
    let mut shown = Map::new();
    let mut compared: Vec<(&str, Vec<f64>)> = vec![];
    let mut predictions: Vec<Vec<f64>> = vec![];
    for (level, name) in attribute.levels.iter().enumerate() {
        let rows = members(level);
        if rows.is_empty() {
            continue;
        }
        let mut measures = vec![("mean_prediction", rate(&rows, &|i| split.mean[i]))];
        if kind == Kind::Label {
            let among = |label: f64| rows.iter().copied().filter(|&i| split.target[i] == label).collect::<Vec<_>>();
            measures.push(("positive_rate", rate(&rows, &yes)));
            measures.push(("true_positive_rate", rate(&among(1.0), &yes)));
            measures.push(("false_positive_rate", rate(&among(0.0), &yes)));
        }
        let mut entry = Map::new();
        entry.insert("n".into(), json!(rows.len()));
        entry.insert("mean_target".into(), json!(rate(&rows, &|i| split.target[i])));
        for (i, (name, value)) in measures.into_iter().enumerate() {
            // serde_json writes the rate of an empty group as null
            entry.insert(name.into(), json!(value));
            if compared.len() <= i {
                compared.push((name, vec![]));
            }
            compared[i].1.push(value);
        }
        shown.insert(name.clone(), Value::Object(entry));
        let mut sorted: Vec<f64> = rows.iter().map(|&i| split.mean[i]).collect();
        sorted.sort_by(f64::total_cmp);
        predictions.push(sorted);
    }
    let mut gaps: Map<String, Value> =
        compared.iter().map(|(name, values)| ((*name).to_owned(), json!(gap(values)))).collect();
    let pairs = predictions.iter().enumerate().flat_map(|(i, a)| predictions[..i].iter().map(move |b| ks(a, b)));
    gaps.insert("ks".into(), json!(pairs.fold(0.0, f64::max)));
    json!({ "groups": shown, "gaps": gaps })
}

/// Largest less smallest of what is known.
fn gap(values: &[f64]) -> f64 {
    let known = || values.iter().copied().filter(|v| v.is_finite());
    known().fold(f64::NEG_INFINITY, f64::max) - known().fold(f64::INFINITY, f64::min)
}

/// sup |F_a − F_b| of two sorted samples.
fn ks(a: &[f64], b: &[f64]) -> f64 {
    let below = |sorted: &[f64], x: f64| sorted.partition_point(|v| *v <= x) as f64 / sorted.len() as f64;
    a.iter().chain(b).map(|&x| (below(a, x) - below(b, x)).abs()).fold(0.0, f64::max)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_are_counted_and_compared() {
        let mut split = SplitData::new("test", 1);
        split.target = vec![1.0, 0.0, 1.0, 0.0, 1.0, 0.0];
        split.mean = vec![0.9, 0.1, 0.8, 0.6, 0.4, 0.2];
        let attribute = Attribute {
            name: "sex".into(),
            levels: vec!["f".into(), "m".into(), "unseen".into()],
            groups: vec![("test".into(), vec![0, 0, 0, 1, 1, 1])],
        };
        let table = Tabular { attributes: vec![attribute], ..Tabular::default() };
        let value = measure(&split, Kind::Label, &table);
        let near = |path: &str, expected: f64| {
            let found = value.pointer(&format!("/sex/{path}")).and_then(Value::as_f64).unwrap();
            assert!((found - expected).abs() < 1e-12, "{path}: {found}");
        };
        near("groups/f/n", 3.0);
        near("groups/f/mean_target", 2.0 / 3.0);
        near("groups/f/mean_prediction", 0.6);
        near("groups/f/positive_rate", 2.0 / 3.0);
        near("groups/f/true_positive_rate", 1.0);
        near("groups/f/false_positive_rate", 0.0);
        near("groups/m/positive_rate", 1.0 / 3.0);
        near("groups/m/true_positive_rate", 0.0);
        near("groups/m/false_positive_rate", 0.5);
        near("gaps/mean_prediction", 0.2);
        near("gaps/positive_rate", 1.0 / 3.0);
        near("gaps/true_positive_rate", 1.0);
        near("gaps/false_positive_rate", 0.5);
        // F_f(0.6) = 1/3, F_m(0.6) = 1
        near("gaps/ks", 2.0 / 3.0);
        assert!(value.pointer("/sex/groups/unseen").is_none());
        assert!(measure(&split, Kind::Real, &table).pointer("/sex/gaps/positive_rate").is_none());
        assert!(measure(&split, Kind::Label, &Tabular::default()).is_null());
    }
}
