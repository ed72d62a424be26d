//! Regularisation paths: the fit at each of many L1 weights, from the largest to the smallest, each
//! from the solution of the one before (Friedman, Hastie & Tibshirani 2010, §2.5).
//!
//! A path is one run. Every weight is a stage of at most `train.epochs` iterations and ends with one
//! evaluation, so that evaluation k of the run is the solution at weight k. The weights kept are those
//! of the best validation NLL where something is held out, else those of the last stage. What was
//! found at a stage is part of the state, so that a resumed path goes on where it was.

use surprisal_objective::penalty::L1Path;

use crate::fit::{Fit, Observer, Outcome};
use crate::full_batch::flat;
use crate::optimality::Optimality;
use crate::optimizer::minimizer::remembered;
use crate::settings::{Keep, Train};
use crate::state::State;
use crate::{Predictor, TrainError, checkpoint, evaluate};

/// What was found at one weight.
#[derive(Debug, Clone, PartialEq)]
pub struct PathPoint {
    /// The L1 weight λ.
    pub weight: f64,
    /// Training loss, penalties included, nats.
    pub objective: f64,
    /// Mean NLL of the training split, nats per sample.
    pub train_nll: f64,
    /// That of the validation split; NaN where nothing is held out.
    pub valid_nll: f64,
    /// Weights that are not exactly zero.
    pub n_nonzero: usize,
    /// Largest violation of the optimality conditions.
    pub violation: f64,
    /// All parameters of the fit, one after the other, row-major.
    pub parameters: Vec<f64>,
}

/// Numbers before the parameters in a point's vector.
const HEAD: usize = 6;

impl PathPoint {
    fn to_vector(&self) -> Vec<f64> {
        let Self { weight, objective, train_nll, valid_nll, n_nonzero, violation, parameters } = self;
        let mut vector = vec![*weight, *objective, *train_nll, *valid_nll, *n_nonzero as f64, *violation];
        vector.extend(parameters);
        vector
    }

    fn from_vector(vector: &[f64]) -> Self {
        Self {
            weight: vector[0],
            objective: vector[1],
            train_nll: vector[2],
            valid_nll: vector[3],
            n_nonzero: vector[4] as usize,
            violation: vector[5],
            parameters: vector[HEAD..].to_vec(),
        }
    }
}

/// The points that a state holds.
pub fn points(state: &State) -> Result<Vec<PathPoint>, TrainError> {
    state.path.iter().map(|t| Ok(PathPoint::from_vector(&flat(std::iter::once(t))?))).collect()
}

/// Fits at every weight of the path; on return the parameters hold the values to keep. `fit` is the
/// fit at any of the weights.
pub fn run<P: Predictor>(
    fit: &Fit<'_, P>,
    path: &L1Path,
    mut state: State,
    observer: &mut dyn Observer,
) -> Result<(Outcome, State), TrainError> {
    let parameters = fit.parameters();
    let weights = path.weights();
    while state.path.len() < weights.len() {
        let weight = weights[state.path.len()];
        let objective = fit.objective.with_l1_weight(weight);
        let end = state.progress.stage_start + fit.settings.epochs;
        // the last weights of a stage are the start of the next, whatever is kept in the end
        let settings =
            Train { epochs: end, evaluate_every: usize::MAX, keep: Keep::Last, patience: None, ..fit.settings.clone() };
        let stage = Fit { objective: &objective, settings: &settings, ..*fit };
        let (outcome, reached) = stage.run(state, observer)?;
        state = reached;
        if outcome == Outcome::Interrupted {
            return Ok((outcome, state));
        }
        if outcome != Outcome::Converged {
            observer.message(&format!(
                "path: weight {weight:e} did not converge ({outcome:?} after {} iterations)",
                state.progress.epoch - state.progress.stage_start
            ))?;
        }
        let point = point(&stage, weight)?;
        state.path.push(remembered(point.to_vector())?);
        state.memory.clear();
        state.progress.stage_start = state.progress.epoch;
        state.progress.ended = None;
        observer.checkpoint(&checkpoint::save(fit.checkpoints, &parameters, &state)?)?;
    }
    if let (Keep::Best, Some(best)) = (fit.settings.keep, &state.best) {
        crate::state::set_values(&parameters, best)?;
    }
    Ok((Outcome::Finished, state))
}

fn point<P: Predictor>(stage: &Fit<'_, P>, weight: f64) -> Result<PathPoint, TrainError> {
    let Optimality { objective, nll, gradient, penalized } = stage.optimality()?;
    let (n_nonzero, violation) = penalized.map_or((0, gradient), |p| {
        let of_zeros = p.stationarity.zeros_excess.max(0.0);
        (p.stationarity.n_nonzero, gradient.max(of_zeros).max(p.stationarity.nonzeros_residual))
    });
    let parameters = flat(stage.parameters().iter().map(|p| p.var.as_tensor()))?;
    let held_out: Vec<&P::Group> = stage.splits.valid.iter().collect();
    let valid_nll = if held_out.is_empty() {
        f64::NAN
    } else {
        evaluate::evaluate(stage.predictor, stage.objective, "valid", &held_out, stage.shard_size())?.mean_nll()
    };
    Ok(PathPoint { weight, objective, train_nll: nll, valid_nll, n_nonzero, violation, parameters })
}
