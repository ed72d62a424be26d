//! The network of PaiNN: pair vectors → invariant and equivariant features → atoms' answers.

use candle_core::{DType, Device, Result, Tensor};
use surprisal_core::Role;
use surprisal_ops::Dual;

use super::layers::{Initializer, TwoLayers};
use super::message::message;
use super::update::{invariants, update};
use crate::force_model::ForceOutput;
use crate::graph::Batch;
use crate::radial::{BesselBasis, directions};

/// Gains of the layers that end a branch, so that a new network says little. A block multiplies vectors
/// with vectors, and a message is a sum over n neighbours that add up where their elements are equal
/// (n ≈ 10 in a molecule, 45 in copper within 5 Å, 87 within 6.5 Å): without small gains features grow
/// like n² a block. The sum is not divided by √n, because no one n suits molecules and metals.
const MESSAGE_GAIN: f64 = 0.1;
const UPDATE_GAIN: f64 = 0.1;
/// The energy is not damped, unlike raw outputs and direct forces: with a gain of 0.05 forces learned
/// much more slowly (ethanol, 60 epochs: 43 meV/Å instead of 34), and features are small enough.
const ENERGY_GAIN: f64 = 1.0;
const OUTPUT_GAIN: f64 = 0.05;
const GATE_GAIN: f64 = 0.05;

/// Sizes, and where in the list of weights each layer's are.
#[derive(Debug)]
pub(super) struct Network {
    pub(super) n_features: usize,
    pub(super) basis: BesselBasis,
    pub(super) dtype: DType,
    pub(super) device: Device,
    embedding: usize,
    interactions: Vec<Interaction>,
    /// Energy (in gradient mode) and raw outputs; `None` where there is nothing to say.
    scalars: Option<TwoLayers>,
    /// Direct forces.
    vectors: Option<Vectors>,
}

#[derive(Debug, Clone, Copy)]
struct Interaction {
    filter: usize,
    phi: TwoLayers,
    uv: usize,
    mix: TwoLayers,
}

/// F_i = Σ_f a_f (Uv)_f with gates a(s, ‖Vv‖): a gated equivariant block that ends in one vector.
#[derive(Debug, Clone, Copy)]
struct Vectors {
    uv: usize,
    gate: TwoLayers,
}

impl Network {
    pub(super) fn new(
        initializer: &mut Initializer<'_>,
        n_features: usize,
        n_interactions: usize,
        basis: BesselBasis,
        n_species: usize,
        forces: ForceOutput,
        n_outputs: usize,
    ) -> Result<Self> {
        let n = n_features;
        let embedding = initializer.normal("embedding", Role::Bias, &[n_species, n], 1.0)?;
        let interactions = (0..n_interactions)
            .map(|l| {
                let name = |part: &str| format!("interactions.{l}.{part}");
                Ok(Interaction {
                    filter: initializer.weight(&name("filter"), basis.width(), 3 * n, 1.0)?,
                    phi: initializer.two_layers(&name("message"), n, n, &vec![MESSAGE_GAIN; 3 * n])?,
                    uv: initializer.weight(&name("vectors"), n, 2 * n, 1.0)?,
                    mix: initializer.two_layers(&name("update"), 2 * n, n, &vec![UPDATE_GAIN; 3 * n])?,
                })
            })
            .collect::<Result<_>>()?;
        let mut gains = vec![OUTPUT_GAIN; n_outputs];
        if forces == ForceOutput::Gradient {
            gains.insert(0, ENERGY_GAIN);
        }
        let scalars =
            if gains.is_empty() { None } else { Some(initializer.two_layers("readout.scalars", n, n, &gains)?) };
        let vectors = match forces {
            ForceOutput::Gradient => None,
            ForceOutput::Direct => Some(Vectors {
                uv: initializer.weight("readout.vectors", n, 2 * n, 1.0)?,
                gate: initializer.two_layers("readout.gate", 2 * n, n, &vec![GATE_GAIN; n])?,
            }),
        };
        let (dtype, device) = (initializer.dtype, initializer.device.clone());
        Ok(Self { n_features, basis, dtype, device, embedding, interactions, scalars, vectors })
    }

    /// The features of every atom, `[n_atoms, 4 F]`: `[s | v_x | v_y | v_z]`.
    pub(super) fn features(&self, weights: &[Tensor], batch: &Batch, vectors: &Dual) -> Result<Dual> {
        let n = self.n_features;
        let species = Tensor::new(batch.species.as_slice(), &self.device)?;
        let s = weights[self.embedding].index_select(&species, 0)?;
        let mut x = Dual::constant(&s.pad_with_zeros(1, 0, 3 * n)?, vectors.n_lanes())?;
        let edges =
            if batch.n_pairs() == 0 { None } else { Some((self.basis.features(vectors)?, directions(vectors)?)) };
        for layer in &self.interactions {
            if let Some((radial, direction)) = &edges {
                let phi = layer.phi.apply(weights, &x.narrow(1, 0, n)?)?;
                let filter = radial.matmul(&weights[layer.filter])?;
                x = message(&batch.pairs, &Dual::cat(&[&phi, &x], 1)?, &filter, direction)?;
            }
            let uv = self.vector_maps(weights, layer.uv, &x)?;
            let a = layer.mix.apply(weights, &invariants(&x, &uv)?)?;
            x = update(&x, &uv, &a)?;
        }
        Ok(x)
    }

    /// Energy (in gradient mode) and raw outputs of every atom, side by side.
    pub(super) fn scalars(&self, weights: &[Tensor], x: &Dual) -> Result<Option<Dual>> {
        self.scalars.map(|layers| layers.apply(weights, &x.narrow(1, 0, self.n_features)?)).transpose()
    }

    /// Direct forces, `[n_atoms, 3]`.
    pub(super) fn vectors(&self, weights: &[Tensor], x: &Dual) -> Result<Option<Dual>> {
        let Some(layers) = self.vectors else { return Ok(None) };
        let (atoms, n) = (x.dims()[0], self.n_features);
        let uv = self.vector_maps(weights, layers.uv, x)?;
        let gate = layers.gate.apply(weights, &invariants(x, &uv)?)?.reshape(&[atoms, 1, n])?;
        let u = uv.narrow(1, 0, n)?.reshape(&[atoms, 3, n])?;
        u.mul(&gate)?.sum_keepdim(2)?.reshape(&[atoms, 3]).map(Some)
    }

    /// Uv and Vv, `[3 n_atoms, 2 F]`.
    fn vector_maps(&self, weights: &[Tensor], uv: usize, x: &Dual) -> Result<Dual> {
        let (atoms, n) = (x.dims()[0], self.n_features);
        x.narrow(1, n, 3 * n)?.reshape(&[3 * atoms, n])?.matmul(&weights[uv])
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use surprisal_core::Parameters;
    use surprisal_core::records::Structure;

    use super::*;
    use crate::graph::Graph;

    /// A simple cubic lattice with the nearest neighbours at `spacing`, one atom off its site.
    fn lattice(spacing: f64) -> Structure {
        let edge = 2.0 * spacing;
        let mut positions: Vec<[f64; 3]> =
            (0..8).map(|i| [i % 2, i / 2 % 2, i / 4].map(|k| f64::from(k) * spacing)).collect();
        positions[3][0] += 0.3;
        Structure {
            species: vec![6; 8],
            positions,
            cell: Some([[edge, 0.0, 0.0], [0.0, edge, 0.0], [0.0, 0.0, edge]]),
            periodic: [true; 3],
            energy: None,
            forces: None,
            frame: 1,
            step: 1,
        }
    }

    fn root_mean_square(x: &Dual) -> f64 {
        let square = x.value().unwrap().sqr().unwrap().mean_all().unwrap();
        square.to_scalar::<f64>().unwrap().sqrt()
    }

    #[test]
    fn features_stay_of_order_one_whatever_the_number_of_neighbours() {
        let (cutoff, n, device) = (5.0, 64, Device::Cpu);
        // About 4, 27 and 80 neighbours.
        for spacing in [4.5, 2.7, 1.9] {
            for seed in 0..6 {
                let mut parameters = Parameters::new();
                let mut initializer =
                    Initializer { parameters: &mut parameters, seed, dtype: DType::F64, device: &device };
                let basis = BesselBasis { n_radial: 16, cutoff };
                let network = Network::new(&mut initializer, n, 3, basis, 1, ForceOutput::Direct, 1).unwrap();
                let weights: Vec<Tensor> = parameters.iter().map(|p| p.var.as_detached_tensor()).collect();
                let graph = Graph::new(&lattice(spacing), cutoff).unwrap();
                let batch = Batch::new(&[&graph], &BTreeMap::from([(6, 0)]), cutoff).unwrap();
                let vectors = Tensor::from_vec(batch.vectors.clone(), (batch.n_pairs(), 3), &device).unwrap();
                let x = network.features(&weights, &batch, &Dual::plain(&vectors).unwrap()).unwrap();
                let s = root_mean_square(&x.narrow(1, 0, n).unwrap());
                let v = root_mean_square(&x.narrow(1, n, 3 * n).unwrap());
                let count = 2 * batch.n_pairs() / batch.n_atoms();
                assert!((0.5..2.0).contains(&s) && v < 1.0, "s {s}, v {v} with {count} neighbours, seed {seed}");
            }
        }
    }
}
