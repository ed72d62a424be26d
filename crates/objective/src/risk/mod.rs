//! From the losses of samples to one number.

mod cvar;
mod mean;

use candle_core::Tensor;
use surprisal_core::{Parameters, registry};

use crate::ObjectiveError;

pub use cvar::{Cvar, Threshold};
pub use mean::Mean;

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

    /// `[n]` losses, n ≥ 1 → scalar. `own` are the parameters of [`Risk::parameters`].
    fn value(&self, losses: &Tensor, own: &Parameters) -> Result<Tensor, ObjectiveError>;
}

registry! {
    /// Every risk.
    pub enum RiskConfig: dyn Risk {
        "mean" => Mean,
        "cvar" => Cvar,
    }
}
