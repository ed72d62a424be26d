//! Student-t distribution with ν degrees of freedom.
//!
//! Tail P(T > z) = ½·I_x(ν/2, ½), x = ν/(ν+z²), by the continued fraction of the incomplete beta
//! function (DLMF 8.17.22) with Lentz's method; above ν = 1e5 the expansion around the normal to
//! second order in 1/ν (Abramowitz & Stegun 26.7.8's series), whose remainder is below 1e-14.
//!
//! CRPS, ν > 1: s·(z(2F(z) − 1) + 2f(z)(ν + z²)/(ν − 1) − 2√ν/(ν − 1)·B(½, ν−½)/B(½, ν/2)²);
//! infinite for ν ≤ 1, where E|T| is.

use surprisal_ops::special::lgamma_difference;

use super::{normal_density, normal_tail, normal_tail_quantile, symmetric_cdf, symmetric_quantile};
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

/// Above these degrees of freedom the expansion around the normal is used.
const NEARLY_NORMAL: f64 = 1e5;

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
        if nu > NEARLY_NORMAL {
            let q = z * z;
            let first = z * (q + 1.0) / 4.0;
            let second = z * (((3.0 * q - 7.0) * q - 5.0) * q - 3.0) / 96.0;
            let density = normal_density(z);
            // in the far tail the density is zero and the polynomial may not be finite
            let correction = if density == 0.0 { 0.0 } else { density * (first + second / nu) / nu };
            return normal_tail(z) + correction;
        }
        let ratio = z * z / nu;
        let (x, complement) = (1.0 / (1.0 + ratio), 1.0 / (1.0 + 1.0 / ratio));
        // x^{ν/2}·(1−x)^{½}/B(ν/2, ½)
        let log_front = -0.5 * nu * libm::log1p(ratio) + 0.5 * complement.ln() + lgamma_difference(0.5 * nu, 1)
            - 0.5 * std::f64::consts::PI.ln();
        let front = log_front.exp();
        if x < (0.5 * nu + 1.0) / (0.5 * nu + 2.5) {
            front * beta_fraction(0.5 * nu, 0.5, x) / nu
        } else {
            0.5 - front * beta_fraction(0.5, 0.5 * nu, complement)
        }
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

/// The continued fraction of I_x(a, b), without its front factor x^a(1−x)^b/(a·B(a, b)).
fn beta_fraction(a: f64, b: f64, x: f64) -> f64 {
    const TINY: f64 = 1e-300;
    let away_from_zero = |v: f64| if v.abs() < TINY { TINY } else { v };
    let mut c = 1.0;
    let mut d = 1.0 / away_from_zero(1.0 - (a + b) * x / (a + 1.0));
    let mut fraction = d;
    // the number of terms grows as √max(a, b)
    for i in 1..20_000 {
        let m = f64::from(i);
        let even = m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m));
        d = 1.0 / away_from_zero(1.0 + even * d);
        c = away_from_zero(1.0 + even / c);
        fraction *= d * c;
        let odd = -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0));
        d = 1.0 / away_from_zero(1.0 + odd * d);
        c = away_from_zero(1.0 + odd / c);
        fraction *= d * c;
        if (d * c - 1.0).abs() < 1e-16 {
            break;
        }
    }
    fraction
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
