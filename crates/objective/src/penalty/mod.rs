//! What is added to the risk: prior knowledge as a price.
//!
//! Three kinds: a penalty on predictions and a penalty on parameters are terms of the loss; a
//! proximal penalty is no term of the loss that is differentiated but moves the parameters after each
//! step.

mod bounds;
mod demographic_parity;
mod equalized_odds;
mod l1;
mod l2;
mod monotonic;
mod net_force;

use candle_core::Tensor;
use surprisal_core::{Parameter, Parameters, Probe, Target, registry};

use crate::ObjectiveError;

pub use bounds::Bounds;
pub use demographic_parity::{Compare, DemographicParity};
pub use equalized_odds::EqualizedOdds;
pub use l1::L1;
pub use l2::L2;
pub use monotonic::{Direction, Monotonic};
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

/// What the data is made of, as far as penalties ask.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Facts {
    /// Components of a sample.
    pub dim: usize,
    /// Names of the inputs; empty where there are no columns.
    pub inputs: Vec<String>,
    /// Names of the attributes.
    pub attributes: Vec<String>,
    /// Whether the samples have weights.
    pub weighted: bool,
}

/// What a penalty on predictions sees of a batch. Means are the expectation of each component,
/// `[n, dim]`, in units of the target scale with the target shift restored.
#[derive(Debug, Clone, Copy)]
pub struct Seen<'a> {
    /// At the samples' own inputs.
    pub mean: &'a Tensor,
    /// At each probe that the penalty asked for.
    pub probes: &'a [Tensor],
    /// What was observed, in standardised units.
    pub target: &'a Target,
    /// Data units per unit of the means, `[dim]`.
    pub target_scale: &'a [f64],
    /// The data.
    pub facts: &'a Facts,
}

/// A price on what is predicted.
pub trait PredictionPenalty {
    /// What it needs and the data lacks, in words.
    fn misplaced(&self, facts: &Facts) -> Option<String>;

    /// Where else than at the samples it wants to know the prediction.
    fn probes(&self, _facts: &Facts) -> Vec<Probe> {
        vec![]
    }

    /// Weighted value, a scalar.
    fn value(&self, seen: &Seen<'_>) -> Result<Tensor, ObjectiveError>;
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
        "demographic_parity" => DemographicParity,
        "equalized_odds" => EqualizedOdds,
        "monotonic" => Monotonic,
        "bounds" => Bounds,
        "l2" => L2,
        "l1" => L1,
    }
}
