//! Profiles of the likelihood against closed forms, and where the data set no bound.

use surprisal_core::records::Row;
use surprisal_core::rng::{standard_normal, stream};
use surprisal_train::IntervalsConfig;
use surprisal_train::intervals::{Intervals, Method, Nuisance, Profile, THRESHOLD};
use surprisal_train::predictor::mlp::Activation;
use tempfile::TempDir;

use crate::intervals::{Decay, HESSIAN, Linear, RATE, close, curve, decay, intervals, known, minimized, of, reference};
use crate::minimizers::penalty;
use crate::setup::{Loss, constant_gaussian, table};

const PROFILE: IntervalsConfig = IntervalsConfig { method: Some(Method::Profile), ..HESSIAN };

fn profile<'a>(found: &'a Intervals, name: &str, i: usize) -> &'a Profile {
    &of(found, name).profiles[i]
}

/// Every point of a profile is on this curve.
fn lies_on(profile: &Profile, curve: impl Fn(f64) -> f64, what: &str) {
    assert!(profile.points.len() >= 7, "{what}: {:?}", profile.points);
    assert!(profile.points.is_sorted_by(|a, b| a[0] < b[0]), "{what}");
    for [at, drop, _] in &profile.points {
        assert!((drop - curve(*at)).abs() < 1e-4 * (1.0 + drop), "{what}: {drop} for {} at {at}", curve(*at));
    }
}

/// With σ fitted, a coefficient's profile is n/2 ln(1 + δ²/(n s²)), s its standard error at the maximum; σ's
/// own is n ln(σ/σ̂) + n/2 (σ̂²/σ² − 1).
#[test]
fn a_linear_model_has_the_profiles_of_its_closed_form() {
    let Linear { inputs, target, coefficients, coefficient_errors, sigma, .. } = reference().linear;
    let n = target.len() as f64;
    let rows = inputs.into_iter().zip(target).enumerate();
    let row = |(i, (inputs, y))| Row { inputs, targets: vec![y], attributes: vec![], weight: 1.0, line: i + 2 };
    let mut rows: Vec<Row> = rows.map(row).collect();
    rows.extend(rows[..rows.len() / 3].to_vec());
    let setup = minimized(table(&rows, &[], Activation::Tanh, &Loss::mean(constant_gaussian()), 1));
    let found = intervals(&setup, &PROFILE);
    assert!(found.notes.is_empty(), "{:?}", found.notes);
    for (k, (b, s)) in coefficients.into_iter().zip(coefficient_errors).enumerate() {
        let found = profile(&found, "layers.0.weight", k);
        lies_on(found, |at| 0.5 * n * ((at - b) * (at - b) / (n * s * s)).ln_1p(), "coefficient");
        let half = s * (n * (2.0 * THRESHOLD / n).exp_m1()).sqrt();
        close(found.upper - b, half, 1e-3, "upper end");
        close(b - found.lower, half, 1e-3, "lower end");
        // wider than what the curvature says, 1.96 s
        assert!(half > 1.96 * s && found.points.iter().all(|p| p[2] >= p[1] - 1e-6));
    }
    let scale = profile(&found, "scale", 0);
    let of_sigma = |at: f64| n * (at / sigma).ln() + 0.5 * n * ((sigma / at).powi(2) - 1.0);
    lies_on(scale, of_sigma, "σ");
    assert!((of_sigma(scale.lower) - THRESHOLD).abs() < 1e-3 && (of_sigma(scale.upper) - THRESHOLD).abs() < 1e-3);
    assert!(scale.lower < sigma && sigma < scale.upper);
}

/// For a decay with known σ the best start at a rate is a ratio of sums.
#[test]
fn a_decay_has_the_profile_of_its_sums_of_squares() {
    let Decay { t, sigma, noisy, .. } = reference().decay;
    let setup = minimized(curve(&decay("k", RATE), &t, &noisy.x, &known(sigma)));
    let found = intervals(&setup, &PROFILE);
    assert!(found.notes.is_empty(), "{:?}", found.notes);
    let nll = |k: f64| {
        let f: Vec<f64> = t.iter().map(|t| (-k * t).exp()).collect();
        let (xf, ff) = f.iter().zip(&noisy.x).fold((0.0, 0.0), |(xf, ff), (f, x)| (xf + x * f, ff + f * f));
        noisy.x.iter().zip(&f).map(|(x, f)| (x - xf / ff * f).powi(2)).sum::<f64>() / (2.0 * sigma * sigma)
    };
    let (k, best) = (noisy.estimate[1], nll(noisy.estimate[1]));
    let found_k = profile(&found, "k", 0);
    lies_on(found_k, |at| nll(at) - best, "k");
    for end in [found_k.lower, found_k.upper] {
        assert!((nll(end) - best - THRESHOLD).abs() < 1e-3, "{}", nll(end) - best);
    }
    assert!(found_k.lower < k && k < found_k.upper);
    // the end is on the other side of the estimate from the other, and not symmetric about it
    let skew = (found_k.upper - k) / (k - found_k.lower);
    assert!(skew > 1.02, "{skew}");
    // asked for by name, one of them alone has a profile, and the others their intervals
    let one = intervals(&setup, &IntervalsConfig { profiles: Some(vec!["k".into()]), ..PROFILE });
    assert_eq!(profile(&one, "k", 0), found_k);
    assert!(of(&one, "a").profiles.is_empty() && of(&one, "a").lower == of(&found, "a").lower);
}

#[test]
fn sides_on_which_the_data_set_no_bound_are_open() {
    let Decay { t, sigma, noisy, .. } = reference().decay;
    // of a product neither factor is known
    let two = format!(r#"{RATE}, "m": {{ "init": 0.5, "positive": true }}"#);
    let setup = minimized(curve(&decay("k*m", &two), &t, &noisy.x, &known(sigma)));
    let found = intervals(&setup, &PROFILE);
    for name in ["k", "m"] {
        let Profile { lower, upper, points } = profile(&found, name, 0);
        assert_eq!((*lower, *upper), (f64::NEG_INFINITY, f64::INFINITY), "{name}");
        assert!(points.iter().all(|p| p[1].abs() < 1e-3), "{name}: {points:?}");
    }
    let alone = profile(&found, "a", 0);
    assert!(alone.lower > 2.0 && alone.upper < 4.0, "{alone:?}");
    // saturation that may be none: bounded above, and below by nothing
    let saturating = format!(r#"{RATE}, "s": {{ "init": 0.1, "positive": true }}"#);
    let equations = decay("k", &saturating).replace("-k*x", "-k*x/(1 + s*x)");
    let setup = minimized(curve(&equations, &t, &noisy.x, &known(sigma)));
    let found = intervals(&setup, &PROFILE);
    let saturation = profile(&found, "s", 0);
    assert_eq!(saturation.lower, f64::NEG_INFINITY, "{saturation:?}");
    assert!(saturation.upper > 0.01 && saturation.upper < 10.0, "{saturation:?}");
}

/// Where a network may stand in for a term, the profile lets it, with the prior that the information has.
#[test]
fn weights_that_vary_widen_a_profile_as_they_widen_the_standard_error() {
    let Decay { t, sigma, noisy, .. } = reference().decay;
    let rate = r#""k": { "init": 0.7, "prior": { "normal": { "loc": 0.7, "scale": 0.2 } } }"#;
    let hybrid = decay("k", rate).replace("-k*x", "-k*x + nn.u").replace(
        r#""solver""#,
        r#""networks": { "nn": { "inputs": ["x"], "outputs": ["u"], "hidden": [3], "output_scale": 1.0 } }, "solver""#,
    );
    let loss = Loss { penalties: vec![penalty(serde_json::json!({"l2": {"weight": 0.02}}))], ..known(sigma) };
    let setup = minimized(curve(&hybrid, &t, &noisy.x, &loss));
    let width = |networks| {
        let names = Some(vec!["k".to_owned()]);
        let found = intervals(&setup, &IntervalsConfig { networks: Some(networks), profiles: names, ..PROFILE });
        let Profile { lower, upper, .. } = profile(&found, "k", 0);
        let error = of(&found, "k").standard_error[0];
        // near the curvature's, but not the same
        assert!(((upper - lower) / (2.0 * 1.96 * error) - 1.0).abs() < 0.3, "{lower} {upper} {error}");
        upper - lower
    };
    let (fixed, marginal) = (width(Nuisance::Fixed), width(Nuisance::Marginal));
    assert!(marginal > 2.0 * fixed && marginal < 2.0 * 1.96 * 0.21, "{fixed} {marginal}");
}

#[test]
fn names_that_have_no_interval_are_refused() {
    let Decay { t, sigma, noisy, .. } = reference().decay;
    let setup = curve(&decay("k", RATE), &t, &noisy.x, &known(sigma));
    let directory = TempDir::new().unwrap();
    let fit = setup.fit(directory.path());
    let names = |config: &IntervalsConfig| fit.profile_names(config).map_err(|e| e.to_string());
    let asked = |name: &str| IntervalsConfig { profiles: Some(vec![name.into()]), ..PROFILE };
    assert_eq!(names(&asked("k")).unwrap(), [("k".to_string(), 1)]);
    assert!(names(&asked("q")).unwrap_err().contains("`q`, which has no interval"));
    let hessian = IntervalsConfig { profiles: Some(vec!["k".into()]), ..HESSIAN };
    assert!(names(&hessian).unwrap_err().contains("is not \"profile\""));
    assert_eq!(names(&HESSIAN).unwrap(), []);
    assert_eq!(names(&PROFILE).unwrap().len(), 2);
}

/// The profile's interval covers as often as it says also where few data bend the likelihood: 40 experiments with
/// 8 times, σ known; the number that cover is binomial(40, 0.95), below 34 with probability 0.3 %.
#[test]
fn profile_intervals_cover_the_truth() {
    let t: Vec<f64> = (0..8).map(|i| 0.8 * f64::from(i)).collect();
    let mut covered = 0;
    for seed in 0..40 {
        let mut draws = stream(seed, "profile", 0);
        let x: Vec<f64> = t.iter().map(|t| 3.0 * (-0.7 * t).exp() + 0.4 * standard_normal(&mut draws)).collect();
        let setup = minimized(curve(&decay("k", RATE), &t, &x, &known(0.4)));
        let found = intervals(&setup, &PROFILE);
        let Profile { lower, upper, .. } = profile(&found, "k", 0);
        covered += usize::from(*lower < 0.7 && 0.7 < *upper);
    }
    assert!((34..=40).contains(&covered), "{covered}");
}

/// A line's first derivative is exact: the standard deviation of a prediction is that of its coefficients.
#[test]
fn the_spread_of_a_prediction_is_that_of_its_parameters() {
    let Decay { t, sigma, exact, .. } = reference().decay;
    let setup = minimized(curve(&decay("k", RATE), &t, &exact.x, &known(sigma)));
    let directory = TempDir::new().unwrap();
    let fit = setup.fit(directory.path());
    let found = fit.intervals(&HESSIAN).unwrap();
    let groups: Vec<_> = setup.splits.train.iter().collect();
    let predict = || -> Result<Vec<f64>, surprisal_train::TrainError> {
        let prediction = surprisal_train::shard::evaluate(&setup.predictor, &groups, 4)?;
        let outcome = setup.objective.outcome();
        Ok(outcome.mean_location(&outcome.data_units(&prediction)?).to_vec())
    };
    let before = predict().unwrap();
    let sd = fit.spread(&found.directions, predict).unwrap();
    assert_eq!(before, predict().unwrap(), "the weights stay where they were");
    let ([a, k], [[aa, ak], [_, kk]]) = (exact.estimate, exact.covariance);
    assert_eq!(sd.len(), t.len());
    for (t, sd) in t.iter().zip(sd) {
        let (da, dk) = ((-k * t).exp(), -a * t * (-k * t).exp());
        let expected = (da * da * aa + 2.0 * da * dk * ak + dk * dk * kk).sqrt();
        close(sd, expected, 2e-3, "spread");
    }
}
