//! The floating-point type a network computes in.

use candle_core::DType;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The floating-point type a network computes in. Losses are always reduced in float64.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Precision {
    /// IEEE single precision.
    Float32,
    /// IEEE double precision.
    #[default]
    Float64,
}

impl Precision {
    /// The tensor type of this precision.
    pub fn dtype(self) -> DType {
        match self {
            Self::Float32 => DType::F32,
            Self::Float64 => DType::F64,
        }
    }
}
