//! Means of pointwise scores.
//!
//! RMSE = √(Σ eᵢ² / n), MAE = Σ |eᵢ| / n, with errors eᵢ in the data's units; the mean of a proper
//! score (the NLL in nats, the CRPS in the data's units) is its empirical risk (Gneiting & Raftery
//! 2007, J. Am. Stat. Assoc. 102, 359, eq. 1). All are NaN for an empty slice.

/// Arithmetic mean, summed pairwise so that the rounding error grows with log n.
pub fn mean(values: &[f64]) -> f64 {
    sum(values) / values.len() as f64
}

/// Root-mean-square error of `errors`.
pub fn rmse(errors: &[f64]) -> f64 {
    let squares: Vec<f64> = errors.iter().map(|e| e * e).collect();
    mean(&squares).sqrt()
}

/// Mean absolute error of `errors`.
pub fn mae(errors: &[f64]) -> f64 {
    let magnitudes: Vec<f64> = errors.iter().map(|e| e.abs()).collect();
    mean(&magnitudes)
}

fn sum(values: &[f64]) -> f64 {
    if values.len() <= 32 {
        return values.iter().sum();
    }
    let (left, right) = values.split_at(values.len() / 2);
    sum(left) + sum(right)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scores_of_three_errors() {
        let errors = [3.0, -4.0, 0.0];
        assert!((rmse(&errors) - (25.0f64 / 3.0).sqrt()).abs() < 1e-15);
        assert!((mae(&errors) - 7.0 / 3.0).abs() < 1e-15);
        assert!(rmse(&[]).is_nan());
    }

    #[test]
    fn many_small_numbers_keep_their_mean() {
        assert!((mean(&vec![0.1; 10_000_000]) - 0.1).abs() < 1e-15);
    }
}
