//! The penalty with a kink, which is no term of the loss that is differentiated.

use candle_core::{DType, Device, Tensor};
use surprisal_core::{Parameter, Parameters};

use super::Objective;
use crate::ObjectiveError;
use crate::penalty::{Kind, L1, L1Path, PenaltyConfig, ProximalPenalty};

/// Proximal maps of two penalties do not compose to that of their sum.
pub(super) fn at_most_one(penalties: &[PenaltyConfig]) -> Result<(), ObjectiveError> {
    let mut proximal = penalties.iter().filter(|p| matches!(p.get().kind(), Kind::Proximal(_)));
    match (proximal.next(), proximal.next()) {
        (Some(first), Some(second)) => Err(ObjectiveError::TwoProximal { first: first.name(), second: second.name() }),
        _ => Ok(()),
    }
}

impl Objective {
    /// The proximal penalty and its name, if there is one.
    pub fn proximal_penalty(&self) -> Option<(&'static str, &dyn ProximalPenalty)> {
        self.penalties.iter().find_map(|penalty| match penalty.get().kind() {
            Kind::Proximal(proximal) => Some((penalty.name(), proximal)),
            Kind::Prediction(_) | Kind::Parameter(_) => None,
        })
    }

    /// The path of L1 weights, if the objective asks for one.
    pub fn l1_path(&self) -> Option<L1Path> {
        self.penalties.iter().find_map(|penalty| match penalty {
            PenaltyConfig::L1(L1::Path(path)) => Some(*path),
            _ => None,
        })
    }

    /// The same objective at one weight of its L1 penalty; its own parameters are shared.
    pub fn with_l1_weight(&self, weight: f64) -> Self {
        let mut objective = self.clone();
        for penalty in &mut objective.penalties {
            if let PenaltyConfig::L1(l1) = penalty {
                *l1 = L1::Weight(weight);
            }
        }
        objective
    }

    /// Applies the proximal penalty to the model; `steps` are the step sizes of each parameter's
    /// coordinates in the model's order (more may follow).
    pub fn proximal(&self, model: &Parameters, steps: &[Tensor]) -> Result<(), ObjectiveError> {
        let Some((_, penalty)) = self.proximal_penalty() else { return Ok(()) };
        let parameters: Vec<&Parameter> = model.iter().collect();
        for i in penalty.targets(model) {
            let var = &parameters[i].var;
            let mut w = numbers(var.as_tensor())?;
            penalty.proximal(&mut w, var.dims(), &numbers(&steps[i])?);
            var.set(&Tensor::from_vec(w, var.shape(), &Device::Cpu)?.to_dtype(var.dtype())?.to_device(var.device())?)?;
        }
        Ok(())
    }

    /// Name and weighted value of the proximal penalty: what [`super::Evaluation::loss`] leaves out.
    pub fn proximal_term(&self, model: &Parameters) -> Result<Option<(&'static str, f64)>, ObjectiveError> {
        let Some((name, penalty)) = self.proximal_penalty() else { return Ok(None) };
        let parameters: Vec<&Parameter> = model.iter().collect();
        let mut value = 0.0;
        for i in penalty.targets(model) {
            let var = &parameters[i].var;
            value += penalty.value(&numbers(var.as_tensor())?, var.dims());
        }
        Ok(Some((name, value)))
    }
}

fn numbers(tensor: &Tensor) -> candle_core::Result<Vec<f64>> {
    tensor.flatten_all()?.to_dtype(DType::F64)?.to_device(&Device::Cpu)?.to_vec1()
}
