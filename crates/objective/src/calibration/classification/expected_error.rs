//! Expected and maximum calibration error.
//!
//! ECE = Σ_k n_k/n·|ō_k − p̄_k| and MCE = max_k |ō_k − p̄_k| over the bins of the reliability diagram
//! (Naeini, Cooper & Hauskrecht 2015, AAAI, sec. 3; Guo et al. 2017, ICML, eqs. 3 and 5). Both are
//! inflated by noise when bins hold few forecasts; bins of equal mass less so (Nixon et al. 2019,
//! CVPR workshops).

use super::Bin;

/// ECE; NaN without bins.
pub fn expected_calibration_error(bins: &[Bin]) -> f64 {
    let n: usize = bins.iter().map(|b| b.n).sum();
    bins.iter().map(|b| b.n as f64 * (b.frequency - b.probability).abs()).sum::<f64>() / n as f64
}

/// MCE; NaN without bins.
pub fn maximum_calibration_error(bins: &[Bin]) -> f64 {
    bins.iter().map(|b| (b.frequency - b.probability).abs()).fold(f64::NAN, f64::max)
}

#[cfg(test)]
mod tests {
    use super::super::{Binning, bins};
    use super::*;

    #[test]
    fn certainty_that_errs_half_the_time_costs_one_half() {
        let bins =
            bins(&[1.0, 1.0, 0.2, 0.2, 0.2, 0.2, 0.2], &[1.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0], 10, Binning::EqualWidth);
        assert!((expected_calibration_error(&bins) - 1.0 / 7.0).abs() < 1e-15);
        assert_eq!(maximum_calibration_error(&bins), 0.5);
        assert!(expected_calibration_error(&[]).is_nan() && maximum_calibration_error(&[]).is_nan());
    }
}
