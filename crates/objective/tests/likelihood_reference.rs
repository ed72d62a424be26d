//! Every likelihood of the registry against scipy and mpmath (`scripts/reference/likelihood.py`).

#![allow(clippy::unwrap_used)] // a failed unwrap is a failed test

use std::path::PathBuf;

use candle_core::{Device, Result, Tensor, Var};
use serde_json::{Value, json};
use surprisal_objective::likelihood::{BlockValues, Likelihood, LikelihoodConfig, Natural};

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn family(name: &str) -> LikelihoodConfig {
    serde_json::from_value(json!({ name: {} })).unwrap()
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or_else(|| value.as_str().unwrap().parse().unwrap())
}

fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(number).collect()
}

#[track_caller]
fn agree(what: &str, found: f64, expected: f64) {
    let equal = found == expected || (found.is_nan() && expected.is_nan());
    assert!(
        equal || (found - expected).abs() <= 1e-10 * (1.0 + expected.abs()),
        "{what}: {found}, expected {expected}"
    );
}

/// NLL of one block and its gradient with respect to locations and parameters.
fn nll(likelihood: &dyn Likelihood, location: &[f64], parameters: &[f64], y: &[f64]) -> Result<(f64, Vec<f64>)> {
    let m = y.len();
    let variable =
        |values: &[f64], shape: &[usize]| Var::from_tensor(&Tensor::from_slice(values, shape, &Device::Cpu)?);
    let location = variable(location, &[1, 1, location.len()])?;
    let mut columns = parameters;
    let mut variables = vec![];
    for spec in likelihood.parameters(m) {
        let (of_this, rest) = columns.split_at(spec.width);
        columns = rest;
        let shape = if spec.width == 1 { vec![1, 1] } else { vec![1, 1, spec.width] };
        variables.push(variable(of_this, &shape)?);
    }
    let parameters = variables;
    let natural = Natural {
        location: location.as_tensor().clone(),
        parameters: parameters.iter().map(|p| p.as_tensor().clone()).collect(),
        block_dim: m,
    };
    let value = likelihood.nll(&natural, &Tensor::from_slice(y, (1, 1, m), &Device::Cpu)?)?;
    let gradients = value.sum_all()?.backward()?;
    let mut gradient = Vec::new();
    for variable in std::iter::once(&location).chain(&parameters) {
        gradient.extend(gradients.get(variable).unwrap().flatten_all()?.to_vec1::<f64>()?);
    }
    Ok((value.flatten_all()?.to_vec1::<f64>()?[0], gradient))
}

#[test]
fn every_family_agrees_with_independent_implementations() -> Result<()> {
    for name in LikelihoodConfig::NAMES {
        let file = root().join(format!("tests/reference/likelihood/{name}.json"));
        let text = std::fs::read_to_string(&file).unwrap_or_else(|e| panic!("{}: {e}", file.display()));
        let table: Value = serde_json::from_str(&text).unwrap();
        for case in table["cases"].as_array().unwrap() {
            let n_location = case["location"].as_array().unwrap().len();
            let config = match *name {
                "gaussian_mixture" => serde_json::from_value(json!({ *name: {"n_components": n_location} })).unwrap(),
                _ => family(name),
            };
            let (location, parameters) = (numbers(&case["location"]), numbers(&case["parameters"]));
            let y = numbers(&case["y"]);
            let what = |part: &str| format!("{name} {part} at {parameters:?}, {location:?}, {y:?}");
            let (value, gradient) = nll(config.get(), &location, &parameters, &y)?;
            agree(&what("nll"), value, number(&case["nll"]));
            if let Some(expected) = case["gradient"].as_array() {
                for (i, (found, expected)) in gradient.iter().zip(expected).enumerate() {
                    agree(&what(&format!("gradient {i}")), *found, number(expected));
                }
            } else {
                assert!(gradient.iter().all(|g| g.is_finite()), "{}", what("gradient"));
            }
            // the others have their distributions tested one by one
            if case["cdf"].is_null() {
                continue;
            }
            let reported = config.get().location(&location);
            let block = BlockValues { location: &reported, parameters: &parameters, block_dim: y.len() };
            let marginal = config.get().marginal(&block, 0);
            agree(&what("mean"), marginal.mean(), number(&case["mean"]));
            agree(&what("variance"), marginal.variance(), number(&case["variance"]));
            agree(&what("cdf"), marginal.cdf(y[0]), number(&case["cdf"]));
            agree(&what("crps"), marginal.crps(y[0]), number(&case["crps"]));
            for (level, expected) in numbers(&case["levels"]).into_iter().zip(numbers(&case["quantiles"])) {
                agree(&what(&format!("quantile {level}")), marginal.quantile(level), expected);
            }
        }
    }
    Ok(())
}

#[test]
fn every_family_has_a_smallest_experiment() {
    for name in LikelihoodConfig::NAMES {
        let file = root().join(format!("../../configs/likelihood/{name}.toml"));
        let text = std::fs::read_to_string(&file).unwrap_or_else(|e| panic!("{}: {e}", file.display()));
        assert!(text.contains(&format!("[likelihood.{name}]")), "{}", file.display());
    }
}

/// Known to ten digits from scipy and mpmath: observation or residual, parameters, joint NLL.
#[test]
fn known_point_values() -> Result<()> {
    let points: [(&str, &[f64], &[f64], &[f64], f64); 5] = [
        ("gaussian", &[0.2], &[0.5], &[1.3], 2.6457913526),
        ("laplace", &[0.2], &[0.5], &[1.3], 2.2),
        ("student_t", &[0.2], &[0.5, 4.0], &[1.3], 2.2701633613),
        ("normal_inverse_gamma", &[0.2], &[1.5, 2.0, 0.6], &[1.3], 1.8170650542),
        ("normal_inverse_gamma", &[0.0; 3], &[1.2, 3.0, 0.7], &[0.3, -0.2, 0.5], 1.9917169638),
    ];
    for (name, location, parameters, y, expected) in points {
        let (found, _) = nll(family(name).get(), location, parameters, y)?;
        assert!((found - expected).abs() < 1e-10 * (1.0 + expected), "{name}: {found}, expected {expected}");
    }
    let block = BlockValues { location: &[0.0], parameters: &[1.0], block_dim: 1 };
    let crps = family("laplace").get().marginal(&block, 0).crps(-3.0);
    assert!((crps - 2.29978707).abs() < 1e-8);
    Ok(())
}
