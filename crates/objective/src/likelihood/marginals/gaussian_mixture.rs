//! Mixture of normal distributions with weights wᵢ, locations μᵢ and scales σᵢ.
//!
//! With A(μ, σ) = E|N(μ, σ²)| = 2σφ(μ/σ) + μ(2Φ(μ/σ) − 1),
//! CRPS = Σᵢ wᵢ·A(y − μᵢ, σᵢ) − ½·Σᵢⱼ wᵢwⱼ·A(μᵢ − μⱼ, √(σᵢ² + σⱼ²)) (Grimit, Gneiting, Berrocal & Johnson
//! 2006, eq. 5).

use super::invert::{Point, invert};
use super::{NormalMarginal, normal_density, normal_tail, symmetric_cdf};
use crate::likelihood::Marginal;

/// Mixture of normal distributions.
#[derive(Debug, Clone)]
pub struct GaussianMixtureMarginal {
    /// Weights wᵢ ≥ 0 with sum 1.
    pub weights: Vec<f64>,
    /// Means μᵢ of the components.
    pub locs: Vec<f64>,
    /// Standard deviations σᵢ of the components.
    pub scales: Vec<f64>,
}

/// E|X| of a normal X.
fn mean_magnitude(loc: f64, scale: f64) -> f64 {
    let z = (loc / scale).abs();
    scale * (z * (1.0 - 2.0 * normal_tail(z)) + 2.0 * normal_density(z))
}

impl GaussianMixtureMarginal {
    fn components(&self) -> impl Iterator<Item = (f64, f64, f64)> {
        self.weights.iter().zip(&self.locs).zip(&self.scales).map(|((w, loc), scale)| (*w, *loc, *scale))
    }

    fn point(&self, y: f64) -> Point {
        let mut point = Point { lower: 0.0, upper: 0.0, density: 0.0 };
        for (weight, loc, scale) in self.components() {
            let z = (y - loc) / scale;
            point.lower += weight * symmetric_cdf(z, normal_tail);
            point.upper += weight * symmetric_cdf(-z, normal_tail);
            point.density += weight * normal_density(z) / scale;
        }
        point
    }
}

impl Marginal for GaussianMixtureMarginal {
    fn mean(&self) -> f64 {
        self.components().map(|(weight, loc, _)| weight * loc).sum()
    }

    fn variance(&self) -> f64 {
        let mean = self.mean();
        self.components().map(|(weight, loc, scale)| weight * (scale * scale + (loc - mean) * (loc - mean))).sum()
    }

    fn cdf(&self, y: f64) -> f64 {
        let point = self.point(y);
        if point.lower < 0.5 { point.lower } else { 1.0 - point.upper }
    }

    fn quantile(&self, p: f64) -> f64 {
        // between the smallest and the largest of the components' own quantiles
        let quantiles = self
            .components()
            .filter(|(weight, ..)| *weight > 0.0)
            .map(|(_, loc, scale)| NormalMarginal { loc, scale }.quantile(p));
        let (low, high) =
            quantiles.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), q| (q.min(low), q.max(high)));
        if low == high {
            return low;
        }
        invert(p, (low.next_down(), high.next_up()), self.mean(), |y| self.point(y))
    }

    fn crps(&self, y: f64) -> f64 {
        let near: f64 = self.components().map(|(weight, loc, scale)| weight * mean_magnitude(y - loc, scale)).sum();
        let mut spread = 0.0;
        for (i, (w, loc, scale)) in self.components().enumerate() {
            // the pair of a component with itself once, every other pair for both orders
            spread += w * w * mean_magnitude(0.0, scale * std::f64::consts::SQRT_2);
            for (v, other, width) in self.components().take(i) {
                spread += 2.0 * w * v * mean_magnitude(loc - other, scale.hypot(width));
            }
        }
        (near - 0.5 * spread).max(0.0)
    }

    fn sample(&self, rng: &mut dyn FnMut() -> f64) -> f64 {
        let mut left = rng();
        // rounding may leave a little after the last component
        let mut chosen = (0.0, f64::NAN, f64::NAN);
        for component in self.components().filter(|(weight, ..)| *weight > 0.0) {
            chosen = component;
            left -= component.0;
            if left < 0.0 {
                break;
            }
        }
        NormalMarginal { loc: chosen.1, scale: chosen.2 }.sample(rng)
    }
}
