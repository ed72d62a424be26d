//! How far stated uncertainties agree with errors: scores, coverage, calibration, out-of-distribution
//! separation, and when in training the agreement was lost.
//!
//! Everything here is a pure function over slices in the data's own units; one concept per file.
//! `n` observations have an error `y − mean`, a predicted standard deviation σ, and a *group*
//! (frame, trajectory) that bootstraps resample as a whole.

pub mod auroc;
pub mod bootstrap;
pub mod classification;
pub mod coverage;
pub mod ence;
pub mod onset;
pub mod pit;
pub mod rank;
pub mod recalibration;
pub mod reliability;
pub mod scores;
pub mod sharpness;
pub mod sparsification;
pub mod zms;

pub use bootstrap::{GroupBootstrap, Interval};
pub use onset::{Direction, OnsetOptions, OnsetReport, Verdict, detect};
