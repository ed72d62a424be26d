//! How a split's predictions treat the groups that an attribute makes.
//!
//! Of every group: its size, the mean target and the mean prediction; of yes-or-no targets also the
//! accuracy of predictions above ½, the rate of them (positive rate) and that rate among the positives
//! (true positive rate) and the negatives (false positive rate); of numbers the mean absolute error. A
//! gap is the largest less the smallest over the groups; demographic parity asks for equal predictions,
//! equalised odds (Hardt, Price & Srebro 2016) for equal true and false positive rates, so its gap
//! `equalized_odds` is the larger of theirs. `ks` is the largest distance between two groups'
//! distribution functions of the prediction (Agarwal, Dudík & Wu 2019).
//!
//! Intervals come from the same resamples of whole groups of rows as all others. The gap of two groups
//! is the size of a difference that has a sign, and so is its interval: from 0 where that of the
//! difference holds 0. The gap of more is a distance, which noise inflates, and treated as such. For the
//! larger of two gaps both ends are the larger of theirs.

use serde_json::{Map, Value, json};
use surprisal_objective::calibration::Interval;
use surprisal_objective::calibration::bootstrap::{distance_interval, percentile_interval};
use surprisal_objective::likelihood::Kind;

use super::{LEVEL, Resampled, Section};
use crate::run_data::SplitData;
use crate::tabular::{Attribute, Tabular};

/// `{attribute: {groups: {level: {…}}, gaps: {…}, intervals: {…}}}`; null where there is nothing to
/// compare.
pub(super) fn measure(
    split: &SplitData,
    kind: Kind,
    table: &Tabular,
    resampled: &Resampled,
    notes: &mut Vec<String>,
) -> Value {
    if split.dim != 1 || table.attributes.is_empty() {
        return Value::Null;
    }
    let named = table.attributes.iter().filter_map(|attribute| {
        let (_, levels) = attribute.groups.iter().find(|(name, _)| *name == split.name)?;
        let place = format!("{}.fairness.{}", split.name, attribute.name);
        let section = Section::new(&place, notes);
        Some((attribute.name.clone(), of(attribute, Rows::new(levels, split, resampled), kind, resampled, section)))
    });
    Value::Object(named.collect())
}

/// A row that was observed and predicted.
struct Row {
    level: usize,
    /// Its group, as resamples count them.
    group: usize,
    target: f64,
    prediction: f64,
}

/// A mean over some of the rows.
struct Rate {
    name: &'static str,
    /// Of a row; `None` where it does not count.
    value: fn(&Row) -> Option<f64>,
}

const OF_ALL: [Rate; 2] = [
    Rate { name: "mean_target", value: |row| Some(row.target) },
    Rate { name: "mean_prediction", value: |row| Some(row.prediction) },
];
const OF_NUMBERS: [Rate; 1] = [Rate { name: "mae", value: |row| Some((row.target - row.prediction).abs()) }];
const OF_LABELS: [Rate; 4] = [
    Rate { name: "accuracy", value: |row| Some(f64::from(u8::from((row.prediction > 0.5) == (row.target == 1.0)))) },
    Rate { name: "positive_rate", value: |row| Some(yes(row)) },
    Rate { name: "true_positive_rate", value: |row| (row.target == 1.0).then(|| yes(row)) },
    Rate { name: "false_positive_rate", value: |row| (row.target == 0.0).then(|| yes(row)) },
];

fn yes(row: &Row) -> f64 {
    f64::from(u8::from(row.prediction > 0.5))
}

/// The rows by increasing prediction.
struct Rows(Vec<Row>);

impl Rows {
    fn new(levels: &[usize], split: &SplitData, resampled: &Resampled) -> Self {
        let row = |(i, &level): (usize, &usize)| {
            let (target, prediction) = (split.target[i], split.mean[i]);
            let known = target.is_finite() && prediction.is_finite();
            Some(Row { level, group: resampled.group(i)?, target, prediction }).filter(|_| known)
        };
        let mut rows: Vec<Row> = levels.iter().enumerate().filter_map(row).collect();
        rows.sort_by(|a, b| a.prediction.total_cmp(&b.prediction));
        Self(rows)
    }

    /// Each rate of each level where groups were drawn so often, `[n_rates][n_levels]`; NaN where no row
    /// counts.
    fn rates(&self, rates: &[&Rate], n_levels: usize, draw: &[u16]) -> Vec<Vec<f64>> {
        let mut sums = vec![vec![(0.0, 0.0); n_levels]; rates.len()];
        for row in self.0.iter().filter(|row| draw[row.group] > 0) {
            let weight = f64::from(draw[row.group]);
            for (sums, rate) in sums.iter_mut().zip(rates) {
                if let Some(value) = (rate.value)(row) {
                    sums[row.level].0 += weight * value;
                    sums[row.level].1 += weight;
                }
            }
        }
        sums.into_iter().map(|levels| levels.into_iter().map(|(sum, n)| sum / n).collect()).collect()
    }

    /// max over pairs of levels of sup |F_a − F_b|, which is the sup of the spread of all.
    fn ks(&self, n_levels: usize, draw: &[u16]) -> f64 {
        let mut total = vec![0.0; n_levels];
        self.0.iter().for_each(|row| total[row.level] += f64::from(draw[row.group]));
        let present: Vec<usize> = (0..n_levels).filter(|&level| total[level] > 0.0).collect();
        let (mut below, mut largest) = (vec![0.0; n_levels], 0.0f64);
        for tie in self.0.chunk_by(|a, b| a.prediction == b.prediction) {
            tie.iter().for_each(|row| below[row.level] += f64::from(draw[row.group]));
            let shares = present.iter().map(|&level| below[level] / total[level]);
            let (low, high) = shares.fold((1.0f64, 0.0f64), |(low, high), f| (low.min(f), high.max(f)));
            largest = largest.max(high - low);
        }
        largest
    }
}

fn of(attribute: &Attribute, rows: Rows, kind: Kind, resampled: &Resampled, mut section: Section<'_>) -> Value {
    let rates: Vec<&Rate> = match kind {
        Kind::Label => OF_ALL.iter().chain(&OF_LABELS).collect(),
        Kind::Real | Kind::Count | Kind::Angle => OF_ALL.iter().chain(&OF_NUMBERS).collect(),
    };
    let n_levels = attribute.levels.len();
    let every = vec![1; resampled.bootstrap.n_groups()];
    let found = rows.rates(&rates, n_levels, &every);
    // [n_resamples][n_rates][n_levels]
    let drawn = resampled.bootstrap.each(|draw| rows.rates(&rates, n_levels, draw));
    let mut counts = Map::new();
    for (level, name) in attribute.levels.iter().enumerate() {
        let n = rows.0.iter().filter(|row| row.level == level).count();
        if n == 0 {
            continue;
        }
        counts.insert(name.clone(), json!(n));
        for (r, rate) in rates.iter().enumerate() {
            let known = drawn.iter().map(|rates| rates[r][level]).filter(|v| !v.is_nan()).collect();
            section.measure(&["groups", name, rate.name], found[r][level], known);
        }
    }
    let of_rate = |r: usize| -> (f64, Interval) {
        let drawn: Vec<&Vec<f64>> = drawn.iter().map(|rates| &rates[r]).collect();
        (gap(&found[r]), gap_interval(&found[r], &drawn))
    };
    let gaps: Vec<(f64, Interval)> = (0..rates.len()).map(of_rate).collect();
    for (rate, (value, interval)) in rates.iter().zip(&gaps) {
        section.put(&["gaps", rate.name], *value, *interval);
    }
    let named = |name: &str| rates.iter().position(|rate| rate.name == name).map(|r| gaps[r]);
    if let (Some((t, of_t)), Some((f, of_f))) = (named("true_positive_rate"), named("false_positive_rate")) {
        let interval = Interval { lower: of_t.lower.max(of_f.lower), upper: of_t.upper.max(of_f.upper) };
        section.put(&["gaps", "equalized_odds"], t.max(f), interval);
    }
    let distances = resampled.bootstrap.each(|draw| rows.ks(n_levels, draw));
    section.distance(&["gaps", "ks"], rows.ks(n_levels, &every), distances);
    let mut out = section.finish();
    for (name, n) in counts {
        // serde_json has made the tables of the groups already
        out["groups"][&name]["n"] = n;
    }
    Value::Object(out)
}

/// Largest less smallest of what is known.
fn gap(values: &[f64]) -> f64 {
    let known = || values.iter().copied().filter(|v| v.is_finite());
    let spread = known().fold(f64::NEG_INFINITY, f64::max) - known().fold(f64::INFINITY, f64::min);
    spread.max(0.0)
}

/// Of the gap between the levels that are known; resamples in which one of them is not are left out.
fn gap_interval(found: &[f64], drawn: &[&Vec<f64>]) -> Interval {
    let known: Vec<usize> = (0..found.len()).filter(|&level| found[level].is_finite()).collect();
    let complete = drawn.iter().filter(|rates| known.iter().all(|&level| rates[level].is_finite()));
    if let [a, b] = known[..] {
        let mut differences: Vec<f64> = complete.map(|rates| rates[a] - rates[b]).collect();
        let Interval { lower, upper } = percentile_interval(&mut differences, LEVEL);
        let (near, far) = (lower.abs().min(upper.abs()), lower.abs().max(upper.abs()));
        return Interval { lower: if lower < 0.0 && upper > 0.0 { 0.0 } else { near }, upper: far };
    }
    let mut gaps: Vec<f64> = complete.map(|rates| gap(rates)).collect();
    distance_interval(&mut gaps, gap(found), LEVEL)
}

#[cfg(test)]
mod tests {
    use super::*;
    use surprisal_core::rng;

    fn two_groups(split: &SplitData, levels: Vec<usize>) -> Tabular {
        let attribute = Attribute {
            name: "sex".into(),
            levels: vec!["f".into(), "m".into(), "unseen".into()],
            groups: vec![(split.name.clone(), levels)],
        };
        Tabular { attributes: vec![attribute], ..Tabular::default() }
    }

    fn measured(split: &SplitData, kind: Kind, table: &Tabular) -> Value {
        measure(split, kind, table, &Resampled::of(split, 3), &mut vec![])
    }

    #[test]
    fn groups_are_counted_and_compared() {
        let mut split = SplitData::new("test", 1);
        split.target = vec![1.0, 0.0, 1.0, 0.0, 1.0, 0.0];
        split.mean = vec![0.9, 0.1, 0.8, 0.6, 0.4, 0.2];
        split.group = (0..6).collect();
        let table = two_groups(&split, vec![0, 0, 0, 1, 1, 1]);
        let value = measured(&split, Kind::Label, &table);
        let near = |path: &str, expected: f64| {
            let found = value.pointer(&format!("/sex/{path}")).and_then(Value::as_f64).unwrap();
            assert!((found - expected).abs() < 1e-12, "{path}: {found}");
        };
        near("groups/f/n", 3.0);
        near("groups/f/mean_target", 2.0 / 3.0);
        near("groups/f/mean_prediction", 0.6);
        near("groups/f/accuracy", 1.0);
        near("groups/f/positive_rate", 2.0 / 3.0);
        near("groups/f/true_positive_rate", 1.0);
        near("groups/f/false_positive_rate", 0.0);
        near("groups/m/accuracy", 1.0 / 3.0);
        near("groups/m/positive_rate", 1.0 / 3.0);
        near("groups/m/true_positive_rate", 0.0);
        near("groups/m/false_positive_rate", 0.5);
        near("gaps/mean_prediction", 0.2);
        near("gaps/accuracy", 2.0 / 3.0);
        near("gaps/positive_rate", 1.0 / 3.0);
        near("gaps/true_positive_rate", 1.0);
        near("gaps/false_positive_rate", 0.5);
        near("gaps/equalized_odds", 1.0);
        // F_f(0.6) = 1/3, F_m(0.6) = 1
        near("gaps/ks", 2.0 / 3.0);
        assert!(value.pointer("/sex/groups/unseen").is_none());
        let of_numbers = measured(&split, Kind::Real, &table);
        assert!(of_numbers.pointer("/sex/gaps/positive_rate").is_none());
        let mae = of_numbers.pointer("/sex/groups/m/mae").and_then(Value::as_f64).unwrap();
        assert!((mae - (0.6 + 0.6 + 0.2) / 3.0).abs() < 1e-12);
        assert!(measured(&split, Kind::Label, &Tabular::default()).is_null());
    }

    /// Rows come in groups of 5 copies: the error of a rate is that of the number of groups.
    #[test]
    fn intervals_have_the_width_that_whole_groups_give_and_gaps_may_be_none() {
        let mut stream = rng::stream(9, "fair", 0);
        let (n, copies) = (800, 5);
        let mut split = SplitData::new("test", 1);
        let mut levels = vec![];
        for g in 0..n {
            let (level, p) = (g as usize % 2, rng::uniform(&mut stream));
            let label = f64::from(u8::from(rng::uniform(&mut stream) < p));
            // both levels are predicted alike
            for _ in 0..copies {
                split.target.push(label);
                split.mean.push(p);
                split.group.push(g);
                levels.push(level);
            }
        }
        let table = two_groups(&split, levels);
        let value = measured(&split, Kind::Label, &table);
        let interval = |path: &str| {
            let end = |i: usize| value["sex"]["intervals"].pointer(&format!("/{path}/{i}")).and_then(Value::as_f64);
            (end(0).unwrap(), end(1).unwrap())
        };
        let rate = value["sex"]["groups"]["m"]["positive_rate"].as_f64().unwrap();
        let (low, high) = interval("groups/m/positive_rate");
        let error = (rate * (1.0 - rate) / 400.0).sqrt();
        assert!(((high - low) / (2.0 * 1.96 * error) - 1.0).abs() < 0.15, "{low} {rate} {high}: {error}");
        for path in ["gaps/mean_prediction", "gaps/positive_rate", "gaps/equalized_odds", "gaps/ks"] {
            let (low, high) = interval(path);
            assert!(low == 0.0 && high > 0.01 && high < 0.25, "{path}: {low} {high}");
        }
        // a gap that is there: 0.2 more for one level
        split.mean.iter_mut().zip(&table.attributes[0].groups[0].1).for_each(|(p, level)| *p += 0.2 * *level as f64);
        let moved = measured(&split, Kind::Label, &table);
        let of = |path: &str| moved["sex"].pointer(path).and_then(Value::as_f64).unwrap();
        let (low, high) = (of("/intervals/gaps/mean_prediction/0"), of("/intervals/gaps/mean_prediction/1"));
        let error = (2.0 / 12.0 / 400.0f64).sqrt();
        assert!(((high - low) / (2.0 * 1.96 * error) - 1.0).abs() < 0.15, "{low} {high}: {error}");
        let gap = of("/gaps/mean_prediction");
        assert!((gap - 0.5 * (low + high)).abs() < 0.2 * error, "{low} {gap} {high}");
    }
}
