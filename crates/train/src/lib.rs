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

pub mod average;
pub mod checkpoint;
pub mod error;
pub mod evaluate;
pub mod fit;
pub mod gradient;
pub mod last_layer;
pub mod optimizer;
mod pit;
pub mod predictor;
pub mod schedule;
pub mod settings;
pub mod shard;
pub mod state;
pub mod stopping;

pub use error::TrainError;
pub use evaluate::{SplitScores, evaluate};
pub use fit::{Fit, Observer, Outcome, StepReport};
pub use last_layer::LastLayerConfig;
pub use optimizer::OptimizerConfig;
pub use predictor::Predictor;
pub use schedule::ScheduleConfig;
pub use settings::Train;
