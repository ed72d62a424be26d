//! The information by the generalised Gauss–Newton approximation.
//!
//! The training loss L(ŷ(x), x) depends on x through the predictions ŷ, and directly where priors, penalties
//! on parameters and the likelihood's own constants are concerned. With J = ∂ŷ/∂x,
//!
//! H ≈ Jᵀ (∂²L/∂ŷ²) J + ∂²L/∂x²
//!
//! (N. N. Schraudolph, Fast curvature matrix-vector products for second-order gradient descent, Neural
//! Computation 14 (2002) 1723, section 3). What is left out, (∂L/∂ŷ)·∂²ŷ/∂x², has mean 0 where the model
//! is right, and so has the block between ŷ and the constants for noise that is symmetric around ŷ; it is
//! left out too. Unlike the second derivative itself H then has no negative curvature but that of the
//! likelihood, so that weights of networks can be marginalised that training has not taken to a minimum.
//!
//! Column i needs predictions and no gradient of them: with δ = ½(ŷ(x + h eᵢ) − ŷ(x − h eᵢ)), the loss is
//! differentiated with respect to its predictions at ŷ ± δ. h is that of the observed information.

use candle_core::{Device, Tensor};
use surprisal_core::{Prediction, Target};
use surprisal_objective::Progress;

use super::information::{Information, STEP};
use crate::fit::Fit;
use crate::full_batch::{FullBatch, flat};
use crate::optimizer::Problem as _;
use crate::step::LAST;
use crate::{Predictor, TrainError, shard};

/// N ∂L/∂ŷ, and N ∂L/∂x at fixed ŷ.
struct Slopes {
    of_predictions: Vec<f64>,
    direct: Vec<f64>,
}

/// A column of J, and what H has to do with it.
struct Column {
    /// J_i.
    change: Vec<f64>,
    /// (∂²L/∂ŷ²) J_i.
    curved: Vec<f64>,
    /// Column i of ∂²L/∂x².
    direct: Vec<f64>,
}

impl<P: Predictor> Fit<'_, P> {
    /// The information about the coordinates `of`; `nuisance` are those to be marginalised.
    pub(super) fn gauss_newton(
        &self,
        problem: &mut FullBatch<'_, P>,
        x: &[f64],
        n_samples: f64,
        of: &[usize],
        nuisance: &[usize],
    ) -> Result<Information, TrainError> {
        let gradient: Vec<f64> = problem.smooth(x)?.1.iter().map(|g| n_samples * g).collect();
        let groups: Vec<&P::Group> = self.splits.train.iter().collect();
        let target = shard::target(self.predictor, self.objective.outcome().layout().dim, &groups)?;
        let predicted = || Ok::<_, TrainError>(shard::predict(self.predictor, &groups, self.shard_size())?.prediction);
        let here = predicted()?;
        let n_model: usize = self.predictor.parameters().iter().map(|p| p.var.elem_count()).sum();
        let column = |&i: &usize| -> Result<Column, TrainError> {
            let h = STEP * x[i].abs().max(1.0);
            let set = |shift: f64| {
                let mut moved = x.to_vec();
                moved[i] += shift;
                problem.set(&moved)
            };
            let mut change = vec![0.0; values(&here)?.len()];
            if i < n_model {
                set(h)?;
                let above = values(&predicted()?)?;
                set(-h)?;
                let below = values(&predicted()?)?;
                change.iter_mut().zip(above.iter().zip(&below)).for_each(|(c, (a, b))| *c = (a - b) / (2.0 * h));
            }
            let at = |shift: f64| -> Result<Slopes, TrainError> {
                set(shift)?;
                let step: Vec<f64> = change.iter().map(|c| shift * c).collect();
                self.slopes(&moved(&here, &mut step.as_slice())?, &target)
            };
            let (above, below) = (at(h)?, at(-h)?);
            let difference = |a: &[f64], b: &[f64]| -> Vec<f64> {
                a.iter().zip(b).map(|(a, b)| n_samples * (a - b) / (2.0 * h)).collect()
            };
            let curved = match i < n_model {
                true => difference(&above.of_predictions, &below.of_predictions),
                false => vec![0.0; change.len()],
            };
            let mut direct = difference(&above.direct, &below.direct);
            if i < n_model {
                direct[n_model..].fill(0.0);
            }
            Ok(Column { change, curved, direct })
        };
        let all: Vec<usize> = of.iter().chain(nuisance).copied().collect();
        let columns = all.iter().map(column).collect::<Result<Vec<_>, _>>()?;
        let full = |column: &Column| -> Vec<f64> {
            let mut full = column.direct.clone();
            for (&j, other) in all.iter().zip(&columns) {
                full[j] += other.change.iter().zip(&column.curved).map(|(a, b)| a * b).sum::<f64>();
            }
            full
        };
        let (direct, crossed) = columns.split_at(of.len());
        let (direct, crossed): (Vec<_>, Vec<_>) =
            (direct.iter().map(full).collect(), crossed.iter().map(full).collect());
        Ok(Information::new(&gradient, &direct, &crossed, of, nuisance))
    }

    /// Derivatives of the loss at the present parameters, for these predictions.
    fn slopes(&self, prediction: &Prediction, target: &Target) -> Result<Slopes, TrainError> {
        let model = self.predictor.parameters();
        let evaluation = self.objective.evaluate(prediction, target, model, Progress { epoch: LAST })?;
        let n_model: usize = model.iter().map(|p| p.var.elem_count()).sum();
        let mut direct = match &evaluation.model_gradient {
            Some(of_penalties) => flat(of_penalties.iter())?,
            None => vec![0.0; n_model],
        };
        if let Some(own) = self.predictor.own_term()? {
            direct.iter_mut().zip(flat(own.gradient.iter())?).for_each(|(sum, g)| *sum += g);
        }
        direct.extend(flat(evaluation.own_gradient.iter())?);
        Ok(Slopes { of_predictions: values(&evaluation.cotangent)?, direct })
    }
}

/// Everything in a prediction, in one fixed order.
fn values(prediction: &Prediction) -> Result<Vec<f64>, TrainError> {
    let Prediction { location, outputs, energy, probes, .. } = prediction;
    let mut all = flat([Some(location), outputs.as_ref(), energy.as_ref()].into_iter().flatten())?;
    for probe in probes {
        all.extend(values(probe)?);
    }
    Ok(all)
}

/// The prediction with `step` added, in that order; what is used is taken from the front of `step`.
fn moved(prediction: &Prediction, step: &mut &[f64]) -> Result<Prediction, TrainError> {
    let mut add = |tensor: &Tensor| -> candle_core::Result<Tensor> {
        let (own, rest) = step.split_at(tensor.elem_count());
        *step = rest;
        tensor + Tensor::from_slice(own, tensor.dims(), &Device::Cpu)?.to_dtype(tensor.dtype())?
    };
    let location = add(&prediction.location)?;
    let outputs = prediction.outputs.as_ref().map(&mut add).transpose()?;
    let energy = prediction.energy.as_ref().map(&mut add).transpose()?;
    let probes = prediction.probes.iter().map(|probe| moved(probe, step)).collect::<Result<_, _>>()?;
    Ok(Prediction { location, outputs, energy, probes, rows: prediction.rows })
}
