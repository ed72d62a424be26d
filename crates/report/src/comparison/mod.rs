//! Several runs side by side.
//!
//! Where two runs predicted the same samples of a split, their losses are compared sample by sample:
//! the interval of the mean difference comes from a bootstrap of whole groups that draws the same for
//! both (Efron & Tibshirani 1993, ch. 8). A run is called best of a measure only where the 95 %
//! intervals of its difference to every other run with the same samples exclude 0; no correction for the
//! number of comparisons is made.

mod page;

use std::path::{Path, PathBuf};

use surprisal_objective::calibration::bootstrap::percentile_interval;
use surprisal_objective::calibration::classification::log_losses;
use surprisal_objective::calibration::{GroupBootstrap, Interval};
use surprisal_objective::likelihood::Kind;

use crate::labels::Labels;
use crate::metrics::{LEVEL, N_RESAMPLES};
use crate::run_data::SplitData;
use crate::{Metrics, ReportError, RunData, load};

/// One of the runs.
#[derive(Debug, Clone)]
pub struct Compared {
    /// What it is called here.
    pub label: String,
    /// The run.
    pub run: RunData,
    /// Its metrics.
    pub metrics: Metrics,
}

impl Compared {
    /// A run under a label.
    pub fn new(label: impl Into<String>, run: RunData) -> Self {
        let metrics = Metrics::of(&run, serde_json::Value::Null);
        Self { label: label.into(), run, metrics }
    }

    fn split(&self, name: &str) -> Option<&SplitData> {
        self.run.splits.iter().find(|s| s.name == name)
    }
}

/// Reads the runs of `directories` and writes one page that compares them to `out`, and its figures as
/// files beside it.
pub fn compare(directories: &[PathBuf], out: &Path) -> Result<(), ReportError> {
    let runs = directories
        .iter()
        .zip(labels(directories))
        .map(|(directory, label)| Ok(Compared::new(label, load(&directory.join("run.h5"))?)))
        .collect::<Result<Vec<_>, ReportError>>()?;
    write_comparison(&runs, out)
}

/// The same for runs that were read already.
pub fn write_comparison(runs: &[Compared], out: &Path) -> Result<(), ReportError> {
    if let Some(other) = runs.iter().find(|r| r.run.kind != runs[0].run.kind) {
        let (first, first_kind) = (runs[0].label.clone(), runs[0].run.kind);
        let (second, second_kind) = (other.label.clone(), other.run.kind);
        return Err(ReportError::Incomparable { first, first_kind, second, second_kind });
    }
    let figures = crate::figure::compared::figures(runs);
    let stem = out.file_stem().map_or_else(String::new, |s| s.to_string_lossy().into_owned());
    for figure in &figures {
        let files = crate::figure::files(&figure.drawing, figure.title)
            .map_err(|source| ReportError::Figure { figure: figure.name, source })?;
        for (ending, bytes) in files {
            crate::write::replace(&out.with_file_name(format!("{stem}_{}.{ending}", figure.name)), &bytes)?;
        }
    }
    crate::write::replace(out, page::page(runs, &figures).as_bytes())
}

/// The folders' names, or the whole paths where names repeat.
fn labels(directories: &[PathBuf]) -> Vec<String> {
    let name = |path: &PathBuf| path.file_name().map(|name| name.to_string_lossy().into_owned());
    let names: Vec<Option<String>> = directories.iter().map(name).collect();
    let distinct = |name: &Option<String>| names.iter().filter(|other| *other == name).count() == 1;
    let label = |(path, name): (&PathBuf, &Option<String>)| {
        name.clone().filter(|_| distinct(name)).unwrap_or_else(|| path.display().to_string())
    };
    directories.iter().zip(&names).map(label).collect()
}

/// What can be compared sample by sample: all are better when lower.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Loss {
    Nll,
    SquaredError,
    AbsoluteError,
    Crps,
    Logarithmic,
    Brier,
}

impl Loss {
    /// The loss behind a measure of `metrics.json`.
    pub(crate) fn behind(measure: &str) -> Option<Self> {
        match measure {
            "nll" => Some(Self::Nll),
            "rmse" => Some(Self::SquaredError),
            "mae" => Some(Self::AbsoluteError),
            "crps" => Some(Self::Crps),
            "log_loss" => Some(Self::Logarithmic),
            "brier" => Some(Self::Brier),
            _ => None,
        }
    }

    /// Of each sample, `[n]`: sums over its observed components; NaN where nothing was observed.
    fn of(self, split: &SplitData) -> Vec<f64> {
        match self {
            Self::Nll => split.nll.clone(),
            Self::SquaredError => summed(split, split.error().iter().map(|e| e * e).collect()),
            Self::AbsoluteError => summed(split, split.error().iter().map(|e| e.abs()).collect()),
            Self::Crps => summed(split, split.crps.clone()),
            Self::Logarithmic => of_labels(split, |l| log_losses(&l.probabilities, l.n_classes, &l.label)),
            Self::Brier => of_labels(split, |labels| {
                let rows = labels.probabilities.chunks_exact(labels.n_classes).zip(&labels.label);
                let square = |(k, p): (usize, &f64), label: usize| (p - f64::from(u8::from(k == label))).powi(2);
                rows.map(|(row, &label)| row.iter().enumerate().map(|at| square(at, label)).sum()).collect()
            }),
        }
    }
}

fn summed(split: &SplitData, components: Vec<f64>) -> Vec<f64> {
    let row = |(values, target): (&[f64], &[f64])| {
        let seen = || values.iter().zip(target).filter(|(_, y)| y.is_finite());
        if seen().next().is_none() { f64::NAN } else { seen().map(|(v, _)| v).sum() }
    };
    let dim = split.dim.max(1);
    components.chunks_exact(dim).zip(split.target.chunks_exact(dim)).map(row).collect()
}

fn of_labels(split: &SplitData, loss: impl Fn(&Labels) -> Vec<f64>) -> Vec<f64> {
    let labels = Labels::of(split);
    let mut sums = vec![f64::NAN; split.n_samples()];
    for (value, &sample) in loss(&labels).into_iter().zip(&labels.sample) {
        sums[sample] = if sums[sample].is_nan() { value } else { sums[sample] + value };
    }
    sums
}

/// Whether two splits hold the same observations in the same groups.
pub(crate) fn same_samples(kind: Kind, a: &SplitData, b: &SplitData) -> bool {
    let close = |x: f64, y: f64| {
        let difference = match kind {
            // Angles are held in the turn around their prediction.
            Kind::Angle => (x - y).sin().abs() + (1.0 - (x - y).cos()),
            Kind::Real | Kind::Count | Kind::Label => (x - y).abs(),
        };
        (x.is_nan() && y.is_nan()) || difference <= 1e-9 * (1.0 + x.abs())
    };
    a.dim == b.dim
        && a.group == b.group
        && a.target.len() == b.target.len()
        && a.target.iter().zip(&b.target).all(|(x, y)| close(*x, *y))
}

/// Mean and interval of the loss of `b` less that of `a` over the samples of both; `None` where they
/// are not the same samples.
pub(crate) fn difference(kind: Kind, loss: Loss, a: &SplitData, b: &SplitData) -> Option<(f64, Interval)> {
    if !same_samples(kind, a, b) {
        return None;
    }
    let differences: Vec<f64> = loss.of(b).iter().zip(loss.of(a)).map(|(b, a)| b - a).collect();
    let kept: Vec<usize> = (0..differences.len()).filter(|&i| !differences[i].is_nan()).collect();
    let values: Vec<f64> = kept.iter().map(|&i| differences[i]).collect();
    let group: Vec<u64> = kept.iter().map(|&i| a.group[i]).collect();
    // One seed for all pairs, so that the page does not depend on their order.
    let mut means = GroupBootstrap::new(&group, N_RESAMPLES, 0).means(&[&values]).remove(0);
    let mean = surprisal_objective::calibration::scores::mean(&values);
    Some((mean, percentile_interval(&mut means, LEVEL)))
}

/// The runs whose samples of a split are those of the first run that has it.
pub(crate) fn comparable(runs: &[Compared], split: &str) -> Vec<usize> {
    let Some(first) = runs.iter().find_map(|r| r.split(split)) else { return vec![] };
    let same = |&i: &usize| runs[i].split(split).is_some_and(|s| same_samples(runs[i].run.kind, first, s));
    (0..runs.len()).filter(same).collect()
}

/// The run that is best of a loss on a split, where that is beyond chance: its differences to all
/// other runs with the same samples exclude 0.
pub(crate) fn best(runs: &[Compared], split: &str, loss: Loss) -> Option<usize> {
    let among = comparable(runs, split);
    if among.len() < 2 {
        return None;
    }
    let beats = |a: usize, b: usize| {
        let (a, b) = (runs[a].split(split)?, runs[b].split(split)?);
        let (_, interval) = difference(runs[0].run.kind, loss, a, b)?;
        Some(interval.lower > 0.0)
    };
    among.iter().copied().find(|&a| among.iter().all(|&b| a == b || beats(a, b) == Some(true)))
}
