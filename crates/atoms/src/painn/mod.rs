//! PaiNN, an equivariant message-passing network (Schütt, Unke, Gastegger, *Equivariant message
//! passing for the prediction of tensorial properties and molecular spectra*, ICML 2021, eqs. 7–10).
//!
//! Every atom carries scalars s `[F]` and vectors v `[3, F]`; s starts as the element's embedding, v
//! at zero. Each block sends messages along pairs within the cut-off and then
//! updates each atom. Atomic energies and raw outputs come from s; direct forces from v.
//! Everything is a smooth function of the positions, also where an atom crosses the cut-off.

mod config;
mod layers;
mod message;
mod network;
mod update;

use std::collections::BTreeMap;

use candle_core::{DType, Device, Tensor};
use surprisal_core::{Cotangent, Parameters, Prediction, Rows};
use surprisal_ops::Dual;

pub use config::PainnConfig;

use crate::conservative::{self, AtomicEnergy, gradient_in_order, tensor, to_f64};
use crate::error::AtomsError;
use crate::force_model::{ForceModel, ForceOutput, ForceTape};
use crate::graph::{Batch, Graph};
use crate::radial::BesselBasis;
use layers::Initializer;
use network::Network;

/// The network with its weights.
pub struct Painn {
    parameters: Parameters,
    network: Network,
    forces: ForceOutput,
    n_outputs: usize,
    /// Row of each element in the embedding.
    rows: BTreeMap<u8, u32>,
    tracked: Vec<Tensor>,
    /// The same storage as `tracked`, without history.
    detached: Vec<Tensor>,
}

impl Painn {
    /// Draws the weights of a network for the given elements from `seed`.
    pub fn new(
        config: &PainnConfig,
        n_outputs: usize,
        species: &[u8],
        seed: u64,
        device: &Device,
    ) -> Result<Self, AtomsError> {
        config.validate()?;
        let rows: BTreeMap<u8, u32> =
            species.iter().copied().collect::<std::collections::BTreeSet<u8>>().into_iter().zip(0..).collect();
        if rows.is_empty() {
            return Err(AtomsError::NoSpecies);
        }
        let mut parameters = Parameters::new();
        let dtype = config.dtype.dtype();
        let network = Network::new(
            &mut Initializer { parameters: &mut parameters, seed, dtype, device },
            config.n_features,
            config.n_interactions,
            BesselBasis { n_radial: config.n_radial, cutoff: config.cutoff_angstrom },
            rows.len(),
            config.forces,
            n_outputs,
        )?;
        let tracked = parameters.iter().map(|p| p.var.as_tensor().clone()).collect();
        let detached = parameters.iter().map(|p| p.var.as_detached_tensor()).collect();
        Ok(Self { parameters, network, forces: config.forces, n_outputs, rows, tracked, detached })
    }

    /// The elements it knows.
    pub fn species(&self) -> Vec<u8> {
        self.rows.keys().copied().collect()
    }

    fn batch(&self, graphs: &[&Graph]) -> Result<Batch, AtomsError> {
        Batch::new(graphs, &self.rows, self.network.basis.cutoff)
    }

    /// Forces and raw outputs in the model's type, with history to `weights` if they have any.
    fn direct(&self, weights: &[Tensor], batch: &Batch) -> Result<DirectTape, AtomsError> {
        let vectors = Dual::plain(&tensor(self, batch, batch.vectors.clone())?)?;
        let x = self.network.features(weights, batch, &vectors)?;
        let forces = self.network.vectors(weights, &x)?.ok_or(AtomsError::ForeignTape)?.value()?;
        let outputs = self.network.scalars(weights, &x)?.map(|s| s.value()).transpose()?;
        Ok(DirectTape { forces, outputs })
    }
}

/// What the pullback of direct forces needs: the answers with their history.
struct DirectTape {
    forces: Tensor,
    outputs: Option<Tensor>,
}

impl DirectTape {
    fn prediction(&self) -> Result<Prediction, AtomsError> {
        Ok(Prediction {
            location: to_f64(&self.forces)?,
            outputs: self.outputs.as_ref().map(to_f64).transpose()?,
            energy: None,
            probes: vec![],
            rows: Rows::Samples,
        })
    }

    /// ⟨cotangent, answers⟩.
    fn contract(&self, cotangent: &Cotangent) -> Result<Tensor, AtomsError> {
        let product = |answer: &Tensor, g: &Tensor| {
            let g = g.to_dtype(answer.dtype())?.to_device(answer.device())?;
            (answer * g)?.sum_all()
        };
        let forces = product(&self.forces, &cotangent.location)?;
        match (&self.outputs, &cotangent.outputs) {
            (Some(outputs), Some(g)) => Ok((forces + product(outputs, g)?)?),
            _ => Ok(forces),
        }
    }
}

impl AtomicEnergy for Painn {
    fn atomic(&self, tracked: bool, batch: &Batch, vectors: &Dual) -> candle_core::Result<Dual> {
        let weights = if tracked { &self.tracked } else { &self.detached };
        let x = self.network.features(weights, batch, vectors)?;
        let scalars = self.network.scalars(weights, &x)?;
        scalars.ok_or_else(|| candle_core::Error::Msg("a model of direct forces has no energy".into()))
    }

    fn placement(&self) -> (DType, Device) {
        (self.network.dtype, self.network.device.clone())
    }
}

impl ForceModel for Painn {
    fn parameters(&self) -> &Parameters {
        &self.parameters
    }

    fn forces(&self) -> ForceOutput {
        self.forces
    }

    fn cutoff_angstrom(&self) -> f64 {
        self.network.basis.cutoff
    }

    fn n_outputs(&self) -> usize {
        self.n_outputs
    }

    fn predict(&self, graphs: &[&Graph]) -> Result<(Prediction, ForceTape), AtomsError> {
        let batch = self.batch(graphs)?;
        match self.forces {
            ForceOutput::Gradient => Ok((conservative::predict(self, &batch)?, ForceTape::new(batch))),
            ForceOutput::Direct => {
                let tape = self.direct(&self.tracked, &batch)?;
                Ok((tape.prediction()?, ForceTape::new(tape)))
            }
        }
    }

    fn pullback(&self, tape: ForceTape, cotangent: &Cotangent) -> Result<Vec<Tensor>, AtomsError> {
        match self.forces {
            ForceOutput::Gradient => {
                conservative::pullback(self, &self.parameters, &tape.into_record::<Batch>()?, cotangent)
            }
            ForceOutput::Direct => {
                let tape = tape.into_record::<DirectTape>()?;
                gradient_in_order(&self.parameters, &tape.contract(cotangent)?.backward()?)
            }
        }
    }

    fn evaluate(&self, graphs: &[&Graph]) -> Result<Prediction, AtomsError> {
        let batch = self.batch(graphs)?;
        match self.forces {
            ForceOutput::Gradient => conservative::predict(self, &batch),
            ForceOutput::Direct => self.direct(&self.detached, &batch)?.prediction(),
        }
    }
}
