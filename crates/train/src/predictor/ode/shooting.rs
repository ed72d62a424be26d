//! Multiple shooting (Bock & Plitt 1984, A multiple shooting algorithm for direct solution of optimal
//! control problems): a trajectory is cut into segments with starts of their own, which are trained with
//! everything else. Errors no longer grow over the whole series, so that a loss full of ravines (long
//! oscillations) or cliffs (chaos) becomes one that can be descended. What holds the segments together is
//! a penalty on the gaps between them,
//!
//! (w/J) Σⱼ ‖(yⱼ(tⱼ₊₁) − aⱼ₊₁)/s‖²,
//!
//! over the J joints of a batch: yⱼ(tⱼ₊₁) is where segment j ends, aⱼ₊₁ the start of the next, s the scales
//! of the states.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Segments of training trajectories; evaluation always solves the whole from its own start.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Shooting {
    /// Segments of each trajectory, at most one per interval of its times; or `interval`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub segments: Option<usize>,
    /// Intervals between observed times in each segment; or `segments`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interval: Option<usize>,
    /// The weight w of the gaps between segments, nats per squared scale.
    pub continuity: f64,
    /// How the weight grows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub growth: Option<Growth>,
    /// Epochs with segments; from then on trajectories are whole. Never by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub epochs: Option<usize>,
}

/// A weight that grows by the same factor in every epoch.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Growth {
    /// The weight at the end.
    pub to: f64,
    /// Epochs until then.
    pub epochs: usize,
}

impl Shooting {
    /// The first impossible value, in words that begin with the key in backticks.
    pub fn problem(&self) -> Option<String> {
        let positive = |x: f64| x > 0.0 && x.is_finite();
        match (self.segments, self.interval) {
            (None, None) => return Some("`segments` is missing, and so is `interval`".into()),
            (Some(_), Some(_)) => return Some("`interval` says again what `segments` says".into()),
            (Some(n), None) if n < 2 => return Some(format!("`segments` must be at least 2, found {n}")),
            (None, Some(0)) => return Some("`interval` must be at least 1, found 0".into()),
            (Some(_), None) | (None, Some(_)) => {}
        }
        if !positive(self.continuity) {
            return Some(format!("`continuity` must be positive, found {}", self.continuity));
        }
        if self.epochs == Some(0) {
            return Some("`epochs` must be at least 1, found 0".into());
        }
        match self.growth {
            Some(Growth { to, .. }) if !positive(to) => Some(format!("`growth.to` must be positive, found {to}")),
            Some(Growth { epochs: 0, .. }) => Some("`growth.epochs` must be at least 1, found 0".into()),
            _ => None,
        }
    }

    /// Whether training has segments after so many epochs.
    pub fn is_on(&self, epoch: usize) -> bool {
        self.epochs.is_none_or(|end| epoch < end)
    }

    /// w after so many epochs.
    pub fn weight(&self, epoch: usize) -> f64 {
        match self.growth {
            None => self.continuity,
            Some(Growth { to, epochs }) => {
                let share = (epoch as f64 / epochs as f64).min(1.0);
                self.continuity * (to / self.continuity).powf(share)
            }
        }
    }

    /// The first key whose meaning changes from epoch to epoch.
    pub fn counts_epochs(&self) -> Option<&'static str> {
        self.growth.map(|_| "growth").or(self.epochs.map(|_| "epochs"))
    }

    /// Where the segments of `n` times begin, but for the first: places of times.
    pub fn cuts(&self, n: usize) -> Vec<usize> {
        let last = n.saturating_sub(1);
        match (self.segments, self.interval) {
            (Some(segments), _) => {
                let segments = segments.min(last).max(1);
                (1..segments).map(|k| (k * last + segments / 2) / segments).collect()
            }
            (None, Some(interval)) => (interval..last).step_by(interval.max(1)).collect(),
            (None, None) => vec![],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Growth, Shooting};

    fn shooting(segments: Option<usize>, interval: Option<usize>) -> Shooting {
        Shooting { segments, interval, continuity: 2.0, growth: None, epochs: None }
    }

    #[test]
    fn segments_are_of_even_length_and_hold_an_interval_each() {
        assert_eq!(shooting(Some(3), None).cuts(10), [3, 6]);
        assert_eq!(shooting(Some(3), None).cuts(9), [3, 5]);
        assert_eq!(shooting(Some(99), None).cuts(4), [1, 2]);
        assert_eq!(shooting(None, Some(4)).cuts(10), [4, 8]);
        assert_eq!(shooting(None, Some(4)).cuts(9), [4], "the last time is an end and no start");
        assert!(shooting(None, Some(40)).cuts(10).is_empty() && shooting(Some(3), None).cuts(2).is_empty());
    }

    #[test]
    fn the_weight_grows_by_equal_factors_and_then_stays() {
        let growing = Shooting { growth: Some(Growth { to: 200.0, epochs: 10 }), ..shooting(Some(3), None) };
        let near = |epoch, weight: f64| assert!((growing.weight(epoch) / weight - 1.0).abs() < 1e-12, "{epoch}");
        near(0, 2.0);
        near(5, 20.0);
        near(10, 200.0);
        near(usize::MAX, 200.0);
        assert!(growing.is_on(usize::MAX) && !Shooting { epochs: Some(7), ..growing }.is_on(7));
    }
}
