//! Isotonic recalibration of the probability integral transform.
//!
//! R is the non-decreasing map from u = F(y) to the share of calibration observations with a transform
//! of at most u, found by regression on the pairs (uᵢ, #{uⱼ ≤ uᵢ}/n) (Kuleshov, Fenner & Ermon 2018,
//! ICML, Algorithm 1), linear in between, from (0, 0) to (1, 1). The recalibrated CDF is R∘F and the
//! recalibrated p-quantile is that of F at R⁻¹(p). Regression is by pooling adjacent violators
//! (Ayer et al. 1955, Ann. Math. Stat. 26, 641).

/// The non-decreasing sequence nearest to `values` in weighted least squares, `[n]`.
pub fn pool_adjacent_violators(values: &[f64], weights: &[f64]) -> Vec<f64> {
    // Pools that are non-decreasing so far: mean, weight, length.
    let mut pools: Vec<(f64, f64, usize)> = Vec::with_capacity(values.len());
    for (&value, &weight) in values.iter().zip(weights) {
        let mut pool = (value, weight, 1);
        while let Some(&(mean, below, length)) = pools.last().filter(|last| last.0 >= pool.0) {
            let sum = below + pool.1;
            pool = ((mean * below + pool.0 * pool.1) / sum, sum, length + pool.2);
            pools.pop();
        }
        pools.push(pool);
    }
    pools.into_iter().flat_map(|(mean, _, length)| std::iter::repeat_n(mean, length)).collect()
}

/// A fitted map R.
#[derive(Debug, Clone, PartialEq)]
pub struct Isotonic {
    /// Knots (u, R(u)), both non-decreasing, from (0, 0) to (1, 1).
    knots: Vec<(f64, f64)>,
}

impl Isotonic {
    /// Fits R to transforms of calibration data, `[n]`; those that are NaN are left out.
    pub fn fit(pit: &[f64]) -> Self {
        let mut sorted: Vec<f64> = pit.iter().copied().filter(|u| !u.is_nan()).collect();
        sorted.sort_by(f64::total_cmp);
        let n = sorted.len() as f64;
        let mut distinct: Vec<(f64, f64)> = vec![];
        let (mut share, mut weight) = (vec![], vec![]);
        let mut below = 0;
        for tie in sorted.chunk_by(|a, b| a == b) {
            below += tie.len();
            share.push(below as f64 / n);
            weight.push(tie.len() as f64);
            distinct.push((tie[0], 0.0));
        }
        for (knot, share) in distinct.iter_mut().zip(pool_adjacent_violators(&share, &weight)) {
            knot.1 = share;
        }
        let mut knots = vec![(0.0, 0.0)];
        knots.extend(distinct);
        knots.push((1.0, 1.0));
        Self { knots }
    }

    /// R(u) for 0 ≤ u ≤ 1; at a jump its upper value.
    pub fn apply(&self, u: f64) -> f64 {
        let above = self.knots.partition_point(|k| k.0 <= u);
        between(&self.knots, above, |k| k.0, |k| k.1, u)
    }

    /// R⁻¹(p): the smallest u with R(u) ≥ p.
    pub fn inverse(&self, p: f64) -> f64 {
        let above = self.knots.partition_point(|k| k.1 < p);
        between(&self.knots, above, |k| k.1, |k| k.0, p)
    }
}

/// Linear between knots `above − 1` and `above`.
fn between(
    knots: &[(f64, f64)],
    above: usize,
    from: impl Fn(&(f64, f64)) -> f64,
    to: impl Fn(&(f64, f64)) -> f64,
    x: f64,
) -> f64 {
    let Some(low) = above.checked_sub(1).map(|i| &knots[i]) else { return to(&knots[0]) };
    let Some(high) = knots.get(above) else { return to(low) };
    let width = from(high) - from(low);
    if width > 0.0 { to(low) + (x - from(low)) / width * (to(high) - to(low)) } else { to(high) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_inverse_undoes_the_map() {
        let pit: Vec<f64> = (0..50).map(|i| ((f64::from(i) + 0.5) / 50.0).powi(2)).collect();
        let map = Isotonic::fit(&pit);
        for p in [0.013, 0.3, 0.5, 0.97] {
            assert!((map.apply(map.inverse(p)) - p).abs() < 1e-12, "{p}");
        }
        assert_eq!((map.apply(0.0), map.apply(1.0)), (0.0, 1.0));
        assert_eq!((map.inverse(0.0), map.inverse(1.0)), (0.0, pit[49]));
    }

    #[test]
    fn its_own_data_becomes_uniform() {
        let pit = [0.01, 0.02, 0.02, 0.9, 0.95];
        let map = Isotonic::fit(&pit);
        let mapped: Vec<f64> = pit.iter().map(|&u| map.apply(u)).collect();
        assert!(mapped.iter().zip([0.2, 0.6, 0.6, 0.8, 1.0]).all(|(a, b)| (a - b).abs() < 1e-15), "{mapped:?}");
    }

    #[test]
    fn violators_share_their_weighted_mean() {
        assert_eq!(pool_adjacent_violators(&[1.0, 3.0, 0.0, 5.0], &[1.0, 1.0, 2.0, 1.0]), [1.0, 1.0, 1.0, 5.0]);
    }

    #[test]
    fn without_data_it_changes_nothing() {
        assert_eq!(Isotonic::fit(&[]).apply(0.3), 0.3);
    }
}
