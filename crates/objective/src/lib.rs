//! The training objective: risk of a negative log-likelihood, plus penalties, in true nats.
//!
//! loss = risk(−log p(yᵢ | predictionᵢ)) + Σ weight·penalty, written once for every predictor: the
//! objective sees [`surprisal_core::Prediction`] and [`surprisal_core::Target`] and answers with the
//! loss and its derivative with respect to the prediction. Everything is float64 on the CPU.

pub mod calibration;
pub mod likelihood;
