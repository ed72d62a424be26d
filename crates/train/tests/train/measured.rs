//! Likelihoods of counts, positive values, shares and angles on the states of a differential equation.

use surprisal_core::records::Trajectory;
use surprisal_objective::{LikelihoodConfig, LocationLink};
use surprisal_train::predictor::ode::{OdeConfig, OdePredictor};
use surprisal_train::{Predictor, shard};

use crate::gradient;
use crate::setup::{Loss, Setup, differential_equation};

/// An epidemic: the infected, and new cases in a unit of time, of which a share is reported.
const EPIDEMIC: &str = r#"{
    "states": {
        "s": { "rhs": "-beta*s*i", "initial": "1 - seed", "scale": 1.0, "observed": false },
        "i": { "rhs": "beta*s*i - gamma*i", "initial": "seed", "scale": 0.1, "observed": "SIZE*i" }
    },
    "parameters": {
        "beta": { "init": 1.1, "positive": true }, "gamma": { "init": 0.4, "positive": true },
        "seed": { "init": 0.01, "lower": 0.0, "upper": 0.1 },
        "reported": { "init": 0.6, "lower": 0.0, "upper": 1.0, "per_trajectory": true }
    },
    "observations": { "cases": "SIZE*reported*beta*s*i" },
    "solver": { "tsit5": { "rtol": 1e-12, "atol": 1e-12 } } }"#;

fn config(size: &str) -> OdeConfig {
    serde_json::from_str(&EPIDEMIC.replace("SIZE", size)).unwrap_or_else(|e| panic!("{e}"))
}

/// Curves like those of an epidemic, turned into what a likelihood is for.
fn trajectories(value: impl Fn(f64) -> f64) -> Vec<Trajectory> {
    (0..5)
        .map(|k| {
            let times: Vec<f64> = (0..7).map(|n| 2.0 * f64::from(n) + 0.1 * f64::from(k)).collect();
            let at = |t: f64, shift: f64| value(0.2 * (-((t - 6.0 - shift) / 3.5).powi(2)).exp());
            let mut observed: Vec<Vec<f64>> =
                times.iter().map(|&t| vec![at(t, 1.0), at(t, 0.2 * f64::from(k))]).collect();
            observed[2][usize::from(k == 1)] = f64::NAN;
            let n = times.len();
            Trajectory {
                id: k.to_string(),
                times,
                observed,
                inputs: vec![vec![]; n],
                lines: (2..2 + n).collect(),
                n_given: 0,
            }
        })
        .collect()
}

fn setup(likelihood: &str, size: &str, value: impl Fn(f64) -> f64) -> Setup<OdePredictor> {
    let likelihood: LikelihoodConfig = serde_json::from_str(likelihood).unwrap();
    differential_equation(&config(size), &["i", "cases"], &[], &trajectories(value), &Loss::mean(likelihood), 1)
}

#[test]
fn counts_positive_values_and_shares_have_exact_gradients() {
    let round = |y: f64| (300.0 * y).round();
    for (likelihood, size, setup) in
        [r#"{ "poisson": {} }"#, r#"{ "negative_binomial": { "dispersion": "constant" } }"#]
            .map(|l| (l, "300", setup(l, "300", round)))
            .into_iter()
            .chain(
                [r#"{ "gamma": { "shape": "constant" } }"#, r#"{ "log_normal": { "scale": "constant" } }"#]
                    .map(|l| (l, "40", setup(l, "40", |y| 40.0 * y + 0.01))),
            )
            .chain(
                [r#"{ "beta": { "precision": "constant" } }"#, r#"{ "von_mises": { "concentration": "constant" } }"#]
                    .map(|l| (l, "1", setup(l, "1", |y| y + 0.01))),
            )
            .chain([r#"{ "bernoulli": {} }"#].map(|l| (l, "1", setup(l, "1", |y| f64::from(u8::from(y > 0.1))))))
    {
        let setup = setup.shake(0.1);
        gradient::check(&format!("{likelihood} of {size}"), &setup, 1e-6);
        let target = shard::target(&setup.predictor, 2, &setup.splits.train.iter().collect::<Vec<_>>()).unwrap();
        setup.objective.outcome().check_target(&target).unwrap();
    }
}

/// What is reported is what the states say, in the data's units.
#[test]
fn the_reported_mean_is_the_measured_state() {
    for (likelihood, value) in [
        (r#"{ "poisson": {} }"#, (|y: f64| (300.0 * y).round()) as fn(f64) -> f64),
        (r#"{ "gamma": { "shape": 2.0 } }"#, |y| 300.0 * y + 0.1),
        (r#"{ "gaussian": { "scale": 2.0 } }"#, |y| 300.0 * y),
    ] {
        let setup = setup(likelihood, "300", value);
        let prediction = setup.predictor.evaluate(&[&setup.splits.train[0]]).unwrap();
        let location = setup.objective.outcome().data_units(&prediction).unwrap().location;
        // the start is the seed
        assert!((location[0] - 300.0 * 0.01).abs() < 1e-9, "{likelihood}: {}", location[0]);
        assert!((location[1] - 300.0 * 0.6 * 1.1 * 0.99 * 0.01).abs() < 1e-9, "{likelihood}: {}", location[1]);
    }
}

/// A state below zero is scored where the tangent of the logarithm puts it, with its gradient, and counted.
#[test]
fn a_state_below_zero_has_a_finite_loss_an_exact_gradient_and_is_counted() {
    let json = r#"{
        "states": { "x": { "rhs": "-fall", "initial": "free", "scale": 5.0 } },
        "parameters": { "fall": { "init": 1.0 } },
        "floor": 0.1,
        "solver": { "tsit5": { "rtol": 1e-12, "atol": 1e-12 } } }"#;
    let config: OdeConfig = serde_json::from_str(json).unwrap();
    let trajectories: Vec<Trajectory> = (0..4)
        .map(|k| Trajectory {
            id: k.to_string(),
            times: (0..5).map(f64::from).collect(),
            observed: [2.0, 1.0, 1.0, 0.0, 1.0].iter().map(|y| vec![y + f64::from(k % 2)]).collect(),
            inputs: vec![vec![]; 5],
            lines: (2..7).collect(),
            n_given: 0,
        })
        .collect();
    for likelihood in [r#"{ "poisson": {} }"#, r#"{ "negative_binomial": { "dispersion": "constant" } }"#] {
        let likelihood: LikelihoodConfig = serde_json::from_str(likelihood).unwrap();
        let setup = differential_equation(&config, &["x"], &[], &trajectories, &Loss::mean(likelihood), 1);
        gradient::check("below zero", &setup, 1e-6);
        // from 2: 2, 1, 0, −1, −2; from 3: 3, 2, 1, 0, −1; three are trained on
        let diagnostics = setup.predictor.diagnostics().unwrap();
        assert_eq!(
            (setup.predictor.diagnostic_names(), diagnostics),
            (vec!["observations.below_floor".into()], vec![8.0])
        );
        let prediction = setup.predictor.evaluate(&[&setup.splits.train[0]]).unwrap();
        let mean = setup.objective.outcome().data_units(&prediction).unwrap().location[3];
        let tangent = 0.1 * ((-1.0f64 - 0.1) / 0.1).exp();
        assert!((mean / tangent - 1.0).abs() < 1e-6, "{mean} against {tangent}");
    }
}

#[test]
fn likelihoods_that_one_value_does_not_locate_are_refused() {
    let refused = |json: &str| {
        let likelihood: LikelihoodConfig = serde_json::from_str(json).unwrap();
        let outcome = surprisal_objective::Outcome::new(
            likelihood.clone(),
            2,
            surprisal_objective::Coupling::Componentwise,
            vec![1.0; 2],
            vec![0.0; 2],
        )
        .unwrap();
        OdePredictor::check(outcome.layout(), likelihood.get().location_link())
    };
    let mixture = refused(r#"{ "gaussian_mixture": { "n_components": 2 } }"#).unwrap_err().to_string();
    assert!(mixture.contains("which is no location of this likelihood"), "{mixture}");
    let network = refused(r#"{ "negative_binomial": {} }"#).unwrap_err().to_string();
    assert!(network.contains("not further parameters"), "{network}");
    assert!(matches!(refused(r#"{ "poisson": {} }"#), Ok(LocationLink::Log)));
    assert!(matches!(refused(r#"{ "von_mises": { "concentration": 2.0 } }"#), Ok(LocationLink::Direction)));
}
