//! Orthant-wise limited-memory quasi-Newton steps for f(x) + Σ λᵢ|xᵢ| (Andrew & Gao 2007, OWL-QN).
//!
//! The pseudo-gradient ⋄F is the steepest one-sided derivative (their eq. 4): ∇f + λ·sign x where
//! x ≠ 0; where x = 0 it is ∇f + λ if that is negative, ∇f − λ if that is positive, else 0. A step
//! −H⋄F that leaves the orthant of x (of −⋄F where x = 0) is projected to its face, where coordinates
//! are exactly zero. H is that of the coordinates that may move, not of all: with the zeros found, the
//! iteration is plain L-BFGS on the rest.

use super::history::{History, Point};
use super::lbfgs::{Lbfgs, first_step};
use super::minimizer::{Problem, Status, dot, largest, rounding};
use crate::TrainError;

/// γ of the sufficient decrease.
const DECREASE: f64 = 1e-4;
/// Halvings of one search.
const BUDGET: usize = 50;

/// ⋄F.
pub(super) fn pseudo_gradient(x: &[f64], gradient: &[f64], weights: &[f64]) -> Vec<f64> {
    x.iter()
        .zip(gradient)
        .zip(weights)
        .map(|((x, g), w)| {
            if *x != 0.0 {
                g + w * x.signum()
            } else if g + w < 0.0 {
                g + w
            } else if g - w > 0.0 {
                g - w
            } else {
                0.0
            }
        })
        .collect()
}

/// One step; its length, and whether it could be made.
pub(super) fn advance(
    settings: &Lbfgs,
    problem: &mut dyn Problem,
    x: &mut Vec<f64>,
    history: &mut History,
    weights: &[f64],
) -> Result<(f64, Status), TrainError> {
    let descent = pseudo_gradient(x, &history.point.gradient, weights);
    if largest(&descent) <= settings.tolerance {
        return Ok((0.0, Status::Converged));
    }
    let sign = |v: f64| if v == 0.0 { 0.0 } else { v.signum() };
    let orthant: Vec<f64> = x.iter().zip(&descent).map(|(x, d)| if *x != 0.0 { sign(*x) } else { sign(-d) }).collect();
    let free: Vec<bool> = orthant.iter().zip(weights).map(|(o, w)| *w == 0.0 || *o != 0.0).collect();
    loop {
        let mut direction = history.direction(&descent, &free);
        for ((d, slope), w) in direction.iter_mut().zip(&descent).zip(weights) {
            // only a coordinate with a kink must not turn against its own descent
            if *w > 0.0 && *d * slope >= 0.0 {
                *d = 0.0;
            }
        }
        if dot(&direction, &descent) < 0.0
            && let Some((step, place, point)) = backtrack(
                problem,
                x,
                &history.point,
                &direction,
                &descent,
                &orthant,
                weights,
                first_step(history, &direction),
            )?
        {
            let moved = place.iter().zip(x.iter()).map(|(new, old)| new - old).collect();
            history.advance(moved, point, settings.memory);
            *x = place;
            return Ok((step, Status::Moving));
        }
        if history.is_empty() {
            return Ok((0.0, Status::Stalled));
        }
        history.forget();
    }
}

/// Halves the step until F falls enough (their eq. 7, with the projected step).
#[allow(clippy::too_many_arguments)] // the line is defined by all of them, and used once
fn backtrack(
    problem: &mut dyn Problem,
    x: &[f64],
    start: &Point,
    direction: &[f64],
    descent: &[f64],
    orthant: &[f64],
    weights: &[f64],
    first: f64,
) -> Result<Option<(f64, Vec<f64>, Point)>, TrainError> {
    let total = start.value + problem.penalty(x);
    let noise = rounding(total);
    let mut step = first;
    for _ in 0..BUDGET {
        let place: Vec<f64> = (0..x.len())
            .map(|i| {
                let moved = x[i] + step * direction[i];
                if weights[i] > 0.0 && moved * orthant[i] <= 0.0 { 0.0 } else { moved }
            })
            .collect();
        if place == x {
            return Ok(None);
        }
        let (value, gradient) = problem.smooth(&place)?;
        let new_total = value + problem.penalty(&place);
        let expected: f64 = descent.iter().zip(&place).zip(x).map(|((d, new), old)| d * (new - old)).sum();
        let decreased = new_total <= total + DECREASE * expected;
        // where F itself can no longer tell, the pseudo-gradient does
        let indistinguishable = (new_total - total).abs() <= noise
            && largest(&pseudo_gradient(&place, &gradient, weights)) < largest(descent);
        if value.is_finite() && (decreased || indistinguishable) && gradient.iter().all(|g| g.is_finite()) {
            return Ok(Some((step, place, Point { value, gradient })));
        }
        step *= 0.5;
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::pseudo_gradient;

    #[test]
    fn the_pseudo_gradient_is_the_steepest_one_sided_slope() {
        let found = pseudo_gradient(
            &[2.0, -2.0, 0.0, 0.0, 0.0, 0.0],
            &[1.0, 1.0, 0.3, 0.9, -0.9, 0.4],
            &[0.5, 0.5, 0.5, 0.5, 0.5, 0.0],
        );
        let expected = [1.5, 0.5, 0.0, 0.4, -0.4, 0.4];
        found.iter().zip(expected).for_each(|(f, e)| assert!((f - e).abs() < 1e-15, "{found:?}"));
    }
}
