//! Fitting: predictors, the training loop, optimisers, schedules and checkpoints.
//!
//! One training step, whatever the predictor:
//!
//! ```text
//! prediction, tape = predictor.predict(batch)
//! loss, cotangents = objective.evaluate(prediction, batch)
//! gradient         = predictor.pullback(tape, cotangents)
//! optimizer.step(gradient), then proximal penalties
//! ```
//!
//! A minimiser ([`optimizer::Minimizer`]) takes the place of the last line and asks for the others as
//! often as it likes, with the whole training set as the batch.

pub mod average;
pub mod checkpoint;
pub mod error;
pub mod evaluate;
pub mod fit;
pub mod full_batch;
pub mod gradient;
pub mod gradient_check;
pub mod intervals;
pub mod last_layer;
pub mod optimality;
pub mod optimizer;
pub mod path;
mod pit;
pub mod predictor;
pub mod schedule;
pub mod settings;
pub mod shard;
pub mod state;
mod step;
pub mod stopping;

pub use error::TrainError;
pub use evaluate::{SplitScores, evaluate};
pub use fit::{Fit, Observer, Outcome, StepReport};
pub use gradient_check::GradientCheck;
pub use intervals::{Intervals, IntervalsConfig};
pub use last_layer::LastLayerConfig;
pub use optimality::Optimality;
pub use optimizer::OptimizerConfig;
pub use predictor::Predictor;
pub use schedule::ScheduleConfig;
pub use settings::{Train, TrainConfig};
