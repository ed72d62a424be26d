//! Spearman's rank correlation.
//!
//! Pearson's correlation of the ranks, ties given their mean rank (Spearman 1904, Am. J. Psychol. 15,
//! 72). Between |error| and σ it asks whether the model knows where it errs; even ideal Gaussian
//! uncertainties stay far below 1, because an error is only one draw from its distribution.

/// Ranks from 1, ties sharing their mean. NaN sorts last.
pub fn ranks(values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|&a, &b| values[a].total_cmp(&values[b]));
    let mut ranks = vec![0.0; values.len()];
    let mut start = 0;
    for tie in order.chunk_by(|&a, &b| values[a] == values[b]) {
        let rank = start as f64 + 0.5 * (tie.len() as f64 + 1.0);
        tie.iter().for_each(|&i| ranks[i] = rank);
        start += tie.len();
    }
    ranks
}

/// Spearman's correlation of `a` and `b`, `[n]` each; NaN where one of them is constant.
pub fn spearman(a: &[f64], b: &[f64]) -> f64 {
    let (a, b) = (ranks(a), ranks(b));
    let middle = 0.5 * (a.len() as f64 + 1.0);
    let (mut ab, mut aa, mut bb) = (0.0, 0.0, 0.0);
    for (a, b) in a.iter().zip(&b) {
        let (da, db) = (a - middle, b - middle);
        ab += da * db;
        aa += da * da;
        bb += db * db;
    }
    ab / (aa * bb).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ties_share_their_mean_rank() {
        assert_eq!(ranks(&[3.0, 1.0, 3.0, 2.0]), [3.5, 1.0, 3.5, 2.0]);
    }

    #[test]
    fn only_the_order_counts() {
        let x = [0.1, 5.0, 2.0, -7.0];
        let cubed = x.map(|v: f64| v.powi(3));
        assert!((spearman(&x, &cubed) - 1.0).abs() < 1e-15);
        assert!((spearman(&x, &x.map(|v| -v)) + 1.0).abs() < 1e-15);
        assert!(spearman(&x, &[1.0; 4]).is_nan());
    }
}
