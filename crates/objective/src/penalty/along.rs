//! What penalties along trajectories have in common: where they look, and what they may ask.

use surprisal_core::Times;
use surprisal_expr::{ExprError, Expression, Program};

use super::{Facts, not_negative};

/// Times of a trajectory at which a penalty looks, where it does not say.
pub(super) fn points() -> usize {
    25
}

/// The size that counts as 1, where it is not given.
pub(super) fn one() -> f64 {
    1.0
}

pub(super) fn grid(points: usize, until: Option<f64>) -> Times {
    Times::Grid { points, until }
}

/// A number outside its domain: setting, domain, value.
pub(super) fn check(
    weight: f64,
    scale: f64,
    points: (usize, usize),
    until: Option<f64>,
) -> Option<(&'static str, &'static str, f64)> {
    let (points, least) = points;
    let too_few = if least > 2 { "a whole number ≥ 3" } else { "a whole number ≥ 2" };
    not_negative("weight", weight)
        .or((!(scale.is_finite() && scale > 0.0)).then_some(("scale", "a positive number", scale)))
        .or((points < least).then_some(("points", too_few, points as f64)))
        .or(until.filter(|until| !until.is_finite()).map(|until| ("until", "a finite time", until)))
}

/// What is needed where no trajectory is predicted.
pub(super) fn no_trajectories(facts: &Facts) -> Option<String> {
    facts.symbols.is_empty().then(|| "trajectories, which `[model.ode]` predicts".into())
}

/// Why a formula of a trajectory cannot be compiled, and the setting it stands in.
pub(super) fn mistyped(facts: &Facts, setting: &'static str, text: &str) -> Option<(&'static str, ExprError)> {
    let names: Vec<&str> = facts.symbols.iter().map(String::as_str).collect();
    let compiled = Expression::parse(text).and_then(|e| Program::compile(&names, &[], &[&e]));
    compiled.err().map(|error| (setting, error))
}
