//! Central prediction intervals: how often they hold the truth, and how wide they had to be.
//!
//! The central interval of level p is [q((1−p)/2), q((1+p)/2)]. Its *coverage* is the fraction of
//! observations inside; its Winkler (interval) score with a = 1 − p is
//! (u − l) + 2/a·(l − y)₊ + 2/a·(y − u)₊, in the data's units, lower is better
//! (Gneiting & Raftery 2007, J. Am. Stat. Assoc. 102, 359, eq. 43; Winkler 1972).

/// The levels every report states.
pub const LEVELS: [f64; 4] = [0.5, 0.8, 0.9, 0.95];

/// Whether the observation lies in the central interval of `level`, from P(Y < y) and P(Y ≤ y).
///
/// y ≥ q(p) ⇔ F(y) ≥ p and y ≤ q(p) ⇔ F(y⁻) < p, so no quantile is needed; a discrete family
/// passes its two different limits, a continuous one the same number twice.
pub fn covers(level: f64, cdf_below: f64, cdf: f64) -> bool {
    cdf >= 0.5 * (1.0 - level) && cdf_below <= 0.5 * (1.0 + level)
}

/// Fraction of the observations inside their central interval of `level`.
///
/// # Shapes
/// `cdf_below`, `cdf`: `[n]`.
pub fn coverage(level: f64, cdf_below: &[f64], cdf: &[f64]) -> f64 {
    let inside = cdf_below.iter().zip(cdf).filter(|&(&below, &cdf)| covers(level, below, cdf)).count();
    inside as f64 / cdf.len() as f64
}

/// Winkler score of one central interval [`lower`, `upper`] of `level` when `y` happened.
pub fn winkler(level: f64, lower: f64, upper: f64, y: f64) -> f64 {
    (upper - lower) + 2.0 / (1.0 - level) * ((lower - y).max(0.0) + (y - upper).max(0.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_of_a_grid_of_probabilities_is_covered_at_one_half() {
        let grid: Vec<f64> = (0..1000).map(|i| (i as f64 + 0.5) / 1000.0).collect();
        for level in LEVELS {
            assert!((coverage(level, &grid, &grid) - level).abs() < 1e-9);
        }
    }

    #[test]
    fn misses_cost_their_distance() {
        assert_eq!(winkler(0.5, -1.0, 1.0, 0.3), 2.0);
        assert!((winkler(0.9, -1.0, 1.0, 1.5) - (2.0 + 20.0 * 0.5)).abs() < 1e-12);
        assert!((winkler(0.9, -1.0, 1.0, -1.5) - (2.0 + 20.0 * 0.5)).abs() < 1e-12);
    }

    #[test]
    fn a_discrete_jump_across_the_interval_counts_as_inside() {
        assert!(covers(0.5, 0.1, 0.9));
        assert!(!covers(0.5, 0.0, 0.2));
        assert!(!covers(0.5, 0.8, 0.9));
    }
}
