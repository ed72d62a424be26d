//! Numbers of finished runs: a path into `metrics.json`, or a number of a parameter in `run.h5`.

use std::path::Path;

use serde_json::Value;
use surprisal_core::closest;
use surprisal_data::run_file::Reader;
use toml_edit::Key;

use super::expected::Quantity;
use crate::failure::Failure;

/// The number in the run's folder.
pub(crate) fn read(run: &Path, quantity: &Quantity<'_>) -> Result<f64, Failure> {
    match quantity {
        Quantity::Metric(path) => {
            let file = run.join("metrics.json");
            let text = std::fs::read_to_string(&file).map_err(|e| Failure::file(&file, "read", &e))?;
            let metrics: Value =
                serde_json::from_str(&text).map_err(|e| Failure::program(format!("{}: {e}", file.display())))?;
            metric(&metrics, path)
        }
        Quantity::Parameter(name, index) => {
            let reader = Reader::open(&run.join("run.h5"))?;
            let names = reader.parameters()?;
            if !names.iter().any(|n| n == name) {
                return Err(unknown(&format!("parameter `{name}`"), name, names.iter().map(String::as_str)));
            }
            entry(name, &reader.parameter(name)?.0, *index).copied()
        }
    }
}

/// The ends of an interval; NaN where the data do not determine it.
pub(crate) fn interval(run: &Path, name: &str, index: usize) -> Result<(f64, f64), Failure> {
    let intervals = Reader::open(&run.join("run.h5"))?.intervals()?.0;
    let Some(of) = intervals.iter().find(|interval| interval.name == name) else {
        let names = intervals.iter().map(|interval| interval.name.as_str());
        return Err(unknown(&format!("interval of `{name}`"), name, names));
    };
    Ok((*entry(name, &of.lower, index)?, *entry(name, &of.upper, index)?))
}

fn entry<'a>(name: &str, values: &'a [f64], index: usize) -> Result<&'a f64, Failure> {
    values.get(index).ok_or_else(|| {
        Failure::user(
            format!("parameter `{name}` has no number {index}"),
            format!("it has {}, counted from 0 row by row", values.len()),
        )
    })
}

/// The number at a dotted path; keys with dots are quoted, entries of lists are counted from 0. What is
/// not finite is null there, and NaN here.
fn metric(metrics: &Value, path: &str) -> Result<f64, Failure> {
    let keys = Key::parse(path).map_err(|e| {
        Failure::user(
            format!("`{path}` is no path into metrics.json: {}", e.message().trim()),
            "write for example splits.test.coverage.\"0.9\"",
        )
    })?;
    let mut at = metrics;
    for key in &keys {
        let key = key.get();
        let next = match at {
            Value::Array(list) => key.parse().ok().and_then(|i: usize| list.get(i)),
            other => other.get(key),
        };
        at = next.ok_or_else(|| {
            let names: Vec<&str> = at.as_object().into_iter().flat_map(|o| o.keys().map(String::as_str)).collect();
            unknown(&format!("metric `{path}`"), key, names.into_iter())
        })?;
    }
    match at {
        Value::Number(number) => Ok(number.as_f64().unwrap_or(f64::NAN)),
        Value::Null => Ok(f64::NAN),
        _ => Err(Failure::user(format!("metric `{path}` is no number"), "name one of the numbers below it")),
    }
}

fn unknown<'a>(what: &str, key: &str, names: impl Iterator<Item = &'a str>) -> Failure {
    let names: Vec<&str> = names.collect();
    let hint = match closest(key, names.iter().copied()) {
        Some(name) => format!("did you mean `{name}`?"),
        None if names.is_empty() => "there is nothing below it".into(),
        None => format!("there are {}", names.join(", ")),
    };
    Failure::user(format!("the run has no {what}"), hint)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_go_through_tables_lists_and_quoted_keys() {
        let metrics = serde_json::json!({"a": {"0.9": [1.5, null], "b": 2}});
        assert_eq!(metric(&metrics, "a.\"0.9\".0").unwrap(), 1.5);
        assert!(metric(&metrics, "a.\"0.9\".1").unwrap().is_nan());
        assert_eq!(metric(&metrics, "a.b").unwrap(), 2.0);
        for (path, message) in [
            ("a.c", "the run has no metric `a.c`"),
            ("a.\"0.9\".7", "the run has no metric `a.\"0.9\".7`"),
            ("a", "metric `a` is no number"),
            ("a..b", "`a..b` is no path into metrics.json"),
        ] {
            assert!(metric(&metrics, path).unwrap_err().message().starts_with(message), "{path}");
        }
    }
}
