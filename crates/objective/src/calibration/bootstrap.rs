//! Percentile intervals by resampling whole groups.
//!
//! Atoms of one frame, or times of one trajectory, are not independent, so each resample draws
//! n_groups groups with replacement and takes all their samples (the cluster bootstrap: Davison &
//! Hinkley 1997, sec. 3.8); the interval of level p runs between the (1−p)/2 and (1+p)/2 quantiles
//! of the resampled statistic (Efron 1979). A mean is Σ of group sums over Σ of group sizes, so
//! each group is summed once and a resample costs one pass over the groups. What is no mean is
//! computed anew from how often each group was drawn ([`GroupBootstrap::each`]), on arrays that were
//! sorted once (the `Presorted` of each measure). A single group has no resamples: drawn again it is the
//! same, and an interval of width 0 would claim what nobody knows.
//!
//! A measure of distance such as ENCE, the miscalibration area or a Kolmogorov–Smirnov distance is
//! inflated by noise, and resampling adds the same noise again, so that its percentile interval lies
//! above the truth. Squares of distances add up: θ̂² ≈ θ² + noise², θ*² ≈ θ̂² + noise². So the *basic*
//! interval 2θ̂ − θ* (Davison & Hinkley 1997, eq. 5.6) is formed for the square and cut at 0.

use serde::{Deserialize, Serialize};
use surprisal_core::rng;

/// A closed interval.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Interval {
    /// Lower end.
    pub lower: f64,
    /// Upper end.
    pub upper: f64,
}

/// Resamples of a fixed set of groups, the same for every statistic asked of it (so differences
/// between statistics are paired).
#[derive(Debug, Clone)]
pub struct GroupBootstrap {
    /// Dense group number of each sample.
    group: Vec<usize>,
    n_groups: usize,
    /// `[n_resamples][n_groups]`: how often each group was drawn; none of a single group.
    draws: Vec<Vec<u16>>,
}

impl GroupBootstrap {
    /// Draws `n_resamples` resamples of the groups named by `group`, `[n_samples]`, in any order; none of
    /// fewer than two groups.
    pub fn new(group: &[u64], n_resamples: usize, seed: u64) -> Self {
        let (group, n_groups) = dense(group);
        let n_resamples = if n_groups > 1 { n_resamples } else { 0 };
        let mut stream = rng::stream(seed, "bootstrap", 0);
        let draws = (0..n_resamples)
            .map(|_| {
                let mut count = vec![0u16; n_groups];
                for _ in 0..n_groups {
                    count[rng::below(&mut stream, n_groups)] += 1;
                }
                count
            })
            .collect();
        Self { group, n_groups, draws }
    }

    /// Number of distinct groups.
    pub fn n_groups(&self) -> usize {
        self.n_groups
    }

    /// Dense group number of each sample, `[n_samples]`, as resamples count them.
    pub fn group(&self) -> &[usize] {
        &self.group
    }

    /// A statistic of every resample, `[n_resamples]`; it is given how often each group was drawn,
    /// `[n_groups]`.
    pub fn each<T>(&self, statistic: impl FnMut(&[u16]) -> T) -> Vec<T> {
        self.draws.iter().map(Vec::as_slice).map(statistic).collect()
    }

    /// Resamples of two independent sets of groups side by side: those of `other` are numbered after
    /// those of `self`. As many resamples as the smaller set has.
    pub fn beside(&self, other: &Self) -> Self {
        let shifted = other.group.iter().map(|g| g + self.n_groups);
        let draws = self.draws.iter().zip(&other.draws);
        Self {
            group: self.group.iter().copied().chain(shifted).collect(),
            n_groups: self.n_groups + other.n_groups,
            draws: draws.map(|(a, b)| [a.as_slice(), b].concat()).collect(),
        }
    }

    /// The resampled means of several per-sample quantities at once.
    ///
    /// # Shapes
    /// `columns`: `[n_columns][n_samples]` → `[n_columns][n_resamples]`.
    ///
    /// # Panics
    /// If a column has not one value per sample.
    pub fn means(&self, columns: &[&[f64]]) -> Vec<Vec<f64>> {
        let width = columns.len() + 1;
        // [n_groups, width]: the group's sum of every column, then its size.
        let mut sums = vec![0.0; self.n_groups * width];
        for (c, column) in columns.iter().enumerate() {
            assert_eq!(column.len(), self.group.len(), "one value per sample");
            for (&group, &value) in self.group.iter().zip(*column) {
                sums[group * width + c] += value;
            }
        }
        for &group in &self.group {
            sums[group * width + columns.len()] += 1.0;
        }
        let mut means = vec![Vec::with_capacity(self.draws.len()); columns.len()];
        let mut total = vec![0.0; width];
        for draw in &self.draws {
            total.fill(0.0);
            for (&count, row) in draw.iter().zip(sums.chunks_exact(width)) {
                if count > 0 {
                    let count = f64::from(count);
                    total.iter_mut().zip(row).for_each(|(t, s)| *t += count * s);
                }
            }
            for (c, mean) in means.iter_mut().enumerate() {
                mean.push(total[c] / total[width - 1]);
            }
        }
        means
    }

    /// The interval of the mean of `values`, `[n_samples]`, at `level`.
    pub fn mean_interval(&self, values: &[f64], level: f64) -> Interval {
        percentile_interval(&mut self.means(&[values])[0], level)
    }
}

/// The central interval of `level` of resampled statistics, which are sorted in place.
///
/// NaN where there is no statistic or one of them is NaN.
pub fn percentile_interval(statistics: &mut [f64], level: f64) -> Interval {
    statistics.sort_by(f64::total_cmp);
    if statistics.is_empty() || statistics.iter().any(|s| s.is_nan()) {
        return Interval { lower: f64::NAN, upper: f64::NAN };
    }
    Interval { lower: quantile(statistics, 0.5 * (1.0 - level)), upper: quantile(statistics, 0.5 * (1.0 + level)) }
}

/// The interval of `level` of a non-negative measure of distance whose value is `estimate`: the root of
/// the basic interval of its square; see the module's documentation. The resampled statistics are
/// sorted in place.
pub fn distance_interval(statistics: &mut [f64], estimate: f64, level: f64) -> Interval {
    let Interval { lower, upper } = percentile_interval(statistics, level);
    let reflected = |q: f64| if q.is_nan() { q } else { (2.0 * estimate * estimate - q * q).max(0.0).sqrt() };
    Interval { lower: reflected(upper), upper: reflected(lower) }
}

/// The p-quantile of sorted, non-empty values, interpolated linearly between order statistics
/// (Hyndman & Fan 1996, definition 7).
pub fn quantile(sorted: &[f64], p: f64) -> f64 {
    let position = p * (sorted.len() - 1) as f64;
    let (below, fraction) = (position.floor() as usize, position.fract());
    let above = (below + 1).min(sorted.len() - 1);
    if fraction == 0.0 { sorted[below] } else { sorted[below] + fraction * (sorted[above] - sorted[below]) }
}

/// Numbers the distinct values from 0 in increasing order: (number of each sample, how many).
pub(crate) fn dense(group: &[u64]) -> (Vec<usize>, usize) {
    let mut distinct = group.to_vec();
    distinct.sort_unstable();
    distinct.dedup();
    let numbers = group.iter().map(|g| distinct.partition_point(|d| d < g)).collect();
    (numbers, distinct.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_of_copies_are_as_uncertain_as_one_of_each() {
        let mut stream = rng::stream(5, "test", 0);
        let single: Vec<f64> = (0..400).map(|_| rng::standard_normal(&mut stream)).collect();
        let copies: Vec<f64> = single.iter().flat_map(|&v| [v; 10]).collect();
        let group: Vec<u64> = (0..400).flat_map(|g| [7 + 3 * g; 10]).collect();
        let wide = GroupBootstrap::new(&group, 1000, 1).mean_interval(&copies, 0.95);
        let half_width = 0.5 * (wide.upper - wide.lower);
        assert!((half_width / (1.96 / 20.0) - 1.0).abs() < 0.15, "{half_width}");
    }

    #[test]
    fn unequal_groups_weigh_their_samples() {
        let bootstrap = GroupBootstrap::new(&[1, 1, 1, 2], 200, 4);
        for mean in &bootstrap.means(&[&[0.0, 0.0, 0.0, 1.0]])[0] {
            assert!([0.0, 0.25, 1.0].contains(mean));
        }
        assert_eq!(bootstrap.n_groups(), 2);
    }

    #[test]
    fn the_interval_covers_the_truth_about_as_often_as_it_says() {
        let covered = (0..200)
            .filter(|&trial| {
                let mut stream = rng::stream(11, "coverage", trial);
                let values: Vec<f64> = (0..60).map(|_| rng::standard_normal(&mut stream)).collect();
                let group: Vec<u64> = (0..60).collect();
                let interval = GroupBootstrap::new(&group, 300, trial).mean_interval(&values, 0.9);
                interval.lower <= 0.0 && 0.0 <= interval.upper
            })
            .count();
        assert!((165..=195).contains(&covered), "{covered} of 200");
    }
}
