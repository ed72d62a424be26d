//! How far weights are from the minimum of a smooth loss plus a penalty with a kink at zero.
//!
//! w is a minimum along its coordinates where −∇loss is a subgradient of the penalty: the
//! Karush–Kuhn–Tucker conditions (for the absolute value Hastie, Tibshirani & Wainwright 2015,
//! eq. 2.6; for groups their eq. 4.4).

/// Violations of the optimality conditions.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Stationarity {
    /// Weights (or groups of them) that are exactly zero.
    pub n_zero: usize,
    /// Those that are not.
    pub n_nonzero: usize,
    /// Largest |∂loss| − weight over the zeros, nats per weight: at most 0 at a minimum; −∞ where
    /// nothing is zero.
    pub zeros_excess: f64,
    /// Largest |∂loss + ∂penalty| over the rest: 0 at a minimum.
    pub nonzeros_residual: f64,
}

impl Default for Stationarity {
    fn default() -> Self {
        Self { n_zero: 0, n_nonzero: 0, zeros_excess: f64::NEG_INFINITY, nonzeros_residual: 0.0 }
    }
}

impl Stationarity {
    /// One weight or group at zero.
    pub fn zero(excess: f64) -> Self {
        Self { n_zero: 1, zeros_excess: excess, ..Self::default() }
    }

    /// One weight or group elsewhere.
    pub fn nonzero(residual: f64) -> Self {
        Self { n_nonzero: 1, nonzeros_residual: residual, ..Self::default() }
    }

    /// Both together.
    pub fn join(self, other: Self) -> Self {
        Self {
            n_zero: self.n_zero + other.n_zero,
            n_nonzero: self.n_nonzero + other.n_nonzero,
            zeros_excess: self.zeros_excess.max(other.zeros_excess),
            nonzeros_residual: self.nonzeros_residual.max(other.nonzeros_residual),
        }
    }
}
