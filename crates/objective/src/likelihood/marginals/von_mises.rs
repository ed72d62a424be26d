//! Von Mises distribution of an angle: f(θ) = e^{−2κ sin²(δ/2)}/(2π·e^{−κ}I₀(κ)), δ = θ − loc.
//!
//! The circle is cut opposite to loc: δ ∈ (−π, π], the CDF starts at loc − π, and the variance is that
//! of δ as a number of the line. All angles are in radians and may be given in any turn.
//!
//! - Tails and variance: 16-point Gauss–Legendre quadrature on panels over which the logarithm of the
//!   density falls by at most 8, exact to rounding and relatively accurate in the tail.
//! - CRPS on the circle (Grimit, Gneiting, Berrocal & Johnson 2006, eq. 10): E d(Θ, y) − ½·E d(Θ, Θ′)
//!   with d the length of the shorter arc. By d(δ) = π/2 − 4/π·Σ cos(jδ)/j² over odd j and
//!   E cos(j(Θ − loc)) = ρⱼ = Iⱼ(κ)/I₀(κ) it is π/4 − 4/π·Σ ρⱼ cos(jδ)/j² + 2/π·Σ ρⱼ²/j²; about 4√κ
//!   terms matter. Above κ = 3e6 the score is that of the normal distribution to 1e-11.

use std::f64::consts::{FRAC_PI_4, PI, TAU};

use surprisal_ops::special::i0e;

use super::invert::{Point, invert};
use super::{NormalMarginal, normal_density, normal_tail, symmetric_quantile};
use crate::likelihood::Marginal;

/// Von Mises distribution on the circle.
#[derive(Debug, Clone, Copy)]
pub struct VonMisesMarginal {
    /// Mean direction, radians.
    pub loc: f64,
    /// Concentration κ ≥ 0; 0 is the uniform distribution.
    pub concentration: f64,
}

/// Nodes in (0, 1) and weights of the 16-point Gauss–Legendre rule on (−1, 1), which is symmetric.
const RULE: [(f64, f64); 8] = [
    (0.09501250983763744, 0.1894506104550685),
    (0.2816035507792589, 0.18260341504492358),
    (0.45801677765722737, 0.16915651939500254),
    (0.6178762444026438, 0.14959598881657674),
    (0.755404408355003, 0.12462897125553388),
    (0.8656312023878318, 0.09515851168249279),
    (0.9445750230732326, 0.062253523938647894),
    (0.9894009349916499, 0.027152459411754096),
];

/// By how much the logarithm of the density may fall over a panel, and in all.
const PANEL_FALL: f64 = 8.0;
const FALL: f64 = 45.0;

/// Above this κ the CRPS is that of the normal distribution.
const NEARLY_NORMAL: f64 = 3e6;

impl VonMisesMarginal {
    /// −ln of the density relative to its maximum.
    fn fall(&self, delta: f64) -> f64 {
        let sine = (0.5 * delta).sin();
        2.0 * self.concentration * sine * sine
    }

    /// ∫ weight(t)·f(t) dt from `from` to π, for 0 ≤ `from` ≤ π.
    fn integrate(&self, from: f64, weight: impl Fn(f64) -> f64) -> f64 {
        let kappa = self.concentration;
        let (mut start, mut sum) = (from, 0.0);
        let stop = self.fall(from) + FALL;
        while start < PI && self.fall(start) < stop {
            // κ(h sin t + h²/2) is at least what the logarithm falls over h
            let slope = kappa * start.sin().max(0.0);
            let length = (2.0 * PANEL_FALL / (slope + (slope * slope + 2.0 * kappa * PANEL_FALL).sqrt())).min(1.0);
            let half = 0.5 * length.min(PI - start);
            let middle = start + half;
            let at = |t: f64| weight(t) * (-self.fall(t)).exp();
            sum += half * RULE.iter().map(|(x, w)| w * (at(middle - half * x) + at(middle + half * x))).sum::<f64>();
            start = if length < PI - start { start + length } else { PI };
        }
        sum / (TAU * i0e(kappa))
    }

    /// CDF, its complement and density at an angle δ from loc, −π ≤ δ ≤ π.
    fn point(&self, delta: f64) -> Point {
        let tail = self.integrate(delta.abs(), |_| 1.0);
        let density = (-self.fall(delta)).exp() / (TAU * i0e(self.concentration));
        let (lower, upper) = if delta < 0.0 { (tail, 1.0 - tail) } else { (1.0 - tail, tail) };
        Point { lower, upper, density }
    }

    /// The angle from loc in (−π, π].
    fn unwrapped(&self, y: f64) -> f64 {
        let delta = y - self.loc;
        if delta > -PI && delta <= PI {
            return delta;
        }
        let delta = delta - TAU * (delta / TAU).round();
        if delta <= -PI { PI } else { delta.min(PI) }
    }

    /// ρⱼ = Iⱼ(κ)/I₀(κ) for j = 1, 2, … as long as they matter, by the ratios Iⱼ/Iⱼ₋₁ from above
    /// (DLMF 10.33.1).
    fn resultants(&self) -> Vec<f64> {
        let n = (9.0 * self.concentration.sqrt()) as usize + 30;
        let mut ratios = vec![0.0; n];
        let mut above = 0.0;
        for j in (0..n).rev() {
            above = 1.0 / (2.0 * (j + 1) as f64 / self.concentration + above);
            ratios[j] = above;
        }
        let mut product = 1.0;
        for ratio in &mut ratios {
            product *= *ratio;
            *ratio = product;
        }
        ratios
    }
}

impl Marginal for VonMisesMarginal {
    fn mean(&self) -> f64 {
        self.loc
    }

    fn variance(&self) -> f64 {
        2.0 * self.integrate(0.0, |t| t * t)
    }

    fn cdf(&self, y: f64) -> f64 {
        self.point(self.unwrapped(y)).lower
    }

    fn quantile(&self, p: f64) -> f64 {
        if p == 0.5 {
            return self.loc;
        }
        let start = symmetric_quantile(p, super::normal_tail_quantile) / self.concentration.sqrt();
        self.loc + invert(p, (-PI, PI), start, |delta| self.point(delta))
    }

    fn crps(&self, y: f64) -> f64 {
        let delta = self.unwrapped(y);
        if self.concentration > NEARLY_NORMAL {
            let scale = 1.0 / (self.concentration - 0.5).sqrt();
            // where Θ lies beyond the point opposite to y, the other way round is shorter
            let opposite = (PI - delta.abs()) / scale;
            let beyond = scale * (normal_density(opposite) - opposite * normal_tail(opposite));
            return NormalMarginal { loc: 0.0, scale }.crps(delta) - 2.0 * beyond.max(0.0);
        }
        let mut sum = 0.0;
        for (i, resultant) in self.resultants().into_iter().enumerate().step_by(2) {
            let j = (i + 1) as f64;
            sum += resultant * (2.0 * (j * delta).cos() - resultant) / (j * j);
        }
        (FRAC_PI_4 - 2.0 / PI * sum).max(0.0)
    }

    fn represent(&self, y: f64) -> f64 {
        self.loc + self.unwrapped(y)
    }
}
