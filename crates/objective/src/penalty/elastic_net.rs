//! Absolute and squared weights together (Zou & Hastie 2005, eq. 3, in the parametrisation of
//! Friedman, Hastie & Tibshirani 2010, eq. 2):
//!
//! weight·Σ (ρ·|w| + ½(1 − ρ)·w²), ρ = `l1_ratio`.
//!
//! Its proximal map is a soft threshold and a shrinkage: w ← S(w, ηρ·weight)/(1 + η(1 − ρ)·weight).
//! Unlike the absolute weights alone it keeps groups of correlated inputs together. Biases are left
//! alone.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::l1::soft_threshold;
use super::{Kind, Penalty, ProximalPenalty, Stationarity};

/// A mixture of absolute and squared weights, with exact zeros; biases are left alone.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ElasticNet {
    /// Nats per unit of the mixture.
    pub weight: f64,
    /// ρ, the share of the absolute weights, 0 to 1.
    pub l1_ratio: f64,
}

impl ElasticNet {
    fn absolute(&self) -> f64 {
        self.weight * self.l1_ratio
    }

    fn squared(&self) -> f64 {
        self.weight * (1.0 - self.l1_ratio)
    }
}

impl Penalty for ElasticNet {
    fn kind(&self) -> Kind<'_> {
        Kind::Proximal(self)
    }

    fn weight(&self) -> f64 {
        self.weight
    }

    fn check_settings(&self) -> Option<(&'static str, &'static str, f64)> {
        super::not_negative("weight", self.weight).or_else(|| {
            (!(0.0..=1.0).contains(&self.l1_ratio)).then_some(("l1_ratio", "a number from 0 to 1", self.l1_ratio))
        })
    }
}

impl ProximalPenalty for ElasticNet {
    fn value(&self, w: &[f64], _: &[usize]) -> f64 {
        w.iter().map(|w| self.absolute() * w.abs() + 0.5 * self.squared() * w * w).sum()
    }

    fn proximal(&self, w: &mut [f64], _: &[usize], steps: &[f64]) {
        for (w, step) in w.iter_mut().zip(steps) {
            *w = soft_threshold(*w, step * self.absolute()) / (1.0 + step * self.squared());
        }
    }

    fn stationarity(&self, w: &[f64], _: &[usize], gradient: &[f64]) -> Stationarity {
        w.iter().zip(gradient).fold(Stationarity::default(), |found, (w, g)| {
            found.join(if *w == 0.0 {
                Stationarity::zero(g.abs() - self.absolute())
            } else {
                Stationarity::nonzero((g + self.absolute() * w.signum() + self.squared() * w).abs())
            })
        })
    }
}
