//! The training loop and its predictors, by concept.

mod checkpoint;
mod equations;
mod fit;
mod gradient;
mod records;
mod resume;
mod series;
mod setup;
mod shards;
