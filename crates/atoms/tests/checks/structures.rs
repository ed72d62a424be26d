//! Structures the checks use.

use surprisal_core::records::Structure;
use surprisal_core::rng;

/// An open system at the given places.
pub(crate) fn open(species: &[u8], positions: Vec<[f64; 3]>) -> Structure {
    Structure {
        species: species.to_vec(),
        positions,
        cell: None,
        periodic: [false; 3],
        energy: None,
        forces: None,
        frame: 1,
        step: 1,
    }
}

/// Six atoms without symmetry, some of them out of each other's sight.
pub(crate) fn molecule(seed: u64) -> Structure {
    let mut stream = rng::stream(seed, "molecule", 0);
    let sites =
        [[0.0, 0.0, 0.0], [1.4, 0.1, 0.2], [2.1, 1.3, -0.3], [-0.6, 0.9, 0.3], [-0.4, -0.7, 0.8], [4.9, 2.0, 0.9]];
    let positions = sites.map(|x| x.map(|v| v + 0.1 * rng::standard_normal(&mut stream)));
    open(&[6, 6, 8, 1, 1, 1], positions.to_vec())
}

/// Three atoms in a skewed cell shorter than the cut-off.
pub(crate) fn crystal() -> Structure {
    Structure {
        cell: Some([[2.9, 0.1, 0.0], [0.8, 3.1, 0.2], [-0.3, 0.5, 3.3]]),
        periodic: [true; 3],
        ..open(&[6, 8, 1], vec![[0.1, 0.2, 0.0], [1.6, 1.5, 1.4], [0.3, 1.7, 2.4]])
    }
}
