//! Standard errors against statsmodels, scipy and closed forms; coverage over repeated data; and what has
//! no interval says why.

use std::path::Path;

use serde::Deserialize;
use surprisal_core::records::{Row, Trajectory};
use surprisal_core::rng::{standard_normal, stream};
use surprisal_objective::likelihood::Gaussian;
use surprisal_objective::risk::{Cvar, Threshold};
use surprisal_objective::{LikelihoodConfig, RiskConfig, Source};
use surprisal_train::intervals::{Interval, Intervals, Method, Nuisance};
use surprisal_train::optimizer::Lbfgs;
use surprisal_train::predictor::mlp::Activation;
use surprisal_train::predictor::ode::OdePredictor;
use surprisal_train::settings::{Keep, Stages};
use surprisal_train::{IntervalsConfig, OptimizerConfig, Predictor, TrainConfig};
use tempfile::TempDir;

use crate::fit::Curve;
use crate::minimizers::penalty;
use crate::setup::{Loss, Setup, constant_gaussian, differential_equation, table};

/// Made by `scripts/reference/intervals.py`.
#[derive(Deserialize)]
pub(crate) struct Reference {
    pub(crate) linear: Linear,
    pub(crate) decay: Decay,
}

#[derive(Deserialize)]
pub(crate) struct Linear {
    pub(crate) inputs: Vec<Vec<f64>>,
    pub(crate) target: Vec<f64>,
    pub(crate) coefficients: Vec<f64>,
    pub(crate) coefficient_errors: Vec<f64>,
    pub(crate) intercept_error: f64,
    pub(crate) sigma: f64,
    pub(crate) sigma_error: f64,
}

#[derive(Deserialize)]
pub(crate) struct Decay {
    pub(crate) t: Vec<f64>,
    pub(crate) sigma: f64,
    pub(crate) exact: Solution,
    pub(crate) noisy: Solution,
}

#[derive(Deserialize)]
pub(crate) struct Solution {
    pub(crate) x: Vec<f64>,
    pub(crate) estimate: [f64; 2],
    pub(crate) covariance: [[f64; 2]; 2],
    pub(crate) log_errors: [f64; 2],
}

pub(crate) fn reference() -> Reference {
    serde_json::from_str(include_str!("../reference/intervals.json")).unwrap()
}

pub(crate) const HESSIAN: IntervalsConfig =
    IntervalsConfig { method: Some(Method::Hessian), networks: None, profiles: None };

const GAUSS_NEWTON: IntervalsConfig =
    IntervalsConfig { method: Some(Method::GaussNewton), networks: None, profiles: None };

pub(crate) fn minimized<P: Predictor>(mut setup: Setup<P>) -> Setup<P> {
    setup.optimizer = OptimizerConfig::Lbfgs(Lbfgs { memory: 20, tolerance: 1e-8 });
    setup.settings = TrainConfig { epochs: Some(500), ..TrainConfig::default() }
        .ready("lbfgs", setup.optimizer.get(), Stages::Single)
        .unwrap();
    assert_eq!(setup.settings.keep, Keep::Last);
    let directory = TempDir::new().unwrap();
    let fit = setup.fit(directory.path());
    fit.run(fit.start().unwrap(), &mut Curve::default()).unwrap();
    setup
}

pub(crate) fn intervals<P: Predictor>(setup: &Setup<P>, config: &IntervalsConfig) -> Intervals {
    setup.fit(Path::new(".")).intervals(config).unwrap()
}

pub(crate) fn of<'a>(found: &'a Intervals, name: &str) -> &'a Interval {
    found.entries.iter().find(|e| e.name == name).unwrap_or_else(|| panic!("{name} in {found:?}"))
}

pub(crate) fn close(found: f64, expected: f64, tolerance: f64, what: &str) {
    assert!((found / expected - 1.0).abs() < tolerance, "{what}: {found} for {expected}");
}

/// A fit of x with one trajectory to train on and the same to hold out.
pub(crate) fn curve(equations: &str, t: &[f64], x: &[f64], loss: &Loss) -> Setup<OdePredictor> {
    let one = Trajectory {
        id: "a".into(),
        times: t.to_vec(),
        observed: x.iter().map(|x| vec![*x]).collect(),
        inputs: vec![vec![]; t.len()],
        lines: (2..2 + t.len()).collect(),
        n_given: 0,
    };
    let config = serde_json::from_str(equations).unwrap_or_else(|e| panic!("{e}"));
    let other = Trajectory { id: "b".into(), ..one.clone() };
    differential_equation(&config, &["x"], &[], &[one, other], loss, 1)
}

pub(crate) fn known(sigma: f64) -> Loss {
    Loss::mean(LikelihoodConfig::Gaussian(Gaussian { scale: Source::Fixed(sigma), ..Gaussian::default() }))
}

/// x′ = −kx from x(0) = a, with these tables of parameters.
pub(crate) fn decay(rate: &str, parameters: &str) -> String {
    format!(
        r#"{{ "states": {{ "x": {{ "rhs": "-{rate}*x", "initial": "a" }} }},
             "parameters": {{ "a": {{ "init": 2.0, "positive": true }}, {parameters} }},
             "solver": {{ "tsit5": {{ "rtol": 1e-9, "atol": 1e-10 }} }} }}"#
    )
}

pub(crate) const RATE: &str = r#""k": { "init": 1.0, "positive": true }"#;

#[test]
fn a_linear_model_has_the_standard_errors_of_least_squares() {
    let Linear { inputs, target, coefficients, coefficient_errors, intercept_error, sigma, sigma_error } =
        reference().linear;
    let n = target.len();
    let rows = inputs.into_iter().zip(target).enumerate();
    let row = |(i, (inputs, y))| Row { inputs, targets: vec![y], attributes: vec![], weight: 1.0, line: i + 2 };
    let mut rows: Vec<Row> = rows.map(row).collect();
    // a quarter is held out
    rows.extend(rows[..n / 3].to_vec());
    let setup = minimized(table(&rows, &[], Activation::Tanh, &Loss::mean(constant_gaussian()), 1));
    // what Gauss and Newton leave out is 0 for a linear model
    for method in [HESSIAN, GAUSS_NEWTON] {
        let found = intervals(&setup, &method);
        assert!(found.notes.is_empty(), "{:?}", found.notes);
        let weight = of(&found, "layers.0.weight");
        for k in 0..2 {
            close(weight.values[k], coefficients[k], 1e-6, "coefficient");
            close(weight.standard_error[k], coefficient_errors[k], 1e-5, "its error");
            close(weight.upper[k] - weight.values[k], 1.959_963_985 * coefficient_errors[k], 1e-5, "its interval");
        }
        close(of(&found, "layers.0.bias").standard_error[0], intercept_error, 1e-5, "intercept");
        let scale = of(&found, "scale");
        close(scale.values[0], sigma, 1e-6, "σ");
        close(scale.standard_error[0], sigma_error, 1e-4, "its error");
        // an interval of the logarithm, but for the link's bound at e¹⁵
        close(scale.lower[0] * scale.upper[0], sigma * sigma, 1e-3, "its interval");
    }
    // nobody asked for it
    assert_eq!(intervals(&setup, &IntervalsConfig::default()), Intervals::default());
    assert!(setup.fit(Path::new(".")).interval_names(&IntervalsConfig::default()).unwrap().is_empty());
}

#[test]
fn a_decay_has_the_covariance_of_curve_fit_and_its_observed_information() {
    let Decay { t, sigma, exact, noisy } = reference().decay;
    for (solution, curve_fit) in [(exact, 1e-4), (noisy, 0.2)] {
        let setup = minimized(curve(&decay("k", RATE), &t, &solution.x, &known(sigma)));
        let position: Vec<Vec<f64>> =
            setup.parameters().iter().map(|p| p.var.flatten_all().unwrap().to_vec1().unwrap()).collect();
        let found = intervals(&setup, &IntervalsConfig::default());
        assert!(found.notes.is_empty(), "{:?}", found.notes);
        for (k, name) in ["a", "k"].into_iter().enumerate() {
            let Interval { values, standard_error, lower, upper, .. } = of(&found, name);
            let (estimate, log_error) = (solution.estimate[k], solution.log_errors[k]);
            close(values[0], estimate, 1e-5, name);
            close(standard_error[0], estimate * log_error, 1e-4, "observed information");
            close(standard_error[0], solution.covariance[k][k].sqrt(), curve_fit, "curve_fit");
            close(lower[0], estimate * (-1.959_963_985 * log_error).exp(), 1e-4, "lower");
            close(upper[0], estimate * (1.959_963_985 * log_error).exp(), 1e-4, "upper");
        }
        let after: Vec<Vec<f64>> =
            setup.parameters().iter().map(|p| p.var.flatten_all().unwrap().to_vec1().unwrap()).collect();
        assert_eq!(position, after, "the weights stay where they were");
    }
}

/// `curve_fit` leaves out the same term, so that its covariance is ours where the residuals are not 0 too.
#[test]
fn gauss_newton_has_the_covariance_of_curve_fit() {
    let Decay { t, sigma, exact, noisy } = reference().decay;
    for solution in [exact, noisy] {
        let setup = minimized(curve(&decay("k", RATE), &t, &solution.x, &known(sigma)));
        let found = intervals(&setup, &GAUSS_NEWTON);
        assert!(found.notes.is_empty(), "{:?}", found.notes);
        for (k, name) in ["a", "k"].into_iter().enumerate() {
            close(of(&found, name).standard_error[0], solution.covariance[k][k].sqrt(), 1e-5, name);
        }
    }
}

#[test]
fn a_prior_adds_its_precision() {
    let Decay { t, sigma, exact, .. } = reference().decay;
    // centred at the truth and in the parameter itself, so that the information is the sum of both
    let with = r#""k": { "init": 1.0, "prior": { "normal": { "loc": 0.7, "scale": 0.03 } } }"#;
    let setup = minimized(curve(&decay("k", with), &t, &exact.x, &known(sigma)));
    let [[a, c], [_, k]] = exact.covariance;
    // the inverse of C⁻¹ + diag(0, 1/s²) by Sherman and Morrison
    let variance = |diagonal: f64, cross: f64| diagonal - cross * cross / (k + 0.03 * 0.03);
    for method in [HESSIAN, GAUSS_NEWTON] {
        let found = intervals(&setup, &method);
        close(of(&found, "k").standard_error[0], variance(k, k).sqrt(), 1e-4, "k");
        close(of(&found, "a").standard_error[0], variance(a, c).sqrt(), 1e-4, "a");
    }
}

#[test]
fn what_the_data_do_not_determine_is_named() {
    let Decay { t, sigma, noisy, .. } = reference().decay;
    let two = format!(r#"{RATE}, "m": {{ "init": 0.5, "positive": true }}"#);
    let setup = minimized(curve(&decay("k*m", &two), &t, &noisy.x, &known(sigma)));
    let found = intervals(&setup, &HESSIAN);
    for name in ["k", "m"] {
        let Interval { values, standard_error, lower, upper, .. } = of(&found, name);
        assert!(values[0].is_finite() && [standard_error, lower, upper].iter().all(|v| v[0].is_nan()), "{name}");
    }
    let alone = reference().decay.noisy;
    close(of(&found, "a").standard_error[0], alone.estimate[0] * alone.log_errors[0], 1e-3, "a");
    let note = found.notes.iter().find(|note| note.contains("do not determine")).unwrap();
    assert!(note.contains(" k") && note.contains(" m") && !note.contains(" a "), "{note}");
    assert!(note.contains("+1.00") && note.contains("-1.00"), "{note}");
}

#[test]
fn a_fit_that_is_not_at_its_minimum_says_how_far_it_is() {
    let Decay { t, sigma, noisy, .. } = reference().decay;
    let parameters =
        format!(r#""k": {{ "init": {}, "positive": true }}"#, noisy.estimate[1] * (1.0 + 2.0 * noisy.log_errors[1]));
    let setup = curve(&decay("k", &parameters).replace("2.0", "3.0"), &t, &noisy.x, &known(sigma));
    let found = intervals(&setup, &HESSIAN);
    assert!(found.notes.iter().any(|note| note.contains("standard errors of")), "{:?}", found.notes);
}

/// −kx and a network of x can stand in for each other: with the weights free, the prior alone keeps k.
#[test]
fn weights_of_networks_are_known_or_vary() {
    let Decay { t, sigma, noisy, .. } = reference().decay;
    let rate = r#""k": { "init": 0.7, "prior": { "normal": { "loc": 0.7, "scale": 0.2 } } }"#;
    let hybrid = decay("k", rate).replace("-k*x", "-k*x + nn.u").replace(
        r#""solver""#,
        r#""networks": { "nn": { "inputs": ["x"], "outputs": ["u"], "hidden": [3], "output_scale": 1.0 } }, "solver""#,
    );
    // small weights make a smooth function; free ones follow the noise in jumps
    let loss = Loss { penalties: vec![penalty(serde_json::json!({"l2": {"weight": 0.02}}))], ..known(sigma) };
    let setup = minimized(curve(&hybrid, &t, &noisy.x, &loss));
    let error = |networks| {
        let found = intervals(&setup, &IntervalsConfig { networks: Some(networks), ..HESSIAN });
        assert!(found.notes.len() == 1 && found.notes[0].contains("other 10 trained numbers"), "{:?}", found.notes);
        of(&found, "k").standard_error[0]
    };
    let (fixed, marginal) = (error(Nuisance::Fixed), error(Nuisance::Marginal));
    assert!(fixed > 0.0 && fixed < 0.05, "{fixed}");
    assert!(marginal > 2.0 * fixed && marginal < 0.201, "{fixed} {marginal}");
    let default = intervals(&setup, &IntervalsConfig::default());
    assert_eq!(of(&default, "k").standard_error[0], marginal);
    // asked for alone, and a penalty on the weights counts as it does in the second derivative
    let asked = intervals(&setup, &IntervalsConfig { networks: Some(Nuisance::Marginal), ..Default::default() });
    let of_gauss_newton = of(&asked, "k").standard_error[0];
    close(of_gauss_newton, marginal, 0.2, "Gauss and Newton's");
    assert_ne!(of_gauss_newton, marginal);
}

/// Halfway to the minimum of the weights, where the second derivative is not positive definite.
#[test]
fn gauss_newton_needs_no_minimum_of_the_weights() {
    let Decay { t, sigma, noisy, .. } = reference().decay;
    let hybrid = decay("k", RATE).replace("-k*x", "-k*x + nn.u").replace(
        r#""solver""#,
        r#""networks": { "nn": { "inputs": ["x"], "outputs": ["u"], "hidden": [8], "output_scale": 1.0 } }, "solver""#,
    );
    let setup = curve(&hybrid, &t, &noisy.x, &known(sigma)).shake(0.3);
    let error = |method| {
        let config = IntervalsConfig { method: Some(method), networks: Some(Nuisance::Marginal), profiles: None };
        of(&intervals(&setup, &config), "k").standard_error[0]
    };
    assert!(error(Method::Hessian).is_nan());
    let found = error(Method::GaussNewton);
    assert!(found > 0.0 && found.is_finite(), "{found}");
}

#[test]
fn losses_that_are_no_likelihood_have_none_and_say_so() {
    let rows = crate::fit::line(40);
    let risk = RiskConfig::Cvar(Cvar { fraction: 0.2, threshold: Threshold::Batch });
    let cvar = Loss { risk, ..Loss::mean(constant_gaussian()) };
    let lasso = Loss {
        penalties: vec![penalty(serde_json::json!({"l1": {"weight": 0.1}}))],
        ..Loss::mean(constant_gaussian())
    };
    let beta = Gaussian { scale: Source::Constant, beta_nll: 0.5, ..Gaussian::default() };
    let beta = Loss::mean(LikelihoodConfig::Gaussian(beta));
    for (loss, reason) in [(cvar, "is not the mean NLL"), (lasso, "`l1` has kinks"), (beta, "is not the mean NLL")] {
        let setup = table(&rows, &[], Activation::Tanh, &loss, 1).shake(0.1);
        let found = intervals(&setup, &HESSIAN);
        assert!(found.entries.is_empty() && found.notes[0].contains(reason), "{:?}", found.notes);
    }
}

/// 95 % intervals of 40 experiments, σ unknown; the number that cover is binomial(40, 0.95), below 34
/// with probability 0.3 %.
#[test]
fn intervals_cover_the_truth_as_often_as_they_say() {
    let t: Vec<f64> = (0..40).map(|i| 0.15 * f64::from(i)).collect();
    let truth = [("a", 3.0), ("k", 0.7), ("scale", 0.3)];
    let mut covered = [0; 3];
    for seed in 0..40 {
        let mut draws = stream(seed, "coverage", 0);
        let x: Vec<f64> = t.iter().map(|t| 3.0 * (-0.7 * t).exp() + 0.3 * standard_normal(&mut draws)).collect();
        let setup = minimized(curve(&decay("k", RATE), &t, &x, &Loss::mean(constant_gaussian())));
        let found = intervals(&setup, &IntervalsConfig::default());
        for (n, (name, value)) in covered.iter_mut().zip(truth) {
            let Interval { lower, upper, .. } = of(&found, name);
            *n += usize::from(lower[0] < value && value < upper[0]);
        }
    }
    assert!(covered.iter().all(|n| (34..=40).contains(n)), "{covered:?}");
}
