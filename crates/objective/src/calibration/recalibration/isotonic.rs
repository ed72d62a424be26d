//! Isotonic recalibration of the probability integral transform.
//!
//! R is the non-decreasing map from u = F(y) to the share of calibration observations with a transform
//! of at most u, found by regression on the pairs (uᵢ, #{uⱼ ≤ uᵢ}/n) (Kuleshov, Fenner & Ermon 2018,
//! ICML, Algorithm 1), linear in between, from (0, 0) to (1, 1). The recalibrated CDF is R∘F and the
//! recalibrated p-quantile is that of F at R⁻¹(p). Regression is by pooling adjacent violators
//! (Ayer et al. 1955, Ann. Math. Stat. 26, 641).
//!
//! The density of R∘F is f(y)·R′(F(y)). R as fitted has a knot at every calibration observation, so R′ is
//! a ratio of spacings: noise, 0 or infinite where transforms coincide. For the NLL it is therefore smoothed: S
//! is linear between 0, B − 1 quantiles of the transforms and 1, B = ⌈2·n^{1/3}⌉, where it is the share of
//! the transforms up to there, mixed with the identity that has a share ε = B/(n + B). S′ is a density that
//! is at least ε everywhere and integrates to 1. The probability of a value with P(Y < y) = a < b = P(Y ≤ y)
//! becomes S(b) − S(a).

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
    /// Knots (u, S(u)), both increasing, from (0, 0) to (1, 1).
    smooth: Vec<(f64, f64)>,
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
        Self { knots, smooth: smooth(&sorted) }
    }

    /// ln of the factor that S puts on the density of an observation between P(Y < y) and P(Y ≤ y), on
    /// its probability where the two differ.
    pub fn log_density(&self, cdf_below: f64, cdf: f64) -> f64 {
        if cdf_below < cdf {
            return ((self.smoothed(cdf) - self.smoothed(cdf_below)) / (cdf - cdf_below)).ln();
        }
        if cdf.is_nan() {
            return f64::NAN;
        }
        let (low, high) = self.bin(cdf);
        ((high.1 - low.1) / (high.0 - low.0)).ln()
    }

    /// S(u).
    fn smoothed(&self, u: f64) -> f64 {
        let (low, high) = self.bin(u);
        low.1 + (u - low.0) / (high.0 - low.0) * (high.1 - low.1)
    }

    /// The knots of S around u.
    fn bin(&self, u: f64) -> ((f64, f64), (f64, f64)) {
        let above = self.smooth.partition_point(|k| k.0 <= u).clamp(1, self.smooth.len() - 1);
        (self.smooth[above - 1], self.smooth[above])
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

/// Knots of S; as many fewer as transforms coincide.
fn smooth(sorted: &[f64]) -> Vec<(f64, f64)> {
    let n = sorted.len();
    let n_bins = (2.0 * (n as f64).cbrt()).ceil() as usize;
    let uniform = n_bins as f64 / (n + n_bins).max(1) as f64;
    let mut edges: Vec<f64> = (1..n_bins).map(|j| sorted[j * n / n_bins]).filter(|u| *u > 0.0 && *u < 1.0).collect();
    edges.dedup();
    let share = |&edge: &f64| {
        let up_to = sorted.partition_point(|u| *u <= edge) as f64 / n as f64;
        (edge, (1.0 - uniform) * up_to + uniform * edge)
    };
    [(0.0, 0.0)].into_iter().chain(edges.iter().map(share)).chain([(1.0, 1.0)]).collect()
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
    fn the_density_integrates_to_one_and_gains_what_the_transform_promises() {
        // Transforms of the law 2u: f·2u is the true density, ∫ 2u·ln 2u du = ln 2 − ½.
        let n = 20_000;
        let pit: Vec<f64> = (0..n).map(|i| ((f64::from(i) + 0.5) / f64::from(n)).sqrt()).collect();
        let map = Isotonic::fit(&pit);
        let steps = 10_000;
        let mean = |f: &dyn Fn(f64) -> f64| {
            (0..steps).map(|i| f((f64::from(i) + 0.5) / f64::from(steps))).sum::<f64>() / f64::from(steps)
        };
        let density = |u: f64| map.log_density(u, u).exp();
        assert!((mean(&density) - 1.0).abs() < 1e-3, "{}", mean(&density));
        let gain = mean(&|v: f64| map.log_density(v.sqrt(), v.sqrt()));
        // the quantiles are far apart where the density is low
        assert!((gain - (2f64.ln() - 0.5)).abs() < 5e-3, "{gain}");
        // probabilities of a discrete law sum to 1 and narrow intervals have the density
        let edges = [0.0, 0.07, 0.31, 0.62, 0.9, 1.0];
        let sum: f64 = edges.windows(2).map(|e| (e[1] - e[0]) * map.log_density(e[0], e[1]).exp()).sum();
        assert!((sum - 1.0).abs() < 1e-12, "{sum}");
        assert!((map.log_density(0.4, 0.4 + 1e-9) - map.log_density(0.4, 0.4)).abs() < 1e-5);
    }

    #[test]
    fn what_never_happened_keeps_a_density_and_what_coincides_has_a_finite_one() {
        // All the same: one bin, and nothing is known but that.
        assert_eq!(Isotonic::fit(&[1.0; 100]).log_density(1.0, 1.0), 0.0);
        // Nothing above ½: 10 bins, of which the last keeps the share of the identity.
        let map = Isotonic::fit(&(0..100).map(|i| f64::from(i) / 200.0).collect::<Vec<f64>>());
        let last: f64 = 100.0 / 110.0 * 0.09 / 0.55 + 10.0 / 110.0;
        assert!((map.log_density(0.8, 0.8) - last.ln()).abs() < 1e-12, "{}", map.log_density(0.8, 0.8).exp());
        assert!(map.log_density(0.2, 0.2).exp() > 1.8);
        assert!(map.log_density(f64::NAN, f64::NAN).is_nan());
    }

    #[test]
    fn without_data_it_changes_nothing() {
        assert_eq!(Isotonic::fit(&[]).apply(0.3), 0.3);
        assert_eq!(Isotonic::fit(&[]).log_density(0.3, 0.7), 0.0);
    }
}
