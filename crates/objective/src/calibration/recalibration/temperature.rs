//! Temperature scaling: one temperature T for all logits.
//!
//! p_k ∝ exp(z_k/T), the softmax of the logits over T; T > 1 makes probabilities less certain, and the
//! likeliest class stays (Guo, Pleiss, Sun & Weinberger 2017, ICML, sec. 4.2, eq. 9). Logits are known
//! up to a constant from the probabilities, z_k = ln p_k, so the same is p_k^{1/T} normalised.

/// Probabilities at a temperature.
///
/// # Shapes
/// `probabilities`: `[n, n_classes]` row-major, of which each row sums to 1 → the same.
pub fn apply(probabilities: &[f64], n_classes: usize, temperature: f64) -> Vec<f64> {
    let mut scaled = Vec::with_capacity(probabilities.len());
    for row in probabilities.chunks_exact(n_classes) {
        let largest = row.iter().copied().fold(0.0, f64::max).ln();
        let start = scaled.len();
        scaled.extend(row.iter().map(|p| ((p.ln() - largest) / temperature).exp()));
        let sum: f64 = scaled[start..].iter().sum();
        scaled[start..].iter_mut().for_each(|p| *p /= sum);
    }
    scaled
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_classes_are_the_sigmoid_of_the_scaled_logit() {
        let scaled = apply(&[0.9, 0.1, 1.0, 0.0], 2, 2.0);
        let logit = (0.9f64 / 0.1).ln();
        assert!((scaled[0] - 1.0 / (1.0 + (-0.5 * logit).exp())).abs() < 1e-15);
        assert_eq!(scaled[2..], [1.0, 0.0]);
    }

    #[test]
    fn a_temperature_of_one_changes_nothing_and_a_high_one_makes_all_equal() {
        let row = [0.7, 0.2, 0.1];
        assert!(apply(&row, 3, 1.0).iter().zip(row).all(|(a, b)| (a - b).abs() < 1e-15));
        assert!(apply(&row, 3, 1e9).iter().all(|p| (p - 1.0 / 3.0).abs() < 1e-8));
    }
}
