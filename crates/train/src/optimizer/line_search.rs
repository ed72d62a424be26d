//! A step length for a smooth function: strong Wolfe conditions by bracketing and interpolation
//! (Nocedal & Wright 2006, algorithms 3.5 and 3.6, interpolation of their eq. 3.59).
//!
//! φ(α) = f(x + αd): φ(α) ≤ φ(0) + c₁αφ′(0) and |φ′(α)| ≤ c₂|φ′(0)|. The first is relaxed by the
//! rounding of f, without which no step could be accepted near a minimum. Where the function has a
//! kink there may be no such α: then a step with φ′(α) ≥ c₂φ′(0) is taken, the weak condition, which
//! is what quasi-Newton methods need there (Lewis & Overton 2013).

use super::history::Point;
use super::minimizer::{Problem, dot, rounding};
use crate::TrainError;

/// c₁.
const DECREASE: f64 = 1e-4;
/// c₂.
const CURVATURE: f64 = 0.9;
/// Evaluations of one search.
const BUDGET: usize = 30;

/// One α.
#[derive(Debug, Clone)]
struct Trial {
    step: f64,
    value: f64,
    slope: f64,
    point: Option<Point>,
}

/// The accepted step: its length, the new x and f there. `None` where no step lowers f.
pub(super) fn search(
    problem: &mut dyn Problem,
    x: &[f64],
    direction: &[f64],
    start: &Point,
    first: f64,
) -> Result<Option<(f64, Vec<f64>, Point)>, TrainError> {
    let slope0 = dot(&start.gradient, direction);
    let noise = rounding(start.value);
    let place = |step: f64| -> Vec<f64> { x.iter().zip(direction).map(|(x, d)| x + step * d).collect() };
    let mut evaluate = |step: f64| -> Result<Trial, TrainError> {
        let (value, gradient) = problem.smooth(&place(step))?;
        let slope = dot(&gradient, direction);
        let known = value.is_finite() && slope.is_finite();
        let value = if known { value } else { f64::INFINITY };
        Ok(Trial { step, value, slope, point: known.then_some(Point { value, gradient }) })
    };
    let decreases = |t: &Trial| t.value <= start.value + DECREASE * t.step * slope0 + noise;
    let mut low = Trial { step: 0.0, value: start.value, slope: slope0, point: None };
    let mut high: Option<Trial> = None;
    let mut step = first;
    let mut weak: Option<Trial> = None;
    for _ in 0..BUDGET {
        let trial = evaluate(step)?;
        if decreases(&trial) && trial.slope.abs() <= CURVATURE * slope0.abs() {
            return Ok(trial.point.map(|point| (trial.step, place(trial.step), point)));
        }
        if decreases(&trial) && trial.slope >= CURVATURE * slope0 && weak.as_ref().is_none_or(|w| trial.value < w.value)
        {
            weak = Some(trial.clone());
        }
        if !decreases(&trial) || trial.value > low.value + noise {
            high = Some(trial);
        } else {
            // the minimum lies between `low` and `high`, on the side to which the lower end falls
            let falls_outwards = trial.slope * (trial.step - low.step) < 0.0;
            if !falls_outwards {
                high = Some(low);
            }
            low = trial;
        }
        step = match &high {
            None => 4.0 * low.step,
            Some(high) => {
                let width = high.step - low.step;
                if width.abs() <= f64::EPSILON * high.step.max(low.step) {
                    break;
                }
                let inner = cubic(&low, high);
                // away from both ends, so that the interval shrinks
                let share = ((inner - low.step) / width).clamp(0.1, 0.9);
                low.step + width * if share.is_nan() { 0.5 } else { share }
            }
        };
    }
    let accepted = weak.or_else(|| (low.step > 0.0 && low.value < start.value).then_some(low));
    Ok(accepted.and_then(|trial| trial.point.map(|point| (trial.step, place(trial.step), point))))
}

/// Minimum of the cubic through values and slopes of both ends; NaN where it has none.
fn cubic(a: &Trial, b: &Trial) -> f64 {
    let d1 = a.slope + b.slope - 3.0 * (a.value - b.value) / (a.step - b.step);
    let d2 = (b.step - a.step).signum() * (d1 * d1 - a.slope * b.slope).sqrt();
    b.step - (b.step - a.step) * (b.slope + d2 - d1) / (b.slope - a.slope + 2.0 * d2)
}
