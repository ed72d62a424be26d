//! A growing window: training begins with the first part of every trajectory, and the part grows until
//! it is the whole. A loss whose ravines come from the end of a long series is first descended without
//! it. Evaluation is always on whole trajectories.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How much of each trajectory training sees; its share of time grows evenly.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Curriculum {
    /// The share of the trajectory's time in the first epoch.
    pub from: f64,
    /// Epochs until it is whole.
    pub epochs: usize,
}

impl Curriculum {
    /// The first impossible value, in words that begin with the key in backticks.
    pub fn problem(&self) -> Option<String> {
        if !(self.from > 0.0 && self.from < 1.0) {
            return Some(format!("`from` must be a share between 0 and 1, found {}", self.from));
        }
        (self.epochs == 0).then(|| "`epochs` must be at least 1, found 0".into())
    }

    /// The share after so many epochs; `None` where that is the whole.
    pub fn share(&self, epoch: usize) -> Option<f64> {
        (epoch < self.epochs).then(|| self.from + (1.0 - self.from) * epoch as f64 / self.epochs as f64)
    }

    /// How many of these times lie within a share of them.
    pub fn n_times(share: f64, times: &[f64]) -> usize {
        let (Some(first), Some(last)) = (times.first(), times.last()) else { return 0 };
        let end = first + share * (last - first);
        times.iter().filter(|t| **t <= end).count()
    }
}

#[cfg(test)]
mod tests {
    use super::Curriculum;

    #[test]
    fn the_window_grows_evenly_in_time_and_ends_as_the_whole() {
        let curriculum = Curriculum { from: 0.25, epochs: 4 };
        let shares: Vec<Option<f64>> = (0..5).map(|epoch| curriculum.share(epoch)).collect();
        assert_eq!((shares[0], shares[2], shares[4]), (Some(0.25), Some(0.625), None));
        assert_eq!(curriculum.share(usize::MAX), None);
        assert_eq!(Curriculum::n_times(0.5, &[2.0, 2.1, 2.2, 4.0, 6.0]), 4);
        assert!(Curriculum { from: 1.0, epochs: 4 }.problem().is_some() && curriculum.problem().is_none());
    }
}
