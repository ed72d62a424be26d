//! Expected normalised calibration error.
//!
//! Observations are sorted by σ and cut into B bins of equal count; in bin b,
//! RMV = √mean(σ²) and RMSE = √mean(e²); ENCE = (1/B) Σ_b |RMV_b − RMSE_b| / RMV_b
//! (Levi, Gispan, Giladi & Fetaya 2022, Sensors 22, 5540, eq. 7). It grows with B even for a
//! calibrated model (Pernot 2023, arXiv:2305.11905), so compare it at equal B and n only.

/// One bin of the error-against-σ diagram.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bin {
    /// Root mean predicted variance, data units.
    pub rmv: f64,
    /// Root-mean-square error, data units.
    pub rmse: f64,
    /// Observations in the bin.
    pub n: usize,
}

/// Bins of equal count by increasing σ; the counts differ by at most one. Observations whose error
/// or σ is not finite are left out.
///
/// # Shapes
/// `error`, `sigma`: `[n]` → at most `n_bins` bins, fewer when n < `n_bins`.
pub fn bins(error: &[f64], sigma: &[f64], n_bins: usize) -> Vec<Bin> {
    let mut pairs: Vec<(f64, f64)> =
        sigma.iter().copied().zip(error.iter().copied()).filter(|(s, e)| s.is_finite() && e.is_finite()).collect();
    pairs.sort_by(|a, b| a.0.total_cmp(&b.0));
    let n = pairs.len();
    (0..n_bins)
        .map(|b| &pairs[b * n / n_bins..(b + 1) * n / n_bins])
        .filter(|bin| !bin.is_empty())
        .map(|bin| {
            let mean_square =
                |f: fn(&(f64, f64)) -> f64| (bin.iter().map(|p| f(p).powi(2)).sum::<f64>() / bin.len() as f64).sqrt();
            Bin { rmv: mean_square(|p| p.0), rmse: mean_square(|p| p.1), n: bin.len() }
        })
        .collect()
}

/// ENCE over `n_bins` bins; NaN when there is nothing to bin.
pub fn ence(error: &[f64], sigma: &[f64], n_bins: usize) -> f64 {
    let bins = bins(error, sigma, n_bins);
    bins.iter().map(|b| (b.rmv - b.rmse).abs() / b.rmv).sum::<f64>() / bins.len() as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_equal_to_sigma_are_calibrated_and_doubled_ones_cost_one() {
        let sigma: Vec<f64> = (1..=100).map(f64::from).collect();
        let doubled: Vec<f64> = sigma.iter().map(|s| -2.0 * s).collect();
        assert!(ence(&sigma, &sigma, 10).abs() < 1e-14);
        assert!((ence(&doubled, &sigma, 10) - 1.0).abs() < 1e-14);
        assert_eq!(bins(&sigma, &sigma, 7).iter().map(|b| b.n).sum::<usize>(), 100);
    }
}
