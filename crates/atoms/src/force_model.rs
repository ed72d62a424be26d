//! What every force model answers, and the registry of them.
//!
//! A model works in internal units throughout; whoever calls it scales energies and forces.

use std::any::Any;

use candle_core::{Device, Tensor};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use surprisal_core::{Cotangent, Parameters, Prediction, registry};

use crate::error::AtomsError;
use crate::graph::Graph;
// The name of the variant, `ForceModelConfig::Painn`.
use crate::painn::PainnConfig as Painn;

/// Where forces come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ForceOutput {
    /// F = −∂E/∂x: energy is conserved, and the forces on a molecule sum to zero.
    Gradient,
    /// An equivariant vector per atom, without an energy: cheaper, and conserves nothing.
    Direct,
}

/// What a model kept of a prediction for its pullback.
pub struct ForceTape(Box<dyn Any + Send>);

impl ForceTape {
    /// Wraps what a model wants back.
    pub fn new<T: Any + Send>(record: T) -> Self {
        Self(Box::new(record))
    }

    /// What [`ForceTape::new`] was given.
    pub fn into_record<T: Any + Send>(self) -> Result<T, AtomsError> {
        self.0.downcast().map(|record| *record).map_err(|_| AtomsError::ForeignTape)
    }
}

/// A model of the forces on atoms. Threads may share it: nothing in it changes but the parameters,
/// and those only between steps.
pub trait ForceModel: Send + Sync {
    /// The trainable tensors; a gradient has their order.
    fn parameters(&self) -> &Parameters;

    /// Where its forces come from.
    fn forces(&self) -> ForceOutput;

    /// The cut-off its graphs are built with, Å.
    fn cutoff_angstrom(&self) -> f64;

    /// Number of invariant raw scalars per atom beside the force.
    fn n_outputs(&self) -> usize;

    /// Forces, raw outputs and energies, with what the pullback needs.
    ///
    /// # Shapes
    /// `location` `[n_atoms, 3]`, `outputs` `[n_atoms, n_outputs]` or `None` where there are none,
    /// `energy` `[n_frames]`, `None` for direct forces; atoms one frame after the other.
    fn predict(&self, graphs: &[&Graph]) -> Result<(Prediction, ForceTape), AtomsError>;

    /// ∂⟨cotangent, prediction⟩/∂θ in the order of [`ForceModel::parameters`]. A missing energy or
    /// output cotangent is zero.
    fn pullback(&self, tape: ForceTape, cotangent: &Cotangent) -> Result<Vec<Tensor>, AtomsError>;

    /// The prediction alone.
    fn evaluate(&self, graphs: &[&Graph]) -> Result<Prediction, AtomsError>;
}

/// A configured force model, ready to be built.
pub trait BuildForceModel {
    /// Builds the model with `n_outputs` raw scalars per atom, for the given elements, with weights
    /// drawn from `seed`.
    fn build(
        &self,
        n_outputs: usize,
        species: &[u8],
        seed: u64,
        device: &Device,
    ) -> Result<Box<dyn ForceModel>, AtomsError>;

    /// The first impossible value of its configuration, in words that begin with the key in backticks.
    fn problem(&self) -> Option<String>;

    /// The cut-off its graphs are built with, Å.
    fn cutoff_angstrom(&self) -> f64;

    /// Where its forces come from.
    fn forces(&self) -> ForceOutput;
}

registry! {
    /// Every force model.
    pub enum ForceModelConfig: dyn BuildForceModel {
        "painn" => Painn,
    }
}
