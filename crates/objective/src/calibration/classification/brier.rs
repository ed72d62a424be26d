//! Brier score and what it is made of.
//!
//! BS = Σᵢ (pᵢ − oᵢ)²/n for an event; for K classes the sum of that over the classes (Brier 1950,
//! Mon. Weather Rev. 78, 1, eq. 2), so 0 is perfect and 2 the worst. Over bins of the forecasts,
//!
//! BS = reliability − resolution + uncertainty + within-bin variance − within-bin covariance,
//!
//! with reliability = Σ n_k/n (p̄_k − ō_k)², resolution = Σ n_k/n (ō_k − ō)², uncertainty = ō(1 − ō)
//! (Murphy 1973, J. Appl. Meteorol. 12, 595, eq. 9) and the two terms that make it exact where the
//! forecasts of a bin differ: Σ Σ (p − p̄_k)²/n and 2 Σ Σ (p − p̄_k)(o − ō_k)/n (Stephenson, Coelho &
//! Jolliffe 2008, Weather Forecast. 23, 752, eq. 8).

use super::Bin;

/// The Brier score of an event.
///
/// # Shapes
/// `probability`, `outcome` (0 or 1): `[n]`.
pub fn brier(probability: &[f64], outcome: &[f64]) -> f64 {
    let squares: Vec<f64> = probability.iter().zip(outcome).map(|(p, o)| (p - o).powi(2)).collect();
    super::super::scores::mean(&squares)
}

/// The terms of the decomposition.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Murphy {
    /// How far frequencies are from what was forecast; 0 is calibrated.
    pub reliability: f64,
    /// How far frequencies differ between bins; more is better.
    pub resolution: f64,
    /// What a forecast of the base rate would score.
    pub uncertainty: f64,
    /// Spread of the forecasts inside the bins.
    pub within_bin_variance: f64,
    /// What that spread tells about the outcomes, twice their covariance.
    pub within_bin_covariance: f64,
}

impl Murphy {
    /// The Brier score that the terms sum to.
    pub fn score(&self) -> f64 {
        self.reliability - self.resolution + self.uncertainty + self.within_bin_variance - self.within_bin_covariance
    }

    /// The terms of several events added: the decomposition of the score of K classes.
    pub fn sum(events: impl IntoIterator<Item = Self>) -> Self {
        events.into_iter().fold(Self::default(), |a, b| Self {
            reliability: a.reliability + b.reliability,
            resolution: a.resolution + b.resolution,
            uncertainty: a.uncertainty + b.uncertainty,
            within_bin_variance: a.within_bin_variance + b.within_bin_variance,
            within_bin_covariance: a.within_bin_covariance + b.within_bin_covariance,
        })
    }
}

/// The decomposition over the bins of all forecasts of an event; NaN without bins.
pub fn murphy(bins: &[Bin]) -> Murphy {
    let n = bins.iter().map(|b| b.n).sum::<usize>() as f64;
    let mean = |f: &dyn Fn(&Bin) -> f64| bins.iter().map(|b| b.n as f64 * f(b)).sum::<f64>() / n;
    let base_rate = mean(&|b| b.frequency);
    Murphy {
        reliability: mean(&|b| (b.probability - b.frequency).powi(2)),
        resolution: mean(&|b| (b.frequency - base_rate).powi(2)),
        uncertainty: base_rate * (1.0 - base_rate),
        within_bin_variance: mean(&|b| b.variance),
        within_bin_covariance: 2.0 * mean(&|b| b.covariance),
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Binning, bins};
    use super::*;

    #[test]
    fn the_terms_sum_to_the_score_in_any_bins() {
        let probability = [0.05, 0.11, 0.13, 0.4, 0.42, 0.47, 0.8, 0.85, 0.99];
        let outcome = [0.0, 1.0, 0.0, 0.0, 1.0, 1.0, 1.0, 1.0, 0.0];
        for n_bins in [1, 2, 5, 50] {
            for binning in [Binning::EqualWidth, Binning::EqualMass] {
                let terms = murphy(&bins(&probability, &outcome, n_bins, binning));
                assert!((terms.score() - brier(&probability, &outcome)).abs() < 1e-15, "{n_bins} {terms:?}");
            }
        }
    }

    #[test]
    fn forecasts_equal_within_bins_have_murphys_three_terms() {
        let terms = murphy(&bins(&[0.25, 0.25, 0.25, 0.25, 0.75], &[0.0, 1.0, 0.0, 0.0, 1.0], 4, Binning::EqualWidth));
        assert_eq!((terms.within_bin_variance, terms.within_bin_covariance), (0.0, 0.0));
        assert!((terms.reliability - 0.2 * 0.0625).abs() < 1e-15);
        assert!((terms.uncertainty - 0.24).abs() < 1e-15);
    }
}
