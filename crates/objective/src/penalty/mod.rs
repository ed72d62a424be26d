//! What is added to the risk: prior knowledge as a price.
//!
//! Three kinds: a penalty on predictions and a penalty on parameters are terms of the loss; a
//! proximal penalty is no term of the loss that is differentiated but moves the parameters after each
//! step.

mod l1;
mod l2;
mod net_force;

use candle_core::Tensor;
use surprisal_core::{Parameter, Parameters, Target, registry};

use crate::ObjectiveError;

pub use l1::L1;
pub use l2::L2;
pub use net_force::NetForce;

/// What a penalty acts on.
#[derive(Clone, Copy)]
pub enum Kind<'a> {
    /// Predictions.
    Prediction(&'a dyn PredictionPenalty),
    /// Parameters, by a term of the loss.
    Parameter(&'a dyn ParameterPenalty),
    /// Parameters, after the step.
    Proximal(&'a dyn ProximalPenalty),
}

/// An entry of the registry.
pub trait Penalty {
    /// What it acts on.
    fn kind(&self) -> Kind<'_>;
    /// Its weight, a number ≥ 0; already part of every value below.
    fn weight(&self) -> f64;
}

/// A price on what is predicted.
pub trait PredictionPenalty {
    /// What samples it needs, in words, where it does not apply to those of `dim` components.
    fn misplaced(&self, dim: usize) -> Option<&'static str>;

    /// Weighted value, a scalar. `mean` is the expectation of each component, `[n, dim]`, in units of
    /// the target scale with the target shift restored.
    fn value(&self, mean: &Tensor, target: &Target) -> Result<Tensor, ObjectiveError>;
}

/// A price on parameters.
pub trait ParameterPenalty {
    /// Weighted value, a float64 scalar on the CPU.
    fn value(&self, model: &Parameters) -> Result<Tensor, ObjectiveError>;
}

/// A price on parameters that is not smooth; applied after the step by its proximal map.
pub trait ProximalPenalty {
    /// Weighted value, for reports and for the objective of an exact solver.
    fn value(&self, model: &Parameters) -> Result<f64, ObjectiveError>;

    /// argmin_w step⁻¹·½(w − parameter)² + penalty(w), coordinate by coordinate; `step` is the step
    /// size of each coordinate (or a scalar tensor). `None` where the parameter is left alone.
    fn proximal(&self, parameter: &Parameter, step: &Tensor) -> Result<Option<Tensor>, ObjectiveError>;
}

registry! {
    /// Every penalty.
    pub enum PenaltyConfig: dyn Penalty {
        "net_force" => NetForce,
        "l2" => L2,
        "l1" => L1,
    }
}
