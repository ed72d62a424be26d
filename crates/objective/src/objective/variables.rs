//! Predictions as the leaves of a graph.

use candle_core::backprop::GradStore;
use candle_core::{Tensor, Var};
use surprisal_core::{Cotangent, Parameters, Prediction, Rows};

/// The prediction's tensors as variables.
pub(super) struct Variables {
    location: Var,
    outputs: Option<Var>,
    energy: Option<Var>,
    probes: Vec<Variables>,
    rows: Rows,
}

impl Variables {
    pub(super) fn new(prediction: &Prediction) -> candle_core::Result<Self> {
        let variable = |tensor: &Tensor| Var::from_tensor(&tensor.detach());
        Ok(Self {
            location: variable(&prediction.location)?,
            outputs: prediction.outputs.as_ref().map(variable).transpose()?,
            energy: prediction.energy.as_ref().map(variable).transpose()?,
            probes: prediction.probes.iter().map(Self::new).collect::<candle_core::Result<_>>()?,
            rows: prediction.rows,
        })
    }

    pub(super) fn prediction(&self) -> Prediction {
        Prediction {
            location: self.location.as_tensor().clone(),
            outputs: self.outputs.as_ref().map(|v| v.as_tensor().clone()),
            energy: self.energy.as_ref().map(|v| v.as_tensor().clone()),
            probes: self.probes.iter().map(Self::prediction).collect(),
            rows: self.rows,
        }
    }

    pub(super) fn cotangent(&self, gradients: &GradStore) -> candle_core::Result<Cotangent> {
        Ok(Prediction {
            location: gradient(&self.location, gradients)?,
            outputs: self.outputs.as_ref().map(|v| gradient(v, gradients)).transpose()?,
            energy: self.energy.as_ref().map(|v| gradient(v, gradients)).transpose()?,
            probes: self.probes.iter().map(|p| p.cotangent(gradients)).collect::<candle_core::Result<_>>()?,
            rows: self.rows,
        })
    }
}

/// The gradient of one variable, zero where the loss does not depend on it.
fn gradient(variable: &Var, gradients: &GradStore) -> candle_core::Result<Tensor> {
    match gradients.get(variable) {
        Some(gradient) => gradient.detach().contiguous(),
        None => variable.as_detached_tensor().zeros_like(),
    }
}

/// The gradients of all parameters, in their order.
pub(super) fn gradients_of(parameters: &Parameters, gradients: &GradStore) -> candle_core::Result<Vec<Tensor>> {
    parameters.iter().map(|p| gradient(&p.var, gradients)).collect()
}
