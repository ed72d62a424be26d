//! Accelerated proximal gradient for f(x) + p(x), p any penalty with a proximal map (Beck & Teboulle
//! 2009, FISTA with backtracking, eqs 4.1–4.3), restarted where the momentum points uphill
//! (O'Donoghue & Candès 2015, §3.2, gradient scheme).
//!
//! x⁺ = prox_η(y − η∇f(y)), t⁺ = ½(1 + √(1 + 4t²)), y⁺ = x⁺ + (t − 1)/t⁺·(x⁺ − x). The step η is halved
//! until f(x⁺) ≤ f(y) + ⟨∇f(y), x⁺ − y⟩ + ‖x⁺ − y‖²/2η; where rounding hides that, until
//! ⟨∇f(x⁺) − ∇f(y), x⁺ − y⟩ ≤ ‖x⁺ − y‖²/η, as Becker, Candès & Grant 2011 (TFOCS, eq. 5.7) do. The
//! residual is the largest entry of (y − x⁺)/η, the gradient of f where there is no penalty.

use candle_core::Tensor;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use surprisal_objective::penalty::ProximalPenalty;

use super::minimizer::{Iteration, Minimizer, Problem, Status, dot, largest, remembered, tolerance_problem, vectors};
use super::{Method, Optimizer};
use crate::TrainError;

/// Halvings of one iteration.
const BUDGET: usize = 60;

/// Accelerated proximal gradient on the whole training set, for any proximal penalty.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Fista {
    /// Largest entry of the proximal gradient at which the fit has converged, nats per unit of the
    /// parameter.
    #[serde(default = "tolerance")]
    pub tolerance: f64,
}

fn tolerance() -> f64 {
    1e-8
}

impl Optimizer for Fista {
    fn method(&self) -> Method<'_> {
        Method::Minimizer(self)
    }

    fn problem(&self) -> Option<String> {
        tolerance_problem(self.tolerance)
    }
}

/// The place y from which the next step starts, t and η.
struct Momentum {
    place: Vec<f64>,
    t: f64,
    step: f64,
}

impl Momentum {
    fn recall(x: &[f64], memory: &[Tensor]) -> candle_core::Result<Self> {
        let mut vectors = vectors(memory)?.into_iter();
        Ok(match (vectors.next(), vectors.next()) {
            (Some(numbers), Some(place)) => Self { place, t: numbers[0], step: numbers[1] },
            _ => Self { place: x.to_vec(), t: 1.0, step: 1.0 },
        })
    }

    fn remember(self, memory: &mut Vec<Tensor>) -> candle_core::Result<()> {
        memory.clear();
        memory.push(remembered(vec![self.t, self.step])?);
        memory.push(remembered(self.place)?);
        Ok(())
    }
}

impl Minimizer for Fista {
    fn refuses(&self, _: &dyn ProximalPenalty) -> Option<String> {
        None
    }

    fn iterate(
        &self,
        problem: &mut dyn Problem,
        x: &mut Vec<f64>,
        memory: &mut Vec<Tensor>,
    ) -> Result<Iteration, TrainError> {
        let mut momentum = Momentum::recall(x, memory)?;
        let (value, gradient) = problem.smooth(&momentum.place)?;
        for _ in 0..BUDGET {
            let step = momentum.step;
            let mut new: Vec<f64> = momentum.place.iter().zip(&gradient).map(|(y, g)| y - step * g).collect();
            problem.proximal(&mut new, step);
            let moved: Vec<f64> = new.iter().zip(&momentum.place).map(|(new, y)| new - y).collect();
            let (new_value, new_gradient) = problem.smooth(&new)?;
            if !is_small_enough(step, &moved, (value, &gradient), (new_value, &new_gradient)) {
                momentum.step *= 0.5;
                continue;
            }
            let residual = largest(&moved) / step;
            let uphill: f64 = moved.iter().zip(new.iter().zip(x.iter())).map(|(m, (new, old))| -m * (new - old)).sum();
            let next = if uphill > 0.0 {
                // the step may have been cut for a place that is left behind
                Momentum { place: new.clone(), t: 1.0, step: 2.0 * step }
            } else {
                let t = 0.5 * (1.0 + (1.0 + 4.0 * momentum.t * momentum.t).sqrt());
                let share = (momentum.t - 1.0) / t;
                let place = new.iter().zip(x.iter()).map(|(new, old)| new + share * (new - old)).collect();
                Momentum { place, t, step }
            };
            next.remember(memory)?;
            *x = new;
            let status = if residual <= self.tolerance { Status::Converged } else { Status::Moving };
            return Ok(Iteration { smooth: new_value, penalty: problem.penalty(x), residual, step, status });
        }
        let residual = largest(&gradient);
        Ok(Iteration { smooth: value, penalty: problem.penalty(x), residual, step: 0.0, status: Status::Stalled })
    }
}

/// Whether the quadratic with curvature 1/step lies above f where the step went.
fn is_small_enough(
    step: f64,
    moved: &[f64],
    (value, gradient): (f64, &[f64]),
    (new_value, new_gradient): (f64, &[f64]),
) -> bool {
    if !new_value.is_finite() || !new_gradient.iter().all(|g| g.is_finite()) {
        return false;
    }
    let square = dot(moved, moved);
    if (new_value - value).abs() > 1e-9 * (1.0 + value.abs()) {
        return new_value <= value + dot(gradient, moved) + square / (2.0 * step);
    }
    let change: f64 = new_gradient.iter().zip(gradient).zip(moved).map(|((new, old), m)| (new - old) * m).sum();
    change <= square / step
}
