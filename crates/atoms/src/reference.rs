//! Reference energies of the elements: E ≈ Σ_z n_z e_z, so that a model learns what is left.
//!
//! Energies that are given stay; the others are fitted to the frames' energies by least squares. Where
//! the compositions do not determine them (a single molecule's frames determine one combination only)
//! the solution of smallest norm is taken: with A `[n_frames, n_species]` the counts,
//! e = A⁺ b = Q Λ⁺ Qᵀ Aᵀ b for AᵀA = Q Λ Qᵀ.

use std::collections::{BTreeMap, BTreeSet};

use surprisal_core::records::Structure;

/// Eigenvalues of AᵀA below this share of the largest are zero: rounding leaves about 1e-16.
const RANK_TOLERANCE: f64 = 1e-10;

/// Energies (eV) of every element that occurs; frames without an energy are not used.
pub fn fit_reference_energies(structures: &[Structure], given: &BTreeMap<u8, f64>) -> BTreeMap<u8, f64> {
    let present: BTreeSet<u8> = structures.iter().flat_map(|s| s.species.iter().copied()).collect();
    let free: Vec<u8> = present.iter().copied().filter(|z| !given.contains_key(z)).collect();
    let n = free.len();
    let mut normal = vec![vec![0.0; n]; n];
    let mut right = vec![0.0; n];
    for structure in structures {
        let Some(energy) = structure.energy else { continue };
        let count = |z: u8| structure.species.iter().filter(|&&s| s == z).count() as f64;
        let known: f64 = given.iter().map(|(&z, e)| count(z) * e).sum();
        let counts: Vec<f64> = free.iter().map(|&z| count(z)).collect();
        for r in 0..n {
            right[r] += counts[r] * (energy - known);
            for c in 0..n {
                normal[r][c] += counts[r] * counts[c];
            }
        }
    }
    let fitted = solve_minimum_norm(normal, &right);
    let mut energies: BTreeMap<u8, f64> = free.into_iter().zip(fitted).collect();
    energies.extend(given.iter().filter(|(z, _)| present.contains(z)));
    energies
}

/// The solution of smallest norm of M x = b for a symmetric positive semidefinite M.
fn solve_minimum_norm(m: Vec<Vec<f64>>, b: &[f64]) -> Vec<f64> {
    let n = b.len();
    let (values, vectors) = eigen(m);
    let largest = values.iter().copied().fold(0.0, f64::max);
    let mut x = vec![0.0; n];
    for k in 0..n {
        if values[k] > RANK_TOLERANCE * largest {
            let along: f64 = (0..n).map(|r| vectors[r][k] * b[r]).sum::<f64>() / values[k];
            (0..n).for_each(|r| x[r] += along * vectors[r][k]);
        }
    }
    x
}

/// Eigenvalues and eigenvectors (columns) of a symmetric matrix by cyclic Jacobi rotations.
fn eigen(mut m: Vec<Vec<f64>>) -> (Vec<f64>, Vec<Vec<f64>>) {
    let n = m.len();
    let mut q: Vec<Vec<f64>> = (0..n).map(|r| (0..n).map(|c| f64::from(u8::from(r == c))).collect()).collect();
    // Convergence is quadratic; ten sweeps are ample for a dozen elements.
    for _ in 0..30 {
        for a in 0..n {
            for b in a + 1..n {
                if m[a][b] == 0.0 {
                    continue;
                }
                let theta = (m[b][b] - m[a][a]) / (2.0 * m[a][b]);
                let t = theta.signum() / (theta.abs() + (theta * theta + 1.0).sqrt());
                let t = if theta == 0.0 { 1.0 } else { t };
                let c = 1.0 / (t * t + 1.0).sqrt();
                let s = t * c;
                for row in m.iter_mut().chain(q.iter_mut()) {
                    (row[a], row[b]) = (c * row[a] - s * row[b], s * row[a] + c * row[b]);
                }
                for k in 0..n {
                    (m[a][k], m[b][k]) = (c * m[a][k] - s * m[b][k], s * m[a][k] + c * m[b][k]);
                }
            }
        }
    }
    ((0..n).map(|k| m[k][k]).collect(), q)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(species: &[u8], energy: Option<f64>) -> Structure {
        Structure {
            species: species.to_vec(),
            positions: vec![[0.0; 3]; species.len()],
            cell: None,
            periodic: [false; 3],
            energy,
            forces: None,
            frame: 1,
            step: 1,
        }
    }

    #[test]
    fn independent_compositions_are_solved_exactly() {
        let frames = [
            frame(&[1, 1], Some(-2.0)),
            frame(&[1, 8, 1], Some(-12.0)),
            frame(&[6, 1], Some(-41.0)),
            frame(&[8], None),
        ];
        let e = fit_reference_energies(&frames, &BTreeMap::new());
        for (z, expected) in [(1, -1.0), (6, -40.0), (8, -10.0)] {
            assert!((e[&z] - expected).abs() < 1e-10, "{z}: {}", e[&z]);
        }
    }

    #[test]
    fn one_molecule_gets_the_smallest_energies_that_fit() {
        // Minimum norm along the counts (4, 1): e = −50/17 · (4, 1).
        let frames = [frame(&[1, 6, 1, 1, 1], Some(-49.0)), frame(&[1, 6, 1, 1, 1], Some(-51.0))];
        let e = fit_reference_energies(&frames, &BTreeMap::new());
        assert!((e[&1] + 200.0 / 17.0).abs() < 1e-10 && (e[&6] + 50.0 / 17.0).abs() < 1e-10);
    }

    #[test]
    fn given_energies_stay() {
        let frames = [frame(&[1, 6, 1, 1, 1], Some(-50.0))];
        let e = fit_reference_energies(&frames, &BTreeMap::from([(6, -30.0), (8, -1.0)]));
        assert_eq!(e[&6], -30.0);
        assert!((e[&1] + 5.0).abs() < 1e-12);
        assert!(!e.contains_key(&8), "an element that does not occur");
    }

    #[test]
    fn frames_without_energies_leave_zero() {
        assert_eq!(fit_reference_energies(&[frame(&[1], None)], &BTreeMap::new())[&1], 0.0);
    }
}
