//! Dropout: hidden units set to 0 with probability p and the others divided by 1 − p, so that the
//! expectation stays (Srivastava et al. 2014, Dropout: a simple way to prevent neural networks from
//! overfitting, sec. 10: the "inverted" form).
//!
//! Drawn again at prediction it samples an approximate posterior over networks: the predictive
//! distribution is the mixture over S draws (Gal & Ghahramani 2016, Dropout as a Bayesian
//! approximation, eqs. 6–9).
//!
//! A mask depends on the seed, the row's line in its file and the step (in training) or the number of
//! the draw (at prediction) and on nothing else: neither shards nor threads nor a resume change it.

use surprisal_core::rng;

/// Which draw of the masks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Draw {
    /// That of a training step.
    Step(u64),
    /// One of those at prediction.
    Sample(usize),
}

/// The factors of all hidden units of one row: 0 or 1/(1 − p).
pub fn mask(seed: u64, draw: Draw, line: usize, probability: f64, n_units: usize) -> Vec<f64> {
    let purpose = match draw {
        Draw::Step(step) => format!("dropout step {step}"),
        Draw::Sample(sample) => format!("dropout sample {sample}"),
    };
    let mut stream = rng::stream(seed, &purpose, line as u64);
    let kept = 1.0 / (1.0 - probability);
    (0..n_units).map(|_| if rng::uniform(&mut stream) < probability { 0.0 } else { kept }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn masks_keep_the_expectation_and_are_their_names() {
        let p = 0.3;
        let n = 20_000;
        let masks = mask(1, Draw::Step(4), 7, p, n);
        let mean = masks.iter().sum::<f64>() / n as f64;
        // the variance of one factor is p/(1 − p)
        assert!((mean - 1.0).abs() < 4.0 * (p / (1.0 - p) / n as f64).sqrt(), "{mean}");
        assert!(masks.iter().all(|m| *m == 0.0 || (m - 1.0 / 0.7).abs() < 1e-15));
        assert_eq!(mask(1, Draw::Step(4), 7, p, 50), masks[..50]);
        for other in [
            mask(2, Draw::Step(4), 7, p, 50),
            mask(1, Draw::Step(5), 7, p, 50),
            mask(1, Draw::Step(4), 8, p, 50),
            mask(1, Draw::Sample(4), 7, p, 50),
        ] {
            assert_ne!(other, masks[..50]);
        }
        assert_eq!(mask(1, Draw::Step(0), 0, 0.0, 5), [1.0; 5]);
    }
}
