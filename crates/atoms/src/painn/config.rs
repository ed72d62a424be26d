//! The configuration of [`Painn`](super::Painn), `[model.painn]`.

use candle_core::Device;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use surprisal_core::Precision;

use super::Painn;
use crate::error::AtomsError;
use crate::force_model::{BuildForceModel, ForceModel, ForceOutput};

/// The polarizable atom interaction neural network (Schütt, Unke, Gastegger, ICML 2021).
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PainnConfig {
    /// Atoms nearer than this see each other, Å.
    pub cutoff_angstrom: f64,
    /// Width of the scalar and of the vector features.
    #[serde(default = "default_features")]
    pub n_features: usize,
    /// Number of message and update blocks.
    #[serde(default = "default_interactions")]
    pub n_interactions: usize,
    /// Number of radial basis functions.
    #[serde(default = "default_radial")]
    pub n_radial: usize,
    /// Forces as the gradient of an energy, or predicted directly.
    #[serde(default = "default_forces")]
    pub forces: ForceOutput,
    /// The floating-point type the network computes in.
    #[serde(default = "default_dtype")]
    pub dtype: Precision,
}

fn default_features() -> usize {
    64
}

fn default_interactions() -> usize {
    3
}

fn default_radial() -> usize {
    16
}

fn default_forces() -> ForceOutput {
    ForceOutput::Gradient
}

fn default_dtype() -> Precision {
    Precision::Float32
}

impl PainnConfig {
    /// The default network with the given cut-off.
    pub fn new(cutoff_angstrom: f64) -> Self {
        Self {
            cutoff_angstrom,
            n_features: default_features(),
            n_interactions: default_interactions(),
            n_radial: default_radial(),
            forces: default_forces(),
            dtype: default_dtype(),
        }
    }

    pub(super) fn validate(&self) -> Result<(), AtomsError> {
        let cutoff = self.cutoff_angstrom;
        if !(cutoff > 0.0 && cutoff.is_finite()) {
            return Err(AtomsError::InvalidConfig {
                field: "cutoff_angstrom",
                wants: "positive and finite",
                found: cutoff,
            });
        }
        for (field, found) in
            [("n_features", self.n_features), ("n_interactions", self.n_interactions), ("n_radial", self.n_radial)]
        {
            if found == 0 {
                return Err(AtomsError::InvalidConfig { field, wants: "at least 1", found: 0.0 });
            }
        }
        Ok(())
    }
}

impl BuildForceModel for PainnConfig {
    fn build(
        &self,
        n_outputs: usize,
        species: &[u8],
        seed: u64,
        device: &Device,
    ) -> Result<Box<dyn ForceModel>, AtomsError> {
        Ok(Box::new(Painn::new(self, n_outputs, species, seed, device)?))
    }

    fn problem(&self) -> Option<String> {
        self.validate().err().map(|error| error.to_string())
    }

    fn cutoff_angstrom(&self) -> f64 {
        self.cutoff_angstrom
    }

    fn forces(&self) -> ForceOutput {
        self.forces
    }
}
