//! The onset detector on curves whose truth is known.

use surprisal_core::rng;
use surprisal_objective::calibration::onset::{Direction, OnsetCurves, OnsetOptions, OnsetReport, Verdict, detect};

const N_EVALUATIONS: usize = 40;

struct Truth {
    n_groups: usize,
    nll: fn(f64) -> f64,
    mse: fn(f64) -> f64,
}

/// Curves with a given mean, a level per group that cancels in differences, and noise per sample and
/// evaluation; four samples per group.
fn judge(truth: &Truth, seed: u64, zms: Option<&[f64]>) -> OnsetReport {
    let n = 4 * truth.n_groups;
    let mut stream = rng::stream(seed, "curves", 0);
    let level: Vec<f64> = (0..truth.n_groups).map(|_| rng::standard_normal(&mut stream)).collect();
    let (mut nll, mut squared_error) = (vec![], vec![]);
    for t in 0..N_EVALUATIONS {
        for i in 0..n {
            nll.push((truth.nll)(t as f64) + level[i / 4] + 0.2 * rng::standard_normal(&mut stream));
            let spread = 1.0 + 0.5 * level[i / 4].tanh();
            squared_error.push((truth.mse)(t as f64) * spread * (1.0 + 0.05 * rng::standard_normal(&mut stream)));
        }
    }
    let group: Vec<u64> = (0..n).map(|i| (i / 4) as u64).collect();
    let curves = OnsetCurves { nll: &nll, squared_error: &squared_error, group: &group, zms };
    detect(&curves, &OnsetOptions::new(seed))
}

fn falling(t: f64) -> f64 {
    1.0 + 2.0 * (-t / 4.0).exp()
}

fn falling_then_rising(t: f64) -> f64 {
    falling(t) + 0.05 * (t - 15.0).max(0.0)
}

#[test]
fn a_rising_nll_under_a_flat_error_is_an_onset() {
    let zms: Vec<f64> = (0..N_EVALUATIONS).map(|t| 0.8 + 0.03 * t as f64).collect();
    let report = judge(&Truth { n_groups: 200, nll: falling_then_rising, mse: falling }, 1, Some(&zms));
    let Verdict::Onset { evaluation } = report.verdict else { panic!("{report:?}") };
    assert!((15..=24).contains(&evaluation), "{report:?}");
    assert!(report.confidence.is_some_and(|c| c > 0.9), "{report:?}");
    assert_eq!(report.direction, Some(Direction::Overconfident));
    assert!(report.mse_argmin > report.nll_argmin);
}

#[test]
fn an_error_that_rises_too_is_ordinary_overfitting() {
    let report = judge(&Truth { n_groups: 200, nll: falling_then_rising, mse: falling_then_rising }, 2, None);
    assert_eq!(report.verdict, Verdict::OrdinaryOverfitting, "{report:?}");
}

#[test]
fn falling_curves_have_no_onset() {
    let still_falling = |t: f64| 3.0 - 0.02 * t;
    let report = judge(&Truth { n_groups: 200, nll: still_falling, mse: falling }, 3, None);
    assert_eq!(report.verdict, Verdict::None, "{report:?}");
    assert_eq!(report.confidence, None);
}

#[test]
fn few_groups_leave_it_undetermined() {
    let report = judge(&Truth { n_groups: 12, nll: falling_then_rising, mse: falling }, 4, None);
    assert_eq!(report.verdict, Verdict::Undetermined);
    assert!(report.reason.contains("12 validation groups"), "{}", report.reason);
}

#[test]
fn curves_that_only_settle_rarely_look_like_an_onset() {
    let onsets = (0..40)
        .filter(|&seed| {
            let report = judge(&Truth { n_groups: 80, nll: falling, mse: falling }, 100 + seed, None);
            matches!(report.verdict, Verdict::Onset { .. })
        })
        .count();
    assert!(onsets <= 4, "{onsets} of 40");
}

#[test]
fn clear_onsets_are_found() {
    let found = (0..20)
        .filter(|&seed| {
            let report = judge(&Truth { n_groups: 60, nll: falling_then_rising, mse: falling }, 500 + seed, None);
            matches!(report.verdict, Verdict::Onset { .. })
        })
        .count();
    assert!(found >= 18, "{found} of 20");
}

/// Curves that are level on average but move together from evaluation to evaluation, as those of
/// stochastic training do: the chosen minimum is then truly lower than its neighbours.
#[test]
fn common_jitter_of_a_level_curve_rarely_looks_like_an_onset() {
    let onsets = (0..40)
        .filter(|&seed| {
            let mut stream = rng::stream(seed, "jitter", 0);
            let (n_groups, mut nll, mut squared_error) = (80, vec![], vec![]);
            for _ in 0..N_EVALUATIONS {
                let common = rng::standard_normal(&mut stream);
                for _ in 0..n_groups {
                    nll.push(0.02 * common + 0.2 * rng::standard_normal(&mut stream));
                    squared_error.push(1.0 + 0.005 * common + 0.02 * rng::standard_normal(&mut stream));
                }
            }
            let group: Vec<u64> = (0..n_groups).collect();
            let curves = OnsetCurves { nll: &nll, squared_error: &squared_error, group: &group, zms: None };
            matches!(detect(&curves, &OnsetOptions::new(seed)).verdict, Verdict::Onset { .. })
        })
        .count();
    assert!(onsets <= 4, "{onsets} of 40");
}
