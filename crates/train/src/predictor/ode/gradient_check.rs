//! Gradients at the configured precision and at a higher one.
//!
//! What is compared is the gradient of Σ wᵢyᵢ over all states at all data times, with fixed random weights: a
//! loss has a gradient that vanishes where training ends, and what is left of it there is rounding.

use surprisal_core::rng;
use surprisal_ode::{Adjoined, Batch, Problem};

use super::OdePredictor;
use super::group::SeriesGroup;
use super::solving::Weights;
use crate::{GradientCheck, TrainError};

/// The largest difference that is no warning, where the configuration does not say.
pub(in crate::predictor) const LIMIT: f64 = 0.05;

impl OdePredictor {
    /// The check on these groups.
    pub(super) fn check_gradient(&self, groups: &[&SeriesGroup]) -> Result<GradientCheck, TrainError> {
        let weights = self.weights()?;
        let timelines = self.timelines(groups, &[])?;
        let problems: Vec<Problem> = groups.iter().zip(&timelines).map(|(g, t)| self.problem(g, t, &weights)).collect();
        let refined = self.solver.refined();
        let (key, configured) = self.solver.precision();
        let refined_adjoined = self.adjoined.as_ref().map(Adjoined::refined);
        let ours = self.batch(&self.solver, self.adjoined.as_ref(), &weights, &problems);
        let theirs = self.batch(&refined, refined_adjoined.as_ref(), &weights, &problems);
        let gradient = |batch: &Batch| self.gradient_of_states(batch, &weights, &problems);
        let both = gradient(&ours).zip(gradient(&theirs));
        // parameters and starts have units of their own
        let difference = both.map_or(f64::NAN, |(ours, theirs)| {
            let parts = ours.iter().zip(&theirs).map(|(a, b)| relative_difference(a, b));
            parts.fold(0.0, |m: f64, d| if d > m || d.is_nan() { d } else { m })
        });
        Ok(GradientCheck {
            key: key.into(),
            configured,
            refined: refined.precision().1,
            difference,
            limit: self.gradient_limit,
        })
    }

    /// With respect to what is trained in the field, and to all starts; `None` where a solve fails.
    fn gradient_of_states(&self, batch: &Batch, weights: &Weights, problems: &[Problem]) -> Option<[Vec<f64>; 2]> {
        let field = self.model.field();
        if batch.trajectories.iter().any(Result::is_err) {
            return None;
        }
        let mut source = rng::stream(0, "gradient check", 0);
        let moving = field.dim() - field.n_resting();
        let cotangents: Vec<Vec<f64>> = problems
            .iter()
            .map(|problem| {
                let of_state =
                    |i: usize| if i % field.dim() < moving { rng::standard_normal(&mut source) } else { 0.0 };
                (0..problem.times.len() * field.dim()).map(of_state).collect()
            })
            .collect();
        let gradient = batch.try_pullback(field, &weights.field, &cotangents).ok()?;
        let raw = gradient.parameters.iter().zip(&weights.slopes).map(|(g, slope)| g * slope).collect();
        Some([raw, gradient.y0.concat()])
    }
}

/// ‖a − b‖ / ‖b‖; 0 where both vanish.
pub(in crate::predictor) fn relative_difference(a: &[f64], b: &[f64]) -> f64 {
    let norm = |values: &mut dyn Iterator<Item = f64>| values.map(|v| v * v).sum::<f64>().sqrt();
    let difference = norm(&mut a.iter().zip(b).map(|(a, b)| a - b));
    if difference == 0.0 { 0.0 } else { difference / norm(&mut b.iter().copied()) }
}
