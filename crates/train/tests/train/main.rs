//! The training loop and its predictors, by concept.

mod checkpoint;
mod dropout;
mod ensemble;
mod fit;
mod gradient;
mod records;
mod resume;
mod series;
mod setup;
mod shards;
