//! The loss of the whole training set as a function of one flat vector: what minimisers minimise.

use candle_core::{DType, Device, Tensor};
use surprisal_core::Parameter;

use crate::fit::Fit;
use crate::optimizer::Problem;
use crate::step::LAST;
use crate::{Predictor, TrainError};

/// A fit seen as a function of all its parameters, float64 and row-major, the predictor's first.
pub struct FullBatch<'a, P: Predictor> {
    fit: &'a Fit<'a, P>,
    parameters: &'a [Parameter],
    groups: Vec<&'a P::Group>,
    of: Of,
    /// Parameters of the proximal penalty: position in the model, place in the vector.
    penalized: Vec<(usize, std::ops::Range<usize>)>,
    /// Value and terms of every evaluation.
    evaluated: Vec<(f64, Vec<(String, f64)>)>,
}

/// Which loss.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Of {
    /// Of what training sees of the groups.
    Training,
    /// Of the groups themselves.
    Whole,
}

impl<'a, P: Predictor> FullBatch<'a, P> {
    /// The function at no place yet. `parameters` are those of the fit.
    pub fn new(fit: &'a Fit<'a, P>, parameters: &'a [Parameter]) -> Self {
        let targets = fit.objective.proximal_penalty().map(|(_, p)| p.targets(fit.predictor.parameters()));
        let end = |i: usize| parameters[..i].iter().map(|p| p.var.elem_count()).sum::<usize>();
        let penalized = targets.into_iter().flatten().map(|i| (i, end(i)..end(i + 1))).collect();
        let groups = fit.splits.train.iter().collect();
        Self { fit, parameters, groups, of: Of::Training, penalized, evaluated: vec![] }
    }

    /// The same function of whole groups, whatever training sees of them.
    pub fn of_whole_groups(self) -> Self {
        Self { of: Of::Whole, ..self }
    }

    /// The parameters' present values.
    pub fn position(&self) -> candle_core::Result<Vec<f64>> {
        flat(self.parameters.iter().map(|p| p.var.as_tensor()))
    }

    /// Overwrites the parameters' values.
    pub fn set(&self, x: &[f64]) -> candle_core::Result<()> {
        let mut rest = x;
        for Parameter { var, .. } in self.parameters {
            let (values, others) = rest.split_at(var.elem_count());
            rest = others;
            let value = Tensor::from_slice(values, var.shape(), &Device::Cpu)?;
            var.set(&value.to_dtype(var.dtype())?.to_device(var.device())?)?;
        }
        Ok(())
    }

    /// The terms of the smooth loss where it had this value, of the evaluations made.
    pub fn terms_of(&self, value: f64) -> Vec<(String, f64)> {
        let found = self.evaluated.iter().rev().find(|(evaluated, _)| *evaluated == value);
        found.map(|(_, terms)| terms.clone()).unwrap_or_default()
    }
}

impl<P: Predictor> Problem for FullBatch<'_, P> {
    fn smooth(&mut self, x: &[f64]) -> Result<(f64, Vec<f64>), TrainError> {
        self.set(x)?;
        let (evaluation, gradient) = match self.of {
            Of::Training => self.fit.loss_and_gradient(&self.groups, LAST)?,
            Of::Whole => self.fit.loss_as_they_are(&self.groups, LAST)?,
        };
        self.evaluated.push((evaluation.loss, evaluation.terms));
        Ok((evaluation.loss, flat(gradient.iter())?))
    }

    fn penalty(&self, x: &[f64]) -> f64 {
        let Some((_, penalty)) = self.fit.objective.proximal_penalty() else { return 0.0 };
        self.penalized.iter().map(|(i, at)| penalty.value(&x[at.clone()], self.parameters[*i].var.dims())).sum()
    }

    fn proximal(&self, v: &mut [f64], step: f64) {
        let Some((_, penalty)) = self.fit.objective.proximal_penalty() else { return };
        for (i, at) in &self.penalized {
            let steps = vec![step; at.len()];
            penalty.proximal(&mut v[at.clone()], self.parameters[*i].var.dims(), &steps);
        }
    }

    fn absolute_weights(&self) -> Option<Vec<f64>> {
        let n = self.parameters.iter().map(|p| p.var.elem_count()).sum();
        let mut weights = vec![0.0; n];
        if let Some((_, penalty)) = self.fit.objective.proximal_penalty() {
            let weight = penalty.absolute_weight()?;
            self.penalized.iter().for_each(|(_, at)| weights[at.clone()].fill(weight));
        }
        Some(weights)
    }
}

/// Tensors one after the other, as float64.
pub(crate) fn flat<'t>(tensors: impl Iterator<Item = &'t Tensor>) -> candle_core::Result<Vec<f64>> {
    let mut values = vec![];
    for tensor in tensors {
        values.extend(tensor.flatten_all()?.to_dtype(DType::F64)?.to_device(&Device::Cpu)?.to_vec1::<f64>()?);
    }
    Ok(values)
}
