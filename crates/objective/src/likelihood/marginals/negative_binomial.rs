//! Negative binomial distribution (NB2) with mean μ and dispersion α: variance μ + αμ².
//!
//! With r = 1/α and x = 1/(1 + αμ), F(y) = I_x(r, ⌊y⌋ + 1). The distance of that beta distribution's
//! mean from x is (μ − ⌊y⌋ − 1)/(1 + αμ), and the mass is
//! f(k) = e^{−D−Δ}/√(2πk(1 + αk)) with the half deviances D of r and k from their expectations given
//! r + k, and Stirling's remainders Δ: the Poisson limit α → 0 is reached without cancellation.
//!
//! Since (μ − k)f(k) is a difference of neighbouring terms, Σ_{k≤y} (μ − k)f(k) = μ(1 + αy)f(y), and
//! CRPS = (y − μ)(2F(y) − 1) + 2μ(1 + α⌊y⌋)f(⌊y⌋) − ½E|Y − Y′|,
//! ½E|Y − Y′| = μ(1 + αμ)·₂F₁(r + 1, ½; 2; −4αμ(1 + αμ)) (Jordan, Krüger & Lerch 2019, appendix A), the
//! last by Euler's integral, which is smooth for all parameters.

use surprisal_ops::special::{IncompleteBeta, half_deviance, stirling_remainder};

use super::PoissonMarginal;
use super::invert::{Point, smallest_count};
use crate::likelihood::Marginal;

/// Negative binomial distribution, parameterised by its mean (NB2).
#[derive(Debug, Clone, Copy)]
pub struct NegativeBinomialMarginal {
    /// Mean μ > 0.
    pub mean: f64,
    /// Dispersion α ≥ 0: the variance is μ + αμ². Zero is the Poisson distribution.
    pub dispersion: f64,
}

/// Below this dispersion r = 1/α is not finite.
const SMALLEST_DISPERSION: f64 = 1e-300;

impl NegativeBinomialMarginal {
    fn poisson(&self) -> Option<PoissonMarginal> {
        (self.dispersion < SMALLEST_DISPERSION).then_some(PoissonMarginal { rate: self.mean })
    }

    /// P(Y = 0) = (1 + αμ)^{−1/α}.
    fn mass_at_zero(&self) -> f64 {
        (-(self.dispersion * self.mean).ln_1p() / self.dispersion).exp()
    }

    /// f(k) of a whole k ≥ 0.
    fn mass(&self, k: f64) -> f64 {
        let Self { mean, dispersion } = *self;
        if k == 0.0 {
            return self.mass_at_zero();
        }
        let r = 1.0 / dispersion;
        let growth = (1.0 + dispersion * k) / (1.0 + dispersion * mean);
        let excess = (mean - k) / (1.0 + dispersion * mean);
        let deviance = half_deviance(r * growth, excess) + half_deviance(mean * growth, -excess);
        let remainder = stirling_remainder(r) + stirling_remainder(k) - stirling_remainder(r + k);
        (-deviance - remainder).exp() / (std::f64::consts::TAU * k * (1.0 + dispersion * k)).sqrt()
    }

    /// P(Y ≤ k) and P(Y > k) of a whole k ≥ 0.
    fn tails(&self, k: f64) -> (f64, f64) {
        let Self { mean, dispersion } = *self;
        let ratio = dispersion * mean;
        if k == 0.0 {
            let log_mass = -ratio.ln_1p() / dispersion;
            return (log_mass.exp(), -log_mass.exp_m1());
        }
        let (x, complement) = (1.0 / (1.0 + ratio), ratio / (1.0 + ratio));
        let excess = (mean - k - 1.0) * x;
        IncompleteBeta { a: 1.0 / dispersion, b: k + 1.0, x, complement, excess }.tails()
    }

    /// ½E|Y − Y′| of two independent draws, by
    /// ₂F₁(r + 1, ½; 2; −z) = 4/π·∫ (1 + s²)^{−2}·((1 + s²)/(1 + (1 + z)s²))^{r+1} ds over s > 0,
    /// where 1 + z = (1 + 2αμ)²; with s = s₀ sinh v the integrand is even and decays so fast that the
    /// trapezoidal rule is exact to rounding.
    fn half_mean_difference(&self) -> f64 {
        const STEP: f64 = 0.125;
        let Self { mean, dispersion } = *self;
        let ratio = dispersion * mean;
        // (r + 1)·z without r
        let sharpness = 4.0 * mean * (1.0 + ratio) * (1.0 + dispersion);
        let width = 1.0 / (1.0 + sharpness).sqrt();
        let z = 4.0 * ratio * (1.0 + ratio);
        let mut sum = 0.5;
        let mut v = 0.0f64;
        loop {
            v += STEP;
            let s = width * v.sinh();
            let square = s * s;
            // (1 + (1 + z)s²)/(1 + s²) = 1 + z·s²/(1 + s²)
            let log_ratio = (z * square / (1.0 + square)).ln_1p();
            let exponent = if dispersion > 0.0 { log_ratio * (1.0 + 1.0 / dispersion) } else { 0.0 };
            let term = v.cosh() * (-exponent).exp() / ((1.0 + square) * (1.0 + square));
            sum += term;
            if term <= 1e-17 * sum {
                return mean * (1.0 + ratio) * (4.0 / std::f64::consts::PI) * width * STEP * sum;
            }
        }
    }
}

impl Marginal for NegativeBinomialMarginal {
    fn mean(&self) -> f64 {
        self.mean
    }

    fn variance(&self) -> f64 {
        self.mean * (1.0 + self.dispersion * self.mean)
    }

    fn cdf(&self, y: f64) -> f64 {
        match self.poisson() {
            Some(poisson) => poisson.cdf(y),
            None if y < 0.0 => 0.0,
            None => self.tails(y.floor()).0,
        }
    }

    fn cdf_below(&self, y: f64) -> f64 {
        self.cdf(y.ceil() - 1.0)
    }

    fn quantile(&self, p: f64) -> f64 {
        if let Some(poisson) = self.poisson() {
            return poisson.quantile(p);
        }
        smallest_count(p, self.mean, |k| {
            let (lower, upper) = self.tails(k);
            Point { lower, upper, density: self.mass(k) }
        })
    }

    fn crps(&self, y: f64) -> f64 {
        if let Some(poisson) = self.poisson() {
            return poisson.crps(y);
        }
        let Self { mean, dispersion } = *self;
        let k = y.floor();
        let near = if y < 0.0 { 0.0 } else { 2.0 * mean * (1.0 + dispersion * k) * self.mass(k) };
        (near - (mean - y) * (2.0 * self.cdf(y) - 1.0) - self.half_mean_difference()).max(0.0)
    }
}
