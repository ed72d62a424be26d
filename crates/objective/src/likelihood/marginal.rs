//! One component's predictive distribution, for everything that judges a prediction.

/// The predictive distribution of one real component, in the data's own units.
///
/// Discrete families return the right-continuous CDF and the smallest value whose CDF reaches `p`.
/// On a circle, [`Marginal::represent`] cuts the line of angles opposite to the centre, and everything
/// else is meant on that line.
pub trait Marginal {
    /// `E[Y]`; NaN where it does not exist.
    fn mean(&self) -> f64;
    /// `Var[Y]`; infinite or NaN where it does not exist.
    fn variance(&self) -> f64;
    /// P(Y ≤ y).
    fn cdf(&self, y: f64) -> f64;
    /// P(Y < y), which differs from [`Marginal::cdf`] for discrete families only.
    fn cdf_below(&self, y: f64) -> f64 {
        self.cdf(y)
    }
    /// The smallest y with P(Y ≤ y) ≥ p, for 0 < p < 1.
    fn quantile(&self, p: f64) -> f64;
    /// Continuous ranked probability score ∫ (F(t) − 1[y ≤ t])² dt, in the data's units.
    fn crps(&self, y: f64) -> f64;
    /// `y` in the representation nearest to the centre: itself, except for angles. Errors are
    /// `represent(y)` − [`Marginal::center`].
    fn represent(&self, y: f64) -> f64 {
        y
    }
    /// Mean and standard deviation, if it is a normal distribution.
    fn as_normal(&self) -> Option<(f64, f64)> {
        None
    }
    /// The point prediction: the mean where it is finite, else the median.
    fn center(&self) -> f64 {
        let mean = self.mean();
        if mean.is_finite() { mean } else { self.quantile(0.5) }
    }
    /// A draw; `rng` gives independent uniform numbers from [0, 1).
    fn sample(&self, rng: &mut dyn FnMut() -> f64) -> f64 {
        loop {
            let p = rng();
            if p > 0.0 && p < 1.0 {
                return self.quantile(p);
            }
        }
    }
}
