//! The check of the gradient at two precisions, and the two gradients a configuration may ask for.

use surprisal_core::records::Trajectory;
use surprisal_train::predictor::ode::{OdeConfig, OdePredictor};
use surprisal_train::{GradientCheck, Predictor};

use crate::setup::{Loss, Setup, constant_gaussian, differential_equation};

fn setup(json: &str, start: [f64; 2], times: &[f64]) -> Setup<OdePredictor> {
    let config: OdeConfig = serde_json::from_str(json).unwrap();
    let trajectories: Vec<Trajectory> = (0..4)
        .map(|k| Trajectory {
            id: k.to_string(),
            observed: times.iter().map(|_| vec![start[0] + 0.1 * f64::from(k), start[1]]).collect(),
            inputs: vec![vec![]; times.len()],
            lines: (2..2 + times.len()).collect(),
            n_given: 0,
            times: times.to_vec(),
        })
        .collect();
    differential_equation(&config, &["x", "v"], &[], &trajectories, &Loss::mean(constant_gaussian()), 1)
}

fn check(json: &str, start: [f64; 2], times: &[f64]) -> GradientCheck {
    setup(json, start, times).fit(std::path::Path::new(".")).gradient_check().unwrap().unwrap()
}

fn oscillator(solver: &str) -> String {
    format!(
        r#"{{ "states": {{ "x": {{ "rhs": "v", "scale": 1 }}, "v": {{ "rhs": "-k*sin(x)", "scale": 1 }} }},
             "parameters": {{ "k": {{ "init": 2, "positive": true }} }}, {solver} }}"#
    )
}

const TIMES: [f64; 5] = [0.0, 1.0, 2.5, 4.0, 6.0];

#[test]
fn tolerances_that_resolve_the_problem_are_quiet_and_loose_ones_are_not() {
    let tsit5 = |rtol: &str| {
        let solver = format!(r#""solver": {{ "tsit5": {{ "rtol": {rtol}, "atol": {rtol} }} }}"#);
        check(&oscillator(&solver), [1.0, 0.0], &TIMES)
    };
    let (tight, loose) = (tsit5("1e-7"), tsit5("0.1"));
    assert_eq!((tight.key.as_str(), tight.configured, tight.limit), ("rtol", 1e-7, 0.05));
    assert!((tight.refined / 1e-9 - 1.0).abs() < 1e-12);
    assert!(tight.difference > 0.0 && tight.difference < 1e-5 && tight.warning("now").is_none(), "{tight:?}");
    assert!(loose.warning("now").is_some_and(|text| text.contains("lower `rtol`")), "{loose:?}");
    let rk4 =
        |step: &str| check(&oscillator(&format!(r#""solver": {{ "rk4": {{ "step": {step} }} }}"#)), [1.0, 0.0], &TIMES);
    assert!(rk4("0.02").warning("now").is_none());
    let coarse = rk4("2");
    assert_eq!((coarse.key.as_str(), coarse.refined), ("step", 1.0));
    assert!(coarse.warning("now").is_some());
}

#[test]
fn the_limit_is_what_the_configuration_says() {
    let solver = r#""solver": { "tsit5": { "rtol": 1e-4, "atol": 1e-4 } }, "gradient_check": 1e-12"#;
    let strict = check(&oscillator(solver), [1.0, 0.0], &TIMES);
    assert!(strict.limit == 1e-12 && strict.warning("now").is_some());
}

/// States right to five digits, and a gradient that is wrong by orders of magnitude.
#[test]
fn a_jump_is_found_where_the_states_look_right() {
    let van_der_pol = |solver: &str| {
        format!(
            r#"{{ "states": {{ "x": {{ "rhs": "v", "scale": 1 }}, "v": {{ "rhs": "mu*(1 - x^2)*v - x", "scale": 1 }} }},
                 "parameters": {{ "mu": {{ "init": 1000, "positive": true }} }},
                 "solver": {{ "{solver}": {{ "rtol": 1e-5, "atol": 1e-7 }} }} }}"#
        )
    };
    for solver in ["esdirk3", "bdf", "esdirk34"] {
        let slow = check(&van_der_pol(solver), [2.0, 0.0], &[0.0, 100.0, 400.0]);
        let across = check(&van_der_pol(solver), [2.0, 0.0], &[0.0, 700.0, 1200.0]);
        assert!(slow.warning("now").is_none(), "{solver}: {slow:?}");
        assert!(across.warning("now").is_some(), "{solver}: {across:?}");
    }
}

#[test]
fn a_gradient_that_cannot_be_computed_is_a_warning() {
    let solver = r#""solver": { "tsit5": { "rtol": 1e-6, "atol": 1e-6, "max_steps": 2 } }"#;
    let failed = check(&oscillator(solver), [1.0, 0.0], &TIMES);
    assert!(failed.difference.is_nan() && failed.warning("now").is_some());
}

#[test]
fn the_continuous_adjoint_is_the_other_gradient_to_its_tolerance() {
    let gradient = |more: &str| {
        let solver = format!(r#""solver": {{ "tsit5": {{ "rtol": 1e-9, "atol": 1e-10 }} }}{more}"#);
        let setup = setup(&oscillator(&solver), [1.0, 0.0], &TIMES);
        let fit = setup.fit(std::path::Path::new("."));
        let groups: Vec<_> = setup.splits.train.iter().collect();
        let gradient = fit.loss_and_gradient(&groups, 0).unwrap().1;
        assert_eq!(gradient.len(), setup.predictor.parameters().len() + 1);
        gradient[0].flatten_all().unwrap().to_vec1::<f64>().unwrap()
    };
    let (discrete, adjoint) = (gradient(""), gradient(r#", "gradient": { "continuous_adjoint": { "rtol": 1e-9 } }"#));
    assert_ne!(discrete, adjoint);
    for (a, b) in discrete.iter().zip(&adjoint) {
        assert!((a - b).abs() < 1e-6 * a.abs().max(1e-3), "{discrete:?} against {adjoint:?}");
    }
}
