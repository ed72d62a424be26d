//! From the losses of samples to one number.

mod cvar;
mod mean;
mod trimmed;
mod weighted;

use candle_core::Tensor;
use surprisal_core::{Parameters, registry};

use crate::ObjectiveError;

pub use cvar::{Cvar, Threshold};
pub use mean::Mean;
pub use trimmed::Trimmed;
pub use weighted::Weighted;

/// The losses of the samples of a batch.
#[derive(Debug, Clone, Copy)]
pub struct Losses<'a> {
    /// `[n]`, n ≥ 1.
    pub values: &'a Tensor,
    /// `[n]` weights, where the data has some.
    pub weight: Option<&'a Tensor>,
}

/// A reduction of the per-sample losses of a batch.
pub trait Risk {
    /// The parameters it trains itself.
    fn parameters(&self) -> Result<Parameters, ObjectiveError> {
        Ok(Parameters::new())
    }

    /// Numbers of the configuration that lie outside their domain: setting, domain, value.
    fn check_settings(&self) -> Option<(&'static str, &'static str, f64)> {
        None
    }

    /// Whether the data has to weigh its samples.
    fn needs_weights(&self) -> bool {
        false
    }

    /// The number to be made small, a scalar. `own` are the parameters of [`Risk::parameters`].
    fn value(&self, losses: &Losses<'_>, own: &Parameters) -> Result<Tensor, ObjectiveError>;
}

registry! {
    /// Every risk.
    pub enum RiskConfig: dyn Risk {
        "mean" => Mean,
        "cvar" => Cvar,
        "trimmed" => Trimmed,
        "weighted" => Weighted,
    }
}
