//! A force model behind the predictor's interface, in units of the training forces.
//!
//! With s the root mean square of the training force components (eV/Å), the network's length unit
//! is 1 Å, its force unit s and its energy unit s·Å: e = (E − Σ E₀ − n_atoms·ε)/s, where E₀ are the
//! energies of isolated atoms and ε is the training set's mean remainder per atom.

use std::collections::BTreeMap;
use std::sync::Arc;

use candle_core::Tensor;
use surprisal_atoms::reference::fit_reference_energies;
use surprisal_atoms::{AtomsError, ForceModel, ForceTape, Graph};
use surprisal_core::prediction::GroupTarget;
use surprisal_core::records::Structure;
use surprisal_core::{Cotangent, Parameters, Prediction};

use super::Predictor;
use crate::TrainError;

/// Between electronvolts and the network's units.
#[derive(Debug, Clone, PartialEq)]
pub struct ForceScaling {
    /// Root mean square of the training force components, eV/Å.
    pub force: f64,
    /// E₀ by atomic number, eV.
    pub reference: BTreeMap<u8, f64>,
    /// ε, eV.
    pub energy_per_atom: f64,
}

impl ForceScaling {
    /// From the training frames and the isolated-atom energies that are known; the others are fitted
    /// by least squares.
    pub fn fit(train: &[Structure], isolated: &BTreeMap<u8, f64>) -> Self {
        let (mut sum, mut n) = (0.0, 0usize);
        for force in train.iter().flat_map(|s| s.forces.iter().flatten()) {
            sum += force.iter().map(|f| f * f).sum::<f64>();
            n += 3;
        }
        let force = if sum > 0.0 { (sum / n as f64).sqrt() } else { 1.0 };
        let reference = fit_reference_energies(train, isolated);
        let remainders: Vec<f64> = train
            .iter()
            .filter_map(|s| s.energy.map(|e| (e - reference_energy(&reference, s)) / s.n_atoms() as f64))
            .collect();
        let energy_per_atom =
            if remainders.is_empty() { 0.0 } else { remainders.iter().sum::<f64>() / remainders.len() as f64 };
        Self { force, reference, energy_per_atom }
    }

    /// Σ E₀ + n·ε of a structure, eV.
    pub fn offset(&self, structure: &Structure) -> f64 {
        reference_energy(&self.reference, structure) + self.energy_per_atom * structure.n_atoms() as f64
    }
}

fn reference_energy(reference: &BTreeMap<u8, f64>, structure: &Structure) -> f64 {
    structure.species.iter().map(|z| reference.get(z).copied().unwrap_or(0.0)).sum()
}

/// A frame with its graph, forces and energy in the network's units.
#[derive(Debug)]
pub struct FrameGroup {
    graph: Graph,
    forces: Vec<f64>,
    energy: Option<f64>,
    frame: usize,
    file: Arc<str>,
}

impl FrameGroup {
    /// The frame's graph within `cutoff` (Å) and its scaled targets; `file` is what a message calls the
    /// file the frame was read from.
    pub fn new(
        structure: &Structure,
        file: &Arc<str>,
        cutoff: f64,
        scaling: &ForceScaling,
    ) -> Result<Self, AtomsError> {
        let forces = structure.forces.iter().flatten().flatten().map(|f| f / scaling.force).collect();
        let energy = structure.energy.map(|e| (e - scaling.offset(structure)) / scaling.force);
        let graph = Graph::new(structure, cutoff)?;
        Ok(Self { graph, forces, energy, frame: structure.frame, file: Arc::clone(file) })
    }
}

/// A force model of the registry as a predictor.
pub struct ForcePredictor {
    /// The network.
    pub model: Box<dyn ForceModel>,
}

impl Predictor for ForcePredictor {
    type Group = FrameGroup;
    type Tape = ForceTape;

    fn parameters(&self) -> &Parameters {
        self.model.parameters()
    }

    fn shard_size(&self) -> usize {
        5
    }

    fn target<'a>(&self, group: &'a FrameGroup) -> GroupTarget<'a> {
        GroupTarget { values: &group.forces, observed: &[], energy: group.energy, attributes: &[], weight: 1.0 }
    }

    fn describe(&self, group: &FrameGroup) -> String {
        format!("frame {} of {}", group.frame, group.file)
    }

    fn predict(&self, shard: &[&FrameGroup]) -> Result<(Prediction, ForceTape), TrainError> {
        Ok(self.model.predict(&graphs(shard))?)
    }

    fn evaluate(&self, shard: &[&FrameGroup]) -> Result<Prediction, TrainError> {
        Ok(self.model.evaluate(&graphs(shard))?)
    }

    fn pullback(&self, tape: ForceTape, cotangent: &Cotangent) -> Result<Vec<Tensor>, TrainError> {
        Ok(self.model.pullback(tape, cotangent)?)
    }
}

fn graphs<'a>(shard: &[&'a FrameGroup]) -> Vec<&'a Graph> {
    shard.iter().map(|group| &group.graph).collect()
}
