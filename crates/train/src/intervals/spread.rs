//! How uncertain a prediction is because what is trained is (the delta method): with independent
//! directions d_k, each one standard deviation long, Var f = Σ_k (∂f·d_k)², by central differences.
//!
//! It is of first order, and knows what the information knows: weights of networks that were taken as
//! known add nothing.

use super::covariance;
use super::information::Information;
use super::task::Task;
use crate::fit::Fit;
use crate::full_batch::FullBatch;
use crate::{Predictor, TrainError};

/// Of a direction, on either side.
const STEP: f64 = 0.1;

/// Independent directions of everything that is trained.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Directions {
    /// `[n_x]` each, one standard deviation long.
    each: Vec<Vec<f64>>,
}

impl Directions {
    /// Of a vector of `n_x` numbers; combinations that the data do not determine are none.
    pub(super) fn new(information: &Information, task: &Task, n_x: usize) -> Self {
        let of = || task.of.iter().chain(&task.marginal);
        let embed = |direction: Vec<f64>| {
            let mut all = vec![0.0; n_x];
            of().zip(direction).for_each(|(&i, d)| all[i] = d);
            all
        };
        let found = covariance::directions(&information.joint, information.asymmetry);
        Self { each: found.into_iter().map(embed).collect() }
    }

    /// Whether nothing is known to vary.
    pub fn is_empty(&self) -> bool {
        self.each.is_empty()
    }
}

impl<P: Predictor> Fit<'_, P> {
    /// Standard deviations of the numbers that `predicted` returns at the present weights, which stay as
    /// they are.
    pub fn spread<E: From<TrainError>>(
        &self,
        directions: &Directions,
        mut predicted: impl FnMut() -> Result<Vec<f64>, E>,
    ) -> Result<Vec<f64>, E> {
        let parameters = self.parameters();
        let problem = FullBatch::new(self, &parameters);
        let x = problem.position().map_err(TrainError::from)?;
        let mut variance: Vec<f64> = vec![];
        let mut all = || -> Result<(), E> {
            for direction in &directions.each {
                let mut at = |sign: f64| -> Result<Vec<f64>, E> {
                    let moved: Vec<f64> = x.iter().zip(direction).map(|(x, d)| x + sign * STEP * d).collect();
                    problem.set(&moved).map_err(TrainError::from)?;
                    predicted()
                };
                let (above, below) = (at(1.0)?, at(-1.0)?);
                variance.resize(above.len(), 0.0);
                let slopes = above.iter().zip(&below).map(|(a, b)| (a - b) / (2.0 * STEP));
                variance.iter_mut().zip(slopes).for_each(|(sum, slope)| *sum += slope * slope);
            }
            Ok(())
        };
        let done = all();
        problem.set(&x).map_err(TrainError::from)?;
        done.map(|()| variance.into_iter().map(f64::sqrt).collect())
    }
}
