//! Probability integral transform: F(y) is uniform on [0, 1] when the forecasts are calibrated.
//!
//! For discrete families the transform is randomised, F(y⁻) + v·(F(y) − F(y⁻)) with v uniform
//! (Czado, Gneiting & Held 2009, Biometrics 65, 1254, eq. 1). Uniformity is tested with the
//! Kolmogorov–Smirnov distance D = sup |F̂(u) − u|; its p-value is the limit law
//! 2 Σ_k (−1)^{k−1} exp(−2k²λ²) at λ = (√n + 0.12 + 0.11/√n)·D (Stephens 1970, J. R. Stat. Soc. B 32,
//! 115). The test takes the observations as independent, so atoms of one frame make it too strict.

use surprisal_core::rng;

/// The transform of every observation; random only where `cdf_below` < `cdf`.
///
/// # Shapes
/// `cdf_below`, `cdf`: `[n]` → `[n]`.
pub fn pit(cdf_below: &[f64], cdf: &[f64], seed: u64) -> Vec<f64> {
    let mut stream = rng::stream(seed, "pit", 0);
    cdf_below
        .iter()
        .zip(cdf)
        .map(|(&below, &cdf)| if below < cdf { below + rng::uniform(&mut stream) * (cdf - below) } else { cdf })
        .collect()
}

/// Density of the transform in `n_bins` equal bins: 1 everywhere when calibrated.
pub fn histogram(pit: &[f64], n_bins: usize) -> Vec<f64> {
    let mut density = vec![0.0; n_bins];
    for &u in pit.iter().filter(|u| u.is_finite()) {
        let bin = ((u * n_bins as f64) as usize).min(n_bins - 1);
        density[bin] += n_bins as f64 / pit.len() as f64;
    }
    density
}

/// A Kolmogorov–Smirnov test against the uniform law on [0, 1].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Uniformity {
    /// D = sup |F̂(u) − u|.
    pub distance: f64,
    /// Probability of a distance at least this large under uniformity.
    pub p_value: f64,
}

/// Tests whether `pit` is uniform; NaN for an empty slice.
pub fn uniformity(pit: &[f64]) -> Uniformity {
    let n = pit.len() as f64;
    let mut sorted = pit.to_vec();
    sorted.sort_by(f64::total_cmp);
    let distance = sorted
        .iter()
        .enumerate()
        .map(|(i, u)| ((i as f64 + 1.0) / n - u).max(u - i as f64 / n))
        .fold(if pit.is_empty() { f64::NAN } else { 0.0 }, f64::max);
    Uniformity { distance, p_value: p_value(distance, pit.len()) }
}

/// Transforms sorted once, so that the distance of a resample costs one pass.
#[derive(Debug, Clone)]
pub struct Presorted {
    /// Transform and group, by increasing transform.
    sorted: Vec<(f64, usize)>,
}

impl Presorted {
    /// Sorts `pit`, `[n]`; `group` is what each observation is drawn with.
    pub fn new(pit: &[f64], group: &[usize]) -> Self {
        let mut sorted: Vec<(f64, usize)> = pit.iter().copied().zip(group.iter().copied()).collect();
        sorted.sort_by(|a, b| a.0.total_cmp(&b.0));
        Self { sorted }
    }

    /// D = sup |F̂(u) − u| when group g is drawn `draw[g]` times; NaN if nothing is.
    pub fn of(&self, draw: &[u16]) -> f64 {
        let n: f64 = self.sorted.iter().map(|&(_, g)| f64::from(draw[g])).sum();
        let (mut below, mut distance) = (0.0, if n > 0.0 { 0.0 } else { f64::NAN });
        for &(u, group) in &self.sorted {
            if draw[group] > 0 {
                let above = below + f64::from(draw[group]);
                distance = f64::max(distance, f64::max(above / n - u, u - below / n));
                below = above;
            }
        }
        distance
    }
}

/// Probability of a Kolmogorov–Smirnov distance of at least `distance` among `n` uniform numbers.
pub fn p_value(distance: f64, n: usize) -> f64 {
    let root = (n as f64).sqrt();
    kolmogorov_survival((root + 0.12 + 0.11 / root) * distance)
}

/// P(K > λ) of the Kolmogorov distribution: the alternating series for large λ, its Jacobi theta
/// transform 1 − √(2π)/λ Σ_k exp(−(2k−1)²π²/(8λ²)) for small λ.
pub fn kolmogorov_survival(lambda: f64) -> f64 {
    use std::f64::consts::{PI, TAU};
    if lambda.is_nan() {
        return f64::NAN;
    }
    if lambda <= 0.05 {
        return 1.0;
    }
    if lambda < 1.0 {
        let series: f64 = (1..=20).map(|k| (-(f64::from(2 * k - 1) * PI / lambda).powi(2) / 8.0).exp()).sum();
        return 1.0 - TAU.sqrt() / lambda * series;
    }
    let series: f64 =
        (1..=20).map(|k| (if k % 2 == 1 { 1.0 } else { -1.0 }) * (-2.0 * (f64::from(k) * lambda).powi(2)).exp()).sum();
    2.0 * series
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_two_series_meet() {
        assert!((kolmogorov_survival(1.0 - 1e-12) - kolmogorov_survival(1.0)).abs() < 1e-11);
        assert_eq!(kolmogorov_survival(0.0), 1.0);
    }

    #[test]
    fn a_discrete_jump_is_spread_and_the_seed_repeats_it() {
        let (below, cdf) = (vec![0.2; 4000], vec![0.6; 4000]);
        let u = pit(&below, &cdf, 3);
        assert_eq!(u, pit(&below, &cdf, 3));
        assert!(u.iter().all(|u| (0.2..0.6).contains(u)));
        assert!((super::super::scores::mean(&u) - 0.4).abs() < 0.01);
    }

    #[test]
    fn the_histogram_is_a_density() {
        let density = histogram(&[0.0, 0.1, 0.6, 1.0], 4);
        assert_eq!(density, [2.0, 0.0, 1.0, 1.0]);
    }
}
