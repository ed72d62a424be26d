//! Split conformal intervals.
//!
//! With n calibration scores rᵢ, q̂(p) is the ⌈(n+1)p⌉-th smallest, infinite if there is none; then
//! |y − m| ≤ q̂(p)·w holds for a new observation with probability at least p, whatever the model, if
//! it and the calibration data are exchangeable (Vovk, Gammerman & Shafer 2005; Lei et al. 2018,
//! J. Am. Stat. Assoc. 113, 1094, Theorem 2.2). Scores are |y − m|/w with w = 1 (equally wide
//! intervals) or w = σ (normalised). Shifted data, and atoms of one frame, are not exchangeable.

/// A fitted score distribution.
#[derive(Debug, Clone, PartialEq)]
pub struct Conformal {
    sorted: Vec<f64>,
}

impl Conformal {
    /// From calibration scores, `[n]`; those that are NaN are left out.
    pub fn fit(scores: &[f64]) -> Self {
        let mut sorted: Vec<f64> = scores.iter().copied().filter(|r| !r.is_nan()).collect();
        sorted.sort_by(f64::total_cmp);
        Self { sorted }
    }

    /// q̂(p), in units of w.
    pub fn quantile(&self, level: f64) -> f64 {
        // The slack keeps 0.9·10 from becoming ten.
        let rank = ((self.sorted.len() + 1) as f64 * level - 1e-9).ceil().max(1.0) as usize;
        self.sorted.get(rank - 1).copied().unwrap_or(f64::INFINITY)
    }

    /// The level p above which the interval holds an observation of this score: #{rᵢ < r}/(n+1).
    pub fn reached(&self, score: f64) -> f64 {
        if score.is_nan() {
            return f64::NAN;
        }
        self.sorted.partition_point(|&r| r < score) as f64 / (self.sorted.len() + 1) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use surprisal_core::rng;

    #[test]
    fn too_few_scores_give_an_infinite_interval() {
        let conformal = Conformal::fit(&[3.0, 1.0, 2.0, f64::NAN]);
        assert_eq!(conformal.quantile(0.5), 2.0);
        assert_eq!(conformal.quantile(0.75), 3.0);
        assert_eq!(conformal.quantile(0.8), f64::INFINITY);
        assert_eq!(conformal.reached(2.5), 0.5);
    }

    #[test]
    fn the_level_reached_and_the_quantile_agree() {
        let mut stream = rng::stream(4, "test", 0);
        let conformal = Conformal::fit(&(0..37).map(|_| rng::uniform(&mut stream)).collect::<Vec<_>>());
        for i in 0..200 {
            let score = f64::from(i) / 200.0;
            for level in [0.5, 0.8, 0.9] {
                assert_eq!(score <= conformal.quantile(level), conformal.reached(score) < level);
            }
        }
    }

    #[test]
    fn coverage_is_at_least_the_level_and_hardly_more() {
        // A skewed law that no model described; 19 calibration scores, so 0.9 becomes exactly 18/20.
        let mut stream = rng::stream(8, "test", 0);
        let mut draw = || -(1.0 - rng::uniform(&mut stream)).ln().powi(3);
        let trials = 20_000;
        let covered = (0..trials)
            .filter(|_| {
                let conformal = Conformal::fit(&(0..19).map(|_| draw().abs()).collect::<Vec<_>>());
                draw().abs() <= conformal.quantile(0.9)
            })
            .count();
        let coverage = covered as f64 / f64::from(trials);
        assert!((coverage - 0.9).abs() < 0.008, "{coverage}");
    }
}
