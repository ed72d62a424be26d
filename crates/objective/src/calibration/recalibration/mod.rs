//! Repairing stated uncertainties after training, on data held out from it.
//!
//! Every method is *fitted* on a calibration split and then *applied* to others; none changes the
//! predicted mean or the likeliest class. [`sigma_scaling`] stretches a predictive distribution by one
//! factor, [`temperature`] does the same to logits, [`isotonic`] maps the probability integral
//! transform, [`conformal`] replaces the intervals by those of past errors.

pub mod conformal;
pub mod factor;
pub mod isotonic;
pub mod sigma_scaling;
pub mod temperature;

pub use conformal::Conformal;
pub use factor::Factor;
pub use isotonic::Isotonic;
pub use sigma_scaling::Stretch;
