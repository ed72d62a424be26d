//! Minimisers: iterations on a function that can be evaluated anywhere, in float64 on one flat vector
//! of all parameters.
//!
//! The function is F(x) = f(x) + p(x): a smooth f with its gradient, and a penalty p that has kinks
//! but a proximal map.

use candle_core::{Device, Tensor};
use surprisal_objective::penalty::ProximalPenalty;

use crate::TrainError;

/// A function to be minimised.
///
/// # Shapes
/// Every slice has one entry per scalar of the parameters, in their order.
pub trait Problem {
    /// f and its gradient. Neither needs to be finite: a step that went too far is cut.
    fn smooth(&mut self, x: &[f64]) -> Result<(f64, Vec<f64>), TrainError>;

    /// p.
    fn penalty(&self, x: &[f64]) -> f64;

    /// Moves v to argmin_x ‖x − v‖²/(2·step) + p(x).
    fn proximal(&self, v: &mut [f64], step: f64);

    /// λ of every coordinate where p = Σ λ|x|; `None` where p is something else.
    fn absolute_weights(&self) -> Option<Vec<f64>>;
}

/// What an iteration came to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Iteration {
    /// f at the new place.
    pub smooth: f64,
    /// p at the new place.
    pub penalty: f64,
    /// Largest absolute entry of the gradient of f, or of what takes its place where p has a kink; 0
    /// at a minimum.
    pub residual: f64,
    /// Length of the step along its direction.
    pub step: f64,
    /// Whether to go on.
    pub status: Status,
}

/// Whether to go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// Not there yet.
    Moving,
    /// The residual is at most the tolerance.
    Converged,
    /// No step lowers F any more.
    Stalled,
}

/// An iterative minimiser. Its memory is a list of float64 tensors, empty before the first iteration,
/// that a checkpoint can hold; an iteration depends on it and on x alone.
pub trait Minimizer: Send + Sync {
    /// Whether it can deal with this penalty; else what to do instead, in words.
    fn refuses(&self, penalty: &dyn ProximalPenalty) -> Option<String>;

    /// One iteration from x, which it moves.
    fn iterate(
        &self,
        problem: &mut dyn Problem,
        x: &mut Vec<f64>,
        memory: &mut Vec<Tensor>,
    ) -> Result<Iteration, TrainError>;
}

/// A vector of a memory.
pub(crate) fn remembered(values: Vec<f64>) -> candle_core::Result<Tensor> {
    let n = values.len();
    Tensor::from_vec(values, n, &Device::Cpu)
}

/// The vectors of a memory.
pub(super) fn vectors(memory: &[Tensor]) -> candle_core::Result<Vec<Vec<f64>>> {
    memory.iter().map(|t| t.to_device(&Device::Cpu)?.to_vec1()).collect()
}

pub(super) fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// Largest absolute entry.
pub(super) fn largest(values: &[f64]) -> f64 {
    values.iter().fold(0.0, |largest, v| if v.is_nan() { f64::NAN } else { largest.max(v.abs()) })
}

/// Differences between values of F below this are rounding.
pub(super) fn rounding(value: f64) -> f64 {
    1e-12 * (1.0 + value.abs())
}

/// Whether a tolerance makes sense, in words where not.
pub(super) fn tolerance_problem(tolerance: f64) -> Option<String> {
    (!(tolerance > 0.0 && tolerance.is_finite())).then(|| format!("`tolerance` must be positive, found {tolerance}"))
}
