//! Sparsification: does the error fall when the least certain observations are set aside?
//!
//! The curve is the RMSE of the observations that remain after the fraction f of largest σ was
//! removed, over the RMSE of all. The oracle removes by |error| itself. AUSE = ∫₀¹ (curve − oracle)
//! df, 0 for a perfect ranking (Ilg et al. 2018, ECCV, sec. 6; Ilg's oracle and normalisation).
//! Observations of equal σ leave together in random order: each carries the mean of its tie, so
//! that the result does not depend on the order of the data.

use super::rank::sorted_ties;

/// RMSE of what remains over RMSE of all, after removing 0, 1, …, n−1 observations, `[n]`.
pub fn curve(error: &[f64], sigma: &[f64]) -> Vec<f64> {
    let mut pairs: Vec<(f64, f64)> = sigma.iter().copied().zip(error.iter().map(|e| e * e)).collect();
    pairs.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut squares: Vec<f64> = Vec::with_capacity(pairs.len());
    for tie in pairs.chunk_by(|a, b| a.0 == b.0) {
        let mean = tie.iter().map(|p| p.1).sum::<f64>() / tie.len() as f64;
        squares.extend(std::iter::repeat_n(mean, tie.len()));
    }
    remaining(&squares)
}

/// The same when the largest errors are removed first: the best any ranking could do.
pub fn oracle(error: &[f64]) -> Vec<f64> {
    let mut squares: Vec<f64> = error.iter().map(|e| e * e).collect();
    squares.sort_by(f64::total_cmp);
    remaining(&squares)
}

/// Area under the sparsification error, by the trapezoidal rule on f = 0, 1/n, …, (n−1)/n.
pub fn ause(error: &[f64], sigma: &[f64]) -> f64 {
    let n = error.len() as f64;
    let gap: Vec<f64> = curve(error, sigma).iter().zip(oracle(error)).map(|(c, o)| c - o).collect();
    gap.windows(2).map(|pair| 0.5 * (pair[0] + pair[1]) / n).sum()
}

/// Observations sorted once, so that the AUSE of a resample costs one pass over it.
#[derive(Debug, Clone)]
pub struct Presorted {
    /// Squared error and group, by increasing σ and by increasing error.
    by_sigma: Vec<(f64, usize)>,
    ties: Vec<usize>,
    by_error: Vec<(f64, usize)>,
}

impl Presorted {
    /// Sorts errors and standard deviations; `group` is what each observation is drawn with, all `[n]`.
    pub fn new(error: &[f64], sigma: &[f64], group: &[usize]) -> Self {
        let member = |i: usize| (error[i].powi(2), group[i]);
        let (order, ties) = sorted_ties(sigma);
        let mut by_error: Vec<(f64, usize)> = (0..error.len()).map(member).collect();
        by_error.sort_by(|a, b| a.0.total_cmp(&b.0));
        Self { by_sigma: order.into_iter().map(member).collect(), ties, by_error }
    }

    /// AUSE when group g is drawn `draw[g]` times.
    pub fn of(&self, draw: &[u16]) -> f64 {
        let drawn = |tie: &[(f64, usize)]| {
            let n: u32 = tie.iter().map(|m| u32::from(draw[m.1])).sum();
            (n, tie.iter().map(|m| f64::from(draw[m.1]) * m.0).sum::<f64>() / f64::from(n))
        };
        let ranked = area(self.ties.windows(2).map(|tie| drawn(&self.by_sigma[tie[0]..tie[1]])));
        let oracle = area(self.by_error.iter().map(|m| (u32::from(draw[m.1]), m.0)));
        (ranked.sum - oracle.sum) / (ranked.n * ranked.rmse)
    }
}

/// Σ of the RMSE of the first 1, 2, …, n squares, the ends counted half; n; RMSE of all.
struct Area {
    sum: f64,
    n: f64,
    rmse: f64,
}

/// From squares in increasing order of what ranks them: (how many, their mean).
fn area(squares: impl Iterator<Item = (u32, f64)>) -> Area {
    let (mut n, mut total, mut sum, mut first, mut rmse) = (0.0f64, 0.0, 0.0, None, f64::NAN);
    for (count, square) in squares {
        for _ in 0..count {
            n += 1.0;
            total += square;
            rmse = (total / n).sqrt();
            first.get_or_insert(rmse);
            sum += rmse;
        }
    }
    Area { sum: sum - 0.5 * (first.unwrap_or(f64::NAN) + rmse), n, rmse }
}

/// Relative RMSE of the first n, n−1, …, 1 of `squares`.
fn remaining(squares: &[f64]) -> Vec<f64> {
    let mut total = 0.0;
    let mut curve: Vec<f64> = squares
        .iter()
        .enumerate()
        .map(|(i, square)| {
            total += square;
            (total / (i + 1) as f64).sqrt()
        })
        .collect();
    curve.reverse();
    let all = curve.first().copied().unwrap_or(f64::NAN);
    curve.iter().map(|rmse| rmse / all).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_error_itself_is_the_perfect_uncertainty() {
        let error = [0.3, -2.0, 1.0, 0.1];
        assert!(ause(&error, &error.map(f64::abs)).abs() < 1e-15);
        assert!(ause(&error, &error.map(|e| -e.abs())) > 0.3);
    }

    #[test]
    fn a_constant_sigma_gives_a_flat_curve_in_any_order() {
        let flat = curve(&[5.0, 0.0, 1.0], &[1.0; 3]);
        assert!(flat.iter().all(|c| (c - 1.0).abs() < 1e-15));
        assert_eq!(ause(&[5.0, 0.0, 1.0], &[1.0; 3]), ause(&[0.0, 1.0, 5.0], &[1.0; 3]));
    }
}
