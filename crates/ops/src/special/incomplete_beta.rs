//! Regularised incomplete beta function I_x(a, b), both tails.
//!
//! The distance from the mean, a − (a + b)x, is an argument of its own: for large parameters it cannot
//! be recovered from a, b and x, and everything depends on it. On the side where it is ≥ 0 (the other
//! side by I_x(a, b) = 1 − I_{1−x}(b, a)):
//!
//! - b ≤ 1, x ≤ 0.9: the power series in x, of positive terms (DLMF 8.17.7);
//! - b ≤ 15 and x near 1: with a ≥ 100 the expansion in incomplete gamma functions of −ln x (Didonato &
//!   Morris 1992, eq. 18, "BGRAT"); a smaller a is raised to there by 8.17.20 of the DLMF;
//! - else the even part of the continued fraction 8.17.22 of the DLMF (Didonato & Morris, eq. 9), which
//!   has positive terms up to the b-th and ends there if b is whole.

use super::incomplete_gamma::{gamma_density_of_log, gamma_tails};
use super::stirling::{half_deviance, stirling_remainder};

/// A beta distribution and a point of its support.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct IncompleteBeta {
    /// First parameter a > 0, at x.
    pub a: f64,
    /// Second parameter b > 0, at 1 − x.
    pub b: f64,
    /// x, from 0 to 1.
    pub x: f64,
    /// 1 − x.
    pub complement: f64,
    /// a − (a + b)·x.
    pub excess: f64,
}

impl IncompleteBeta {
    /// The point x, whose complement the caller knows better than 1 − x where x is near 1.
    pub fn at(a: f64, b: f64, x: f64, complement: f64) -> Self {
        let excess = if x <= 0.5 { a - (a + b) * x } else { (a + b) * complement - b };
        Self { a, b, x, complement, excess }
    }

    /// x^a·(1 − x)^b/B(a, b): the density of logit X.
    pub fn density_of_logit(&self) -> f64 {
        let Self { a, b, x, complement, excess } = *self;
        if x <= 0.0 || complement <= 0.0 {
            return 0.0;
        }
        let deviance = half_deviance((a + b) * x, excess) + half_deviance((a + b) * complement, -excess);
        let remainder = stirling_remainder(a) + stirling_remainder(b) - stirling_remainder(a + b);
        let (small, large) = (a.min(b), a.max(b));
        (small / (std::f64::consts::TAU * (1.0 + small / large))).sqrt() * (-deviance - remainder).exp()
    }

    /// (I_x(a, b), 1 − I_x(a, b)); the tail that does not reach over the mean is relatively accurate.
    pub fn tails(&self) -> (f64, f64) {
        if self.excess >= 0.0 {
            let lower = self.lower_tail().clamp(0.0, 1.0);
            (lower, 1.0 - lower)
        } else {
            let Self { a, b, x, complement, excess } = *self;
            let mirrored = Self { a: b, b: a, x: complement, complement: x, excess: -excess };
            let upper = mirrored.lower_tail().clamp(0.0, 1.0);
            (1.0 - upper, upper)
        }
    }

    /// I_x(a, b) for x ≤ a/(a + b).
    fn lower_tail(&self) -> f64 {
        if self.x <= 0.0 {
            0.0
        } else if self.complement <= 0.0 {
            1.0
        } else if self.b <= 1.0 && self.x <= 0.9 {
            self.power_series()
        } else if self.b <= 1.0 || (self.b <= 15.0 && self.a >= LARGE && self.complement <= 0.1) {
            self.raised()
        } else {
            self.density_of_logit() / self.fraction()
        }
    }

    fn power_series(&self) -> f64 {
        let Self { a, b, x, complement, .. } = *self;
        let (mut product, mut sum, mut n) = (1.0, 1.0 / a, 1.0);
        loop {
            product *= x * (n - b) / n;
            let term = product / (a + n);
            sum += term;
            if term <= 1e-17 * sum {
                // (1 − x)^b is taken back out of the density
                return self.density_of_logit() * (-b * complement.ln()).exp() * sum;
            }
            n += 1.0;
        }
    }

    /// I_x(a, b) = I_x(a + n, b) + Σ_{j<n} x^{a+j}(1 − x)^b/((a + j)·B(a + j, b)).
    fn raised(&self) -> f64 {
        let Self { mut a, b, x, complement, .. } = *self;
        if a >= LARGE {
            return large_a(a, b, complement);
        }
        let (mut term, mut sum) = (self.density_of_logit() / a, 0.0);
        while a < LARGE {
            sum += term;
            term *= x * (a + b) / (a + 1.0);
            a += 1.0;
        }
        sum + large_a(a, b, complement)
    }

    /// x^a(1 − x)^b/(B(a, b)·I_x(a, b)).
    fn fraction(&self) -> f64 {
        const TINY: f64 = 1e-300;
        let Self { a, b, x, complement, excess } = *self;
        let away_from_zero = |v: f64| if v.abs() < TINY { TINY } else { v };
        let mut fraction = away_from_zero(a / (a + 1.0) * (excess + 1.0));
        let (mut c, mut d) = (fraction, 0.0);
        let mut n = 0.0;
        while n < MOST_TERMS {
            n += 1.0;
            let odd = a + 2.0 * n - 1.0;
            let numerator = ((a + n - 1.0) / odd) * n * ((a + b + n - 1.0) / odd * x) * ((b - n) * x);
            let denominator =
                n + n * ((b - n) * x / odd) + (a + n) / (odd + 2.0) * (excess + 1.0 + n * (1.0 + complement));
            d = 1.0 / away_from_zero(denominator + numerator * d);
            c = away_from_zero(denominator + numerator / c);
            fraction *= c * d;
            if (c * d - 1.0).abs() < 2e-16 {
                break;
            }
        }
        fraction
    }
}

/// From this a on the expansion in incomplete gamma functions is used for small b.
const LARGE: f64 = 100.0;

/// The fraction needs about 9·√((a + b)/b) terms at worst.
const MOST_TERMS: f64 = 2e5;

/// I_x(a, b) for a ≥ 100 and b ≤ 15.
///
/// With x = e^{−s}, the integrand is e^{−Ts}·s^{b−1}·(sinh(s/2)/(s/2))^{b−1}, T = a + (b − 1)/2, whose
/// last factor is a power series in s².
fn large_a(a: f64, b: f64, complement: f64) -> f64 {
    const N: usize = 16;
    let t = a + 0.5 * (b - 1.0);
    let z = -t * libm::log1p(-complement);
    let mut sinh = [1.0; N];
    for k in 1..N {
        let two_k = 2.0 * k as f64;
        sinh[k] = sinh[k - 1] / (4.0 * two_k * (two_k + 1.0));
    }
    // (Σ gₖ s²ᵏ)^{b−1} = Σ cₙ s²ⁿ: n·cₙ = Σₖ (k·b − n)·gₖ·cₙ₋ₖ
    let mut power = [1.0; N];
    // Γ(b + 2n, z)/(Γ(b)·T²ⁿ), raised by Γ(s + 1, z) = s·Γ(s, z) + z^s·e^{−z}
    let mut integral = gamma_tails(b, z).1;
    let mut edge = gamma_density_of_log(b, z);
    let mut sum = integral;
    for n in 1..N {
        let order = b + 2.0 * (n - 1) as f64;
        integral = (order * (order + 1.0) * integral + edge * (z + order + 1.0)) / (t * t);
        edge *= (z / t) * (z / t);
        power[n] = (1..=n).map(|k| (k as f64 * b - n as f64) * sinh[k] * power[n - k]).sum::<f64>() / n as f64;
        let term = power[n] * integral;
        sum += term;
        if term.abs() <= 1e-17 * sum.abs() {
            break;
        }
    }
    // Γ(a + b)/(Γ(a)·T^b), near 1
    let log_front = half_deviance(a, b) - 0.5 * libm::log1p(b / a) - b * libm::log1p(0.5 * (b - 1.0) / a)
        + stirling_remainder(a + b)
        - stirling_remainder(a);
    log_front.exp() * sum
}
