//! Gamma distribution with mean m and shape k (scale m/k): F(y) = P(k, ky/m).
//!
//! E[Y; Y ≤ y] = m·F(y) − m·x^k·e^{−x}/Γ(k+1) with x = ky/m, hence
//! CRPS = (y − m)(2F(y) − 1) + 2m·x^k·e^{−x}/Γ(k+1) − m/(k·B(½, k)), the form of Jordan, Krüger & Lerch
//! 2019 (appendix A) without its second distribution function.
//!
//! Of quantiles below the smallest normal float (k ≪ 1), that float is returned.

use surprisal_ops::special::{gamma_density_of_log, gamma_tails, lgamma_difference};

use super::invert::{Point, invert};
use crate::likelihood::Marginal;

/// Gamma distribution on the positive numbers.
#[derive(Debug, Clone, Copy)]
pub struct GammaMarginal {
    /// Mean m > 0.
    pub mean: f64,
    /// Shape k > 0: the variance is m²/k.
    pub shape: f64,
}

impl GammaMarginal {
    /// y in units of the scale.
    fn reduced(&self, y: f64) -> f64 {
        (y / self.mean).max(0.0) * self.shape
    }
}

impl Marginal for GammaMarginal {
    fn mean(&self) -> f64 {
        self.mean
    }

    fn variance(&self) -> f64 {
        self.mean * self.mean / self.shape
    }

    fn cdf(&self, y: f64) -> f64 {
        gamma_tails(self.shape, self.reduced(y)).0
    }

    fn quantile(&self, p: f64) -> f64 {
        // on the line of logarithms the density is log-concave; u = ln(y/m) is near 0 for large shapes
        let shape = self.shape;
        let log = invert(p, (-745.0, 709.0), 0.0, |u| {
            let x = shape * u.exp();
            let (lower, upper) = gamma_tails(shape, x);
            Point { lower, upper, density: gamma_density_of_log(shape, x) }
        });
        (self.mean * log.exp()).max(f64::MIN_POSITIVE)
    }

    fn crps(&self, y: f64) -> f64 {
        let Self { mean, shape } = *self;
        let x = self.reduced(y);
        let near = 2.0 * gamma_density_of_log(shape, x) / shape;
        // 1/B(½, k) = Γ(k+½)/(√π·Γ(k))
        let spread = lgamma_difference(shape, 1).exp() / (std::f64::consts::PI.sqrt() * shape);
        let (lower, upper) = gamma_tails(shape, x);
        let far = (y / mean - 1.0) * (lower - upper);
        mean * (far + near - spread).max(0.0)
    }
}
