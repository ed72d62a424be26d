//! The lattice of a structure: translations n·cell and fractional coordinates s = x·cell⁻¹.
//!
//! Directions that do not repeat need no lattice vector; a unit vector perpendicular to the repeating
//! ones stands in for it, so that slabs and wires with a zero vector in their cell are fine.

use surprisal_core::records::Structure;

use crate::error::AtomsError;

/// The (completed) lattice vectors of a structure and their inverse.
#[derive(Debug, Clone)]
pub(crate) struct Lattice {
    /// Rows are the lattice vectors, Å.
    cell: [[f64; 3]; 3],
    /// Columns are the reciprocal vectors, 1/Å: row · inverse = fractional.
    inverse: [[f64; 3]; 3],
}

impl Lattice {
    pub(crate) fn new(structure: &Structure) -> Result<Self, AtomsError> {
        let frame = structure.frame;
        let given = structure.cell.ok_or(AtomsError::MissingCell { frame })?;
        let cell = completed(given, structure.periodic);
        let lengths = cell.map(|a| dot(a, a).sqrt());
        let volume = dot(cell[0], cross(cell[1], cell[2]));
        // Relative to a box of the same edges; below this nothing but rounding is left.
        if !(volume.abs() > 1e-9 * lengths.iter().product::<f64>()) {
            return Err(AtomsError::SingularCell { frame });
        }
        let columns = [cross(cell[1], cell[2]), cross(cell[2], cell[0]), cross(cell[0], cell[1])];
        let inverse = std::array::from_fn(|r| std::array::from_fn(|c| columns[c][r] / volume));
        Ok(Self { cell, inverse })
    }

    /// n·cell, Å.
    pub(crate) fn translation(&self, n: [i64; 3]) -> [f64; 3] {
        std::array::from_fn(|k| (0..3).map(|l| n[l] as f64 * self.cell[l][k]).sum())
    }

    /// x·cell⁻¹.
    pub(crate) fn fractional(&self, x: [f64; 3]) -> [f64; 3] {
        std::array::from_fn(|k| (0..3).map(|l| x[l] * self.inverse[l][k]).sum())
    }

    /// Distance between neighbouring lattice planes along each direction, Å.
    pub(crate) fn plane_distances(&self) -> [f64; 3] {
        std::array::from_fn(|k| 1.0 / (0..3).map(|l| self.inverse[l][k].powi(2)).sum::<f64>().sqrt())
    }
}

fn completed(cell: [[f64; 3]; 3], periodic: [bool; 3]) -> [[f64; 3]; 3] {
    let mut cell = cell;
    let repeating: Vec<usize> = (0..3).filter(|&k| periodic[k]).collect();
    match repeating.as_slice() {
        [a, b] => cell[3 - a - b] = unit(cross(cell[*a], cell[*b])),
        [a] => {
            let along = unit(cell[*a]);
            // The axis least parallel to the wire spans, with it, a plane.
            let least = (0..3).min_by(|&k, &l| along[k].abs().total_cmp(&along[l].abs())).unwrap_or(0);
            let mut axis = [0.0; 3];
            axis[least] = 1.0;
            let first = unit(cross(along, axis));
            cell[(a + 1) % 3] = first;
            cell[(a + 2) % 3] = cross(along, first);
        }
        _ => {}
    }
    cell
}

pub(crate) fn subtract(a: [f64; 3], b: [f64; 3]) -> [f64; 3] {
    [a[0] - b[0], a[1] - b[1], a[2] - b[2]]
}

fn dot(a: [f64; 3], b: [f64; 3]) -> f64 {
    a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
}

fn cross(a: [f64; 3], b: [f64; 3]) -> [f64; 3] {
    [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]]
}

fn unit(a: [f64; 3]) -> [f64; 3] {
    a.map(|v| v / dot(a, a).sqrt())
}
