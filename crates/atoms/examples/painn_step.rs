//! Time of one training step of PaiNN: `cargo run --release -p surprisal-atoms --example painn_step`.
//!
//! Batches of ten nine-atom molecules of the size of ethanol, default network, time per frame.
#![allow(clippy::print_stdout, reason = "a benchmark talks")]

use std::time::Instant;

use candle_core::{DType, Device, Tensor};
use surprisal_atoms::{AtomsError, ForceModel, Graph, Painn, PainnConfig};
use surprisal_core::records::Structure;
use surprisal_core::{Cotangent, Precision, Prediction, rng};

fn main() -> Result<(), AtomsError> {
    let structures: Vec<Structure> = (0..10).map(molecule).collect();
    println!("ms per frame        predict  pullback  evaluate");
    for dtype in [Precision::Float32, Precision::Float64] {
        let config = PainnConfig { dtype, ..PainnConfig::new(5.0) };
        let model = Painn::new(&config, 3, &[1, 6, 8], 1, &Device::Cpu)?;
        let graphs = structures.iter().map(|s| Graph::new(s, 5.0)).collect::<Result<Vec<_>, _>>()?;
        let graphs: Vec<&Graph> = graphs.iter().collect();
        let best = |times: Vec<f64>| times.into_iter().fold(f64::INFINITY, f64::min);
        let (mut predict, mut pullback, mut evaluate) = (vec![], vec![], vec![]);
        for _ in 0..40 {
            let start = Instant::now();
            let (prediction, tape) = model.predict(&graphs)?;
            predict.push(start.elapsed().as_secs_f64());
            let cotangent = ones_like(&prediction)?;
            let start = Instant::now();
            model.pullback(tape, &cotangent)?;
            pullback.push(start.elapsed().as_secs_f64());
            let start = Instant::now();
            model.evaluate(&graphs)?;
            evaluate.push(start.elapsed().as_secs_f64());
        }
        let per_frame = |times| 1e3 * best(times) / graphs.len() as f64;
        println!(
            "{dtype:?}            {:8.3}  {:8.3}  {:8.3}",
            per_frame(predict),
            per_frame(pullback),
            per_frame(evaluate)
        );
    }
    Ok(())
}

fn ones_like(prediction: &Prediction) -> candle_core::Result<Cotangent> {
    let ones = |t: &Tensor| Tensor::ones(t.dims(), DType::F64, &Device::Cpu);
    Ok(Cotangent {
        location: ones(&prediction.location)?,
        outputs: prediction.outputs.as_ref().map(ones).transpose()?,
        energy: prediction.energy.as_ref().map(ones).transpose()?,
        probes: vec![],
        rows: prediction.rows,
    })
}

/// Two carbons, an oxygen and six hydrogens, shaken.
fn molecule(index: u64) -> Structure {
    let mut stream = rng::stream(3, "molecule", index);
    let sites: [(u8, [f64; 3]); 9] = [
        (6, [-1.2, -0.25, 0.0]),
        (6, [0.0, 0.55, 0.0]),
        (8, [1.2, -0.25, 0.0]),
        (1, [-2.1, 0.4, 0.0]),
        (1, [-1.25, -0.9, 0.88]),
        (1, [-1.25, -0.9, -0.88]),
        (1, [0.0, 1.2, 0.88]),
        (1, [0.0, 1.2, -0.88]),
        (1, [1.95, 0.35, 0.0]),
    ];
    Structure {
        species: sites.iter().map(|s| s.0).collect(),
        positions: sites.iter().map(|s| s.1.map(|x| x + 0.05 * rng::standard_normal(&mut stream))).collect(),
        cell: None,
        periodic: [false; 3],
        energy: None,
        forces: None,
        frame: index as usize + 1,
        step: index as i64,
    }
}
