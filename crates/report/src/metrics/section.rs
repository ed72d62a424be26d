//! A part of `metrics.json`: numbers, and beside them their intervals under the same names.

use serde_json::{Map, Value, json};
use surprisal_objective::calibration::Interval;
use surprisal_objective::calibration::bootstrap::{distance_interval, percentile_interval};

use super::LEVEL;

/// Numbers by name, and their intervals; what is not finite becomes null and a note.
pub(super) struct Section<'a> {
    place: String,
    numbers: Map<String, Value>,
    intervals: Map<String, Value>,
    notes: &'a mut Vec<String>,
}

impl<'a> Section<'a> {
    pub(super) fn new(place: &str, notes: &'a mut Vec<String>) -> Self {
        Self { place: place.to_owned(), numbers: Map::new(), intervals: Map::new(), notes }
    }

    /// A number with an interval. A path of two names is an entry of a table.
    pub(super) fn put(&mut self, path: &[&str], value: f64, interval: Interval) {
        if !value.is_finite() {
            self.notes.push(format!("`{}.{}` is {value} and written as null", self.place, path.join(".")));
        }
        insert(&mut self.numbers, path, json!(value));
        // serde_json writes ends that are not finite as null.
        insert(&mut self.intervals, path, json!([interval.lower, interval.upper]));
    }

    /// A number whose resampled values scatter around it.
    pub(super) fn measure(&mut self, path: &[&str], value: f64, mut resampled: Vec<f64>) {
        self.put(path, value, percentile_interval(&mut resampled, LEVEL));
    }

    /// A measure of distance, which noise inflates.
    pub(super) fn distance(&mut self, path: &[&str], value: f64, mut resampled: Vec<f64>) {
        self.put(path, value, distance_interval(&mut resampled, value, LEVEL));
    }

    /// A squared distance, from its resampled roots.
    pub(super) fn squared_distance(&mut self, path: &[&str], value: f64, mut roots: Vec<f64>) {
        let Interval { lower, upper } = distance_interval(&mut roots, value.sqrt(), LEVEL);
        self.put(path, value, Interval { lower: lower * lower, upper: upper * upper });
    }

    /// Something without an interval.
    pub(super) fn plain(&mut self, name: &str, value: Value) {
        self.numbers.insert(name.into(), value);
    }

    /// A multiple of a number that is there, and of its interval.
    pub(super) fn multiple(&mut self, name: &str, of: &str, value: f64, factor: f64) {
        let ends = [0, 1].map(|end| self.intervals.get(of).and_then(|ends| ends[end].as_f64()).map(|e| factor * e));
        match ends {
            [Some(a), Some(b)] => self.put(&[name], value, Interval { lower: a.min(b), upper: a.max(b) }),
            _ => self.plain(name, json!(value)),
        }
    }

    pub(super) fn finish(mut self) -> Map<String, Value> {
        self.numbers.insert("intervals".into(), Value::Object(self.intervals));
        self.numbers
    }
}

fn insert(map: &mut Map<String, Value>, path: &[&str], value: Value) {
    match path {
        [] => {}
        [name] => {
            map.insert((*name).to_owned(), value);
        }
        [name, rest @ ..] => {
            if let Value::Object(inner) = map.entry(*name).or_insert_with(|| json!({})) {
                insert(inner, rest, value);
            }
        }
    }
}
