//! A structure with its neighbours, and several of them joined into one graph.
//!
//! Edges come in opposite pairs (i ← j, shift) and (j ← i, −shift) of one length; a graph keeps one of
//! each pair, p = (i, j), with r_p = x_j + shift − x_i, and a model sends messages along it both ways.

use std::collections::BTreeMap;
use std::sync::Arc;

use surprisal_core::records::Structure;

use crate::error::AtomsError;
use crate::neighbors::neighbor_list;

/// Two atoms nearer than this (Å) have no direction between them that can be trusted.
const COINCIDENT: f64 = 1e-6;

/// One frame with its neighbour pairs.
#[derive(Debug, Clone)]
pub struct Graph {
    /// Atomic numbers, `[n_atoms]`.
    pub(crate) species: Vec<u8>,
    /// The frame's place in its file, for messages.
    pub(crate) frame: usize,
    pub(crate) cutoff: f64,
    /// Atoms of each pair, `[n_pairs]`.
    pub(crate) first: Vec<u32>,
    pub(crate) second: Vec<u32>,
    /// r_p = x_second + shift − x_first, Å, `[n_pairs]`.
    pub(crate) vectors: Vec<[f64; 3]>,
}

impl Graph {
    /// Finds the pairs within `cutoff` Å.
    pub fn new(structure: &Structure, cutoff: f64) -> Result<Self, AtomsError> {
        if !(cutoff > 0.0 && cutoff.is_finite()) {
            return Err(AtomsError::InvalidConfig { field: "cutoff_angstrom", wants: "positive", found: cutoff });
        }
        let edges = neighbor_list(structure, cutoff)?;
        let mut graph = Self {
            species: structure.species.clone(),
            frame: structure.frame,
            cutoff,
            first: Vec::with_capacity(edges.len() / 2),
            second: Vec::with_capacity(edges.len() / 2),
            vectors: Vec::with_capacity(edges.len() / 2),
        };
        for ((&i, &j), &shift) in edges.center.iter().zip(&edges.neighbor).zip(&edges.shift) {
            // Of the two translations ±shift of an atom's own image, one is lexicographically positive.
            if i < j || (i == j && shift > [0.0; 3]) {
                let (a, b) = (structure.positions[i as usize], structure.positions[j as usize]);
                let r: [f64; 3] = std::array::from_fn(|k| b[k] - a[k] + shift[k]);
                let distance = r.iter().map(|v| v * v).sum::<f64>().sqrt();
                if distance < COINCIDENT {
                    let (first, second) = (i as usize, j as usize);
                    return Err(AtomsError::CoincidentAtoms { frame: structure.frame, first, second, distance });
                }
                graph.first.push(i);
                graph.second.push(j);
                graph.vectors.push(r);
            }
        }
        Ok(graph)
    }

    /// Number of atoms.
    pub fn n_atoms(&self) -> usize {
        self.species.len()
    }

    /// Number of neighbour pairs: half the number of directed edges.
    pub fn n_pairs(&self) -> usize {
        self.first.len()
    }

    /// The cut-off it was built with, Å.
    pub fn cutoff(&self) -> f64 {
        self.cutoff
    }
}

/// Atoms of each pair of a batch, and the number of atoms.
#[derive(Debug)]
pub(crate) struct Pairs {
    pub(crate) first: Vec<u32>,
    pub(crate) second: Vec<u32>,
    pub(crate) n_atoms: usize,
}

/// Frames as one graph: atoms, and pairs, one frame after the other.
#[derive(Debug, Clone)]
pub(crate) struct Batch {
    /// Row of each atom's species in the embedding, `[n_atoms]`.
    pub(crate) species: Vec<u32>,
    pub(crate) pairs: Arc<Pairs>,
    /// Row-major `[n_pairs, 3]`, Å.
    pub(crate) vectors: Vec<f64>,
    /// Frame of each atom, `[n_atoms]`.
    pub(crate) frame_of_atom: Vec<u32>,
    pub(crate) n_frames: usize,
}

impl Batch {
    /// Joins graphs for a model that knows `rows` (embedding row of each species).
    pub(crate) fn new(graphs: &[&Graph], rows: &BTreeMap<u8, u32>, cutoff: f64) -> Result<Self, AtomsError> {
        if graphs.is_empty() {
            return Err(AtomsError::EmptyBatch);
        }
        let (mut species, mut frame_of_atom, mut vectors) = (vec![], vec![], vec![]);
        let (mut first, mut second) = (vec![], vec![]);
        for (frame, graph) in (0..).zip(graphs) {
            if graph.cutoff != cutoff {
                return Err(AtomsError::CutoffMismatch { found: graph.cutoff, wants: cutoff });
            }
            let offset = species.len() as u32;
            for (atom, z) in graph.species.iter().enumerate() {
                let row = rows.get(z).ok_or_else(|| AtomsError::UnknownSpecies {
                    frame: graph.frame,
                    atom: atom + 1,
                    species: *z,
                    known: rows.keys().copied().collect(),
                })?;
                species.push(*row);
                frame_of_atom.push(frame);
            }
            first.extend(graph.first.iter().map(|i| i + offset));
            second.extend(graph.second.iter().map(|j| j + offset));
            vectors.extend(graph.vectors.iter().flatten());
        }
        let pairs = Arc::new(Pairs { first, second, n_atoms: species.len() });
        Ok(Self { species, pairs, vectors, frame_of_atom, n_frames: graphs.len() })
    }

    pub(crate) fn n_atoms(&self) -> usize {
        self.species.len()
    }

    pub(crate) fn n_pairs(&self) -> usize {
        self.pairs.first.len()
    }

    /// x_second − x_first of a field on atoms: row-major `[n_atoms, 3]` → `[n_pairs, 3]`.
    pub(crate) fn differences(&self, x: &[f64]) -> Vec<f64> {
        let ends = self.pairs.first.iter().zip(&self.pairs.second);
        ends.flat_map(|(&i, &j)| (0..3).map(move |k| x[3 * j as usize + k] - x[3 * i as usize + k])).collect()
    }

    /// The transpose of [`Batch::differences`].
    pub(crate) fn gather_differences(&self, g: &[f64]) -> Vec<f64> {
        let mut out = vec![0.0; 3 * self.n_atoms()];
        let ends = self.pairs.first.iter().zip(&self.pairs.second);
        for ((&i, &j), g) in ends.zip(g.chunks_exact(3)) {
            for k in 0..3 {
                out[3 * j as usize + k] += g[k];
                out[3 * i as usize + k] -= g[k];
            }
        }
        out
    }
}
