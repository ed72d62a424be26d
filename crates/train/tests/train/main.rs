//! The training loop and its predictors, by concept.

mod backends;
mod checkpoint;
mod dropout;
mod ensemble;
mod equations;
mod fit;
mod friction;
mod full_batch;
mod gradient;
mod gradient_check;
mod intervals;
mod latent_ode;
mod long_series;
mod measured;
mod minimizers;
mod penalties;
mod profiles;
mod records;
mod resume;
mod series;
mod setup;
mod shards;
