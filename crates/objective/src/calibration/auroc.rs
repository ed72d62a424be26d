//! Area under the ROC curve of an uncertainty that should tell a shifted split from a familiar one.
//!
//! AUROC = P(u_shifted > u_familiar) + ½ P(equal), the Mann–Whitney statistic over n·m
//! (Hanley & McNeil 1982, Radiology 143, 29): ½ cannot tell them apart, 1 always does.

use super::rank::ranks;

/// AUROC of `shifted` against `familiar`, ties counted one half; NaN if one of them is empty.
pub fn auroc(familiar: &[f64], shifted: &[f64]) -> f64 {
    let all: Vec<f64> = familiar.iter().chain(shifted).copied().collect();
    let (n, m) = (familiar.len() as f64, shifted.len() as f64);
    let rank_sum: f64 = ranks(&all)[familiar.len()..].iter().sum();
    (rank_sum - 0.5 * m * (m + 1.0)) / (n * m)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn separation_ties_and_nothing() {
        assert_eq!(auroc(&[1.0, 2.0], &[3.0, 4.0]), 1.0);
        assert_eq!(auroc(&[3.0, 4.0], &[1.0, 2.0]), 0.0);
        assert_eq!(auroc(&[1.0, 1.0], &[1.0]), 0.5);
        assert_eq!(auroc(&[1.0, 3.0], &[2.0, 3.0]), 0.625);
        assert!(auroc(&[], &[1.0]).is_nan());
    }
}
