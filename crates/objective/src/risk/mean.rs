//! The mean over the samples: maximum likelihood.

use candle_core::Tensor;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use surprisal_core::Parameters;

use super::{Losses, Risk};
use crate::ObjectiveError;

/// The mean over the samples of a batch.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Mean {}

impl Risk for Mean {
    fn value(&self, losses: &Losses<'_>, _: &Parameters) -> Result<Tensor, ObjectiveError> {
        Ok(losses.values.mean_all()?)
    }
}
