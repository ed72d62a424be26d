//! Fixed-size shards of a batch, in parallel, with results that do not depend on how many threads
//! there are: every shard is computed alone and the parts are joined in their order.

use candle_core::Tensor;
use rayon::prelude::*;
use surprisal_core::{Cotangent, Prediction, Target};

use crate::{Predictor, TrainError, gradient};

/// A batch after its forward pass.
pub struct Forward<T> {
    /// All samples, shard after shard.
    pub prediction: Prediction,
    tapes: Vec<T>,
    /// Samples and groups of each shard.
    sizes: Vec<(usize, usize)>,
}

/// What was observed of these groups.
pub fn target<P: Predictor>(predictor: &P, dim: usize, groups: &[&P::Group]) -> Result<Target, TrainError> {
    Ok(Target::from_groups(dim, groups.iter().map(|g| predictor.target(g)))?)
}

impl<T> Forward<T> {
    /// The tapes of all shards, in their order.
    pub fn tapes_mut(&mut self) -> Vec<&mut T> {
        self.tapes.iter_mut().collect()
    }
}

/// Predicts all shards.
pub fn predict<P: Predictor>(
    predictor: &P,
    groups: &[&P::Group],
    shard_size: usize,
) -> Result<Forward<P::Tape>, TrainError> {
    let shards: Vec<(Prediction, P::Tape, usize)> = groups
        .par_chunks(shard_size)
        .map(|shard| predictor.predict(shard).map(|(prediction, tape)| (prediction, tape, shard.len())))
        .collect::<Result<_, _>>()?;
    let mut predictions = Vec::with_capacity(shards.len());
    let mut tapes = Vec::with_capacity(shards.len());
    let mut sizes = Vec::with_capacity(shards.len());
    for (prediction, tape, n_groups) in shards {
        sizes.push((prediction.location.dim(0)?, n_groups));
        predictions.push(prediction);
        tapes.push(tape);
    }
    Ok(Forward { prediction: Prediction::concatenate(&predictions)?, tapes, sizes })
}

/// Predicts without a tape.
pub fn evaluate<P: Predictor>(
    predictor: &P,
    groups: &[&P::Group],
    shard_size: usize,
) -> Result<Prediction, TrainError> {
    let shards: Vec<Prediction> =
        groups.par_chunks(shard_size).map(|shard| predictor.evaluate(shard)).collect::<Result<_, _>>()?;
    Ok(Prediction::concatenate(&shards)?)
}

/// Activations of the last hidden layer, `[n_groups, n_features]`; `None` for a model without one.
pub fn features<P: Predictor>(
    predictor: &P,
    groups: &[&P::Group],
    shard_size: usize,
) -> Result<Option<Tensor>, TrainError> {
    let shards: Option<Vec<Tensor>> = groups
        .par_chunks(shard_size)
        .map(|shard| predictor.features(shard))
        .collect::<Result<Vec<_>, _>>()?
        .into_iter()
        .collect();
    Ok(shards.map(|shards| Tensor::cat(&shards, 0)).transpose()?)
}

/// The gradient of the whole batch from the cotangents of all its samples.
pub fn pullback<P: Predictor>(
    predictor: &P,
    forward: Forward<P::Tape>,
    cotangent: &Cotangent,
) -> Result<Vec<Tensor>, TrainError> {
    let cotangents = cotangent.split(&forward.sizes)?;
    let parts = forward
        .tapes
        .into_par_iter()
        .zip(cotangents)
        .map(|(tape, cotangent)| predictor.pullback(tape, &cotangent))
        .collect::<Result<Vec<_>, _>>()?;
    Ok(gradient::sum(parts)?)
}
