//! The factor that minimises a mean NLL, and its interval.
//!
//! The NLL of a location-scale family is convex in the logarithm of a factor on its scale when
//! 1 + z·(ln f)′(z) falls as |z| grows (Gaussian, Laplace, Student-t), so a golden-section search
//! (Kiefer 1953, Proc. Am. Math. Soc. 4, 502) finds the minimum. For the interval, the NLL of each
//! group is tabulated over factors around the minimum; each resample of groups sums its columns, and
//! its minimum is that of the parabola through the lowest three.

use crate::calibration::bootstrap::{GroupBootstrap, Interval, percentile_interval};

/// ln of the largest factor that is considered; its negative is the smallest.
const REACH: f64 = 9.0;

/// ln of the distance between tabulated factors.
const STEP: f64 = 0.05;

/// A fitted factor.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Factor {
    /// The minimiser of the mean NLL.
    pub value: f64,
    /// Its bootstrap interval.
    pub interval: Interval,
}

impl Factor {
    /// Minimises the mean over samples of `nll(factor)`, `[n]`, a value that is not finite counting
    /// as infinite; samples that are NaN at every factor are left out. `None` where no factor near 1
    /// gives a finite mean.
    ///
    /// # Panics
    /// If `nll` does not return a value for each sample of the bootstrap.
    pub fn fit(nll: impl Fn(f64) -> Vec<f64>, bootstrap: &GroupBootstrap, level: f64) -> Option<Self> {
        let known: Vec<bool> = nll(1.0).iter().map(|v| !v.is_nan()).collect();
        let mean = |log_factor: f64| {
            let values = nll(f64::exp(log_factor));
            let kept: Vec<f64> = values.into_iter().zip(&known).filter(|(_, k)| **k).map(|(v, _)| v).collect();
            let mean = crate::calibration::scores::mean(&kept);
            if mean.is_nan() { f64::INFINITY } else { mean }
        };
        if !mean(0.0).is_finite() {
            return None;
        }
        let best = golden_section(mean, -REACH, REACH);
        let interval = interval(&nll, best, &known, bootstrap, level);
        Some(Self { value: best.exp(), interval })
    }
}

/// The minimiser of a unimodal function on [`low`, `high`], to about √ε of their distance.
pub fn golden_section(f: impl Fn(f64) -> f64, mut low: f64, mut high: f64) -> f64 {
    let ratio = 0.5 * (5f64.sqrt() - 1.0);
    let tolerance = 1e-9 * (high - low);
    let (mut left, mut right) = (high - ratio * (high - low), low + ratio * (high - low));
    let (mut f_left, mut f_right) = (f(left), f(right));
    while high - low > tolerance {
        // Where both are infinite, the minimum is towards the middle of the first interval, at 0.
        let go_left = if f_left == f_right && f_left.is_infinite() { low + high > 0.0 } else { f_left <= f_right };
        if go_left {
            (high, right, f_right) = (right, left, f_left);
            left = high - ratio * (high - low);
            f_left = f(left);
        } else {
            (low, left, f_left) = (left, right, f_right);
            right = low + ratio * (high - low);
            f_right = f(right);
        }
    }
    0.5 * (low + high)
}

fn interval(
    nll: impl Fn(f64) -> Vec<f64>,
    best: f64,
    known: &[bool],
    bootstrap: &GroupBootstrap,
    level: f64,
) -> Interval {
    let mut half_width = 10;
    loop {
        // [n_factors, n_groups], sums of the NLL; groups without known samples stay 0 everywhere.
        let table: Vec<Vec<f64>> = (-half_width..=half_width)
            .map(|k| {
                let mut sums = vec![0.0; bootstrap.n_groups()];
                let values = nll((best + STEP * f64::from(k)).exp());
                assert_eq!(values.len(), bootstrap.group().len(), "one value per sample");
                for ((value, &group), known) in values.iter().zip(bootstrap.group()).zip(known) {
                    sums[group] += match (known, value.is_nan()) {
                        (false, _) => 0.0,
                        (true, true) => f64::INFINITY,
                        (true, false) => *value,
                    };
                }
                sums
            })
            .collect();
        let mut minima = bootstrap.each(|draw| {
            let sum = |row: &Vec<f64>| -> f64 {
                let drawn = row.iter().zip(draw).filter(|(_, n)| **n > 0);
                drawn.map(|(value, &n)| f64::from(n) * value).sum()
            };
            let sums: Vec<f64> = table.iter().map(sum).collect();
            best + STEP * (lowest(&sums) - f64::from(half_width))
        });
        let interval = percentile_interval(&mut minima, level);
        // Ends on the edge of the table say that it was too narrow.
        let edge = STEP * (f64::from(half_width) - 0.5);
        if (interval.lower - best > -edge && interval.upper - best < edge) || half_width >= 160 {
            return Interval { lower: interval.lower.exp(), upper: interval.upper.exp() };
        }
        half_width *= 2;
    }
}

/// Place of the minimum, between the entries where a parabola says so.
fn lowest(values: &[f64]) -> f64 {
    let at = (0..values.len()).min_by(|&a, &b| values[a].total_cmp(&values[b])).unwrap_or(0);
    if at == 0 || at + 1 == values.len() {
        return at as f64;
    }
    let (before, here, after) = (values[at - 1], values[at], values[at + 1]);
    let curvature = before - 2.0 * here + after;
    if curvature.is_finite() && curvature > 0.0 { at as f64 + 0.5 * (before - after) / curvature } else { at as f64 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use surprisal_core::rng;

    #[test]
    fn the_section_ends_at_the_minimum_beside_a_wall() {
        let f = |x: f64| if x < -1.0 { f64::INFINITY } else { (x - 0.3).powi(2) };
        assert!((golden_section(f, -9.0, 9.0) - 0.3).abs() < 1e-6);
    }

    #[test]
    fn the_interval_of_a_gaussian_factor_is_that_of_the_root_of_zms() {
        let mut stream = rng::stream(2, "test", 0);
        let z: Vec<f64> = (0..300).map(|_| 1.7 * rng::standard_normal(&mut stream)).collect();
        let group: Vec<u64> = (0..100).flat_map(|g| [g; 3]).collect();
        let bootstrap = GroupBootstrap::new(&group, 500, 1);
        let nll = |s: f64| z.iter().map(|z| 0.5 * (z / s).powi(2) + s.ln()).collect();
        let factor = Factor::fit(nll, &bootstrap, 0.95).unwrap();
        let squares: Vec<f64> = z.iter().map(|z| z * z).collect();
        let expected = bootstrap.mean_interval(&squares, 0.95);
        assert!((factor.value - crate::calibration::scores::mean(&squares).sqrt()).abs() < 1e-7);
        assert!((factor.interval.lower / expected.lower.sqrt() - 1.0).abs() < 1e-3, "{factor:?} {expected:?}");
        assert!((factor.interval.upper / expected.upper.sqrt() - 1.0).abs() < 1e-3, "{factor:?} {expected:?}");
    }
}
