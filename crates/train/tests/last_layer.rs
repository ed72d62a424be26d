//! The Bayesian last layer against an independent implementation, and on data from its own model.

use candle_core::{Device, Tensor};
use serde_json::Value;
use surprisal_core::rng::{gamma, standard_normal, stream};
use surprisal_core::{Prediction, Target};
use surprisal_objective::likelihood::Gaussian;
use surprisal_objective::risk::Mean;
use surprisal_objective::{Coupling, LikelihoodConfig, Objective, Outcome, RiskConfig, Source};
use surprisal_train::last_layer::conjugate::{Prior, posterior};
use surprisal_train::last_layer::{BayesianConfig, BayesianLastLayer};

fn numbers(case: &Value, key: &str) -> Vec<f64> {
    case[key].as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect()
}

fn cases() -> Vec<Value> {
    let text = include_str!("reference/bayesian_linear.json");
    serde_json::from_str::<Value>(text).unwrap()["cases"].as_array().unwrap().clone()
}

#[test]
fn posterior_evidence_and_predictions_are_the_reference() {
    let (mut n_cases, mut n_integrated) = (0, 0);
    for case in cases() {
        let number = |key: &str| case[key].as_f64().unwrap();
        let (features, y) = (numbers(&case, "features"), numbers(&case, "y"));
        let prior = Prior { lambda: Some(number("lambda")), a0: number("a0"), b0: Some(number("b0")) };
        let found = posterior(&features, &y, prior).unwrap();
        let near = |a: f64, b: f64, tolerance: f64| (a - b).abs() < tolerance * (1.0 + b.abs());
        assert!(near(found.log_evidence, number("log_evidence"), 1e-10), "{}", found.log_evidence);
        if let Some(integrated) = case["integrated"].as_f64() {
            assert!(near(found.log_evidence, integrated, 1e-6), "{} {integrated}", found.log_evidence);
            n_integrated += 1;
        }
        let p = number("p") as usize;
        let (loc, scale2) = (numbers(&case, "loc"), numbers(&case, "scale2"));
        for (i, new) in numbers(&case, "new").chunks_exact(p).enumerate() {
            let evidential = found.predict(new);
            assert!(near(evidential.gamma, loc[i], 1e-9), "{} {}", evidential.gamma, loc[i]);
            let squared = evidential.beta * (1.0 + evidential.nu) / (evidential.alpha * evidential.nu);
            assert!(near(squared / scale2[i], 1.0, 1e-9), "{squared} {}", scale2[i]);
            assert_eq!(2.0 * evidential.alpha, number("df"));
        }
        // empirical Bayes: the search over λ with b₀ in closed form finds what a search over both finds
        let best = posterior(&features, &y, Prior { lambda: None, a0: number("a0"), b0: None }).unwrap();
        if number("best_lambda").ln() > 20.0 {
            // the features explain nothing: the evidence is flat up to λ = ∞, and the search ends at its end
            assert!(best.lambda.ln() > 19.0 && near(best.log_evidence, number("best_log_evidence"), 1e-6));
            n_cases += 1;
            continue;
        }
        assert!(near(best.log_evidence, number("best_log_evidence"), 1e-9), "{}", best.log_evidence);
        assert!(near(best.lambda.ln(), number("best_lambda").ln(), 1e-4), "{} {}", best.lambda, number("best_lambda"));
        assert!(near(best.b0.ln(), number("best_b0").ln(), 1e-4), "{}", best.b0);
        n_cases += 1;
    }
    assert_eq!((n_cases, n_integrated), (4, 1));
}

#[test]
fn impossible_numbers_have_no_posterior() {
    let prior = Prior { lambda: None, a0: 1.0, b0: None };
    assert!(posterior(&[1.0, 2.0, 3.0], &[f64::NAN, 1.0, 2.0], prior).is_none());
    // nothing is left to explain: the evidence is infinite
    assert!(posterior(&[1.0, 2.0, 3.0], &[0.0; 3], prior).is_none());
}

/// Worlds drawn from the model itself: with its own hyper-parameters every level is covered exactly.
#[test]
fn worlds_drawn_from_the_model_are_covered() {
    let (n, p, lambda, a0, b0) = (10, 3, 0.5, 3.0, 2.0);
    let mut draws = stream(4, "worlds", 0);
    let n_worlds = 4000;
    let mut below = [0usize; 3];
    let levels = [0.1, 0.5, 0.95];
    for _ in 0..n_worlds {
        let sigma = (b0 / gamma(&mut draws, a0)).sqrt();
        let weights: Vec<f64> = (0..p).map(|_| sigma / f64::sqrt(lambda) * standard_normal(&mut draws)).collect();
        let mut features: Vec<f64> = (0..(n + 1) * p).map(|_| standard_normal(&mut draws)).collect();
        let mut y: Vec<f64> = features
            .chunks_exact(p)
            .map(|row| row.iter().zip(&weights).map(|(a, b)| a * b).sum::<f64>() + sigma * standard_normal(&mut draws))
            .collect();
        let (new, observed) = (features.split_off(n * p), y.pop().unwrap());
        let prior = Prior { lambda: Some(lambda), a0, b0: Some(b0) };
        let e = posterior(&features, &y, prior).unwrap().predict(&new);
        let scale = (e.beta * (1.0 + e.nu) / (e.alpha * e.nu)).sqrt();
        let marginal = surprisal_objective::likelihood::StudentTMarginal { loc: e.gamma, scale, df: 2.0 * e.alpha };
        let cdf = surprisal_objective::Marginal::cdf(&marginal, observed);
        below.iter_mut().zip(levels).for_each(|(count, level)| *count += usize::from(cdf < level));
    }
    for (count, level) in below.into_iter().zip(levels) {
        let share = count as f64 / n_worlds as f64;
        let error = (level * (1.0 - level) / n_worlds as f64).sqrt();
        assert!((share - level).abs() < 4.0 * error, "{share} below the {level} quantile");
    }
}

/// Two components in the data's own units: the likelihood reads the closed form back.
#[test]
fn predictions_in_data_units_are_the_closed_form() {
    let case = &cases()[1];
    let (n, p) = (25, 4);
    let features = numbers(case, "features");
    let hidden: Vec<f64> = features.chunks_exact(p).flat_map(|row| row[..p - 1].to_vec()).collect();
    let features = Tensor::from_vec(hidden, (n, p - 1), &Device::Cpu).unwrap();
    let y = numbers(case, "y");
    let values: Vec<f64> = y.iter().flat_map(|y| [*y, 1.0 - 2.0 * y * y]).collect();
    let target = Target {
        value: Tensor::from_vec(values, (n, 2), &Device::Cpu).unwrap(),
        observed: None,
        group: (0..n as u32).collect(),
        n_groups: n,
        energy: None,
        attributes: vec![],
        weight: vec![],
    };
    let gaussian = LikelihoodConfig::Gaussian(Gaussian { scale: Source::Constant, ..Gaussian::default() });
    let (scale, shift) = (vec![0.5, 30.0], vec![1.0, -2.0]);
    let trained = Outcome::new(gaussian, 2, Coupling::Componentwise, scale.clone(), shift.clone()).unwrap();
    let config = BayesianConfig { lambda: None, a0: 1.0, b0: None };
    let layer = BayesianLastLayer::fit(&config, &features, &target).unwrap();
    let outcome = BayesianLastLayer::outcome(&trained).unwrap();
    let prediction: Prediction = layer.predict(&features, &outcome).unwrap();
    let objective = Objective::new(outcome, RiskConfig::Mean(Mean {}), vec![], None).unwrap();
    let nll = objective.score(&prediction, &target).unwrap().nll;
    let (data, columns) = (objective.outcome().data_units(&prediction).unwrap(), objective.outcome().columns());
    let rows = features.to_vec2::<f64>().unwrap();
    let observed = target.value.to_vec2::<f64>().unwrap();
    for i in 0..n {
        let sample = objective.outcome().sample(&data, &columns, i);
        let uncertainties = columns.uncertainties(&sample);
        let mut total = 0.0;
        for (c, posterior) in layer.components().iter().enumerate() {
            let phi: Vec<f64> = rows[i].iter().copied().chain([1.0]).collect();
            let e = posterior.predict(&phi);
            let width = scale[c] * (posterior.b / posterior.a * (1.0 + 1.0 / e.nu)).sqrt();
            let y = shift[c] + scale[c] * observed[i][c];
            let z = (y - shift[c] - scale[c] * e.gamma) / width;
            let df = 2.0 * posterior.a;
            let lgamma = surprisal_ops::special::lgamma;
            total += 0.5 * (df + 1.0) * (z * z / df).ln_1p()
                + width.ln()
                + 0.5 * (df * std::f64::consts::PI).ln()
                + lgamma(0.5 * df)
                - lgamma(0.5 * (df + 1.0));
            let named = |wanted: &str| uncertainties[c].iter().find(|(name, _)| *name == wanted).unwrap().1;
            let noise = scale[c] * (posterior.b / (posterior.a - 1.0)).sqrt();
            assert!((named("aleatoric") / noise - 1.0).abs() < 1e-9);
            assert!((named("epistemic") / (noise / e.nu.sqrt()) - 1.0).abs() < 1e-9);
        }
        assert!((nll[i] - total).abs() < 1e-9 * (1.0 + total.abs()), "{} {total}", nll[i]);
    }
    let shapes = BayesianLastLayer::shapes(2, p - 1);
    for ((name, shape), (named, values)) in shapes.iter().zip(layer.values()) {
        assert_eq!((name, shape.iter().product::<usize>()), (&named, values.len()));
    }
}
