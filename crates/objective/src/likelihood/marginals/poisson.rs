//! Poisson distribution: F(y) = Q(⌊y⌋ + 1, λ), the regularised upper incomplete gamma function.
//!
//! CRPS = (y − λ)(2F(y) − 1) + 2λf(⌊y⌋) − λe^{−2λ}(I₀(2λ) + I₁(2λ)) (Jordan, Krüger & Lerch 2019,
//! appendix A).

use surprisal_ops::special::{gamma_density_of_log, gamma_tails, i0e, i1e};

use super::invert::{Point, smallest_count};
use crate::likelihood::Marginal;

/// Poisson distribution.
#[derive(Debug, Clone, Copy)]
pub struct PoissonMarginal {
    /// Mean and variance λ > 0.
    pub rate: f64,
}

impl PoissonMarginal {
    /// f(k) = λ^k·e^{−λ}/k! of a whole k ≥ 0.
    pub(super) fn mass(&self, k: f64) -> f64 {
        // λ^{k+1}·e^{−λ}/Γ(k+1), divided by λ
        if k == 0.0 { (-self.rate).exp() } else { gamma_density_of_log(k, self.rate) / k }
    }

    pub(super) fn point(&self, k: f64) -> Point {
        let (upper, lower) = gamma_tails(k + 1.0, self.rate);
        Point { lower, upper, density: self.mass(k) }
    }
}

impl Marginal for PoissonMarginal {
    fn mean(&self) -> f64 {
        self.rate
    }

    fn variance(&self) -> f64 {
        self.rate
    }

    fn cdf(&self, y: f64) -> f64 {
        if y < 0.0 { 0.0 } else { gamma_tails(y.floor() + 1.0, self.rate).1 }
    }

    fn cdf_below(&self, y: f64) -> f64 {
        self.cdf(y.ceil() - 1.0)
    }

    fn quantile(&self, p: f64) -> f64 {
        smallest_count(p, self.rate, |k| self.point(k))
    }

    fn crps(&self, y: f64) -> f64 {
        let rate = self.rate;
        let spread = rate * (i0e(2.0 * rate) + i1e(2.0 * rate));
        let mass = if y < 0.0 { 0.0 } else { self.mass(y.floor()) };
        (2.0 * rate * mass - (rate - y) * (2.0 * self.cdf(y) - 1.0) - spread).max(0.0)
    }
}
