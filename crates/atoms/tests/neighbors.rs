//! Neighbour lists against a search through all images in a wide range.

use surprisal_atoms::neighbor_list;
use surprisal_core::records::Structure;
use surprisal_core::rng;

type Edge = (u32, u32, [i64; 3]);

fn structure(n: usize, cell: Option<[[f64; 3]; 3]>, periodic: [bool; 3], spread: f64, seed: u64) -> Structure {
    let mut stream = rng::stream(seed, "atoms", 0);
    let positions = (0..n).map(|_| std::array::from_fn(|_| spread * (rng::uniform(&mut stream) - 0.5))).collect();
    Structure { species: vec![14; n], positions, cell, periodic, energy: None, forces: None, frame: 4, step: 4 }
}

/// Shifts in units of 1e-6 Å, so that they compare and sort.
fn key(center: u32, neighbor: u32, shift: [f64; 3]) -> Edge {
    (center, neighbor, shift.map(|v| (v * 1e6).round() as i64))
}

#[track_caller]
fn check(structure: &Structure, cutoff: f64) {
    let edges = neighbor_list(structure, cutoff).unwrap();
    let mut found: Vec<Edge> =
        (0..edges.len()).map(|e| key(edges.center[e], edges.neighbor[e], edges.shift[e])).collect();
    let cell = structure.cell.unwrap_or_default();
    let range = |k: usize| if structure.periodic[k] { -14..=14i64 } else { 0..=0 };
    let mut expected = Vec::new();
    for (i, xi) in structure.positions.iter().enumerate() {
        for (j, xj) in structure.positions.iter().enumerate() {
            for a in range(0) {
                for b in range(1) {
                    for c in range(2) {
                        let n = [a as f64, b as f64, c as f64];
                        let shift: [f64; 3] = std::array::from_fn(|k| (0..3).map(|l| n[l] * cell[l][k]).sum());
                        let d2: f64 = (0..3).map(|k| (xj[k] + shift[k] - xi[k]).powi(2)).sum();
                        if d2 < cutoff * cutoff && !(i == j && n == [0.0; 3]) {
                            expected.push(key(i as u32, j as u32, shift));
                        }
                    }
                }
            }
        }
    }
    found.sort_unstable();
    expected.sort_unstable();
    assert!(!expected.is_empty());
    assert_eq!(found, expected);
}

const SKEWED: [[f64; 3]; 3] = [[2.4, 0.1, 0.0], [1.9, 2.2, 0.0], [-0.7, 1.5, 2.9]];

#[test]
fn small_skewed_cells_with_self_images_and_atoms_outside() {
    check(&structure(1, Some(SKEWED), [true; 3], 0.0, 1), 5.0);
    check(&structure(4, Some(SKEWED), [true; 3], 9.0, 2), 4.0);
    // Left-handed.
    check(&structure(3, Some([SKEWED[1], SKEWED[0], SKEWED[2]]), [true; 3], 3.0, 3), 4.5);
}

#[test]
fn slabs_and_wires_need_no_vector_where_nothing_repeats() {
    for periodic in [[true, true, false], [false, true, true], [true, false, false], [false, false, true]] {
        check(&structure(4, Some(SKEWED), periodic, 4.0, 5), 4.0);
    }
    let slab = Some([[2.5, 0.0, 0.0], [0.4, 2.6, 0.0], [0.0; 3]]);
    check(&structure(4, slab, [true, true, false], 4.0, 6), 4.0);
}

#[test]
fn open_systems_small_and_large() {
    check(&structure(40, None, [false; 3], 8.0, 7), 3.0);
    check(&structure(700, None, [false; 3], 20.0, 8), 3.0);
    // A cell of an open system is not looked at.
    check(&structure(5, Some(SKEWED), [false; 3], 3.0, 9), 3.0);
}

#[test]
fn mistakes_are_named() {
    let message = |s: &Structure| neighbor_list(s, 3.0).unwrap_err().to_string();
    assert_eq!(message(&structure(2, None, [true; 3], 3.0, 1)), "frame 4 is periodic but has no cell");
    let flat = Some([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [1.0, 1.0, 0.0]]);
    assert!(message(&structure(2, flat, [true; 3], 3.0, 1)).contains("one plane"));
    let mut broken = structure(2, None, [false; 3], 3.0, 1);
    broken.positions[1][2] = f64::NAN;
    assert_eq!(message(&broken), "frame 4: the position of atom 1 is not finite");
    broken.species.pop();
    assert_eq!(message(&broken), "frame 4: 1 species for 2 positions");
}
