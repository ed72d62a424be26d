//! Gradients at the configured precision of the solver and at a higher one.
//!
//! As of `[model.ode]`, what is compared is the gradient of Σ wᵢzᵢ over all states at all times, with fixed random
//! weights, in the parameters of the field and in the states at the contexts' ends.

use surprisal_core::rng;
use surprisal_ode::{Problem, SolverConfig};

use super::{LatentGroup, LatentOde};
use crate::predictor::ode::gradient_check::relative_difference;
use crate::{GradientCheck, TrainError};

impl LatentOde {
    /// The check on these groups.
    pub(super) fn check_gradient(&self, groups: &[&LatentGroup]) -> Result<GradientCheck, TrainError> {
        let (weights, dim) = (self.weights()?, self.field.dim());
        let problem = |group: &&LatentGroup| {
            let encoded = self.encoder.evaluate(&weights.encoder, &group.context);
            // of a distribution the mean
            Problem { y0: encoded.output[..dim].to_vec(), times: Self::times(group).0 }
        };
        let problems: Vec<Problem> = groups.iter().map(problem).collect();
        let mut source = rng::stream(0, "gradient check", 0);
        let mut draw = |problem: &Problem| -> Vec<f64> {
            (0..problem.times.len() * dim).map(|_| rng::standard_normal(&mut source)).collect()
        };
        let cotangents: Vec<Vec<f64>> = problems.iter().map(&mut draw).collect();
        let gradient = |solver: &SolverConfig| {
            let batch = solver.get().solve_many(self.field.as_ref(), &weights.field, &problems);
            if batch.trajectories.iter().any(Result::is_err) {
                return None;
            }
            let gradient = batch.pullback(self.field.as_ref(), &weights.field, &cotangents);
            Some([gradient.parameters, gradient.y0.concat()])
        };
        let refined = self.solver.refined();
        let both = gradient(&self.solver).zip(gradient(&refined));
        let difference = both.map_or(f64::NAN, |(ours, theirs)| {
            let parts = ours.iter().zip(&theirs).map(|(a, b)| relative_difference(a, b));
            parts.fold(0.0, |m: f64, d| if d > m || d.is_nan() { d } else { m })
        });
        let (key, configured) = self.solver.precision();
        Ok(GradientCheck {
            key: key.into(),
            configured,
            refined: refined.precision().1,
            difference,
            limit: self.gradient_limit,
        })
    }
}
