//! Scores of whole splits.

use surprisal_core::records::Splits;
use surprisal_objective::{Objective, Scores};

use crate::{Predictor, TrainError, pit, shard};

/// What one evaluation found in one split.
#[derive(Debug, Clone)]
pub struct SplitScores {
    /// The split's name.
    pub split: String,
    /// NLL of each sample, nats, in the data's own units.
    pub nll: Vec<f64>,
    /// Squared error of each sample, mean over its components, in squared data units.
    pub squared_error: Vec<f64>,
    /// Mean of (error/σ)² over all components whose predicted variance is finite: above 1 where the
    /// predictions are over-confident, below 1 where they are too careful. NaN where there are none.
    pub zms: f64,
    /// Density of the probability integral transform in [`surprisal_data::run_file::PIT_BINS`] bins;
    /// empty for every split but `valid`.
    pub pit: Vec<f64>,
}

impl SplitScores {
    /// Mean NLL, nats per sample.
    pub fn mean_nll(&self) -> f64 {
        mean(&self.nll)
    }

    /// Mean squared error.
    pub fn mse(&self) -> f64 {
        mean(&self.squared_error)
    }
}

/// The mean over the samples of which anything was observed.
fn mean(values: &[f64]) -> f64 {
    let known: Vec<f64> = values.iter().copied().filter(|v| !v.is_nan()).collect();
    known.iter().sum::<f64>() / known.len() as f64
}

/// At most `limit` of n groups, evenly spaced; which ones depends on n and the limit alone.
pub fn evenly_spaced(n: usize, limit: usize) -> Vec<usize> {
    if n <= limit { (0..n).collect() } else { (0..limit).map(|i| i * n / limit).collect() }
}

/// The groups scored at every evaluation: `valid` whole, the other splits up to `limit` groups.
pub fn curve_groups<G>(splits: &Splits<G>, limit: usize) -> Vec<(&str, Vec<&G>)> {
    splits
        .parts()
        .into_iter()
        .map(|(name, groups)| {
            let limit = if name == "valid" { usize::MAX } else { limit };
            (name, evenly_spaced(groups.len(), limit).into_iter().map(|i| &groups[i]).collect())
        })
        .collect()
}

/// Scores the groups of one split with the predictor's present weights.
pub fn evaluate<P: Predictor>(
    predictor: &P,
    objective: &Objective,
    split: &str,
    groups: &[&P::Group],
    shard_size: usize,
) -> Result<SplitScores, TrainError> {
    let target = shard::target(predictor, objective.outcome().layout().dim, groups)?;
    let prediction = shard::evaluate(predictor, groups, shard_size)?;
    let Scores { nll, squared_error, zms } = objective.score(&prediction, &target)?;
    let pit = if split == "valid" { pit::histogram(objective.outcome(), &prediction, &target)? } else { vec![] };
    Ok(SplitScores { split: split.to_string(), nll, squared_error, zms, pit })
}

#[cfg(test)]
mod tests {
    use super::evenly_spaced;

    #[test]
    fn a_limit_keeps_groups_from_the_whole_range_and_none_twice() {
        assert_eq!(evenly_spaced(3, 5), [0, 1, 2]);
        assert_eq!(evenly_spaced(10, 4), [0, 2, 5, 7]);
    }
}
