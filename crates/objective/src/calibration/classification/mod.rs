//! How far stated class probabilities agree with what happened.
//!
//! An *event* happens (1) or not (0) and was given a probability p. A classifier of K classes states
//! a row of K probabilities and one class happens; each class against the rest is an event, and the
//! *top label* (the likeliest class) being right is another.

mod bins;
mod brier;
mod expected_error;
mod log_loss;
mod top_label;

pub use bins::{Bin, Binning, Presorted, bins};
pub use brier::{Murphy, brier, murphy};
pub use expected_error::{expected_calibration_error, maximum_calibration_error};
pub use log_loss::log_losses;
pub use top_label::{TopLabel, recalls, top_label};
