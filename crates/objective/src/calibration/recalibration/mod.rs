//! Repairing stated uncertainties after training, on data held out from it.
//!
//! Every method is *fitted* on a calibration split and then *applied* to others; none changes the
//! predicted mean or the likeliest class. [`sigma_scaling`] stretches a predictive distribution by one
//! factor, [`dispersion_scaling`] does so within a family that has no scale, [`temperature`] does the same
//! to logits, [`isotonic`] maps the probability integral transform, [`conformal`] replaces the intervals
//! by those of past errors and [`prediction_set`] the likeliest class by a set of classes.

pub mod conformal;
pub mod dispersion_scaling;
pub mod factor;
pub mod isotonic;
mod mixture_nll;
pub mod prediction_set;
pub mod sigma_scaling;
pub mod temperature;

pub use conformal::Conformal;
pub use dispersion_scaling::Dispersed;
pub use factor::Factor;
pub use isotonic::Isotonic;
pub use sigma_scaling::Stretch;
