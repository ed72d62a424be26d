//! Beta distribution with mean m and precision φ: a = mφ, b = (1 − m)φ.
//!
//! E[Y; Y ≤ y] = m·F(y) − y^a(1 − y)^b/(φB(a, b)), hence
//! CRPS = (y − m)(2F(y) − 1) + 2y^a(1 − y)^b/(φB(a, b)) − 2B(2a, 2b)/(φB(a, b)²), the form of Jordan,
//! Krüger & Lerch 2019 (appendix A) without its second distribution function.
//!
//! The quantile is the nearest float: where a part of the probability lies closer to 1 than floats
//! resolve (b ≪ 1), the CDF jumps there; and it is no smaller than the smallest normal float (a ≪ 1).

use surprisal_ops::special::{IncompleteBeta, sigmoid, stirling_remainder};

use super::invert::{Point, invert};
use crate::likelihood::Marginal;

/// Beta distribution on (0, 1).
#[derive(Debug, Clone, Copy)]
pub struct BetaMarginal {
    /// Mean m, 0 < m < 1.
    pub mean: f64,
    /// Precision φ = a + b > 0: the variance is m(1 − m)/(1 + φ).
    pub precision: f64,
}

impl BetaMarginal {
    fn at(&self, y: f64, complement: f64) -> IncompleteBeta {
        let Self { mean, precision } = *self;
        IncompleteBeta::at(mean * precision, (1.0 - mean) * precision, y, complement)
    }

    /// ½E|Y − Y′| = 2B(2a, 2b)/(φB(a, b)²) of two independent draws.
    fn half_mean_difference(&self) -> f64 {
        let (a, b) = (self.mean * self.precision, (1.0 - self.mean) * self.precision);
        let remainder = |scale: f64| {
            stirling_remainder(scale * a) + stirling_remainder(scale * b) - stirling_remainder(scale * (a + b))
        };
        // √(ab/(4π(a + b))), the powers of a and b being gone
        let root = (0.25 * self.mean * b / std::f64::consts::PI).sqrt();
        2.0 / self.precision * root * (remainder(2.0) - 2.0 * remainder(1.0)).exp()
    }
}

impl Marginal for BetaMarginal {
    fn mean(&self) -> f64 {
        self.mean
    }

    fn variance(&self) -> f64 {
        self.mean * (1.0 - self.mean) / (1.0 + self.precision)
    }

    fn cdf(&self, y: f64) -> f64 {
        let y = y.clamp(0.0, 1.0);
        self.at(y, 1.0 - y).tails().0
    }

    fn quantile(&self, p: f64) -> f64 {
        // on the line of logits the density is log-concave, and both ends are resolved
        let start = (self.mean / (1.0 - self.mean)).ln();
        let logit = invert(p, (-745.0, 745.0), start, |u| {
            let point = self.at(sigmoid(u), sigmoid(-u));
            let (lower, upper) = point.tails();
            Point { lower, upper, density: point.density_of_logit() }
        });
        sigmoid(logit).max(f64::MIN_POSITIVE)
    }

    fn crps(&self, y: f64) -> f64 {
        let inside = y.clamp(0.0, 1.0);
        let point = self.at(inside, 1.0 - inside);
        let near = 2.0 * point.density_of_logit() / self.precision;
        (near - (self.mean - y) * (2.0 * point.tails().0 - 1.0) - self.half_mean_difference()).max(0.0)
    }
}
