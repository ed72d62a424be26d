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

/// Copper's lattice, shaken, as if of `species`: on average 45 atoms within 5 Å of each, 87 within 6.5 Å.
pub(crate) fn dense(species: u8, seed: u64) -> Structure {
    let mut stream = rng::stream(seed, "dense", 0);
    let (n, a) = (2, 3.61);
    let sites = [[0.0, 0.0, 0.0], [0.5, 0.5, 0.0], [0.5, 0.0, 0.5], [0.0, 0.5, 0.5]];
    let mut positions: Vec<[f64; 3]> = vec![];
    for cell in 0..n * n * n {
        let corner = [cell % n, cell / n % n, cell / (n * n)];
        for site in sites {
            let shake = std::array::from_fn::<_, 3, _>(|_| 0.1 * rng::standard_normal(&mut stream));
            positions.push(std::array::from_fn(|k| a * (corner[k] as f64 + site[k]) + shake[k]));
        }
    }
    let edge = a * n as f64;
    Structure {
        cell: Some([[edge, 0.0, 0.0], [0.0, edge, 0.0], [0.0, 0.0, edge]]),
        periodic: [true; 3],
        ..open(&vec![species; positions.len()], positions)
    }
}
