//! Normal distribution: CRPS = σ·(z(2Φ(z) − 1) + 2φ(z) − 1/√π).

use super::{normal_density, normal_tail, normal_tail_quantile, symmetric_cdf, symmetric_quantile};
use crate::likelihood::Marginal;

/// Normal distribution.
#[derive(Debug, Clone, Copy)]
pub struct NormalMarginal {
    /// Mean.
    pub loc: f64,
    /// Standard deviation.
    pub scale: f64,
}

impl Marginal for NormalMarginal {
    fn mean(&self) -> f64 {
        self.loc
    }

    fn variance(&self) -> f64 {
        self.scale * self.scale
    }

    fn as_normal(&self) -> Option<(f64, f64)> {
        Some((self.loc, self.scale))
    }

    fn cdf(&self, y: f64) -> f64 {
        symmetric_cdf((y - self.loc) / self.scale, normal_tail)
    }

    fn quantile(&self, p: f64) -> f64 {
        self.loc + self.scale * symmetric_quantile(p, normal_tail_quantile)
    }

    fn crps(&self, y: f64) -> f64 {
        let z = ((y - self.loc) / self.scale).abs();
        self.scale * (z * (1.0 - 2.0 * normal_tail(z)) + 2.0 * normal_density(z) - 1.0 / std::f64::consts::PI.sqrt())
    }
}
