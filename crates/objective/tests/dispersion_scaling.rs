//! One factor on the spread of families that have no scale: density, distribution and what is fitted.

#![allow(clippy::unwrap_used)] // a failed unwrap is a failed test

use serde_json::json;
use surprisal_core::rng;
use surprisal_objective::calibration::GroupBootstrap;
use surprisal_objective::calibration::recalibration::{Dispersed, Factor};
use surprisal_objective::likelihood::{BlockValues, Coupling, LikelihoodConfig, Marginal};

fn likelihood(name: &str) -> LikelihoodConfig {
    serde_json::from_value(json!({ name: {} })).unwrap()
}

fn dispersed<'a>(family: &'a LikelihoodConfig, location: &[f64], parameter: &[f64], target: &[f64]) -> Dispersed<'a> {
    let members = location.len() / target.len();
    let blocks = Coupling::Componentwise.blocks(1);
    Dispersed::new(family, blocks, members, location.to_vec(), vec![parameter.to_vec()], target.to_vec()).unwrap()
}

/// Family, location, its parameter, and observations in the bulk and the tails.
const CASES: [(&str, f64, f64, [f64; 3]); 5] = [
    ("gamma", 2.5, 4.0, [0.4, 2.0, 7.0]),
    ("log_normal", 2.5, 0.6, [0.4, 2.0, 7.0]),
    ("beta", 0.3, 12.0, [0.02, 0.3, 0.8]),
    ("von_mises", 0.4, 5.0, [-1.5, 0.5, 2.0]),
    ("negative_binomial", 4.2, 0.5, [0.0, 3.0, 15.0]),
];

#[test]
fn density_and_distribution_belong_together_at_every_factor() {
    for (name, location, parameter, targets) in CASES {
        let family = likelihood(name);
        for y in targets {
            let scaled = dispersed(&family, &[location], &[parameter], &[y]);
            for factor in [0.5, 1.0, 1.7] {
                let marginal = scaled.marginals(factor).remove(0).unwrap();
                let density = if name == "negative_binomial" {
                    marginal.cdf(y) - marginal.cdf_below(y)
                } else {
                    let h = 1e-5;
                    (marginal.cdf(y + h) - marginal.cdf(y - h)) / (2.0 * h)
                };
                let found = (-scaled.nll(factor).unwrap()[0]).exp();
                assert!((found - density).abs() < 1e-6 * (1.0 + density), "{name} {y} {factor}: {found} {density}");
            }
        }
    }
}

#[test]
fn a_factor_is_one_on_the_spread_and_leaves_the_location() {
    let spread = |name: &str, marginal: &dyn Marginal| match name {
        // Var = µ + αµ²
        "negative_binomial" => (marginal.variance() - marginal.mean()).sqrt(),
        // the distance of quantiles in the logarithm is exact for σ
        "log_normal" => (marginal.quantile(0.8) / marginal.quantile(0.2)).ln(),
        _ => marginal.variance().sqrt(),
    };
    for (name, location, parameter, targets) in CASES {
        // concentrated, where 1/√φ and 1/√κ are the spread
        let parameter = if ["beta", "von_mises"].contains(&name) { 2000.0 } else { parameter };
        let family = likelihood(name);
        let scaled = dispersed(&family, &[location], &[parameter], &[targets[1]]);
        let (one, two) = (scaled.marginals(1.0).remove(0).unwrap(), scaled.marginals(2.0).remove(0).unwrap());
        let ratio = spread(name, two.as_ref()) / spread(name, one.as_ref());
        assert!((ratio - 2.0).abs() < 2e-3, "{name}: {ratio}");
        let middle = |m: &dyn Marginal| if name == "log_normal" { m.quantile(0.5) } else { m.mean() };
        assert!((middle(two.as_ref()) - middle(one.as_ref())).abs() < 1e-9, "{name}");
    }
}

/// Observations from distributions 1.6 times as wide as stated.
#[test]
fn the_factor_of_the_data_is_found_again() {
    for (name, _, parameter, _) in CASES {
        let family = likelihood(name);
        let mut stream = rng::stream(3, name, 0);
        let n = 3000;
        let factor: f64 = 1.6;
        let location: Vec<f64> = (0..n).map(|_| 0.2 + 0.6 * rng::uniform(&mut stream)).collect();
        let location: Vec<f64> =
            location.into_iter().map(|l| if name == "negative_binomial" { 20.0 * l } else { l }).collect();
        let truth = dispersed(&family, &location, &vec![parameter; n], &vec![0.5; n]).marginals(factor);
        let target: Vec<f64> =
            truth.iter().map(|m| m.as_ref().unwrap().sample(&mut || rng::uniform(&mut stream))).collect();
        let stated = dispersed(&family, &location, &vec![parameter; n], &target);
        let group: Vec<u64> = (0..n as u64).collect();
        let bootstrap = GroupBootstrap::new(&group, 200, 1);
        let found = Factor::fit(|f| stated.nll(f).unwrap(), &bootstrap, 0.99).unwrap();
        assert!((found.value / factor - 1.0).abs() < 0.06, "{name} {found:?}");
        assert!(found.interval.lower < factor && factor < found.interval.upper, "{name} {found:?}");
    }
}

#[test]
fn members_are_scaled_each_and_mixed() {
    let family = likelihood("gamma");
    let mixed = dispersed(&family, &[1.0, 3.0], &[2.0, 5.0], &[1.5]);
    let of = |mean: f64, shape: f64| dispersed(&family, &[mean], &[shape], &[1.5]).nll(1.3).unwrap()[0];
    let expected = -(0.5 * (-of(1.0, 2.0)).exp() + 0.5 * (-of(3.0, 5.0)).exp()).ln();
    assert!((mixed.nll(1.3).unwrap()[0] - expected).abs() < 1e-12);
    let unseen = dispersed(&family, &[1.0, 2.0], &[2.0, 5.0], &[1.5, f64::NAN]);
    let nll = unseen.nll(1.3).unwrap();
    assert!((nll[0] - of(1.0, 2.0)).abs() < 1e-12 && nll[1].is_nan());
}

/// The unconstrained location that is given back makes the reported one.
#[test]
fn every_raw_location_leads_back() {
    for (name, location, parameter, _) in CASES {
        let family = likelihood(name);
        let dispersion = family.get().dispersion().unwrap();
        let back = family.get().location(&(dispersion.raw_location)(location));
        assert!((back[0] - location).abs() < 1e-14, "{name}");
        let block = BlockValues { location: &[location], parameters: &[parameter], block_dim: 1 };
        assert!(family.get().marginal(&block, 0).variance() > 0.0);
    }
    for name in ["gaussian", "student_t", "poisson", "bernoulli", "gaussian_mixture", "normal_inverse_gamma"] {
        let family: LikelihoodConfig = serde_json::from_value(match name {
            "gaussian_mixture" => json!({ name: { "n_components": 2 } }),
            "normal_inverse_gamma" => json!({ name: { "regularizer": 0.01 } }),
            _ => json!({ name: {} }),
        })
        .unwrap();
        assert!(family.get().dispersion().is_none(), "{name}");
    }
}
