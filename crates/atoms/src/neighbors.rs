//! Neighbour lists: every ordered pair (i, j, image) with ‖x_j + shift − x_i‖ < cutoff.
//!
//! `shift` = n·cell, in Å, is the lattice translation of the neighbour's image. An atom is a
//! neighbour of its own images, and of several images of another atom, as the cell demands. Atoms
//! need not lie inside the cell. With s = (x_j − x_i)·cell⁻¹ and h_k the distance between the lattice
//! planes along k, only images with |s_k + n_k| ≤ cutoff / h_k can be near enough.

use std::collections::HashMap;

use surprisal_core::records::Structure;

use crate::error::AtomsError;
use crate::lattice::{Lattice, subtract};

/// Directed edges of a neighbour graph, ordered by centre, then neighbour.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Edges {
    /// i, the atom that receives, `[n_edges]`.
    pub center: Vec<u32>,
    /// j, `[n_edges]`.
    pub neighbor: Vec<u32>,
    /// Translation of the neighbour's image, Å, `[n_edges]`.
    pub shift: Vec<[f64; 3]>,
}

impl Edges {
    /// Number of directed edges.
    pub fn len(&self) -> usize {
        self.center.len()
    }

    /// Whether no atom has a neighbour.
    pub fn is_empty(&self) -> bool {
        self.center.is_empty()
    }

    fn push(&mut self, center: usize, neighbor: usize, shift: [f64; 3]) {
        self.center.push(center as u32);
        self.neighbor.push(neighbor as u32);
        self.shift.push(shift);
    }
}

/// Open systems above this size are searched cell by cell; below, all pairs are faster.
const ALL_PAIRS_BELOW: usize = 500;

/// All neighbours within `cutoff` Å.
pub fn neighbor_list(structure: &Structure, cutoff: f64) -> Result<Edges, AtomsError> {
    let frame = structure.frame;
    if structure.species.len() != structure.positions.len() {
        let (species, positions) = (structure.species.len(), structure.positions.len());
        return Err(AtomsError::UnequalLengths { frame, species, positions });
    }
    if let Some(atom) = structure.positions.iter().position(|x| x.iter().any(|v| !v.is_finite())) {
        return Err(AtomsError::NonFinitePosition { frame, atom });
    }
    if structure.periodic.contains(&true) {
        periodic(structure, &Lattice::new(structure)?, cutoff)
    } else if structure.n_atoms() < ALL_PAIRS_BELOW {
        Ok(all_pairs(structure, cutoff))
    } else {
        Ok(by_cells(structure, cutoff))
    }
}

fn norm_squared(d: [f64; 3]) -> f64 {
    d[0] * d[0] + d[1] * d[1] + d[2] * d[2]
}

fn all_pairs(structure: &Structure, cutoff: f64) -> Edges {
    let mut edges = Edges::default();
    let x = &structure.positions;
    for i in 0..x.len() {
        for j in 0..x.len() {
            if i != j && norm_squared(subtract(x[j], x[i])) < cutoff * cutoff {
                edges.push(i, j, [0.0; 3]);
            }
        }
    }
    edges
}

fn periodic(structure: &Structure, lattice: &Lattice, cutoff: f64) -> Result<Edges, AtomsError> {
    let mut edges = Edges::default();
    let x = &structure.positions;
    let reach = lattice.plane_distances().map(|h| cutoff / h);
    for i in 0..x.len() {
        for j in 0..x.len() {
            let d = subtract(x[j], x[i]);
            let s = lattice.fractional(d);
            let range = |k: usize| {
                if structure.periodic[k] {
                    // One more on each side: a rounding error may not lose an image; the distance decides.
                    ((-s[k] - reach[k]).floor() as i64)..=((-s[k] + reach[k]).ceil() as i64)
                } else {
                    0..=0
                }
            };
            for a in range(0) {
                for b in range(1) {
                    for c in range(2) {
                        if i == j && (a, b, c) == (0, 0, 0) {
                            continue;
                        }
                        let shift = lattice.translation([a, b, c]);
                        if norm_squared([d[0] + shift[0], d[1] + shift[1], d[2] + shift[2]]) < cutoff * cutoff {
                            edges.push(i, j, shift);
                        }
                    }
                }
            }
        }
    }
    Ok(edges)
}

fn by_cells(structure: &Structure, cutoff: f64) -> Edges {
    let x = &structure.positions;
    let cell = |p: [f64; 3]| p.map(|v| (v / cutoff).floor() as i64);
    let mut members: HashMap<[i64; 3], Vec<usize>> = HashMap::new();
    for (i, &p) in x.iter().enumerate() {
        members.entry(cell(p)).or_default().push(i);
    }
    let mut edges = Edges::default();
    let mut near = Vec::new();
    for i in 0..x.len() {
        let [a, b, c] = cell(x[i]);
        near.clear();
        for da in -1..=1 {
            for db in -1..=1 {
                for dc in -1..=1 {
                    near.extend(members.get(&[a + da, b + db, c + dc]).into_iter().flatten().copied());
                }
            }
        }
        near.retain(|&j| j != i && norm_squared(subtract(x[j], x[i])) < cutoff * cutoff);
        near.sort_unstable();
        near.iter().for_each(|&j| edges.push(i, j, [0.0; 3]));
    }
    edges
}
