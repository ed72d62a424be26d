//! Miscalibration onset: when the validation NLL turns upward while the squared error does not.
//!
//! With ℓᵢ(t) the NLL and sᵢ(t) the squared error of sample i at evaluation t, and
//! t* = argmin mean ℓ(t), the onset is the first t > t* from which, for k evaluations in a row, the
//! paired-bootstrap interval of mean(ℓᵢ(t) − ℓᵢ(t*)) is above 0 and that of
//! mean(sᵢ(t) − sᵢ(t*)) stays at or below a tolerance × mean sᵢ(t*). The phenomenon: Guo, Pleiss,
//! Sun & Weinberger 2017, ICML, Fig. 3. Choosing t* and testing on the same samples is biased, so
//! the groups are cut into two random halves; t* is chosen on one and tested on the other, both
//! ways, and both ways have to agree. The bootstrap resamples whole groups.

use serde::{Deserialize, Serialize};
use surprisal_core::rng;

use super::bootstrap::{GroupBootstrap, dense, percentile_interval};

/// How strictly to look. Defaults: k = 3, tolerance 1 %, 1,000 resamples, 95 %.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OnsetOptions {
    /// Evaluations in a row for which the conditions have to hold.
    pub k: usize,
    /// Allowed rise of the squared error, as a fraction of its value at t*.
    pub tolerance: f64,
    /// Bootstrap resamples.
    pub n_resamples: usize,
    /// Level of the two-sided intervals.
    pub level: f64,
    /// Fewest groups either half may have; with fewer the verdict is undetermined.
    pub min_groups: usize,
    /// Seeds the halves and the resamples.
    pub seed: u64,
}

impl OnsetOptions {
    /// The defaults under `seed`.
    pub fn new(seed: u64) -> Self {
        Self { k: 3, tolerance: 0.01, n_resamples: 1000, level: 0.95, min_groups: 10, seed }
    }
}

/// Per-sample curves of the validation split.
#[derive(Debug, Clone, Copy)]
pub struct OnsetCurves<'a> {
    /// `[n_evaluations · n_samples]`, row-major, nats.
    pub nll: &'a [f64],
    /// `[n_evaluations · n_samples]`, row-major, squared data units.
    pub squared_error: &'a [f64],
    /// Group of each sample, `[n_samples]`.
    pub group: &'a [u64],
    /// Mean z² at every evaluation, `[n_evaluations]`, where it was recorded.
    pub zms: Option<&'a [f64]>,
}

/// What the curves show.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// The NLL rose while the squared error did not: calibration was lost from here on.
    Onset {
        /// First evaluation, counted from 0, from which both ways of testing agree.
        evaluation: usize,
    },
    /// NLL and squared error rose together.
    OrdinaryOverfitting,
    /// The NLL did not rise for k evaluations in a row.
    None,
    /// Too few groups, or evidence that points both ways.
    Undetermined,
}

/// Which way the stated uncertainty is wrong at the onset.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// Mean z² above 1: σ too small.
    Overconfident,
    /// Mean z² at or below 1: σ too large.
    Underconfident,
}

/// The verdict with its grounds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OnsetReport {
    /// What the curves show.
    pub verdict: Verdict,
    /// Smaller of the two ways' shares of resamples in which the verdict's conditions hold
    /// throughout its window; `None` for verdicts that claim no event.
    pub confidence: Option<f64>,
    /// Which way σ is wrong at the onset, where z² was recorded.
    pub direction: Option<Direction>,
    /// argmin of the mean NLL over all samples.
    pub nll_argmin: usize,
    /// argmin of the mean squared error over all samples.
    pub mse_argmin: usize,
    /// Why, in one sentence.
    pub reason: String,
}

/// What one way of testing (t* from one half, tested on the other) saw.
#[derive(Debug, Clone, Copy, PartialEq)]
enum OneWay {
    Onset { evaluation: usize, share: f64 },
    Overfitting { share: f64 },
    Flat,
    Unclear,
}

/// Looks for the onset; see the module's documentation for the definition.
///
/// # Panics
/// If the curves are empty or their lengths are not multiples of the number of samples.
pub fn detect(curves: &OnsetCurves<'_>, options: &OnsetOptions) -> OnsetReport {
    let n_samples = curves.group.len();
    assert!(n_samples > 0 && !curves.nll.is_empty(), "an onset needs samples and evaluations");
    assert_eq!(curves.nll.len() % n_samples, 0, "one NLL per evaluation and sample");
    assert_eq!(curves.nll.len(), curves.squared_error.len(), "NLL and squared error of the same samples");
    let (group, n_groups) = dense(curves.group);
    let every = vec![true; n_groups];
    let nll_argmin = argmin(&means(curves.nll, &group, &every));
    let mse_argmin = argmin(&means(curves.squared_error, &group, &every));
    let report = |verdict, confidence, reason: String| OnsetReport {
        verdict,
        confidence,
        direction: match (verdict, curves.zms) {
            (Verdict::Onset { evaluation }, Some(zms)) if zms[evaluation] > 1.0 => Some(Direction::Overconfident),
            (Verdict::Onset { evaluation }, Some(zms)) if zms[evaluation] <= 1.0 => Some(Direction::Underconfident),
            _ => None,
        },
        nll_argmin,
        mse_argmin,
        reason,
    };
    if n_groups / 2 < options.min_groups {
        let reason = format!("{n_groups} validation groups are too few: each half needs {}", options.min_groups);
        return report(Verdict::Undetermined, None, reason);
    }
    if !curves.nll.iter().chain(curves.squared_error).all(|v| v.is_finite()) {
        return report(Verdict::Undetermined, None, "the validation curves hold values that are not finite".into());
    }
    let order = rng::permutation(&mut rng::stream(options.seed, "onset halves", 0), n_groups);
    let mut first = vec![false; n_groups];
    order[..n_groups / 2].iter().for_each(|&g| first[g] = true);
    let second: Vec<bool> = first.iter().map(|f| !f).collect();
    let ways = (one_way(curves, &group, &first, &second, options), one_way(curves, &group, &second, &first, options));
    match ways {
        (OneWay::Onset { evaluation: a, share: p }, OneWay::Onset { evaluation: b, share: q }) => {
            let reason = "the NLL rose and the squared error did not, on both halves of the groups";
            report(Verdict::Onset { evaluation: a.max(b) }, Some(p.min(q)), reason.into())
        }
        (OneWay::Overfitting { share: p }, OneWay::Overfitting { share: q }) => {
            let reason = "NLL and squared error rose together, on both halves of the groups";
            report(Verdict::OrdinaryOverfitting, Some(p.min(q)), reason.into())
        }
        (OneWay::Flat, OneWay::Flat) => {
            let reason = format!("the NLL did not rise above its minimum for {} evaluations in a row", options.k);
            report(Verdict::None, None, reason)
        }
        _ => report(Verdict::Undetermined, None, "the two halves of the groups do not agree on one answer".into()),
    }
}

/// t* from the groups of `choose`, tested on the groups of `test`.
fn one_way(
    curves: &OnsetCurves<'_>,
    group: &[usize],
    choose: &[bool],
    test: &[bool],
    options: &OnsetOptions,
) -> OneWay {
    let n = group.len();
    let best = argmin(&means(curves.nll, group, choose));
    let n_evaluations = curves.nll.len() / n;
    if best + options.k >= n_evaluations {
        return OneWay::Flat;
    }
    let kept: Vec<usize> = (0..n).filter(|&i| test[group[i]]).collect();
    let row = |values: &[f64], t: usize| -> Vec<f64> { kept.iter().map(|&i| values[t * n + i]).collect() };
    let change = |values: &[f64]| -> Vec<Vec<f64>> {
        let reference = row(values, best);
        (best + 1..n_evaluations).map(|t| row(values, t).iter().zip(&reference).map(|(v, r)| v - r).collect()).collect()
    };
    let groups: Vec<u64> = kept.iter().map(|&i| group[i] as u64).collect();
    let bootstrap = GroupBootstrap::new(&groups, options.n_resamples, options.seed);
    let resampled = |changes: &[Vec<f64>]| {
        let columns: Vec<&[f64]> = changes.iter().map(Vec::as_slice).collect();
        bootstrap.means(&columns)
    };
    let (nll, mse) = (resampled(&change(curves.nll)), resampled(&change(curves.squared_error)));
    let allowed = options.tolerance * super::scores::mean(&row(curves.squared_error, best));
    let interval = |column: &Vec<f64>| percentile_interval(&mut column.clone(), options.level);
    let rises: Vec<bool> = nll.iter().map(|c| interval(c).lower > 0.0).collect();
    let error: Vec<_> = mse.iter().map(interval).collect();
    let onset: Vec<bool> = rises.iter().zip(&error).map(|(r, e)| *r && e.upper <= allowed).collect();
    let overfit: Vec<bool> = rises.iter().zip(&error).map(|(r, e)| *r && e.lower > 0.0 && e.upper > allowed).collect();
    // The share of resamples in which a condition holds at every evaluation of the window.
    let share = |start: usize, error_holds: &dyn Fn(f64) -> bool| {
        let holds = |b: &usize| (start..start + options.k).all(|t| nll[t][*b] > 0.0 && error_holds(mse[t][*b]));
        (0..options.n_resamples).filter(holds).count() as f64 / options.n_resamples as f64
    };
    if let Some(start) = first_run(&onset, options.k) {
        OneWay::Onset { evaluation: best + 1 + start, share: share(start, &|e| e <= allowed) }
    } else if let Some(start) = first_run(&overfit, options.k) {
        OneWay::Overfitting { share: share(start, &|e| e > 0.0) }
    } else if first_run(&rises, options.k).is_some() {
        OneWay::Unclear
    } else {
        OneWay::Flat
    }
}

/// Start of the first `k` `true`s in a row.
fn first_run(flags: &[bool], k: usize) -> Option<usize> {
    flags.windows(k).position(|window| window.iter().all(|&f| f))
}

/// Mean over the samples of the groups in `keep`, per evaluation.
fn means(values: &[f64], group: &[usize], keep: &[bool]) -> Vec<f64> {
    values
        .chunks_exact(group.len())
        .map(|row| {
            let kept: Vec<f64> = row.iter().zip(group).filter(|&(_, &g)| keep[g]).map(|(v, _)| *v).collect();
            super::scores::mean(&kept)
        })
        .collect()
}

/// Index of the first smallest value that is a number; 0 if none is.
fn argmin(values: &[f64]) -> usize {
    let ordered = values.iter().enumerate().filter(|(_, v)| !v.is_nan());
    ordered.min_by(|a, b| a.1.total_cmp(b.1)).map_or(0, |(t, _)| t)
}
