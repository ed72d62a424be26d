//! Absolute weights: weight·Σ |w|, by soft thresholds (Parikh & Boyd 2014, §6.5.2).
//!
//! After a step of size η the weight w becomes sign(w)·max(|w| − η·weight, 0), with the step size of
//! each coordinate: weights that are not needed are exactly zero. Biases are left alone.
//!
//! Either one weight is given, or a path of weights: then the fit is repeated from the largest to the
//! smallest, each from the solution of the one before (Friedman, Hastie & Tibshirani 2010, §2.5).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Kind, Penalty, ProximalPenalty, Stationarity};

/// Sum of the absolute weights, with exact zeros; biases are left alone.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum L1 {
    /// Nats per absolute weight.
    Weight(f64),
    /// Many weights, one after the other.
    Path(L1Path),
}

/// Weights from large to small, evenly spaced in their logarithm.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct L1Path {
    /// The first and largest weight.
    pub from: f64,
    /// The last and smallest weight.
    pub to: f64,
    /// How many, both ends among them.
    pub n: usize,
}

impl L1Path {
    /// The weights, descending.
    pub fn weights(&self) -> Vec<f64> {
        let last = (self.n - 1) as f64;
        // the ends are the numbers that were asked for, to the last bit
        (0..self.n)
            .map(|i| match i {
                0 => self.from,
                i if i == self.n - 1 => self.to,
                i => self.from * (self.to / self.from).powf(i as f64 / last),
            })
            .collect()
    }
}

impl Penalty for L1 {
    fn kind(&self) -> Kind<'_> {
        Kind::Proximal(self)
    }

    /// That of a path is its first.
    fn weight(&self) -> f64 {
        match self {
            Self::Weight(weight) => *weight,
            Self::Path(path) => path.from,
        }
    }

    fn check_settings(&self) -> Option<(&'static str, &'static str, f64)> {
        match self {
            Self::Weight(weight) => super::not_negative("weight", *weight),
            Self::Path(L1Path { to, .. }) if !(*to > 0.0) => Some(("to", "a number > 0", *to)),
            Self::Path(L1Path { from, to, .. }) if !(from > to && from.is_finite()) => {
                Some(("from", "a number larger than `to`", *from))
            }
            Self::Path(L1Path { n, .. }) if *n < 2 => Some(("n", "at least 2", *n as f64)),
            Self::Path(_) => None,
        }
    }
}

impl ProximalPenalty for L1 {
    fn value(&self, w: &[f64], _: &[usize]) -> f64 {
        self.weight() * w.iter().map(|w| w.abs()).sum::<f64>()
    }

    fn proximal(&self, w: &mut [f64], _: &[usize], steps: &[f64]) {
        w.iter_mut().zip(steps).for_each(|(w, step)| *w = soft_threshold(*w, step * self.weight()));
    }

    fn stationarity(&self, w: &[f64], _: &[usize], gradient: &[f64]) -> Stationarity {
        w.iter().zip(gradient).fold(Stationarity::default(), |found, (w, g)| {
            found.join(if *w == 0.0 {
                Stationarity::zero(g.abs() - self.weight())
            } else {
                Stationarity::nonzero((g + self.weight() * w.signum()).abs())
            })
        })
    }

    fn absolute_weight(&self) -> Option<f64> {
        Some(self.weight())
    }
}

/// argmin_v ½(v − w)² + t·|v|; never −0, so that zeros look alike.
pub(super) fn soft_threshold(w: f64, t: f64) -> f64 {
    if w > t {
        w - t
    } else if w < -t {
        w + t
    } else {
        0.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_weights_become_exactly_zero() {
        let mut w = [0.5, -0.5, 0.05, -0.1];
        L1::Weight(1.0).proximal(&mut w, &[4], &[0.1, 0.2, 0.1, 0.1]);
        assert_eq!(w, [0.4, -0.3, 0.0, 0.0]);
        assert!((L1::Weight(2.0).value(&w, &[4]) - 1.4).abs() < 1e-15);
    }

    #[test]
    fn a_path_is_even_in_the_logarithm_and_keeps_its_ends() {
        let weights = L1Path { from: 0.1, to: 1e-4, n: 4 }.weights();
        assert_eq!((weights[0], weights[3]), (0.1, 1e-4));
        assert!((weights[1] / 1e-2 - 1.0).abs() < 1e-14 && (weights[2] / 1e-3 - 1.0).abs() < 1e-14);
    }

    #[test]
    fn either_a_weight_or_a_path() {
        let parse = serde_json::from_str::<L1>;
        assert_eq!(parse(r#"{"weight": 0.5}"#).map(|l1| l1.weight()).ok(), Some(0.5));
        assert!(parse(r#"{"path": {"from": 0.1, "to": 1e-4, "n": 40}}"#).is_ok());
        for wrong in [r#"{}"#, r#"{"weight": 0.5, "path": {"from": 0.1, "to": 1e-4, "n": 40}}"#, r#"{"wait": 0.5}"#] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }
}
