//! Limited-memory BFGS (Nocedal & Wright 2006, algorithm 7.5), and the orthant-wise variant of
//! [`super::orthant`] where weights have an L1 penalty.
//!
//! d = −H∇f with H from the last `memory` steps, x ← x + αd with α from a strong Wolfe search, until
//! max |∇f| ≤ `tolerance`. Where the search finds nothing, H is forgotten and steepest descent tried
//! once. On a kink of f the gradient does not vanish; there the iteration ends when neither f nor the
//! gradient has got smaller for a while.

use candle_core::Tensor;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use surprisal_objective::penalty::ProximalPenalty;

use super::history::{History, Point};
use super::minimizer::{Iteration, Minimizer, Problem, Status, dot, largest, tolerance_problem};
use super::{Method, Optimizer, line_search, orthant};
use crate::TrainError;

/// Limited-memory BFGS on the whole training set; orthant-wise (OWL-QN) with an L1 penalty.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Lbfgs {
    /// Steps whose curvature is remembered.
    #[serde(default = "memory")]
    pub memory: usize,
    /// Largest entry of the gradient at which the fit has converged, nats per unit of the parameter.
    #[serde(default = "tolerance")]
    pub tolerance: f64,
}

fn memory() -> usize {
    20
}

fn tolerance() -> f64 {
    1e-9
}

impl Optimizer for Lbfgs {
    fn method(&self) -> Method<'_> {
        Method::Minimizer(self)
    }

    fn problem(&self) -> Option<String> {
        if self.memory == 0 {
            return Some("`memory` must be at least 1, found 0".into());
        }
        tolerance_problem(self.tolerance)
    }
}

impl Minimizer for Lbfgs {
    fn refuses(&self, penalty: &dyn ProximalPenalty) -> Option<String> {
        penalty.absolute_weight().is_none().then(|| {
            "use `[optimizer.fista]`; `lbfgs` knows kinks of `l1` alone (an elastic net may be written as an `l1` and \
             an `l2`)"
                .into()
        })
    }

    fn iterate(
        &self,
        problem: &mut dyn Problem,
        x: &mut Vec<f64>,
        memory: &mut Vec<Tensor>,
    ) -> Result<Iteration, TrainError> {
        let mut history = match History::recall(memory)? {
            Some(history) => history,
            None => {
                let (value, gradient) = problem.smooth(x)?;
                History::new(Point { value, gradient })
            }
        };
        let kinks = problem.absolute_weights().filter(|weights| weights.iter().any(|w| *w > 0.0));
        let before = history.point.value + problem.penalty(x);
        let (step, mut status) = match &kinks {
            Some(weights) => orthant::advance(self, problem, x, &mut history, weights)?,
            None => self.advance(problem, x, &mut history)?,
        };
        let residual = match &kinks {
            Some(weights) => largest(&orthant::pseudo_gradient(x, &history.point.gradient, weights)),
            None => largest(&history.point.gradient),
        };
        let (smooth, penalty) = (history.point.value, problem.penalty(x));
        if history.idles(before, smooth + penalty, residual) {
            status = Status::Stalled;
        }
        if residual <= self.tolerance {
            status = Status::Converged;
        }
        history.remember(memory)?;
        Ok(Iteration { smooth, penalty, residual, step, status })
    }
}

impl Lbfgs {
    /// One step on a smooth function; its length, and whether it could be made.
    fn advance(
        &self,
        problem: &mut dyn Problem,
        x: &mut Vec<f64>,
        history: &mut History,
    ) -> Result<(f64, Status), TrainError> {
        if largest(&history.point.gradient) <= self.tolerance {
            return Ok((0.0, Status::Converged));
        }
        let free = vec![true; x.len()];
        loop {
            let direction = history.direction(&history.point.gradient, &free);
            let descends = dot(&direction, &history.point.gradient) < 0.0;
            let found = if descends {
                let first = first_step(history, &direction);
                line_search::search(problem, x, &direction, &history.point, first)?
            } else {
                None
            };
            if let Some((step, place, point)) = found {
                let moved = place.iter().zip(x.iter()).map(|(new, old)| new - old).collect();
                history.advance(moved, point, self.memory);
                *x = place;
                return Ok((step, Status::Moving));
            }
            if history.is_empty() {
                return Ok((0.0, Status::Stalled));
            }
            history.forget();
        }
    }
}

/// 1 for a quasi-Newton direction; for steepest descent, which knows no scale, a step of length at
/// most 1.
pub(super) fn first_step(history: &History, direction: &[f64]) -> f64 {
    if history.is_empty() { (1.0 / dot(direction, direction).sqrt()).min(1.0) } else { 1.0 }
}
