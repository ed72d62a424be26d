//! Every predictive distribution of one component against mpmath (`scripts/reference/marginal.py`), and
//! the laws that tie its functions together.

#![allow(clippy::unwrap_used)] // a failed unwrap is a failed test

use std::path::PathBuf;

use serde_json::Value;
use surprisal_objective::likelihood::{
    BernoulliMarginal, BetaMarginal, GammaMarginal, GaussianMixtureMarginal, LogNormalMarginal, Marginal,
    NegativeBinomialMarginal, PoissonMarginal, VonMisesMarginal,
};

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or_else(|| value.as_str().unwrap().parse().unwrap())
}

fn list(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(number).collect()
}

fn build(family: &str, case: &Value) -> Box<dyn Marginal> {
    let get = |name: &str| number(&case[name]);
    match family {
        "poisson" => Box::new(PoissonMarginal { rate: get("rate") }),
        "negative_binomial" => Box::new(NegativeBinomialMarginal { mean: get("mean"), dispersion: get("dispersion") }),
        "bernoulli" => Box::new(BernoulliMarginal { probability: get("probability") }),
        "beta" => Box::new(BetaMarginal { mean: get("mean"), precision: get("precision") }),
        "gamma" => Box::new(GammaMarginal { mean: get("mean"), shape: get("shape") }),
        "log_normal" => Box::new(LogNormalMarginal { loc: get("loc"), scale: get("scale") }),
        "von_mises" => Box::new(VonMisesMarginal { loc: get("loc"), concentration: get("concentration") }),
        "gaussian_mixture" => Box::new(GaussianMixtureMarginal {
            weights: list(&case["weights"]),
            locs: list(&case["locs"]),
            scales: list(&case["scales"]),
        }),
        _ => panic!("no family {family}"),
    }
}

const FAMILIES: [&str; 8] =
    ["poisson", "negative_binomial", "bernoulli", "beta", "gamma", "log_normal", "von_mises", "gaussian_mixture"];
const DISCRETE: [&str; 3] = ["poisson", "negative_binomial", "bernoulli"];

fn cases(family: &str) -> Vec<Value> {
    let file = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(format!("tests/reference/marginal/{family}.json"));
    let text = std::fs::read_to_string(&file).unwrap_or_else(|e| panic!("{}: {e}", file.display()));
    serde_json::from_str(&text).unwrap()
}

/// All cases with their distributions and a description.
fn all() -> Vec<(&'static str, Value, Box<dyn Marginal>)> {
    FAMILIES
        .into_iter()
        .flat_map(|family| cases(family).into_iter().map(move |case| (family, build(family, &case), case)))
        .map(|(family, marginal, case)| (family, case, marginal))
        .collect()
}

fn off(found: f64, expected: f64) -> f64 {
    if found == expected { 0.0 } else { (found - expected).abs() / (1.0 + expected.abs()) }
}

fn off_relatively(found: f64, expected: f64) -> f64 {
    if found == expected { 0.0 } else { (found / expected - 1.0).abs() }
}

#[test]
fn moments_cdf_and_crps_are_those_of_mpmath() {
    let mut failures = Vec::new();
    for (family, case, marginal) in all() {
        let y = number(&case["y"]);
        let mut check = |part: &str, error: f64, bound: f64| {
            if !(error <= bound) {
                failures.push(format!("{family} {part} off by {error:e}: {case}"));
            }
        };
        check("cdf", off(marginal.cdf(y), number(&case["cdf"])), 1e-10);
        check("mean", off(marginal.mean(), number(&case["mean"])), 1e-13);
        let variance = number(&case["variance"]);
        check("variance", off_relatively(marginal.variance(), variance), 1e-10);
        check("crps", off(marginal.crps(y), number(&case["crps"])), 1e-10);
        if let Some(below) = case.get("below") {
            check("cdf_below", off(marginal.cdf_below(y), number(below)), 1e-10);
        }
        // far below the mean the probability itself, not only to 1e-10 of one
        let lower = number(&case["cdf"]);
        if lower > 1e-280 && y < marginal.mean() {
            check("lower tail", off_relatively(marginal.cdf(y), lower), 1e-10);
        }
    }
    assert!(failures.is_empty(), "{} failures\n{}", failures.len(), failures.join("\n"));
}

const LEVELS: [f64; 11] = [1e-12, 1e-6, 0.01, 0.1, 0.3, 0.5, 0.8, 0.975, 0.9999, 1.0 - 1e-9, 1.0 - 1e-14];

#[test]
fn quantiles_invert_the_cdf() {
    let mut failures = Vec::new();
    for (family, case, marginal) in all() {
        for p in LEVELS {
            let y = marginal.quantile(p);
            let good = if DISCRETE.contains(&family) {
                marginal.cdf(y) >= p && (y == 0.0 || marginal.cdf(y - 1.0) < p + 4.0 * f64::EPSILON)
            } else {
                // the quantile may lie below the smallest float, where the CDF is already larger;
                // between the neighbouring floats the CDF may rise by more than the tolerance
                y.abs() < 1e-300 && marginal.cdf(1e-300) > p
                    || (marginal.cdf(y) - p).abs() <= 1e-12
                    || marginal.cdf(y.next_down()) - 1e-12 <= p && p <= marginal.cdf(y.next_up()) + 1e-12
            };
            if !good {
                failures.push(format!("{family} quantile {p}: {y:e} with CDF {}: {case}", marginal.cdf(y)));
            }
        }
    }
    assert!(failures.is_empty(), "{} failures\n{}", failures.len(), failures.join("\n"));
}
