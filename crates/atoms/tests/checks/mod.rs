//! Properties of a force model, checked on any `dyn ForceModel` in float64.

pub(crate) mod structures;

use candle_core::{Device, Tensor};
use structures::{crystal, dense, molecule, open};
use surprisal_atoms::{ForceModel, ForceOutput, Graph};
use surprisal_core::records::Structure;
use surprisal_core::{Cotangent, Prediction, Rows, rng};
use surprisal_ops::check::{normal, relative};

fn evaluate(model: &dyn ForceModel, structures: &[&Structure]) -> Prediction {
    let graphs: Vec<Graph> = structures.iter().map(|s| Graph::new(s, model.cutoff_angstrom()).unwrap()).collect();
    model.evaluate(&graphs.iter().collect::<Vec<_>>()).unwrap()
}

#[track_caller]
fn assert_close(a: &Tensor, b: &Tensor, tolerance: f64) {
    let error = relative(a, b).unwrap();
    assert!(error < tolerance, "off by {error:e}\n{a}\n{b}");
}

#[track_caller]
fn assert_same(a: &Prediction, b: &Prediction, tolerance: f64) {
    assert_close(&a.location, &b.location, tolerance);
    for (a, b) in [(&a.outputs, &b.outputs), (&a.energy, &b.energy)] {
        match (a, b) {
            (Some(a), Some(b)) => assert_close(a, b, tolerance),
            (None, None) => {}
            _ => panic!("one prediction has what the other lacks"),
        }
    }
}

fn forces(p: &Prediction) -> Vec<Vec<f64>> {
    p.location.to_vec2().unwrap()
}

/// Moves every parameter, so that no check passes because a bias is zero.
pub(crate) fn shake_parameters(model: &dyn ForceModel) {
    for (k, parameter) in (0..).zip(model.parameters().iter()) {
        let value = parameter.var.as_detached_tensor().copy().unwrap();
        let noise = (normal(value.dims(), 21, k).unwrap() * 0.2).unwrap();
        parameter.var.set(&(value + noise).unwrap()).unwrap();
    }
}

/// A random orthogonal matrix of the given determinant.
fn orthogonal(seed: u64, determinant: f64) -> [[f64; 3]; 3] {
    let mut stream = rng::stream(seed, "rotation", 0);
    let mut rows: [[f64; 3]; 3] = std::array::from_fn(|_| std::array::from_fn(|_| rng::standard_normal(&mut stream)));
    let dot = |a: [f64; 3], b: [f64; 3]| (0..3).map(|k| a[k] * b[k]).sum::<f64>();
    for i in 0..3 {
        for j in 0..i {
            let along = dot(rows[i], rows[j]);
            rows[i] = std::array::from_fn(|k| rows[i][k] - along * rows[j][k]);
        }
        let length = dot(rows[i], rows[i]).sqrt();
        rows[i] = rows[i].map(|v| v / length);
    }
    let [a, b, c] = rows;
    let volume =
        a[0] * (b[1] * c[2] - b[2] * c[1]) - a[1] * (b[0] * c[2] - b[2] * c[0]) + a[2] * (b[0] * c[1] - b[1] * c[0]);
    rows.map(|row| row.map(|v| v * volume.signum() * determinant))
}

pub(crate) fn equivariance(model: &dyn ForceModel) {
    for structure in [molecule(1), crystal()] {
        let before = evaluate(model, &[&structure]);
        for (seed, determinant) in [(1, 1.0), (2, 1.0), (3, -1.0)] {
            let matrix = orthogonal(seed, determinant);
            let turn = |x: [f64; 3]| -> [f64; 3] { std::array::from_fn(|r| (0..3).map(|c| matrix[r][c] * x[c]).sum()) };
            let turned = Structure {
                positions: structure.positions.iter().map(|&x| turn(x).map(|v| v + 0.7)).collect(),
                cell: structure.cell.map(|cell| cell.map(turn)),
                ..structure.clone()
            };
            let flat: Vec<f64> = matrix.concat();
            let matrix = Tensor::from_vec(flat, (3, 3), &Device::Cpu).unwrap();
            let expected =
                Prediction { location: before.location.matmul(&matrix.t().unwrap()).unwrap(), ..before.clone() };
            assert_same(&evaluate(model, &[&turned]), &expected, 1e-10);
        }
    }
}

pub(crate) fn permutation(model: &dyn ForceModel) {
    let structure = molecule(2);
    let order = [3usize, 0, 5, 1, 4, 2];
    let shuffled = Structure {
        species: order.iter().map(|&i| structure.species[i]).collect(),
        positions: order.iter().map(|&i| structure.positions[i]).collect(),
        ..structure.clone()
    };
    let index = Tensor::new(&order.map(|i| i as u32), &Device::Cpu).unwrap();
    let before = evaluate(model, &[&structure]);
    let expected = Prediction {
        location: before.location.index_select(&index, 0).unwrap(),
        outputs: before.outputs.map(|u| u.index_select(&index, 0).unwrap()),
        energy: before.energy,
        probes: vec![],
        rows: Rows::Samples,
    };
    assert_same(&evaluate(model, &[&shuffled]), &expected, 1e-11);
}

pub(crate) fn conservation(model: &dyn ForceModel) {
    for structure in [molecule(3), crystal()] {
        let found = forces(&evaluate(model, &[&structure]));
        let h = 1e-4;
        for atom in 0..structure.n_atoms() {
            for k in 0..3 {
                let energy = |t: f64| {
                    let mut moved = structure.clone();
                    moved.positions[atom][k] += t;
                    evaluate(model, &[&moved]).energy.unwrap().to_vec1::<f64>().unwrap()[0]
                };
                // Fourth order, so that the step need not be so small that rounding shows.
                let slope = (8.0 * (energy(h) - energy(-h)) - (energy(2.0 * h) - energy(-2.0 * h))) / (12.0 * h);
                assert!(
                    (found[atom][k] + slope).abs() < 1e-7 * (1.0 + slope.abs()),
                    "{} for {}",
                    found[atom][k],
                    -slope
                );
            }
        }
        for k in 0..3 {
            assert!(found.iter().map(|f| f[k]).sum::<f64>().abs() < 1e-10, "net force");
        }
    }
}

pub(crate) fn pullback(model: &dyn ForceModel) {
    let frames = [molecule(4), open(&[8], vec![[0.0; 3]]), crystal()];
    let graphs: Vec<Graph> = frames.iter().map(|s| Graph::new(s, model.cutoff_angstrom()).unwrap()).collect();
    let graphs: Vec<&Graph> = graphs.iter().collect();
    let (prediction, tape) = model.predict(&graphs).unwrap();
    assert_same(&prediction, &model.evaluate(&graphs).unwrap(), 1e-14);
    let random = |t: &Tensor, index| normal(t.dims(), 31, index).unwrap();
    let cotangent = Cotangent {
        location: random(&prediction.location, 0),
        outputs: prediction.outputs.as_ref().map(|u| random(u, 1)),
        energy: prediction.energy.as_ref().map(|e| random(e, 2)),
        probes: vec![],
        rows: Rows::Samples,
    };
    let contraction = || -> f64 {
        let p = model.evaluate(&graphs).unwrap();
        let product = |a: &Tensor, b: &Tensor| (a * b).unwrap().sum_all().unwrap().to_scalar::<f64>().unwrap();
        let optional = |a: Option<Tensor>, b: &Option<Tensor>| a.zip(b.as_ref()).map_or(0.0, |(a, b)| product(&a, b));
        product(&p.location, &cotangent.location)
            + optional(p.outputs, &cotangent.outputs)
            + optional(p.energy, &cotangent.energy)
    };
    let gradient = model.pullback(tape, &cotangent).unwrap();
    assert_eq!(gradient.len(), model.parameters().len());
    let mut stream = rng::stream(1, "entries", 0);
    let h = 1e-4;
    for (parameter, gradient) in model.parameters().iter().zip(&gradient) {
        assert_eq!(gradient.dims(), parameter.var.dims(), "{}", parameter.name);
        let start = parameter.var.as_detached_tensor().copy().unwrap();
        let values: Vec<f64> = start.flatten_all().unwrap().to_vec1().unwrap();
        let gradient: Vec<f64> = gradient.flatten_all().unwrap().to_vec1().unwrap();
        // Rounding in the sum over everything else bounds what differences can resolve of small entries.
        let scale = gradient.iter().fold(1.0, |m: f64, g| m.max(g.abs()));
        for _ in 0..4 {
            let entry = rng::below(&mut stream, values.len());
            let at = |t: f64| {
                let mut moved = values.clone();
                moved[entry] += t;
                parameter.var.set(&Tensor::from_vec(moved, start.shape(), &Device::Cpu).unwrap()).unwrap();
                contraction()
            };
            let slope = (8.0 * (at(h) - at(-h)) - (at(2.0 * h) - at(-2.0 * h))) / (12.0 * h);
            parameter.var.set(&start).unwrap();
            let found = gradient[entry];
            assert!(
                (found - slope).abs() < 1e-7 * scale,
                "{}[{entry}]: {found} for {slope}, largest {scale}",
                parameter.name
            );
        }
    }
}

/// One atom leaves the sight of the only atom that sees it: what it feels there must vanish at least
/// with the square of the distance to the cut-off, so that the derivative of the force is continuous.
pub(crate) fn smoothness(model: &dyn ForceModel) {
    let cutoff = model.cutoff_angstrom();
    let at =
        |distance: f64| evaluate(model, &[&open(&[6, 8, 1], vec![[-1.2, 0.0, 0.0], [0.0; 3], [distance, 0.0, 0.0]])]);
    let outside = at(cutoff + 1e-6);
    assert!(forces(&outside)[2].iter().all(|f| f.abs() < 1e-12));
    let jump = |delta: f64| {
        let (inside, outside) = (forces(&at(cutoff - delta)), forces(&outside));
        inside.iter().zip(&outside).map(|(a, b)| (a[0] - b[0]).abs()).fold(0.0, f64::max)
    };
    let (far, near) = (jump(2e-3), jump(1e-3));
    assert!(near > 0.0 && far / near > 3.7, "force: {far:e}, {near:e}");
    if model.forces() == ForceOutput::Gradient {
        let energy = |p: &Prediction| p.energy.as_ref().unwrap().to_vec1::<f64>().unwrap()[0];
        let jump = |delta: f64| (energy(&at(cutoff - delta)) - energy(&outside)).abs();
        let (far, near) = (jump(2e-3), jump(1e-3));
        assert!(near > 0.0 && far / near > 7.2, "energy: {far:e}, {near:e}");
    }
}

pub(crate) fn batches(model: &dyn ForceModel) {
    let frames = [molecule(5), open(&[1], vec![[3.0; 3]]), crystal(), molecule(6)];
    let singles: Vec<Prediction> = frames.iter().map(|s| evaluate(model, &[s])).collect();
    let expected = Prediction::concatenate(&singles).unwrap();
    assert_same(&evaluate(model, &frames.iter().collect::<Vec<_>>()), &expected, 1e-12);
    std::thread::scope(|scope| {
        let threads: Vec<_> = frames.iter().map(|s| scope.spawn(move || evaluate(model, &[s]))).collect();
        for (thread, single) in threads.into_iter().zip(&singles) {
            assert_same(&thread.join().unwrap(), single, 1e-15);
        }
    });
}

pub(crate) fn supercell(model: &dyn ForceModel) {
    let unit = crystal();
    let cell = unit.cell.unwrap();
    let mut large =
        Structure { cell: Some([cell[0].map(|v| 2.0 * v), cell[1], cell[2].map(|v| 2.0 * v)]), ..unit.clone() };
    for (a, c) in [(1.0, 0.0), (0.0, 1.0), (1.0, 1.0)] {
        large.species.extend(&unit.species);
        let shifted = unit.positions.iter().map(|x| std::array::from_fn(|k| x[k] + a * cell[0][k] + c * cell[2][k]));
        large.positions.extend(shifted);
    }
    let one = evaluate(model, &[&unit]);
    let four = Prediction::concatenate(&vec![one; 4]).unwrap();
    let energy = four.energy.map(|e| e.sum_keepdim(0).unwrap());
    assert_same(&evaluate(model, &[&large]), &Prediction { energy, ..four }, 1e-11);
}

pub(crate) fn precision(single: &dyn ForceModel, double: &dyn ForceModel) {
    for structure in [molecule(7), crystal()] {
        assert_same(&evaluate(single, &[&structure]), &evaluate(double, &[&structure]), 2e-5);
    }
}

/// A new model, told nothing yet, answers in units where the data's forces have a root mean square of
/// one: it must begin below that, whatever the number of neighbours, and yet not at zero.
pub(crate) fn initial_scale(model: &dyn ForceModel) {
    let entries = |t: &Tensor| t.flatten_all().unwrap().to_vec1::<f64>().unwrap();
    let largest = |t: &Tensor| entries(t).iter().fold(0.0, |m: f64, x| m.max(x.abs()));
    for structure in [molecule(8), dense(6, 8)] {
        let n_atoms = structure.n_atoms();
        let p = evaluate(model, &[&structure]);
        let force = (entries(&p.location).iter().map(|f| f * f).sum::<f64>() / (3 * n_atoms) as f64).sqrt();
        assert!((1e-3..1.0).contains(&force), "force {force} of {n_atoms} atoms");
        if let Some(raw) = p.outputs.as_ref().map(largest) {
            assert!(raw < 0.5, "raw output {raw} of {n_atoms} atoms");
        }
        if let Some(energy) = p.energy.as_ref().map(|e| largest(e) / n_atoms as f64) {
            assert!(energy < 2.0, "energy {energy} per atom of {n_atoms} atoms");
        }
    }
}
