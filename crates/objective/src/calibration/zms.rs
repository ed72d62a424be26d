//! Mean squared z-score.
//!
//! ZMS = Σ zᵢ² / n with zᵢ = (yᵢ − meanᵢ)/σᵢ: 1 for a model calibrated on average, above 1
//! over-confident, below 1 under-confident (Pernot 2022, J. Chem. Phys. 157, 144103). Its interval
//! comes from a bootstrap over groups; heavy tails make it unreliable for small n.

use super::bootstrap::{GroupBootstrap, Interval};

/// Mean squared z-score of errors and predicted standard deviations, `[n]` each.
pub fn zms(error: &[f64], sigma: &[f64]) -> f64 {
    super::scores::mean(&squared_z(error, sigma))
}

/// The squared z-scores, `[n]`.
pub fn squared_z(error: &[f64], sigma: &[f64]) -> Vec<f64> {
    error.iter().zip(sigma).map(|(e, s)| (e / s).powi(2)).collect()
}

/// The interval of ZMS at `level` under a bootstrap of whole groups.
pub fn interval(error: &[f64], sigma: &[f64], bootstrap: &GroupBootstrap, level: f64) -> Interval {
    bootstrap.mean_interval(&squared_z(error, sigma), level)
}
