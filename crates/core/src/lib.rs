//! What every crate of the workspace speaks: records read from disk, the prediction and target a
//! training step exchanges, named parameters, registries, seeded randomness, and errors that say
//! what to do.

pub mod diagnose;
pub mod element;
pub mod lanes;
pub mod parameters;
pub mod precision;
pub mod prediction;
pub mod records;
pub mod registry;
pub mod rng;

pub use diagnose::{Blame, Diagnose, closest};
pub use parameters::{Parameter, Parameters, Role};
pub use precision::Precision;
pub use prediction::{Cotangent, Layout, Prediction, Probe, Rows, Sought, Target, Times};
