//! Bernoulli distribution: CRPS = (y − p)² at y = 0 and 1, the Brier score.

use crate::likelihood::Marginal;

/// Bernoulli distribution on {0, 1}.
#[derive(Debug, Clone, Copy)]
pub struct BernoulliMarginal {
    /// P(Y = 1).
    pub probability: f64,
}

impl Marginal for BernoulliMarginal {
    fn mean(&self) -> f64 {
        self.probability
    }

    fn variance(&self) -> f64 {
        self.probability * (1.0 - self.probability)
    }

    fn cdf(&self, y: f64) -> f64 {
        if y < 0.0 {
            0.0
        } else if y < 1.0 {
            1.0 - self.probability
        } else {
            1.0
        }
    }

    fn cdf_below(&self, y: f64) -> f64 {
        if y <= 0.0 {
            0.0
        } else if y <= 1.0 {
            1.0 - self.probability
        } else {
            1.0
        }
    }

    fn quantile(&self, p: f64) -> f64 {
        if p <= 1.0 - self.probability { 0.0 } else { 1.0 }
    }

    fn crps(&self, y: f64) -> f64 {
        let (one, zero) = (self.probability, 1.0 - self.probability);
        // the three pieces of the line: F is 0, 1 − p and 1
        if y < 0.0 {
            one * one - y
        } else if y <= 1.0 {
            y * zero * zero + (1.0 - y) * one * one
        } else {
            zero * zero + (y - 1.0)
        }
    }

    fn sample(&self, rng: &mut dyn FnMut() -> f64) -> f64 {
        if rng() < self.probability { 1.0 } else { 0.0 }
    }
}
