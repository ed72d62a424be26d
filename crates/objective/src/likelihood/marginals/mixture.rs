//! Mixture of distributions of equal weight, as the members of an ensemble make it.
//!
//! F = mean Fₘ, variance = mean variance + variance of the means. The quantile is found by bisection
//! between the members' own; CRPS is its defining integral ∫ (F(t) − 1[y ≤ t])² dt: a sum for discrete
//! members, else Gauss–Legendre between quantiles of F and y. Normal members have the closed form.

use super::GaussianMixtureMarginal;
use crate::likelihood::Marginal;

/// Mixture of equally likely parts.
pub struct MixtureMarginal {
    parts: Vec<Box<dyn Marginal>>,
}

/// Nodes and weights of the four-point rule on [−1, 1] (positive half).
const GAUSS: [(f64, f64); 2] =
    [(0.339_981_043_584_856_3, 0.652_145_154_862_546_1), (0.861_136_311_594_052_6, 0.347_854_845_137_453_8)];

/// Where the integral is cut, as probabilities from either end.
const CUTS: [f64; 11] = [1e-12, 1e-9, 1e-7, 1e-5, 1e-4, 1e-3, 0.01, 0.05, 0.15, 0.3, 0.5];

impl MixtureMarginal {
    /// Of at least one part.
    pub fn new(parts: Vec<Box<dyn Marginal>>) -> Self {
        Self { parts }
    }

    fn mean_of(&self, f: impl Fn(&dyn Marginal) -> f64) -> f64 {
        self.parts.iter().map(|p| f(p.as_ref())).sum::<f64>() / self.parts.len() as f64
    }

    /// The normal members' closed form.
    fn normal(&self) -> Option<GaussianMixtureMarginal> {
        let members: Option<Vec<(f64, f64)>> = self.parts.iter().map(|p| p.as_normal()).collect();
        let (locs, scales) = members?.into_iter().unzip();
        let n = self.parts.len();
        Some(GaussianMixtureMarginal { weights: vec![1.0 / n as f64; n], locs, scales })
    }

    fn integrate(&self, a: f64, b: f64, f: impl Fn(f64) -> f64) -> f64 {
        let (middle, half) = (0.5 * (a + b), 0.5 * (b - a));
        half * GAUSS.iter().map(|(x, w)| w * (f(middle - half * x) + f(middle + half * x))).sum::<f64>()
    }
}

impl Marginal for MixtureMarginal {
    fn mean(&self) -> f64 {
        self.mean_of(|p| p.mean())
    }

    fn variance(&self) -> f64 {
        let mean = self.mean();
        self.mean_of(|p| p.variance()) + self.mean_of(|p| (p.mean() - mean).powi(2))
    }

    fn represent(&self, y: f64) -> f64 {
        self.parts[0].represent(y)
    }

    fn cdf(&self, y: f64) -> f64 {
        self.mean_of(|p| p.cdf(p.represent(y)))
    }

    fn cdf_below(&self, y: f64) -> f64 {
        self.mean_of(|p| p.cdf_below(p.represent(y)))
    }

    fn quantile(&self, p: f64) -> f64 {
        let own = |q: &dyn Marginal| q.quantile(p);
        let ends = self.parts.iter().map(|q| own(q.as_ref()));
        let (mut low, mut high) = ends.fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), q| (a.min(q), b.max(q)));
        if self.cdf(low) >= p {
            return low;
        }
        while high - low > 1e-15 * (low.abs() + high.abs()) {
            let middle = 0.5 * (low + high);
            if middle <= low || middle >= high {
                break;
            }
            if self.cdf(middle) >= p { high = middle } else { low = middle }
        }
        // a discrete family's value, not the number just below it
        let nearest = high.round();
        if (high - nearest).abs() < 1e-9 && self.cdf_below(nearest) < self.cdf(nearest) { nearest } else { high }
    }

    fn crps(&self, y: f64) -> f64 {
        if let Some(normal) = self.normal() {
            return normal.crps(y);
        }
        let median = self.quantile(0.5);
        if self.cdf_below(median) < self.cdf(median) {
            let (low, high) = (self.quantile(1e-12).min(y.floor()), self.quantile(1.0 - 1e-12).max(y.ceil()));
            let mut sum = 0.0;
            let mut t = low;
            while t < high {
                sum += (self.cdf(t) - if y <= t { 1.0 } else { 0.0 }).powi(2);
                t += 1.0;
            }
            return sum;
        }
        let mut nodes: Vec<f64> = CUTS.iter().flat_map(|p| [self.quantile(*p), self.quantile(1.0 - p)]).collect();
        nodes.push(y);
        nodes.sort_by(f64::total_cmp);
        nodes
            .windows(2)
            .map(|ab| self.integrate(ab[0], ab[1], |t| (self.cdf(t) - if t >= y { 1.0 } else { 0.0 }).powi(2)))
            .sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::likelihood::{NormalMarginal, StudentTMarginal};

    #[test]
    fn copies_of_one_distribution_are_that_distribution() {
        let part = StudentTMarginal { loc: 0.3, scale: 0.7, df: 5.0 };
        let mixture = MixtureMarginal::new((0..3).map(|_| Box::new(part) as Box<dyn Marginal>).collect());
        for y in [-4.0, 0.2, 1.9] {
            assert!((mixture.cdf(y) - part.cdf(y)).abs() < 1e-15);
            assert!(
                (mixture.crps(y) - part.crps(y)).abs() < 1e-4 * part.crps(y),
                "{} {}",
                mixture.crps(y),
                part.crps(y)
            );
        }
        for p in [1e-3, 0.4, 0.99] {
            assert!((mixture.quantile(p) - part.quantile(p)).abs() < 1e-12);
        }
        assert!((mixture.variance() - part.variance()).abs() < 1e-12);
    }

    #[test]
    fn the_quantile_inverts_the_mixture() {
        let normal = |loc| Box::new(NormalMarginal { loc, scale: 0.5 }) as Box<dyn Marginal>;
        let mixture = MixtureMarginal::new(vec![normal(-1.0), normal(2.0)]);
        for p in [1e-3, 0.5, 0.9] {
            assert!((mixture.cdf(mixture.quantile(p)) - p).abs() < 1e-12);
        }
        assert!((mixture.variance() - (0.25 + 2.25)).abs() < 1e-12);
    }
}
