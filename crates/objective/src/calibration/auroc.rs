//! Area under the ROC curve of an uncertainty that should tell a shifted split from a familiar one.
//!
//! AUROC = P(u_shifted > u_familiar) + ½ P(equal), the Mann–Whitney statistic over n·m
//! (Hanley & McNeil 1982, Radiology 143, 29): ½ cannot tell them apart, 1 always does.

use super::rank::{ranks, sorted_ties};

/// AUROC of `shifted` against `familiar`, ties counted one half; NaN if one of them is empty.
pub fn auroc(familiar: &[f64], shifted: &[f64]) -> f64 {
    let all: Vec<f64> = familiar.iter().chain(shifted).copied().collect();
    let (n, m) = (familiar.len() as f64, shifted.len() as f64);
    let rank_sum: f64 = ranks(&all)[familiar.len()..].iter().sum();
    (rank_sum - 0.5 * m * (m + 1.0)) / (n * m)
}

/// Two samples sorted once, so that the AUROC of a resample costs one pass.
#[derive(Debug, Clone)]
pub struct Presorted {
    /// Whether it is of the second sample, and its group: by increasing value.
    members: Vec<(bool, usize)>,
    ties: Vec<usize>,
}

impl Presorted {
    /// Sorts `values`, `[n]`, of which `second` says whether they belong to the second sample, and
    /// `group` which group they are drawn with.
    pub fn new(values: &[f64], second: &[bool], group: &[usize]) -> Self {
        let (order, ties) = sorted_ties(values);
        Self { members: order.into_iter().map(|i| (second[i], group[i])).collect(), ties }
    }

    /// The AUROC when group g is drawn `draw[g]` times; NaN where one sample is empty.
    pub fn of(&self, draw: &[u16]) -> f64 {
        let (mut below, mut n, mut wins) = (0u64, 0u64, 0u64);
        for tie in self.ties.windows(2) {
            let mut here = [0u64; 2];
            for &(second, group) in &self.members[tie[0]..tie[1]] {
                here[usize::from(second)] += u64::from(draw[group]);
            }
            wins += here[1] * (2 * below + here[0]);
            below += here[0];
            n += here[1];
        }
        0.5 * wins as f64 / (below as f64 * n as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn separation_ties_and_nothing() {
        assert_eq!(auroc(&[1.0, 2.0], &[3.0, 4.0]), 1.0);
        assert_eq!(auroc(&[3.0, 4.0], &[1.0, 2.0]), 0.0);
        assert_eq!(auroc(&[1.0, 1.0], &[1.0]), 0.5);
        assert_eq!(auroc(&[1.0, 3.0], &[2.0, 3.0]), 0.625);
        assert!(auroc(&[], &[1.0]).is_nan());
    }
}
