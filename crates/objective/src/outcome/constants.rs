//! The likelihood's trained constants in the data's own units.

use super::Outcome;
use crate::ObjectiveError;
use crate::likelihood::Source;

/// A parameter of the likelihood that is trained and the same for all samples.
#[derive(Debug, Clone, PartialEq)]
pub struct Constant {
    /// As the likelihood calls it: `scale`.
    pub name: &'static str,
    /// Its tensor among the parameters: `likelihood.scale`.
    pub tensor: String,
    /// Values in the data's own units, `[n_blocks·width]`, entry by entry a function of the tensor's.
    pub values: Vec<f64>,
}

impl Outcome {
    /// Every trained constant, as it is now.
    pub fn constants(&self) -> Result<Vec<Constant>, ObjectiveError> {
        let mut constants = vec![];
        for spec in self.specs.iter().filter(|spec| spec.source == Source::Constant) {
            let tensor = format!("{}.{}", self.prefix, spec.name);
            let Some(parameter) = self.own.get(&tensor) else { continue };
            let raw = parameter.var.flatten_all()?.to_vec1::<f64>()?;
            let natural = raw.iter().enumerate().map(|(i, raw)| spec.link.value(*raw) * self.unit(spec, i));
            constants.push(Constant { name: spec.name, values: natural.collect(), tensor });
        }
        Ok(constants)
    }
}
