//! Logarithmic loss of class probabilities: −ln p of the class that happened, nats (Good 1952,
//! J. R. Stat. Soc. B 14, 107). It is infinite where the impossible happened.

/// The loss of each sample, `[n]`.
///
/// # Shapes
/// `probabilities`: `[n, n_classes]` row-major; `label`: `[n]`, which class happened.
pub fn log_losses(probabilities: &[f64], n_classes: usize, label: &[usize]) -> Vec<f64> {
    probabilities.chunks_exact(n_classes).zip(label).map(|(row, &label)| -row[label].ln()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_certain_costs_nothing_and_the_impossible_everything() {
        let losses = log_losses(&[1.0, 0.0, 0.5, 0.5, 1.0, 0.0], 2, &[0, 1, 1]);
        assert_eq!(losses, [0.0, std::f64::consts::LN_2, f64::INFINITY]);
    }
}
