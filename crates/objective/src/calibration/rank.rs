//! Spearman's rank correlation.
//!
//! Pearson's correlation of the ranks, ties given their mean rank (Spearman 1904, Am. J. Psychol. 15,
//! 72). Between |error| and σ it asks whether the model knows where it errs; even ideal Gaussian
//! uncertainties stay far below 1, because an error is only one draw from its distribution.

/// Ranks from 1, ties sharing their mean. NaN sorts last.
pub fn ranks(values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|&a, &b| values[a].total_cmp(&values[b]));
    let mut ranks = vec![0.0; values.len()];
    let mut start = 0;
    for tie in order.chunk_by(|&a, &b| values[a] == values[b]) {
        let rank = start as f64 + 0.5 * (tie.len() as f64 + 1.0);
        tie.iter().for_each(|&i| ranks[i] = rank);
        start += tie.len();
    }
    ranks
}

/// The order of `values` and where each run of equal ones starts in it, with the end at the end.
pub(super) fn sorted_ties(values: &[f64]) -> (Vec<usize>, Vec<usize>) {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|&a, &b| values[a].total_cmp(&values[b]));
    let mut starts = vec![0];
    for tie in order.chunk_by(|&a, &b| values[a] == values[b]) {
        starts.push(starts[starts.len() - 1] + tie.len());
    }
    (order, starts)
}

/// Two columns sorted once, so that the correlation of a resample costs one pass.
#[derive(Debug, Clone)]
pub struct Presorted {
    group: Vec<usize>,
    /// Order and ties of each column.
    columns: [(Vec<usize>, Vec<usize>); 2],
    /// Ranks of each column in the resample.
    ranks: [Vec<f64>; 2],
}

impl Presorted {
    /// Sorts `a` and `b`, `[n]`; `group` is what each observation is drawn with.
    pub fn new(a: &[f64], b: &[f64], group: &[usize]) -> Self {
        let empty = || vec![0.0; a.len()];
        Self { group: group.to_vec(), columns: [sorted_ties(a), sorted_ties(b)], ranks: [empty(), empty()] }
    }

    /// Spearman's correlation when group g is drawn `draw[g]` times.
    pub fn of(&mut self, draw: &[u16]) -> f64 {
        let mut n = 0.0;
        for ((order, starts), ranks) in self.columns.iter().zip(&mut self.ranks) {
            n = 0.0;
            for tie in starts.windows(2) {
                let tie = &order[tie[0]..tie[1]];
                let drawn: f64 = tie.iter().map(|&i| f64::from(draw[self.group[i]])).sum();
                tie.iter().for_each(|&i| ranks[i] = n + 0.5 * (drawn + 1.0));
                n += drawn;
            }
        }
        let middle = 0.5 * (n + 1.0);
        let (mut ab, mut aa, mut bb) = (0.0, 0.0, 0.0);
        for ((&group, a), b) in self.group.iter().zip(&self.ranks[0]).zip(&self.ranks[1]) {
            let drawn = f64::from(draw[group]);
            let (da, db) = (a - middle, b - middle);
            ab += drawn * da * db;
            aa += drawn * da * da;
            bb += drawn * db * db;
        }
        ab / (aa * bb).sqrt()
    }
}

/// Spearman's correlation of `a` and `b`, `[n]` each; NaN where one of them is constant.
pub fn spearman(a: &[f64], b: &[f64]) -> f64 {
    let (a, b) = (ranks(a), ranks(b));
    let middle = 0.5 * (a.len() as f64 + 1.0);
    let (mut ab, mut aa, mut bb) = (0.0, 0.0, 0.0);
    for (a, b) in a.iter().zip(&b) {
        let (da, db) = (a - middle, b - middle);
        ab += da * db;
        aa += da * da;
        bb += db * db;
    }
    ab / (aa * bb).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ties_share_their_mean_rank() {
        assert_eq!(ranks(&[3.0, 1.0, 3.0, 2.0]), [3.5, 1.0, 3.5, 2.0]);
    }

    #[test]
    fn only_the_order_counts() {
        let x = [0.1, 5.0, 2.0, -7.0];
        let cubed = x.map(|v: f64| v.powi(3));
        assert!((spearman(&x, &cubed) - 1.0).abs() < 1e-15);
        assert!((spearman(&x, &x.map(|v| -v)) + 1.0).abs() < 1e-15);
        assert!(spearman(&x, &[1.0; 4]).is_nan());
    }
}
