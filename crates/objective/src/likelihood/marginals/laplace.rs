//! Laplace distribution: CRPS = b·(|z| + e^{−|z|} − ¾).

use super::{symmetric_cdf, symmetric_quantile};
use crate::likelihood::Marginal;

/// Laplace distribution.
#[derive(Debug, Clone, Copy)]
pub struct LaplaceMarginal {
    /// Mean and median.
    pub loc: f64,
    /// Mean absolute deviation b.
    pub scale: f64,
}

impl Marginal for LaplaceMarginal {
    fn mean(&self) -> f64 {
        self.loc
    }

    fn variance(&self) -> f64 {
        2.0 * self.scale * self.scale
    }

    fn cdf(&self, y: f64) -> f64 {
        symmetric_cdf((y - self.loc) / self.scale, |z| 0.5 * (-z).exp())
    }

    fn quantile(&self, p: f64) -> f64 {
        self.loc + self.scale * symmetric_quantile(p, |tail| -(2.0 * tail).ln())
    }

    fn crps(&self, y: f64) -> f64 {
        let z = ((y - self.loc) / self.scale).abs();
        self.scale * (z + (-z).exp() - 0.75)
    }
}
