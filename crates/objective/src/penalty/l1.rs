//! Absolute weights: weight·Σ |w|, by soft thresholds (Parikh & Boyd 2014, §6.5.2).
//!
//! After a step of size η the weight w becomes sign(w)·max(|w| − η·weight, 0), with the step size of
//! each coordinate: weights that are not needed are exactly zero. Biases are left alone.

use candle_core::{DType, Device, Tensor};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use surprisal_core::{Parameter, Parameters, Role};

use super::{Kind, Penalty, ProximalPenalty};
use crate::ObjectiveError;

/// Sum of the absolute weights, with exact zeros; biases are left alone.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct L1 {
    /// Nats per absolute weight.
    pub weight: f64,
}

impl Penalty for L1 {
    fn kind(&self) -> Kind<'_> {
        Kind::Proximal(self)
    }

    fn weight(&self) -> f64 {
        self.weight
    }
}

impl ProximalPenalty for L1 {
    fn value(&self, model: &Parameters) -> Result<f64, ObjectiveError> {
        let mut sum = 0.0;
        for parameter in model.iter().filter(|p| p.role == Role::Weight) {
            let weights = parameter.var.as_detached_tensor().to_dtype(DType::F64)?.to_device(&Device::Cpu)?;
            sum += weights.abs()?.sum_all()?.to_scalar::<f64>()?;
        }
        Ok(self.weight * sum)
    }

    fn proximal(&self, parameter: &Parameter, step: &Tensor) -> Result<Option<Tensor>, ObjectiveError> {
        if parameter.role != Role::Weight {
            return Ok(None);
        }
        let w = parameter.var.as_detached_tensor();
        let threshold = (step.to_dtype(w.dtype())? * self.weight)?;
        let above = w.broadcast_sub(&threshold)?.relu()?;
        let below = w.neg()?.broadcast_sub(&threshold)?.relu()?;
        Ok(Some((above - below)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_weights_become_exactly_zero_and_biases_stay() -> Result<(), ObjectiveError> {
        let cpu = Device::Cpu;
        let mut model = Parameters::new();
        model.add_values("w", Role::Weight, vec![0.5, -0.5, 0.05, -0.1], &[4], DType::F32, &cpu)?;
        model.add_values("b", Role::Bias, vec![0.05], &[1], DType::F32, &cpu)?;
        let step = Tensor::new(&[0.1f32, 0.2, 0.1, 0.1], &cpu)?;
        let shrunk: Vec<_> =
            model.iter().map(|p| L1 { weight: 1.0 }.proximal(p, &step)).collect::<Result<Vec<_>, _>>()?;
        assert_eq!(shrunk[0].as_ref().map(|t| t.to_vec1::<f32>()).transpose()?, Some(vec![0.4, -0.3, 0.0, 0.0]));
        assert!(shrunk[1].is_none());
        assert!((L1 { weight: 2.0 }.value(&model)? - 2.3).abs() < 1e-6);
        Ok(())
    }
}
