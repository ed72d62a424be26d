//! Expected against observed coverage, and the area between them.
//!
//! At level p the observed coverage of the central intervals is the fraction of observations with
//! |2u − 1| ≤ p, u being the probability integral transform. The *miscalibration area* is
//! ∫₀¹ |observed(p) − p| dp: 0 when calibrated, at most ½ (Kuleshov, Fenner & Ermon 2018, ICML;
//! Tran et al. 2020, Mach. Learn.: Sci. Technol. 1, 025006).

/// The curve on `n_levels` levels evenly spaced over [0, 1]: pairs (expected, observed).
pub fn curve(pit: &[f64], n_levels: usize) -> Vec<(f64, f64)> {
    let mut reached: Vec<f64> = pit.iter().map(|u| (2.0 * u - 1.0).abs()).collect();
    reached.sort_by(f64::total_cmp);
    (0..n_levels)
        .map(|i| {
            let expected = i as f64 / (n_levels - 1) as f64;
            // The slack lets y at the very edge of an interval count as inside it.
            let inside = reached.partition_point(|&r| r <= expected + 1e-12);
            (expected, inside as f64 / pit.len() as f64)
        })
        .collect()
}

/// ∫ |observed − expected|, exact for the piecewise linear curve through 100 levels.
pub fn miscalibration_area(pit: &[f64]) -> f64 {
    area(&curve(pit, 100))
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
