//! The training objective: risk of a negative log-likelihood, plus penalties, in true nats.
//!
//! loss = risk(−log p(yᵢ | predictionᵢ)) + Σ weight·penalty, written once for every predictor: the
//! objective sees [`surprisal_core::Prediction`] and [`surprisal_core::Target`] and answers with the
//! loss and its derivative with respect to the prediction. Everything is float64 on the CPU.

pub mod calibration;
pub mod energy;
pub mod error;
pub mod likelihood;
pub mod objective;
pub mod outcome;
pub mod penalty;
pub mod risk;

pub use energy::EnergyTerm;
pub use error::ObjectiveError;
pub use likelihood::{
    Blocks, Coupling, Kind, Likelihood, LikelihoodConfig, LocationLink, Marginal, Progress, Source, Standardization,
};
pub use objective::{Evaluation, Objective, Scores};
pub use outcome::{Columns, DataUnits, Judged, Outcome, SampleColumns};
pub use penalty::PenaltyConfig;
pub use risk::RiskConfig;
