//! One component of the vector with density exp(−‖x‖/b)/(8πb³) in three dimensions.
//!
//! Integrating the other two components out leaves f(z) = (1 + |z|)e^{−|z|}/4 in units of b, with
//! tail (2 + z)e^{−z}/4, variance 4 and CRPS = b·(|z| + (3 + |z|)e^{−|z|}/2 − 35/32).

use super::{symmetric_cdf, symmetric_quantile};
use crate::likelihood::Marginal;

/// One component of the three-dimensional radial Laplace distribution.
#[derive(Debug, Clone, Copy)]
pub struct RadialLaplaceMarginal {
    /// Mean and median.
    pub loc: f64,
    /// Decay length b.
    pub scale: f64,
}

fn tail(z: f64) -> f64 {
    0.25 * (2.0 + z) * (-z).exp()
}

fn tail_quantile(tail: f64) -> f64 {
    let mut z = -(2.0 * tail).ln();
    // Newton on ln(2 + z) − z = ln(4·tail); concave with slope between −1 and −½: it cannot overshoot
    for _ in 0..60 {
        let step = ((2.0 + z).ln() - z - (4.0 * tail).ln()) / (1.0 - 1.0 / (2.0 + z));
        z += step;
        if step.abs() <= 1e-15 * (1.0 + z) {
            break;
        }
    }
    z
}

impl Marginal for RadialLaplaceMarginal {
    fn mean(&self) -> f64 {
        self.loc
    }

    fn variance(&self) -> f64 {
        4.0 * self.scale * self.scale
    }

    fn cdf(&self, y: f64) -> f64 {
        symmetric_cdf((y - self.loc) / self.scale, tail)
    }

    fn quantile(&self, p: f64) -> f64 {
        self.loc + self.scale * symmetric_quantile(p, tail_quantile)
    }

    fn crps(&self, y: f64) -> f64 {
        let z = ((y - self.loc) / self.scale).abs();
        self.scale * (z + 0.5 * (3.0 + z) * (-z).exp() - 35.0 / 32.0)
    }
}
