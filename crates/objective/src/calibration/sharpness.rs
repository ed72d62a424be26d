//! Sharpness: how concentrated the predictions are, whatever the truth.
//!
//! √(Σ σᵢ² / n), in the data's units (Gneiting, Balabdaoui & Raftery 2007, J. R. Stat. Soc. B 69, 243;
//! this root-mean-variance form: Tran et al. 2020). Of two calibrated models the sharper is better.

/// Root mean predicted variance of the standard deviations `sigma`.
pub fn sharpness(sigma: &[f64]) -> f64 {
    super::scores::rmse(sigma)
}
