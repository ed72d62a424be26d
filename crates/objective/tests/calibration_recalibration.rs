//! Recalibration against scipy and scikit-learn (`scripts/reference/calibration.py`), and on data it
//! has not seen.

#![allow(clippy::unwrap_used)]

use serde_json::Value;
use surprisal_core::rng;
use surprisal_objective::calibration::recalibration::isotonic::pool_adjacent_violators;
use surprisal_objective::calibration::recalibration::sigma_scaling::gaussian_factor;
use surprisal_objective::calibration::recalibration::{Conformal, Factor, Isotonic, Stretch};
use surprisal_objective::calibration::{GroupBootstrap, reliability, scores};
use surprisal_objective::likelihood::{Coupling, LikelihoodConfig, NormalMarginal};
use surprisal_objective::{Blocks, Marginal};

fn reference() -> Value {
    serde_json::from_str(include_str!("reference/recalibration.json")).unwrap()
}

fn list(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect()
}

#[track_caller]
fn agree(found: f64, expected: &Value, tolerance: f64) {
    let expected = expected.as_f64().unwrap();
    assert!((found - expected).abs() <= tolerance * (1.0 + expected.abs()), "{found}, expected {expected}");
}

fn likelihood(text: &str) -> LikelihoodConfig {
    serde_json::from_str(text).unwrap()
}

fn one_each(n: usize, n_resamples: usize) -> GroupBootstrap {
    GroupBootstrap::new(&(0..n as u64).collect::<Vec<_>>(), n_resamples, 1)
}

#[test]
fn the_factor_of_student_t_predictions_is_that_of_scipy() {
    let r = reference();
    let (loc, scale, target) = (list(&r["loc"]), list(&r["scale"]), list(&r["y"]));
    let n = loc.len();
    let family = likelihood(r#"{"student_t": {}}"#);
    let names: Vec<&str> = family.get().parameters(1).iter().map(|p| p.name).collect();
    let columns = |name: &str| match name {
        "scale" => scale.clone(),
        "df" => vec![r["df"].as_f64().unwrap(); n],
        other => panic!("a parameter `{other}`"),
    };
    let stretch = Stretch {
        likelihood: family.get(),
        blocks: Coupling::Componentwise.blocks(1),
        members: 1,
        center: loc.clone(),
        location: loc,
        parameters: names.into_iter().map(columns).collect(),
        target,
    };
    agree(scores::mean(&stretch.nll(1.0).unwrap()), &r["t_nll"], 1e-12);
    let factor = Factor::fit(|s| stretch.nll(s).unwrap(), &one_each(n, 300), 0.95).unwrap();
    agree(factor.value, &r["t_factor"], 1e-6);
    agree(scores::mean(&stretch.nll(factor.value).unwrap()), &r["t_nll_at_factor"], 1e-10);
    assert!(factor.interval.lower < 1.8 && 1.8 < factor.interval.upper, "{factor:?}");
}

#[test]
fn a_stretched_joint_gaussian_is_the_gaussian_of_the_stretched_scale() {
    let family = likelihood(r#"{"gaussian": {}}"#);
    let (location, target) = (vec![0.1, -0.4, 1.0, 0.0, 0.0, 0.0], vec![0.3, 0.2, 0.7, f64::NAN, 1.0, 1.0]);
    let at = |scale: f64, factor: f64| {
        let stretch = Stretch {
            likelihood: family.get(),
            blocks: Blocks { n_blocks: 1, block_dim: 3 },
            members: 1,
            location: location.clone(),
            center: location.clone(),
            parameters: vec![vec![scale; 2]],
            target: target.clone(),
        };
        stretch.nll(factor).unwrap()
    };
    let (stretched, wide) = (at(0.2, 2.5), at(0.5, 1.0));
    assert!((stretched[0] - wide[0]).abs() < 1e-13, "{stretched:?} {wide:?}");
    assert!(stretched[1].is_nan(), "nothing whole was observed");
}

#[test]
fn a_stretched_mixture_of_members_has_the_mean_of_their_densities() {
    let family = likelihood(r#"{"gaussian": {}}"#);
    let stretch = Stretch {
        likelihood: family.get(),
        blocks: Blocks { n_blocks: 2, block_dim: 1 },
        members: 2,
        // One sample: (member, component).
        location: vec![0.0, 1.0, 0.5, 3.0],
        parameters: vec![vec![1.0, 2.0, 0.5, 1.0]],
        center: vec![0.25, 2.0],
        target: vec![1.0, 0.0],
    };
    let density = |x: f64, loc: f64, scale: f64| {
        (-0.5 * ((x - loc) / scale).powi(2)).exp() / (scale * std::f64::consts::TAU.sqrt())
    };
    for factor in [1.0, 1.7] {
        let (x, y) = (0.25 + 0.75 / factor, 2.0 - 2.0 / factor);
        let joint = 0.5 * (density(x, 0.0, 1.0) * density(y, 1.0, 2.0) + density(x, 0.5, 0.5) * density(y, 3.0, 1.0));
        let expected = -(joint / (factor * factor)).ln();
        assert!((stretch.nll(factor).unwrap()[0] - expected).abs() < 1e-13);
    }
}

#[test]
fn the_closed_form_is_the_minimum_of_the_gaussian_nll() {
    let mut stream = rng::stream(3, "test", 0);
    let sigma: Vec<f64> = (0..500).map(|_| (0.4 * rng::standard_normal(&mut stream)).exp()).collect();
    let error: Vec<f64> = sigma.iter().map(|s| 0.6 * s * rng::standard_normal(&mut stream)).collect();
    let family = likelihood(r#"{"gaussian": {}}"#);
    let stretch = Stretch {
        likelihood: family.get(),
        blocks: Coupling::Componentwise.blocks(1),
        members: 1,
        location: vec![0.0; 500],
        center: vec![0.0; 500],
        parameters: vec![sigma.clone()],
        target: error.clone(),
    };
    let factor = Factor::fit(|s| stretch.nll(s).unwrap(), &one_each(500, 10), 0.95).unwrap();
    assert!((factor.value - gaussian_factor(&error, &sigma)).abs() < 1e-7, "{factor:?}");
}

#[test]
fn isotonic_regression_is_that_of_scikit_learn() {
    let r = reference();
    let found = pool_adjacent_violators(&list(&r["pava_values"]), &list(&r["pava_weights"]));
    found.iter().zip(list(&r["pava"])).for_each(|(a, b)| assert!((a - b).abs() < 1e-12, "{a} {b}"));
    let map = Isotonic::fit(&list(&r["pit"]));
    for (u, expected) in list(&r["map_at"]).into_iter().zip(r["map"].as_array().unwrap()) {
        agree(map.apply(u), expected, 1e-12);
    }
}

#[test]
fn conformal_quantiles_are_those_of_numpy() {
    let r = reference();
    let conformal = Conformal::fit(&list(&r["scores"]));
    for (level, expected) in r["conformal"].as_object().unwrap() {
        agree(conformal.quantile(level.parse().unwrap()), expected, 1e-12);
    }
}

/// Fitted on one half of badly calibrated predictions, each method calibrates the other half.
#[test]
fn what_was_fitted_on_one_half_repairs_the_other() {
    let mut stream = rng::stream(6, "test", 0);
    let n = 4000;
    let sigma: Vec<f64> = (0..n).map(|_| (0.5 * rng::standard_normal(&mut stream)).exp()).collect();
    let error: Vec<f64> = sigma.iter().map(|s| 2.2 * s * rng::standard_normal(&mut stream)).collect();
    let cdf = |e: f64, s: f64| NormalMarginal { loc: 0.0, scale: s }.cdf(e);
    let transform = |factor: f64| -> Vec<f64> { error.iter().zip(&sigma).map(|(e, s)| cdf(*e, factor * s)).collect() };
    let half = n / 2;
    let before = reliability::miscalibration_area(&transform(1.0)[half..]);
    let scaled = transform(gaussian_factor(&error[..half], &sigma[..half]));
    let map = Isotonic::fit(&transform(1.0)[..half]);
    let mapped: Vec<f64> = transform(1.0)[half..].iter().map(|&u| map.apply(u)).collect();
    let score: Vec<f64> = error.iter().zip(&sigma).map(|(e, s)| e.abs() / s).collect();
    let conformal = Conformal::fit(&score[..half]);
    let reached: Vec<f64> = score[half..].iter().map(|&r| conformal.reached(r)).collect();
    assert!(before > 0.15, "{before}");
    for area in [
        reliability::miscalibration_area(&scaled[half..]),
        reliability::miscalibration_area(&mapped),
        reliability::area_of_reached(&reached),
    ] {
        assert!(area < 0.02, "{area}");
    }
}
