//! Expected against observed coverage, and the area between them.
//!
//! At level p the observed coverage of the central intervals is the fraction of observations with
//! |2u − 1| ≤ p, u being the probability integral transform. The *miscalibration area* is
//! ∫₀¹ |observed(p) − p| dp: 0 when calibrated, at most ½ (Kuleshov, Fenner & Ermon 2018, ICML;
//! Tran et al. 2020, Mach. Learn.: Sci. Technol. 1, 025006).

/// Levels at which the area is evaluated.
const N_LEVELS: usize = 100;

/// Lets y at the very edge of an interval count as inside it.
const EDGE: f64 = 1e-12;

/// The level of the narrowest central interval that holds an observation of transform `u`.
pub fn reached(u: f64) -> f64 {
    (2.0 * u - 1.0).abs()
}

/// The curve on `n_levels` levels evenly spaced over [0, 1]: pairs (expected, observed).
pub fn curve(pit: &[f64], n_levels: usize) -> Vec<(f64, f64)> {
    curve_of_reached(&pit.iter().map(|&u| reached(u)).collect::<Vec<_>>(), n_levels)
}

/// The same for any nested intervals, from the level of the narrowest that holds each observation.
pub fn curve_of_reached(reached: &[f64], n_levels: usize) -> Vec<(f64, f64)> {
    let mut sorted = reached.to_vec();
    sorted.sort_by(f64::total_cmp);
    (0..n_levels)
        .map(|i| {
            let expected = i as f64 / (n_levels - 1) as f64;
            let inside = sorted.partition_point(|&r| r <= expected + EDGE);
            (expected, inside as f64 / reached.len() as f64)
        })
        .collect()
}

/// ∫ |observed − expected|, exact for the piecewise linear curve through 100 levels.
pub fn miscalibration_area(pit: &[f64]) -> f64 {
    area(&curve(pit, N_LEVELS))
}

/// The same from the level of the narrowest interval that holds each observation.
pub fn area_of_reached(reached: &[f64]) -> f64 {
    area(&curve_of_reached(reached, N_LEVELS))
}

/// Observations sorted into levels once, so that the area of a resample costs one pass.
#[derive(Debug, Clone)]
pub struct Presorted {
    /// The first level whose interval holds the observation, and its group.
    members: Vec<(usize, usize)>,
    count: Vec<u64>,
}

impl Presorted {
    /// From the level that each observation reached, `[n]`; `group` is what it is drawn with.
    pub fn new(reached: &[f64], group: &[usize]) -> Self {
        let level = |i: usize| i as f64 / (N_LEVELS - 1) as f64;
        let first = |r: f64| {
            let mut i = (r * (N_LEVELS - 1) as f64).floor().clamp(0.0, N_LEVELS as f64) as usize;
            while i < N_LEVELS && r > level(i) + EDGE {
                i += 1;
            }
            // Above the last level (or no number): inside no interval.
            if r.is_nan() { N_LEVELS } else { i }
        };
        let members = reached.iter().map(|&r| first(r)).zip(group.iter().copied()).collect();
        Self { members, count: vec![0; N_LEVELS + 1] }
    }

    /// The miscalibration area when group g is drawn `draw[g]` times.
    pub fn of(&mut self, draw: &[u16]) -> f64 {
        self.count.fill(0);
        for &(level, group) in &self.members {
            self.count[level] += u64::from(draw[group]);
        }
        let n = self.count.iter().sum::<u64>() as f64;
        let mut inside = 0;
        let curve: Vec<(f64, f64)> = (0..N_LEVELS)
            .map(|i| {
                inside += self.count[i];
                (i as f64 / (N_LEVELS - 1) as f64, inside as f64 / n)
            })
            .collect();
        area(&curve)
    }
}

/// ∫ |observed − expected| of a piecewise linear curve of (expected, observed).
pub fn area(curve: &[(f64, f64)]) -> f64 {
    curve
        .windows(2)
        .map(|pair| {
            let width = pair[1].0 - pair[0].0;
            let (a, b) = (pair[0].1 - pair[0].0, pair[1].1 - pair[1].0);
            if a * b >= 0.0 {
                0.5 * width * (a + b).abs()
            } else {
                // Two triangles that meet where the curve crosses the diagonal.
                0.5 * width * (a * a + b * b) / (a.abs() + b.abs())
            }
        })
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn certainty_about_the_wrong_thing_costs_one_half() {
        assert!((miscalibration_area(&[0.0, 1.0]) - 0.5).abs() < 0.01);
        assert!((miscalibration_area(&[0.5; 10]) - 0.5).abs() < 0.01);
    }

    #[test]
    fn a_uniform_grid_is_calibrated() {
        let grid: Vec<f64> = (0..2000).map(|i| (i as f64 + 0.5) / 2000.0).collect();
        assert!(miscalibration_area(&grid) < 1e-3);
    }

    #[test]
    fn a_crossing_is_two_triangles() {
        assert!((area(&[(0.0, 0.5), (1.0, 0.5)]) - 0.25).abs() < 1e-15);
    }
}
