//! What was expected against what was found.

use serde_json::{Value, json};

use super::expected::{Expectation, Expected, Quantity, StudyRun};
use crate::failure::Failure;

/// The folders of one run's repeats, in order.
#[derive(Debug, Clone)]
pub(crate) struct Finished<'a> {
    pub(crate) run: &'a StudyRun,
    pub(crate) folders: Vec<std::path::PathBuf>,
}

/// One line of the table.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Judged {
    /// The run; empty for a comparison of several.
    pub(crate) run: String,
    /// The quantity, or the comparison.
    pub(crate) what: String,
    pub(crate) expected: String,
    pub(crate) found: String,
    pub(crate) tolerance: String,
    pub(crate) holds: bool,
}

/// The mean over repeats and its standard error.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Found {
    pub(crate) mean: f64,
    /// s/√n with the sample standard deviation s; `None` of a single run.
    pub(crate) standard_error: Option<f64>,
}

impl Found {
    pub(crate) fn of(values: &[f64]) -> Self {
        let n = values.len() as f64;
        let mean = values.iter().sum::<f64>() / n;
        let variance = values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / (n - 1.0);
        Self { mean, standard_error: (values.len() > 1).then(|| (variance / n).sqrt()) }
    }
}

/// Every expectation and every comparison among the runs that were made.
pub(crate) fn judge(expected: &Expected, finished: &[Finished<'_>]) -> Result<Vec<Judged>, Failure> {
    let mut lines = vec![];
    for done in finished {
        for expectation in &done.run.expect {
            lines.push(of_value(done, expectation)?);
        }
    }
    for order in &expected.order {
        let mut numbers = vec![];
        for entry in &order.less {
            let (run, metric) = entry.split_once(':').unwrap_or_default();
            let Some(done) = finished.iter().find(|done| done.run.name == run) else { break };
            numbers.push(done.read(&Quantity::Metric(metric))?);
        }
        // a run that was not asked for cannot be compared
        if numbers.len() < order.less.len() {
            continue;
        }
        lines.push(Judged {
            run: String::new(),
            what: order.less.join(" < "),
            expected: "ascending".into(),
            found: numbers.iter().map(shown).collect::<Vec<_>>().join(" < "),
            tolerance: String::new(),
            holds: numbers.windows(2).all(|pair| pair[0].mean < pair[1].mean),
        });
    }
    Ok(lines)
}

fn of_value(done: &Finished<'_>, expectation: &Expectation) -> Result<Judged, Failure> {
    let (value, tolerance) = (expectation.value, expectation.tolerance);
    let judged = |what: String, found: String, holds: bool| Judged {
        run: done.run.name.clone(),
        what,
        expected: number(value),
        found,
        tolerance: number(tolerance),
        holds,
    };
    if let (Some(name), Some(folder)) = (&expectation.interval, done.folders.first()) {
        let ends = super::quantity::interval(folder, name, expectation.index);
        let (lower, upper) = ends.map_err(|failure| failure.at(&format!("run `{}`", done.run.name)))?;
        let found = format!("{} … {}", number_to(lower, 4), number_to(upper, 4));
        // an end that is none holds nothing
        let holds = lower - tolerance <= value && value <= upper + tolerance;
        return Ok(judged(format!("interval of {name}[{}]", expectation.index), found, holds));
    }
    let quantity = expectation.quantity();
    let found = done.read(&quantity)?;
    // a number that is none is never near
    let holds = (found.mean - value).abs() <= tolerance;
    Ok(judged(quantity.to_string(), shown(&found), holds))
}

impl Finished<'_> {
    fn read(&self, quantity: &Quantity<'_>) -> Result<Found, Failure> {
        let read = |folder: &std::path::PathBuf| {
            super::quantity::read(folder, quantity).map_err(|failure| failure.at(&format!("run `{}`", self.run.name)))
        };
        let values = self.folders.iter().map(read).collect::<Result<Vec<f64>, _>>()?;
        Ok(Found::of(&values))
    }
}

impl Judged {
    /// For `reproduced.json`.
    pub(crate) fn json(&self) -> Value {
        json!({
            "run": self.run, "what": self.what, "expected": self.expected, "found": self.found,
            "tolerance": self.tolerance, "ok": self.holds,
        })
    }
}

/// A table with a column for each part of a line.
pub(crate) fn table(lines: &[Judged]) -> String {
    let header = ["run", "what", "expected", "found", "tolerance", ""].map(String::from);
    let rows = lines.iter().map(|line| {
        let verdict = if line.holds { "ok" } else { "FAILED" };
        [&line.run, &line.what, &line.expected, &line.found, &line.tolerance, verdict].map(str::to_owned)
    });
    let rows: Vec<[String; 6]> = std::iter::once(header).chain(rows).collect();
    // Comparisons are long and stand below the columns.
    let is_order = |row: &&[String; 6]| row[0].is_empty();
    let orders: Vec<String> =
        rows.iter().filter(is_order).map(|row| format!("{}\n  {}  {}", row[1], row[3], row[5])).collect();
    let rows: Vec<[String; 6]> = rows.iter().filter(|row| !is_order(row)).cloned().collect();
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..6).map(width).collect();
    let line = |row: &[String; 6]| -> String {
        let cells: Vec<String> = row.iter().zip(&widths).map(|(cell, &width)| format!("{cell:<width$}")).collect();
        cells.join("  ").trim_end().to_owned()
    };
    rows.iter().map(line).chain(orders).collect::<Vec<_>>().join("\n")
}

fn shown(found: &Found) -> String {
    match found.standard_error {
        Some(error) => format!("{} ± {}", number(found.mean), number_to(error, 2)),
        None => number(found.mean),
    }
}

/// Eight significant digits at most, without zeros at the end.
fn number(value: f64) -> String {
    number_to(value, 8)
}

fn number_to(value: f64, digits: i32) -> String {
    if value == 0.0 || !value.is_finite() {
        return value.to_string();
    }
    let exponent = value.abs().log10().floor() as i32;
    if !(-5..9).contains(&exponent) {
        return format!("{value:.*e}", (digits - 1) as usize);
    }
    let text = format!("{value:.*}", (digits - 1 - exponent).max(0) as usize);
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repeats_are_averaged_with_their_standard_error() {
        let found = Found::of(&[1.0, 2.0, 3.0, 4.0]);
        assert_eq!(found.mean, 2.5);
        // s² = 5/3
        assert!((found.standard_error.unwrap() - (5.0f64 / 3.0 / 4.0).sqrt()).abs() < 1e-15);
        assert_eq!(Found::of(&[7.0]).standard_error, None);
    }

    #[test]
    fn numbers_keep_what_matters() {
        for (value, text) in [
            (-4797.476612345, "-4797.4766"),
            (0.44574801, "0.44574801"),
            (1.0, "1"),
            (0.0, "0"),
            (1e-7, "1.0000000e-7"),
            (120.0, "120"),
            (f64::NAN, "NaN"),
        ] {
            assert_eq!(number(value), text);
        }
        assert_eq!(number_to(0.01234, 2), "0.012");
    }
}
