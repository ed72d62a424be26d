//! What is added to the risk: prior knowledge as a price.
//!
//! Three kinds: a penalty on predictions and a penalty on parameters are terms of the loss; a
//! proximal penalty is no term of the loss that is differentiated but moves the parameters after each
//! step.

mod along;
mod boundary;
mod bounds;
mod demographic_parity;
mod elastic_net;
mod energy_drift;
mod equalized_odds;
mod expression;
mod group_lasso;
mod invariant;
mod l1;
mod l2;
mod monotonic;
mod net_force;
mod network_magnitude;
mod ode_residual;
mod positivity;
mod smoothness;
mod stationarity;

use candle_core::Tensor;
use surprisal_core::{Parameters, Probe, Role, Target, registry};
use surprisal_expr::ExprError;

use crate::ObjectiveError;

pub use boundary::Boundary;
pub use bounds::Bounds;
pub use demographic_parity::{Compare, DemographicParity};
pub use elastic_net::ElasticNet;
pub use energy_drift::{EnergyDrift, May};
pub use equalized_odds::EqualizedOdds;
pub use expression::ExpressionPenalty;
pub use group_lasso::GroupLasso;
pub use invariant::Invariant;
pub use l1::{L1, L1Path};
pub use l2::L2;
pub use monotonic::{Direction, Monotonic};
pub use net_force::NetForce;
pub use network_magnitude::NetworkMagnitude;
pub use ode_residual::OdeResidual;
pub use positivity::Positivity;
pub use smoothness::{Measure, Smoothness};
pub use stationarity::Stationarity;

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

    /// A number of the configuration that lies outside its domain: setting, domain, value.
    fn check_settings(&self) -> Option<(&'static str, &'static str, f64)> {
        not_negative("weight", self.weight())
    }
}

/// The setting, unless it is a number ≥ 0.
fn not_negative(setting: &'static str, value: f64) -> Option<(&'static str, &'static str, f64)> {
    (!(value.is_finite() && value >= 0.0)).then_some((setting, "a number ≥ 0", value))
}

/// What the data is made of, as far as penalties ask.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Facts {
    /// Components of a sample.
    pub dim: usize,
    /// Their names, in order; empty where they have none.
    pub targets: Vec<String>,
    /// Names of the inputs; empty where there are no columns.
    pub inputs: Vec<String>,
    /// Data units per standardised unit of each input, and the data value at standardised 0.
    pub input_scale: Vec<f64>,
    /// See `input_scale`.
    pub input_shift: Vec<f64>,
    /// Names of networks within equations.
    pub networks: Vec<String>,
    /// Names of the states whose rates of change can be asked for; empty where there is none.
    pub states: Vec<String>,
    /// Whether the right-hand side is made of an energy.
    pub energy: bool,
    /// Names that a formula along a predicted trajectory may use; empty where there is none.
    pub symbols: Vec<String>,
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
    /// Each probe that the penalty asked for: means where it is a prediction.
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

    /// The setting with an expression that cannot be compiled, and why.
    fn mistyped(&self, _facts: &Facts) -> Option<(&'static str, ExprError)> {
        None
    }

    /// What it wants to know beside the predictions at the samples.
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

/// A price on parameters that is not smooth: applied by its proximal map, judged by its subgradient.
///
/// # Shapes
/// A parameter is given as float64 values in row-major order with its shape; step sizes and gradient
/// have the same order.
pub trait ProximalPenalty {
    /// Positions in the model of the parameters it acts on: all weights, unless it says otherwise.
    fn targets(&self, model: &Parameters) -> Vec<usize> {
        model.iter().enumerate().filter(|(_, p)| p.role == Role::Weight).map(|(i, _)| i).collect()
    }

    /// Weighted value of one parameter.
    fn value(&self, w: &[f64], shape: &[usize]) -> f64;

    /// Moves one parameter to argmin_v Σ (v − w)²/(2·step) + value(v), with the step size of each
    /// coordinate.
    fn proximal(&self, w: &mut [f64], shape: &[usize], steps: &[f64]);

    /// How far one parameter is from a minimum, given the gradient of the smooth part of the loss.
    fn stationarity(&self, w: &[f64], shape: &[usize], gradient: &[f64]) -> Stationarity;

    /// λ where the value is λ·Σ |w| and nothing else: what orthant-wise methods need.
    fn absolute_weight(&self) -> Option<f64> {
        None
    }
}

registry! {
    /// Every penalty.
    pub enum PenaltyConfig: dyn Penalty {
        "net_force" => NetForce,
        "demographic_parity" => DemographicParity,
        "equalized_odds" => EqualizedOdds,
        "monotonic" => Monotonic,
        "bounds" => Bounds,
        "expression" => ExpressionPenalty,
        "network_magnitude" => NetworkMagnitude,
        "invariant" => Invariant,
        "ode_residual" => OdeResidual,
        "energy_drift" => EnergyDrift,
        "positivity" => Positivity,
        "boundary" => Boundary,
        "smoothness" => Smoothness,
        "l2" => L2,
        "l1" => L1,
        "elastic_net" => ElasticNet,
        "group_lasso" => GroupLasso,
    }
}
