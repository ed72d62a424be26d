//! Student-t distribution with ν degrees of freedom.
//!
//! Tail P(T > z) = ½·I_x(ν/2, ½), x = ν/(ν+z²), the incomplete beta function.
//!
//! CRPS, ν > 1: s·(z(2F(z) − 1) + 2f(z)(ν + z²)/(ν − 1) − 2√ν/(ν − 1)·B(½, ν−½)/B(½, ν/2)²);
//! infinite for ν ≤ 1, where E|T| is.

use surprisal_ops::special::{IncompleteBeta, lgamma_difference};

use super::{normal_tail, normal_tail_quantile, symmetric_cdf, symmetric_quantile};
use crate::likelihood::Marginal;

/// Student-t distribution.
#[derive(Debug, Clone, Copy)]
pub struct StudentTMarginal {
    /// Location: the median.
    pub loc: f64,
    /// Scale s; the variance is s²ν/(ν−2).
    pub scale: f64,
    /// Degrees of freedom ν.
    pub df: f64,
}

/// Above these degrees of freedom the tail is the normal one to rounding.
const NORMAL: f64 = 1e17;

impl StudentTMarginal {
    /// f(z) of the standard distribution.
    fn density(&self, z: f64) -> f64 {
        let nu = self.df;
        let log_normalizer = lgamma_difference(0.5 * nu, 1) - 0.5 * (nu * std::f64::consts::PI).ln();
        (log_normalizer - 0.5 * (nu + 1.0) * libm::log1p(z * z / nu)).exp()
    }

    /// P(T > z), z ≥ 0.
    fn tail(&self, z: f64) -> f64 {
        let nu = self.df;
        if z == 0.0 {
            return 0.5;
        }
        if nu > NORMAL {
            return normal_tail(z);
        }
        let ratio = z * z / nu;
        let (x, complement) = (1.0 / (1.0 + ratio), 1.0 / (1.0 + 1.0 / ratio));
        let excess = 0.5 * (nu * complement - x);
        0.5 * IncompleteBeta { a: 0.5 * nu, b: 0.5, x, complement, excess }.tails().0
    }

    /// The z > 0 whose tail is `tail`.
    fn tail_quantile(&self, tail: f64) -> f64 {
        // Newton on ln tail against ln z, inside a bracket; both ends of the tail are nearly straight
        let (mut low, mut high) = (-80.0, 700.0);
        let mut t = normal_tail_quantile(tail).max(1e-30).ln();
        for _ in 0..200 {
            let z = t.exp();
            let found = self.tail(z);
            let excess = (found / tail).ln();
            if excess > 0.0 {
                low = t
            } else {
                high = t
            }
            let newton = t + excess * found / (self.density(z) * z);
            let next = if newton > low && newton < high { newton } else { 0.5 * (low + high) };
            let done = (next - t).abs() <= 1e-15 * t.abs().max(1.0);
            t = next;
            if done {
                break;
            }
        }
        t.exp()
    }
}

impl Marginal for StudentTMarginal {
    fn mean(&self) -> f64 {
        if self.df > 1.0 { self.loc } else { f64::NAN }
    }

    fn variance(&self) -> f64 {
        let nu = self.df;
        if nu > 2.0 {
            self.scale * self.scale * nu / (nu - 2.0)
        } else if nu > 1.0 {
            f64::INFINITY
        } else {
            f64::NAN
        }
    }

    fn cdf(&self, y: f64) -> f64 {
        symmetric_cdf((y - self.loc) / self.scale, |z| self.tail(z))
    }

    fn quantile(&self, p: f64) -> f64 {
        self.loc + self.scale * symmetric_quantile(p, |tail| self.tail_quantile(tail))
    }

    fn crps(&self, y: f64) -> f64 {
        let nu = self.df;
        if nu <= 1.0 {
            return f64::INFINITY;
        }
        let z = ((y - self.loc) / self.scale).abs();
        // B(½, x) = √π·Γ(x)/Γ(x+½)
        let betas =
            (2.0 * lgamma_difference(0.5 * nu, 1) - lgamma_difference(nu - 0.5, 1)).exp() / std::f64::consts::PI.sqrt();
        let spread = 2.0 * nu.sqrt() / (nu - 1.0) * betas;
        let density = self.density(z);
        // (ν + z²)f(z) decays for ν > 1 although z² alone may overflow
        let near = if density == 0.0 { 0.0 } else { 2.0 * density * (nu + z * z) / (nu - 1.0) };
        self.scale * (z * (1.0 - 2.0 * self.tail(z)) + near - spread)
    }
}
