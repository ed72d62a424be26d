//! PaiNN against an independent implementation: `scripts/reference/painn.py`.

use candle_core::{Device, Tensor};
use serde_json::Value;
use surprisal_atoms::{ForceModel, Graph, Painn, PainnConfig};
use surprisal_core::Precision;
use surprisal_core::records::Structure;

fn floats(value: &Value) -> Vec<f64> {
    match value {
        Value::Array(items) => items.iter().flat_map(floats).collect(),
        number => vec![number.as_f64().unwrap()],
    }
}

#[test]
fn energy_forces_and_outputs_are_those_of_the_equations() {
    let reference: Value = serde_json::from_str(include_str!("reference/painn.json")).unwrap();
    let size = |name: &str| reference[name].as_u64().unwrap() as usize;
    let config = PainnConfig {
        n_features: size("n_features"),
        n_interactions: size("n_interactions"),
        n_radial: size("n_radial"),
        dtype: Precision::Float64,
        ..PainnConfig::new(reference["cutoff"].as_f64().unwrap())
    };
    let model = Painn::new(&config, size("n_outputs"), &[8, 1, 6], 0, &Device::Cpu).unwrap();
    let weights = reference["weights"].as_object().unwrap();
    assert_eq!(weights.len(), model.parameters().len());
    for parameter in model.parameters().iter() {
        let value = Tensor::from_vec(floats(&weights[&parameter.name]), parameter.var.shape(), &Device::Cpu).unwrap();
        parameter.var.set(&value).unwrap();
    }
    let species: Vec<u8> = floats(&reference["species"]).into_iter().map(|z| z as u8).collect();
    let structure = Structure {
        positions: floats(&reference["positions"]).chunks(3).map(|x| [x[0], x[1], x[2]]).collect(),
        species,
        cell: None,
        periodic: [false; 3],
        energy: None,
        forces: None,
        frame: 1,
        step: 1,
    };
    let found = model.evaluate(&[&Graph::new(&structure, config.cutoff_angstrom).unwrap()]).unwrap();
    for (name, tensor) in
        [("energy", found.energy.unwrap()), ("forces", found.location), ("outputs", found.outputs.unwrap())]
    {
        let found: Vec<f64> = tensor.flatten_all().unwrap().to_vec1().unwrap();
        let expected = floats(&reference[name]);
        assert_eq!(found.len(), expected.len());
        for (a, b) in found.iter().zip(&expected) {
            assert!((a - b).abs() < 1e-11 * (1.0 + b.abs()), "{name}: {a} for {b}");
        }
    }
}
