//! `expected.toml`: the runs of a study and what they should give again.
//!
//! ```toml
//! seeds = [7]
//! cpu_seconds = 12                # user + system, of every run together
//!
//! [[run]]
//! name = "poisson"
//! config = "config.toml"
//! set = ["likelihood.poisson={}"] # as after --set
//! repeat = { key = "data.csv.split", from = 0, to = 19 }
//!
//! [[run.expect]]
//! metric = "splits.test.nll"      # a path into metrics.json; the mean over the repeats
//! value = 1.18
//! tolerance = 0.05
//!
//! [[run.expect]]
//! parameter = "layers.0.weight"   # of run.h5; `index` counts row by row
//! index = 4
//! value = 0.0
//! tolerance = 0.0
//!
//! [[run.expect]]
//! interval = "alpha"              # of the run's intervals; `tolerance` is how far outside `value` may be
//! value = 1.3
//! tolerance = 0.0
//!
//! [[order]]                       # the first is less than the second, and so on
//! less = ["laplace:splits.test.nll", "gaussian:splits.test.nll"]
//!
//! [[compare]]                     # NAME.html and its figures in the study's folder
//! name = "heads"
//! runs = ["laplace", "gaussian"]
//! ```

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::failure::Failure;
use crate::source::{Manual, located_in};

const MANUAL: Manual = Manual {
    keys: "expected.toml has `seeds`, `cpu_seconds`, `[[run]]` (`name`, `config`; `set`, `repeat`), `[[run.expect]]` \
           (`metric`, `parameter` or `interval`, `value`, `tolerance`), `[[order]]` (`less`) and `[[compare]]` (`name`, `runs`)",
    names: "experiments/counts/expected.toml shows every name",
};

/// A study.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Expected {
    /// The seeds that stand in its configurations, for readers.
    #[serde(rename = "seeds")]
    pub(crate) _seeds: Vec<u64>,
    /// What all runs together cost, user + system, on the machine they were first made on.
    pub(crate) cpu_seconds: f64,
    /// The runs, in order.
    pub(crate) run: Vec<StudyRun>,
    /// Comparisons between runs.
    #[serde(default)]
    pub(crate) order: Vec<Order>,
    /// Pages that lay runs side by side.
    #[serde(default)]
    pub(crate) compare: Vec<Comparison>,
}

/// Runs that are laid side by side in `NAME.html`, with their figures as files beside it.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Comparison {
    /// Names the page.
    pub(crate) name: String,
    /// The runs, in order.
    pub(crate) runs: Vec<String>,
}

/// One run, or one per value of a key.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct StudyRun {
    /// Names it in the table and its folder.
    pub(crate) name: String,
    /// The configuration, relative to the study.
    pub(crate) config: PathBuf,
    /// Overrides, as after `--set`.
    #[serde(default)]
    pub(crate) set: Vec<String>,
    /// The key that changes from repeat to repeat.
    pub(crate) repeat: Option<Repeat>,
    /// What it should give.
    #[serde(default)]
    pub(crate) expect: Vec<Expectation>,
}

/// A key that takes every whole number from the first to the last.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Repeat {
    /// The key, as before the `=` of `--set`.
    pub(crate) key: String,
    /// First value.
    pub(crate) from: u64,
    /// Last value.
    pub(crate) to: u64,
}

/// A number and how far off it may be.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Expectation {
    /// A path into `metrics.json`.
    pub(crate) metric: Option<String>,
    /// A parameter of `run.h5`, in the place of `metric`.
    pub(crate) parameter: Option<String>,
    /// A parameter whose 95 % interval should hold the value, in the place of `metric`.
    pub(crate) interval: Option<String>,
    /// Which of its numbers, row by row.
    #[serde(default)]
    pub(crate) index: usize,
    /// What it should be.
    pub(crate) value: f64,
    /// The largest difference that is all right; from the nearer end of an interval, where it is outside.
    pub(crate) tolerance: f64,
}

/// Numbers of which each is less than the next.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Order {
    /// `RUN:METRIC`, ascending.
    pub(crate) less: Vec<String>,
}

/// Where a number is found in a finished run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Quantity<'a> {
    /// A dotted path into `metrics.json`.
    Metric(&'a str),
    /// A number of a parameter in `run.h5`.
    Parameter(&'a str, usize),
}

impl Expected {
    /// Reads and checks the file.
    pub(crate) fn read(path: &Path) -> Result<Self, Failure> {
        let text = std::fs::read_to_string(path).map_err(|e| Failure::file(path, "read", &e))?;
        let shown = path.display().to_string();
        let expected: Self =
            toml::from_str(&text).map_err(|e| located_in(&shown, &text, e.span(), e.message(), &MANUAL))?;
        match expected.problem() {
            Some((problem, hint)) => Err(Failure::user(format!("{shown}: {problem}"), hint)),
            None => Ok(expected),
        }
    }

    /// The first thing that makes no sense, and what to do.
    fn problem(&self) -> Option<(String, &'static str)> {
        let mut names = BTreeSet::new();
        let plain = |c: char| c.is_ascii_alphanumeric() || "-_".contains(c);
        for run in &self.run {
            let name = &run.name;
            if name.is_empty() || !name.chars().all(plain) {
                return Some((
                    format!("a run is called `{name}`"),
                    "it names a folder: use letters, digits, `-` and `_`",
                ));
            }
            if !names.insert(name.as_str()) {
                return Some((format!("two runs are called `{name}`"), "give each run a name of its own"));
            }
            if let Some(Repeat { key, from, to }) = run.repeat.as_ref().filter(|r| r.from > r.to) {
                return Some((format!("run `{name}` repeats `{key}` from {from} to {to}"), "`to` is the last value"));
            }
            for expectation in &run.expect {
                let named = [&expectation.metric, &expectation.parameter, &expectation.interval];
                if named.into_iter().flatten().count() != 1 {
                    return Some((
                        format!("an expectation of run `{name}` needs one of `metric`, `parameter` and `interval`"),
                        "name one of the three",
                    ));
                }
                if expectation.interval.is_some() && run.repeat.is_some() {
                    return Some((
                        format!("run `{name}` is repeated and expects an interval"),
                        "intervals have no mean: expect one of a single run",
                    ));
                }
                if !(expectation.value.is_finite() && expectation.tolerance >= 0.0) {
                    return Some((
                        format!("run `{name}` expects {} within {}", expectation.value, expectation.tolerance),
                        "`value` is a finite number, `tolerance` is at least 0",
                    ));
                }
            }
        }
        if self.run.is_empty() {
            return Some(("there is no run".into(), "add a `[[run]]` with `name` and `config`"));
        }
        for Comparison { name, runs } in &self.compare {
            let repeated = |run: &String| self.run.iter().any(|r| r.name == *run && r.repeat.is_some());
            if let Some(unknown) = runs.iter().find(|run| !names.contains(run.as_str())) {
                return Some((format!("comparison `{name}` has run `{unknown}`"), "name runs above"));
            }
            if let Some(many) = runs.iter().find(|run| repeated(run)) {
                return Some((format!("comparison `{name}` has run `{many}`, which is repeated"), "name single runs"));
            }
            if name.is_empty() || !name.chars().all(plain) || names.contains(name.as_str()) || runs.len() < 2 {
                return Some((
                    format!("comparison `{name}` has {} runs", runs.len()),
                    "it names a page: use letters, digits, `-` and `_`, other than the name of a run, and two runs or more",
                ));
            }
        }
        for entry in self.order.iter().flat_map(|order| &order.less) {
            let known = entry.split_once(':').is_some_and(|(run, _)| names.contains(run));
            if !known {
                return Some((format!("`less` has `{entry}`"), "write RUN:METRIC with the name of a run above"));
            }
        }
        None
    }
}

impl Expectation {
    /// What is expected to have the value, where that is no interval.
    pub(crate) fn quantity(&self) -> Quantity<'_> {
        match (&self.metric, &self.parameter) {
            (Some(metric), _) => Quantity::Metric(metric),
            (None, parameter) => Quantity::Parameter(parameter.as_deref().unwrap_or_default(), self.index),
        }
    }
}

impl std::fmt::Display for Quantity<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Metric(path) => f.write_str(path),
            Self::Parameter(name, index) => write!(f, "{name}[{index}]"),
        }
    }
}
