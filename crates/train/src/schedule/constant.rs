//! A constant learning rate.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Schedule;

/// The learning rate as given, after an optional linear warm-up.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Constant {
    /// Steps over which the rate grows linearly to its full value.
    #[serde(default)]
    pub warmup_steps: u64,
}

impl Schedule for Constant {
    fn factor(&self, step: u64, _n_steps: u64) -> f64 {
        ((step + 1) as f64 / (self.warmup_steps.max(1)) as f64).min(1.0)
    }

    fn problem(&self) -> Option<String> {
        None
    }
}
