//! Small synthetic records.

use surprisal_core::records::{Row, Structure, Trajectory};
use surprisal_core::rng::{standard_normal, stream, uniform};

/// Rows of three inputs and two targets: smooth functions of the inputs with noise.
pub(crate) fn rows(n: usize, seed: u64) -> Vec<Row> {
    let mut draws = stream(seed, "rows", 0);
    (0..n)
        .map(|i| {
            let x: Vec<f64> = (0..3).map(|_| standard_normal(&mut draws)).collect();
            let mut noise = || 0.3 * standard_normal(&mut draws);
            let targets = vec![x[0] - 0.5 * x[1] + noise(), (x[2] + 0.3 * x[0]).sin() + noise()];
            Row { inputs: x, targets, attributes: vec![], weight: 1.0, line: i + 2 }
        })
        .collect()
}

/// Damped oscillators (x, v) seen with noise at `n_times` irregular times each.
pub(crate) fn oscillators(n_times: &[usize], seed: u64) -> Vec<Trajectory> {
    let mut draws = stream(seed, "oscillators", 0);
    n_times
        .iter()
        .enumerate()
        .map(|(i, &n)| {
            let (amplitude, phase) = (0.8 + 0.6 * uniform(&mut draws), 3.0 * uniform(&mut draws));
            let times: Vec<f64> = (0..n).map(|k| 10.0 + 0.4 * k as f64 + 0.2 * uniform(&mut draws)).collect();
            let observed = times
                .iter()
                .map(|t| {
                    let (decay, angle) = (amplitude * (-0.1 * t).exp() * 2.7, 1.3 * t + phase);
                    let mut noise = || 0.03 * standard_normal(&mut draws);
                    vec![decay * angle.cos() + noise(), -20.0 * (decay * angle.sin() + noise())]
                })
                .collect();
            Trajectory {
                id: format!("run{i}"),
                times,
                observed,
                inputs: vec![vec![]; n],
                lines: (0..n).map(|k| 2 + 100 * i + k).collect(),
                n_given: 0,
            }
        })
        .collect()
}

/// Distorted formaldehyde (C, O, H, H) and hydroxyl (O, H) with random forces; every third frame has no energy.
pub(crate) fn molecules(n: usize, seed: u64) -> Vec<Structure> {
    let mut draws = stream(seed, "molecules", 0);
    let formaldehyde = [(6, [0.0, 0.0, 0.0]), (8, [1.21, 0.0, 0.0]), (1, [-0.55, 0.94, 0.0]), (1, [-0.55, -0.94, 0.0])];
    (0..n)
        .map(|i| {
            let atoms = if i % 4 == 3 { &formaldehyde[1..3] } else { &formaldehyde[..] };
            let mut vector = |spread: f64| std::array::from_fn::<f64, 3, _>(|_| spread * standard_normal(&mut draws));
            let positions =
                atoms.iter().map(|(_, x)| std::iter::zip(x, vector(0.1)).map(|(x, d)| x + d).collect::<Vec<_>>());
            let positions = positions.map(|x| [x[0], x[1], x[2]]).collect();
            let forces = atoms.iter().map(|_| vector(1.5)).collect();
            let energy = -3.0 * atoms.len() as f64 + vector(0.4)[0];
            Structure {
                species: atoms.iter().map(|(z, _)| *z).collect(),
                positions,
                cell: None,
                periodic: [false; 3],
                energy: (i % 3 != 2).then_some(energy),
                forces: Some(forces),
                frame: i + 1,
                step: i as i64,
            }
        })
        .collect()
}
