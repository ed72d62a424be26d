//! Predictors: models behind one interface, each with its own exact gradient.

pub mod dropout;
pub mod ensemble;
pub mod force;
pub mod latent_ode;
pub mod mlp;
pub mod ode;
pub mod standardize;

use candle_core::Tensor;
use surprisal_core::prediction::GroupTarget;
use surprisal_core::{Cotangent, Parameters, Prediction};

use crate::{GradientCheck, TrainError};

/// A model that predicts the samples of whole groups and pulls cotangents back to its parameters.
///
/// Methods take `&self` and run on many shards at once.
pub trait Predictor: Sync {
    /// One group, prepared: a standardised row, a scaled trajectory, an atomic graph.
    type Group: Sync;
    /// What [`Predictor::pullback`] needs of one [`Predictor::predict`].
    type Tape: Send;

    /// The trainable tensors; a gradient has their order.
    fn parameters(&self) -> &Parameters;

    /// Groups per shard where the configuration does not say.
    fn shard_size(&self) -> usize;

    /// What was observed of a group, in the standardised units of the prediction.
    fn target<'a>(&self, group: &'a Self::Group) -> GroupTarget<'a>;

    /// A few words that find the group in the user's data (`frame 17`, `line 5`).
    fn describe(&self, group: &Self::Group) -> String;

    /// Called once with all training groups before the first step: parameters may begin at what the data
    /// says directly. Returns what was done, a line each.
    fn initialize(&self, _groups: &[&Self::Group]) -> Result<Vec<String>, TrainError> {
        Ok(vec![])
    }

    /// What a training step sees of a group after so many epochs, where that is not the group itself.
    fn in_training(&self, _group: &Self::Group, _epoch: usize) -> Option<Self::Group> {
        None
    }

    /// What the predictions of a whole batch add to the loss beside the objective, after so many epochs.
    /// The tapes are told their part, so that [`Predictor::pullback`] includes its gradient.
    fn batch_term(&self, _tapes: &mut [&mut Self::Tape], _epoch: usize) -> Option<(&'static str, f64)> {
        None
    }

    /// Called before the shards of a training step are predicted; `step` counts the steps before it.
    fn begin_step(&self, _step: u64) {}

    /// The prediction of a shard, and its tape.
    fn predict(&self, shard: &[&Self::Group]) -> Result<(Prediction, Self::Tape), TrainError>;

    /// The prediction alone.
    fn evaluate(&self, shard: &[&Self::Group]) -> Result<Prediction, TrainError>;

    /// Σ ⟨cotangent, ∂prediction/∂θ⟩ for every parameter θ.
    fn pullback(&self, tape: Self::Tape, cotangent: &Cotangent) -> Result<Vec<Tensor>, TrainError>;

    /// Activations of the last hidden layer, `[n_groups, n_features]`, float64 on the CPU, for a last
    /// layer of another kind; `None` where there are none.
    fn features(&self, _shard: &[&Self::Group]) -> Result<Option<Tensor>, TrainError> {
        Ok(None)
    }

    /// The group with each of its intervals of time cut into so many parts, from the start on and without
    /// observations, for drawing; `None` where a group has no times.
    fn refined(&self, _group: &Self::Group, _parts: &[usize]) -> Option<Self::Group> {
        None
    }

    /// How much the gradient of these groups changes where the model computes more precisely; `None`
    /// where it has no precision to choose.
    fn gradient_check(&self, _groups: &[&Self::Group]) -> Result<Option<GradientCheck>, TrainError> {
        Ok(None)
    }

    /// The networks within the equations along the solutions of a shard, at the times of its samples;
    /// none where the model has no equations.
    fn networks(&self, _shard: &[&Self::Group]) -> Result<Vec<NetworkAlong>, TrainError> {
        Ok(vec![])
    }

    /// What the model itself adds to the loss, if anything: the priors of its parameters.
    fn own_term(&self) -> Result<Option<OwnTerm>, TrainError> {
        Ok(None)
    }

    /// Trained numbers that mean something outside the model, in the data's units.
    fn named_values(&self) -> Result<Vec<NamedValues>, TrainError> {
        Ok(vec![])
    }

    /// Whether a tensor of this name has no part in whole groups, but only in what training sees of them.
    fn is_scaffold(&self, _tensor: &str) -> bool {
        false
    }

    /// Names of the numbers that say how far the fitted model can be believed.
    fn diagnostic_names(&self) -> Vec<String> {
        vec![]
    }

    /// Those numbers, in their order.
    fn diagnostics(&self) -> Result<Vec<f64>, TrainError> {
        Ok(vec![])
    }

    /// The trained tensors that intervals can be asked for.
    fn interpretable(&self) -> Vec<Interpretable> {
        vec![]
    }
}

/// A network along solutions, in the units of the equations.
#[derive(Debug, Clone, PartialEq)]
pub struct NetworkAlong {
    /// Its name.
    pub name: String,
    /// `[n_samples * n_in]`, of one model after the other.
    pub input: Vec<f64>,
    /// `[n_samples * n_out]`, likewise.
    pub output: Vec<f64>,
    /// `[n_samples * n_out]`, likewise: what the outputs are compared with, NaN where nothing is; or nothing.
    pub reference: Vec<f64>,
}

/// A trained tensor whose entries mean something one by one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Interpretable {
    /// Its name among the parameters.
    pub tensor: String,
    /// What it is called. Where [`Predictor::named_values`] has that name, its entry `i` is a monotone
    /// function of the tensor's entry `i` alone; else the tensor's entries are the values themselves.
    pub name: String,
}

/// A term of the loss that depends on the model's parameters alone.
#[derive(Debug, Clone)]
pub struct OwnTerm {
    /// What it is called among the terms of the loss.
    pub name: &'static str,
    /// Its value.
    pub value: f64,
    /// In the order of [`Predictor::parameters`].
    pub gradient: Vec<Tensor>,
}

/// Numbers under one name.
#[derive(Debug, Clone, PartialEq)]
pub struct NamedValues {
    /// As the user knows them.
    pub name: String,
    /// One, or one per training group.
    pub values: Vec<f64>,
}
