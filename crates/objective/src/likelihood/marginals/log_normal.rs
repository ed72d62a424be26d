//! Log-normal distribution: ln Y is normal with location μ and standard deviation σ.
//!
//! With z = (ln y − μ)/σ, CRPS = y(2Φ(z) − 1) − 2e^{μ+σ²/2}(Φ(z − σ) − Φ(−σ/√2)) (Jordan, Krüger & Lerch
//! 2019, appendix A). e^{σ²/2} overflows long before the CRPS does; both products are written with
//! erfcx(t) = e^{t²}·erfc(t), which takes it in:
//! e^{μ+σ²/2}Φ(z − σ) = ½y·e^{−z²/2}·erfcx((σ − z)/√2) and e^{σ²/2}Φ(−σ/√2) = ½e^{σ²/4}·erfcx(σ/2).

use std::f64::consts::FRAC_1_SQRT_2;

use surprisal_ops::special::erfcx;

use super::{normal_tail, normal_tail_quantile, symmetric_cdf, symmetric_quantile};
use crate::likelihood::Marginal;

/// Log-normal distribution on the positive numbers.
#[derive(Debug, Clone, Copy)]
pub struct LogNormalMarginal {
    /// Mean μ of ln y: the median is e^μ.
    pub loc: f64,
    /// Standard deviation σ of ln y.
    pub scale: f64,
}

impl LogNormalMarginal {
    fn standardized(&self, y: f64) -> f64 {
        (y.max(0.0).ln() - self.loc) / self.scale
    }
}

impl Marginal for LogNormalMarginal {
    fn mean(&self) -> f64 {
        (self.loc + 0.5 * self.scale * self.scale).exp()
    }

    fn variance(&self) -> f64 {
        let square = self.scale * self.scale;
        // one exponential where (e^{σ²} − 1) alone would overflow
        if square < 1.0 {
            (2.0 * self.loc + square).exp() * square.exp_m1()
        } else {
            (2.0 * self.loc + 2.0 * square).exp() * -(-square).exp_m1()
        }
    }

    fn cdf(&self, y: f64) -> f64 {
        symmetric_cdf(self.standardized(y), normal_tail)
    }

    fn quantile(&self, p: f64) -> f64 {
        (self.loc + self.scale * symmetric_quantile(p, normal_tail_quantile)).exp()
    }

    fn crps(&self, y: f64) -> f64 {
        let Self { loc, scale } = *self;
        let z = self.standardized(y);
        let spread = (loc + 0.25 * scale * scale).exp() * erfcx(0.5 * scale);
        if y <= 0.0 {
            // E|Y − y| = E[Y] − y, of which half the mean difference leaves the spread
            return spread - y;
        }
        let score = if z < scale {
            // all of Y that matters lies above y or beside it: y(2Φ(z) − 1) − 2e^{…}Φ(z − σ) + spread
            let partial =
                if z * z > 1400.0 { 0.0 } else { y * (-0.5 * z * z).exp() * erfcx((scale - z) * FRAC_1_SQRT_2) };
            y * (1.0 - 2.0 * symmetric_cdf(-z, normal_tail)) - partial + spread
        } else {
            // Φ(z − σ) ≥ ½: E[Y] itself is no larger than y·e^{−σ²/2}
            let mean = self.mean();
            y * (1.0 - 2.0 * normal_tail(z)) - 2.0 * mean * symmetric_cdf(z - scale, normal_tail) + spread
        };
        score.max(0.0)
    }

    fn center(&self) -> f64 {
        let mean = self.mean();
        if mean.is_finite() { mean } else { self.loc.exp() }
    }
}
