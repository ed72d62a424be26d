//! Calibration measures against scipy and uncertainty-toolbox (`scripts/reference/calibration.py`).

#![allow(clippy::unwrap_used)]

use serde_json::Value;
use surprisal_objective::calibration::{
    GroupBootstrap, auroc, coverage, ence, pit, rank, reliability, scores, sharpness, sparsification, zms,
};

fn reference() -> Value {
    serde_json::from_str(include_str!("reference/calibration.json")).unwrap()
}

fn list(reference: &Value, name: &str) -> Vec<f64> {
    reference[name].as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect()
}

#[track_caller]
fn agree(name: &str, found: f64, expected: f64, tolerance: f64) {
    assert!((found - expected).abs() <= tolerance * (1.0 + expected.abs()), "{name}: {found}, expected {expected}");
}

#[test]
fn measures_agree_with_independent_implementations() {
    let reference = reference();
    let number = |name: &str| reference[name].as_f64().unwrap();
    let (mean, sigma, y) = (list(&reference, "mean"), list(&reference, "sigma"), list(&reference, "y"));
    let error: Vec<f64> = y.iter().zip(&mean).map(|(y, m)| y - m).collect();
    let magnitude: Vec<f64> = error.iter().map(|e| e.abs()).collect();
    let transform = list(&reference, "pit");
    let (lower, upper) = (list(&reference, "lower_0.9"), list(&reference, "upper_0.9"));
    let winkler: Vec<f64> = (0..y.len()).map(|i| coverage::winkler(0.9, lower[i], upper[i], y[i])).collect();
    let untied = |v: &[f64]| [&v[..10], &v[20..]].concat();
    let uniformity = pit::uniformity(&transform);

    agree("rmse", scores::rmse(&error), number("rmse"), 1e-12);
    agree("mae", scores::mae(&error), number("mae"), 1e-12);
    agree("sharpness", sharpness::sharpness(&sigma), number("sharpness"), 1e-12);
    agree("coverage", coverage::coverage(0.9, &transform, &transform), number("coverage_0.9"), 1e-12);
    agree("winkler", scores::mean(&winkler), number("winkler_0.9"), 1e-12);
    agree("area", reliability::miscalibration_area(&transform), number("miscalibration_area"), 1e-9);
    agree("ence", ence::ence(&untied(&error), &untied(&sigma), 10), number("ence_10"), 1e-12);
    agree("ause", sparsification::ause(&untied(&error), &untied(&sigma)), number("ause"), 1e-12);
    agree("zms", zms::zms(&error, &sigma), number("zms"), 1e-12);
    agree("spearman", rank::spearman(&magnitude, &sigma), number("spearman"), 1e-12);
    agree("auroc", auroc::auroc(&sigma[..100], &sigma[100..]), number("auroc"), 1e-12);
    agree("ks distance", uniformity.distance, number("ks_distance"), 1e-12);
    assert!((uniformity.p_value / number("ks_p_exact") - 1.0).abs() < 0.05, "{uniformity:?}");
}

#[test]
fn the_cluster_bootstrap_agrees_with_scipy_on_equal_groups() {
    let reference = reference();
    let (mean, sigma, y) = (list(&reference, "mean"), list(&reference, "sigma"), list(&reference, "y"));
    let error: Vec<f64> = y.iter().zip(&mean).map(|(y, m)| y - m).collect();
    let group: Vec<u64> = (0..y.len()).map(|i| (i / 4) as u64).collect();
    let found = zms::interval(&error, &sigma, &GroupBootstrap::new(&group, 20_000, 3), 0.95);
    let expected = list(&reference, "zms_interval_groups_of_4");
    let width = expected[1] - expected[0];
    assert!((found.lower - expected[0]).abs() < 0.02 * width, "{found:?} {expected:?}");
    assert!((found.upper - expected[1]).abs() < 0.02 * width, "{found:?} {expected:?}");
}

#[test]
fn the_kolmogorov_law_agrees_with_scipy() {
    let reference = reference();
    for (lambda, survival) in reference["kolmogorov_survival"].as_object().unwrap() {
        agree(lambda, pit::kolmogorov_survival(lambda.parse().unwrap()), survival.as_f64().unwrap(), 1e-13);
    }
    // Stephens' correction against the exact law of finite samples.
    for case in reference["ks_p_small"].as_array().unwrap() {
        let (n, distance) = (case["n"].as_f64().unwrap(), case["distance"].as_f64().unwrap());
        let found = pit::kolmogorov_survival((n.sqrt() + 0.12 + 0.11 / n.sqrt()) * distance);
        assert!((found - case["p"].as_f64().unwrap()).abs() < 0.03, "{case} {found}");
    }
}
