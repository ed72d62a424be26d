//! Proximal maps against brute force, and the optimality conditions against them.

#![allow(clippy::unwrap_used)] // a failed unwrap is a failed test

use candle_core::{DType, Device};
use serde_json::{Value, json};
use surprisal_core::{Diagnose, Parameters, Role};
use surprisal_objective::penalty::{Kind, ProximalPenalty};
use surprisal_objective::{Coupling, LikelihoodConfig, Objective, Outcome, PenaltyConfig, RiskConfig};

fn penalty(value: Value) -> PenaltyConfig {
    serde_json::from_value(value).unwrap()
}

fn with_proximal<T>(penalty: &PenaltyConfig, f: impl FnOnce(&dyn ProximalPenalty) -> T) -> T {
    match penalty.get().kind() {
        Kind::Proximal(proximal) => f(proximal),
        _ => panic!("{} is not proximal", penalty.name()),
    }
}

/// The minimum of a convex function on [−8, 8] by ternary search.
fn minimum(f: impl Fn(f64) -> f64) -> f64 {
    let (mut low, mut high) = (-8.0f64, 8.0f64);
    for _ in 0..300 {
        let (a, b) = (low + (high - low) / 3.0, high - (high - low) / 3.0);
        if f(a) < f(b) { high = b } else { low = a }
    }
    0.5 * (low + high)
}

const SEPARABLE: [fn() -> PenaltyConfig; 4] = [
    || penalty(json!({"l1": {"weight": 0.7}})),
    || penalty(json!({"elastic_net": {"weight": 0.9, "l1_ratio": 0.6}})),
    || penalty(json!({"elastic_net": {"weight": 0.9, "l1_ratio": 0.0}})),
    || penalty(json!({"elastic_net": {"weight": 0.9, "l1_ratio": 1.0}})),
];

#[test]
fn separable_maps_minimise_coordinate_by_coordinate() {
    for entry in SEPARABLE {
        let entry = entry();
        for (w, step) in [(1.3, 0.5), (-2.1, 1.7), (0.2, 0.9), (-0.3, 1.0), (0.0, 0.4), (4.0, 3.0)] {
            let mut moved = [w];
            with_proximal(&entry, |p| p.proximal(&mut moved, &[1], &[step]));
            let expected =
                minimum(|v| (v - w) * (v - w) / (2.0 * step) + with_proximal(&entry, |p| p.value(&[v], &[1])));
            assert!((moved[0] - expected).abs() < 1e-7, "{entry:?} at {w}, step {step}: {} {expected}", moved[0]);
        }
    }
}

/// The map is where v − w lies against the subgradient: −(v − w)/step ∈ ∂penalty(v), which is what
/// `stationarity` measures for the gradient (v − w)/step. Zero or not is then forced.
#[test]
fn every_map_meets_its_own_optimality_conditions() {
    let mut entries: Vec<PenaltyConfig> = SEPARABLE.iter().map(|e| e()).collect();
    entries.push(penalty(json!({"group_lasso": {"weight": 0.7}})));
    let shape = [3, 4];
    let w: Vec<f64> = (0..12).map(|i| 1.7 * (0.4 + 2.3 * i as f64).sin() * [1.0, 0.1, 0.4, 2.0][i % 4]).collect();
    for steps in [vec![0.8; 12], (0..12).map(|i| 0.2 + 0.17 * i as f64).collect::<Vec<f64>>(), vec![1e-6; 12]] {
        for entry in &entries {
            let mut v = w.clone();
            with_proximal(entry, |p| p.proximal(&mut v, &shape, &steps));
            let gradient: Vec<f64> = (0..12).map(|i| (v[i] - w[i]) / steps[i]).collect();
            let found = with_proximal(entry, |p| p.stationarity(&v, &shape, &gradient));
            assert!(found.zeros_excess <= 1e-9 && found.nonzeros_residual < 1e-8, "{entry:?} {steps:?}: {found:?}");
            let n = if entry.name() == "group_lasso" { 4 } else { 12 };
            assert_eq!(found.n_zero + found.n_nonzero, n);
        }
    }
}

#[test]
fn a_group_is_zero_exactly_where_its_gradient_is_shorter_than_the_weight() {
    let entry = penalty(json!({"group_lasso": {"weight": 0.5}}));
    // two units, three features; lengths of the columns: 0.5 − ε, 0.5 + ε, 5
    let (short, long) = (0.499_999, 0.500_001);
    let w = [0.6 * short, -0.8 * long, 3.0, 0.8 * short, 0.6 * long, -4.0];
    let mut v = w;
    with_proximal(&entry, |p| p.proximal(&mut v, &[2, 3], &[1.0; 6]));
    assert_eq!((v[0], v[3]), (0.0, 0.0));
    assert!(v[1] != 0.0 && v[4] != 0.0);
    // a single step size keeps the direction and takes the weight off the length
    assert!((v[2] - 3.0 * 0.9).abs() < 1e-14 && (v[5] + 4.0 * 0.9).abs() < 1e-14, "{v:?}");
}

/// Each member chooses its own features, and only in its first layer.
#[test]
fn every_member_of_an_ensemble_has_its_own_groups() {
    let member = || {
        let mut model = Parameters::new();
        for (name, role, shape) in [
            ("layers.0.bias", Role::Bias, vec![2]),
            ("layers.0.weight", Role::Weight, vec![2, 3]),
            ("layers.1.weight", Role::Weight, vec![1, 2]),
        ] {
            let n = shape.iter().product();
            model.add_values(name, role, vec![0.1; n], &shape, DType::F64, &Device::Cpu).unwrap();
        }
        model
    };
    let mut ensemble = Parameters::new();
    (0..3).for_each(|k| ensemble.share_member(k, &member()));
    let names = |entry: &PenaltyConfig, model: &Parameters| -> Vec<String> {
        let all: Vec<String> = model.iter().map(|p| p.name.clone()).collect();
        let mut targets = vec![];
        with_proximal(entry, |p| targets = p.targets(model));
        targets.into_iter().map(|i| all[i].clone()).collect()
    };
    let groups = penalty(json!({"group_lasso": {"weight": 0.5}}));
    let first = ["member.0.layers.0.weight", "member.1.layers.0.weight", "member.2.layers.0.weight"];
    assert_eq!(names(&groups, &ensemble), first);
    assert_eq!(names(&groups, &member()), ["layers.0.weight"]);
    for entry in [json!({"l1": {"weight": 0.5}}), json!({"elastic_net": {"weight": 0.5, "l1_ratio": 0.5}})] {
        assert_eq!(names(&penalty(entry), &ensemble).len(), 6, "every weight of every member");
    }
}

#[test]
fn impossible_settings_and_pairs_are_refused() {
    let refused = |penalties: Vec<PenaltyConfig>| {
        let gaussian: LikelihoodConfig = serde_json::from_value(json!({"gaussian": {}})).unwrap();
        let risk: RiskConfig = serde_json::from_value(json!({"mean": {}})).unwrap();
        let outcome = Outcome::new(gaussian, 1, Coupling::Componentwise, vec![1.0], vec![0.0]).unwrap();
        let error = Objective::new(outcome, risk, penalties, None).unwrap_err();
        assert!(error.hint().is_some());
        error.to_string()
    };
    for (value, text) in [
        (
            json!({"elastic_net": {"weight": 1.0, "l1_ratio": 1.5}}),
            "`elastic_net`: `l1_ratio` must be a number from 0 to 1, found 1.5",
        ),
        (
            json!({"elastic_net": {"weight": -1.0, "l1_ratio": 0.5}}),
            "`elastic_net`: `weight` must be a number ≥ 0, found -1",
        ),
        (json!({"group_lasso": {"weight": -1.0}}), "`group_lasso`: `weight` must be a number ≥ 0, found -1"),
        (
            json!({"l1": {"path": {"from": 1e-4, "to": 0.1, "n": 4}}}),
            "`l1`: `from` must be a number larger than `to`, found 0.0001",
        ),
        (json!({"l1": {"path": {"from": 0.1, "to": 0.0, "n": 4}}}), "`l1`: `to` must be a number > 0, found 0"),
        (json!({"l1": {"path": {"from": 0.1, "to": 0.01, "n": 1}}}), "`l1`: `n` must be at least 2, found 1"),
    ] {
        assert_eq!(refused(vec![penalty(value)]), text);
    }
    let pair = vec![penalty(json!({"l1": {"weight": 0.1}})), penalty(json!({"group_lasso": {"weight": 0.1}}))];
    assert_eq!(refused(pair), "penalties `l1` and `group_lasso` both act after the step and cannot be combined");
}
