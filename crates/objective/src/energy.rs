//! The likelihood of frame energies, a second term beside that of the samples.
//!
//! Energies are in units of the samples' target scale, so that forces are −∂E/∂x in standardised
//! units too; frames without an energy (NaN) are left out. The term is the mean NLL over frames.

use candle_core::{DType, Device, Tensor};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use surprisal_core::{Prediction, Target};

use crate::likelihood::{Coupling, LikelihoodConfig, Source};
use crate::{ObjectiveError, Outcome};

/// The likelihood of frame energies.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EnergyTerm {
    /// Its parameters are "constant" or numbers in the data's own units.
    pub likelihood: LikelihoodConfig,
    /// Weight of the mean NLL of a frame's energy beside the risk of the samples.
    pub weight: f64,
}

/// An [`EnergyTerm`] with its unit and its trained parameters.
#[derive(Debug, Clone)]
pub(crate) struct Energy {
    pub(crate) outcome: Outcome,
    pub(crate) weight: f64,
}

impl Energy {
    pub(crate) fn new(term: EnergyTerm, target_scale: f64, models: usize) -> Result<Self, ObjectiveError> {
        let likelihood = term.likelihood.name();
        if let Some(spec) = term.likelihood.get().parameters(1).iter().find(|s| s.source == Source::Network) {
            return Err(ObjectiveError::EnergyFromNetwork { likelihood, parameter: spec.name });
        }
        if !(term.weight.is_finite() && term.weight >= 0.0) {
            return Err(ObjectiveError::Setting {
                entry: "energy_likelihood",
                setting: "weight",
                domain: "a number ≥ 0",
                value: term.weight,
            });
        }
        let outcome = Outcome::named(
            "energy_likelihood",
            term.likelihood,
            1,
            Coupling::Componentwise,
            vec![target_scale],
            vec![0.0],
        )?
        .of_ensemble(models)?;
        Ok(Self { outcome, weight: term.weight })
    }

    /// Weighted mean over the frames that have an energy, summed over the models of an ensemble; `None`
    /// where no frame has one.
    ///
    /// # Shapes
    /// `prediction`: `[n_groups]`, or `[n_groups, M]` of an ensemble.
    pub(crate) fn value(&self, prediction: &Tensor, target: &Target) -> Result<Option<Tensor>, ObjectiveError> {
        let Some(energy) = &target.energy else { return Ok(None) };
        let energies = energy.to_vec1::<f64>()?;
        let known: Vec<u32> = (0..energies.len()).filter(|&i| !energies[i].is_nan()).map(|i| i as u32).collect();
        let n = known.len();
        if n == 0 {
            return Ok(None);
        }
        let index = Tensor::new(known, &Device::Cpu)?;
        let prediction =
            Prediction::new(prediction.index_select(&index, 0)?.reshape((n, self.outcome.models()))?, None);
        let target = Target {
            value: energy.to_dtype(DType::F64)?.index_select(&index, 0)?.reshape((n, 1))?,
            observed: None,
            group: (0..n as u32).collect(),
            n_groups: n,
            energy: None,
            attributes: vec![],
            weight: vec![],
        };
        let natural = self.outcome.natural(&prediction)?;
        let mut nll = self.outcome.nll_of(&natural, &target)?;
        if let Some(regularizer) = self.outcome.regularizer_of(&natural, &target)? {
            nll = (nll + regularizer)?;
        }
        Ok(Some((nll.mean_all()? * (self.weight * self.outcome.models() as f64))?))
    }
}
