//! The best evaluation so far, and whether waiting longer is worth while.

use serde::{Deserialize, Serialize};

/// The lowest validation NLL so far.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Best {
    /// Mean validation NLL, nats per sample.
    pub nll: f64,
    /// Which evaluation, counted from 0.
    pub evaluation: usize,
    /// Epochs finished then.
    pub epoch: usize,
}

/// Whether `patience` evaluations have passed since the best of `n_evaluations`.
pub fn exhausted(best: Option<Best>, n_evaluations: usize, patience: Option<usize>) -> bool {
    match (best, patience) {
        (Some(best), Some(patience)) => n_evaluations - 1 - best.evaluation >= patience,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patience_counts_evaluations_after_the_best() {
        let best = Some(Best { nll: 1.0, evaluation: 4, epoch: 5 });
        assert!(!exhausted(best, 7, Some(3)));
        assert!(exhausted(best, 8, Some(3)));
        assert!(!exhausted(best, 8, None));
        assert!(!exhausted(None, 8, Some(1)));
    }
}
