//! The best fit with one coordinate held: what a profile is made of.
//!
//! The others x are written as x = x₀ + Wu, with W from the information ([`super::covariance`]), so that
//! the curvature in u is near 1 and a few steps of L-BFGS are enough. The function is N·L in nats, and
//! for weights of networks that vary ½|w − ŵ|² beside it, the normal prior that the information has too.

use candle_core::Tensor;

use super::information::WEIGHT_PRECISION;
use crate::TrainError;
use crate::optimizer::Lbfgs;
use crate::optimizer::minimizer::{Minimizer, Problem, Status};

/// Gradient in u at which a fit has ended: off by 10⁻⁶ nats where the curvature is 1.
const TOLERANCE: f64 = 1e-3;
const MEMORY: usize = 20;
/// Iterations of one fit.
const MOST: usize = 200;

/// The loss as a function of everything that is trained, in nats.
pub(super) struct Likelihood<'a> {
    problem: &'a mut dyn Problem,
    n_samples: f64,
    /// Coordinates that vary and mean nothing by themselves, and where they were kept.
    weights: Vec<(usize, f64)>,
}

/// A place and how far the log-likelihood is below 0 there.
#[derive(Debug, Clone)]
pub(super) struct Fitted {
    pub(super) x: Vec<f64>,
    /// Nats; infinite where the model has no solution.
    pub(super) nll: f64,
    pub(super) converged: bool,
}

impl<'a> Likelihood<'a> {
    /// Of `n_samples`; the coordinates `weights` vary too, around where they are in `x`.
    pub(super) fn new(problem: &'a mut dyn Problem, n_samples: f64, weights: &[usize], x: &[f64]) -> Self {
        Self { problem, n_samples, weights: weights.iter().map(|&i| (i, x[i])).collect() }
    }

    /// At a place where the weights are kept.
    pub(super) fn nll(&mut self, x: &[f64]) -> Result<f64, TrainError> {
        Ok(self.n_samples * self.problem.smooth(x)?.0)
    }

    /// The minimum over the coordinates of `directions` and of the weights, from x on. Each direction is
    /// one displacement of all coordinates, `[n_x]`.
    pub(super) fn minimize(&mut self, x: Vec<f64>, directions: &[Vec<f64>]) -> Result<Fitted, TrainError> {
        let n = directions.len() + self.weights.len();
        let mut moving = Moving { likelihood: self, origin: x, directions };
        let mut u = vec![0.0; n];
        if n == 0 {
            let nll = moving.smooth(&u)?.0;
            return Ok(Fitted { x: moving.origin, nll, converged: true });
        }
        let lbfgs = Lbfgs { memory: MEMORY, tolerance: TOLERANCE };
        let mut memory: Vec<Tensor> = vec![];
        let (mut nll, mut converged) = (f64::NAN, false);
        for _ in 0..MOST {
            let iteration = lbfgs.iterate(&mut moving, &mut u, &mut memory)?;
            nll = iteration.smooth;
            if iteration.status != Status::Moving {
                // rounding and the steps of a solver end a fit as well as the tolerance does
                converged = nll.is_finite();
                break;
            }
        }
        Ok(Fitted { x: moving.place(&u), nll: if nll.is_nan() { f64::INFINITY } else { nll }, converged })
    }
}

/// The likelihood as a function of u.
struct Moving<'a, 'b> {
    likelihood: &'a mut Likelihood<'b>,
    origin: Vec<f64>,
    directions: &'a [Vec<f64>],
}

impl Moving<'_, '_> {
    fn place(&self, u: &[f64]) -> Vec<f64> {
        let mut x = self.origin.clone();
        let (of_directions, of_weights) = u.split_at(self.directions.len());
        for (u, direction) in of_directions.iter().zip(self.directions) {
            x.iter_mut().zip(direction).for_each(|(x, d)| *x += u * d);
        }
        for (u, (i, _)) in of_weights.iter().zip(&self.likelihood.weights) {
            x[*i] += u;
        }
        x
    }
}

impl Problem for Moving<'_, '_> {
    fn smooth(&mut self, u: &[f64]) -> Result<(f64, Vec<f64>), TrainError> {
        let x = self.place(u);
        let n = self.likelihood.n_samples;
        let (mut value, gradient) = match self.likelihood.problem.smooth(&x) {
            Ok((value, gradient)) => (n * value, gradient),
            // a place without a solution is no place to be, and no reason to stop
            Err(TrainError::Ode { .. }) => (f64::INFINITY, vec![f64::NAN; x.len()]),
            Err(error) => return Err(error),
        };
        let along =
            |d: &Vec<f64>| n * gradient.iter().zip(d).filter(|(_, d)| **d != 0.0).map(|(g, d)| g * d).sum::<f64>();
        let mut of_u: Vec<f64> = self.directions.iter().map(along).collect();
        for (i, kept) in &self.likelihood.weights {
            let away = x[*i] - kept;
            value += 0.5 * WEIGHT_PRECISION * away * away;
            of_u.push(n * gradient[*i] + WEIGHT_PRECISION * away);
        }
        Ok((value, of_u))
    }

    fn penalty(&self, _: &[f64]) -> f64 {
        0.0
    }

    fn proximal(&self, _: &mut [f64], _: f64) {}

    fn absolute_weights(&self) -> Option<Vec<f64>> {
        None
    }
}
