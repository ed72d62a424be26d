//! A certificate that a fit is at a minimum: the gradient of the loss over the whole training set at
//! the present weights, and what it must be where a penalty has a kink (Karush–Kuhn–Tucker; see
//! [`surprisal_objective::penalty::Stationarity`]).

use surprisal_core::Parameter;
use surprisal_objective::Objective;
use surprisal_objective::penalty::Stationarity;

use crate::fit::Fit;
use crate::full_batch::flat;
use crate::step::LAST;
use crate::{Predictor, TrainError};

/// How far the present weights are from a minimum.
#[derive(Debug, Clone, PartialEq)]
pub struct Optimality {
    /// Loss over the training set, penalties included, nats.
    pub objective: f64,
    /// Mean NLL of the training set, nats per sample, in the data's own units.
    pub nll: f64,
    /// Largest |∂loss| over the parameters that the proximal penalty leaves alone (all of them where
    /// there is none): 0 at a minimum.
    pub gradient: f64,
    /// What holds for the others.
    pub penalized: Option<Penalized>,
}

/// Optimality under a proximal penalty.
#[derive(Debug, Clone, PartialEq)]
pub struct Penalized {
    /// The penalty's name.
    pub penalty: &'static str,
    /// Zeros, and the violations of their conditions and of the others'.
    pub stationarity: Stationarity,
}

/// Names of the numbers, those of a proximal penalty last.
const NAMES: [&str; 6] = ["objective", "gradient", "n_zero", "n_nonzero", "zeros_excess", "nonzeros_residual"];

impl Optimality {
    /// Names of the numbers that an objective's certificate has.
    pub fn names(objective: &Objective) -> Vec<&'static str> {
        NAMES[..if objective.proximal_penalty().is_some() { 6 } else { 2 }].to_vec()
    }

    /// The numbers by name, as reports show them.
    pub fn numbers(&self) -> Vec<(&'static str, f64)> {
        let mut numbers = vec![self.objective, self.gradient];
        if let Some(Penalized { stationarity, .. }) = &self.penalized {
            let Stationarity { n_zero, n_nonzero, zeros_excess, nonzeros_residual } = *stationarity;
            numbers.extend([n_zero as f64, n_nonzero as f64, zeros_excess, nonzeros_residual]);
        }
        NAMES.into_iter().zip(numbers).collect()
    }
}

impl<P: Predictor> Fit<'_, P> {
    /// The certificate at the present weights; one pass over the training set.
    pub fn optimality(&self) -> Result<Optimality, TrainError> {
        let groups: Vec<&P::Group> = self.splits.train.iter().collect();
        let (evaluation, gradient) = self.loss_and_gradient(&groups, LAST)?;
        let parameters: Vec<Parameter> = self.parameters();
        let model = self.predictor.parameters();
        let penalty = self.objective.proximal_penalty();
        let targets = penalty.map(|(_, p)| p.targets(model)).unwrap_or_default();
        let mut largest = 0.0f64;
        let mut stationarity = Stationarity::default();
        for (i, (parameter, gradient)) in parameters.iter().zip(&gradient).enumerate() {
            let gradient = flat(std::iter::once(gradient))?;
            match penalty.filter(|_| targets.contains(&i)) {
                Some((_, penalty)) => {
                    let w = flat(std::iter::once(parameter.var.as_tensor()))?;
                    stationarity = stationarity.join(penalty.stationarity(&w, parameter.var.dims(), &gradient));
                }
                None => largest = gradient.iter().fold(largest, |largest, g| largest.max(g.abs())),
            }
        }
        let term = self.objective.proximal_term(model)?.map_or(0.0, |(_, value)| value);
        let known: Vec<f64> = evaluation.nll.iter().copied().filter(|nll| !nll.is_nan()).collect();
        Ok(Optimality {
            objective: evaluation.loss + term,
            nll: known.iter().sum::<f64>() / known.len() as f64,
            gradient: largest,
            penalized: penalty.map(|(penalty, _)| Penalized { penalty, stationarity }),
        })
    }
}
