//! The training step and its predictors, by concept.

mod checkpoint;
mod gradient;
mod records;
mod setup;
mod shards;
