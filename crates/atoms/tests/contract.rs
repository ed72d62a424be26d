//! What every force model must do: the checks take a `dyn ForceModel`, and the registry is walked.

mod checks;

use candle_core::{Device, Tensor};
use checks::structures::{crystal, molecule};
use surprisal_atoms::{ForceModel, ForceModelConfig, ForceOutput, Graph, PainnConfig};
use surprisal_core::{Diagnose, Precision};

const ELEMENTS: [u8; 3] = [1, 6, 8];
const CUTOFF: f64 = 4.0;

/// A small network of every entry of the registry, with forces of both kinds.
fn configs(dtype: Precision) -> Vec<ForceModelConfig> {
    let configs: Vec<ForceModelConfig> = [ForceOutput::Gradient, ForceOutput::Direct]
        .into_iter()
        .map(|forces| {
            let sizes = PainnConfig { n_features: 8, n_interactions: 2, n_radial: 6, ..PainnConfig::new(CUTOFF) };
            ForceModelConfig::Painn(PainnConfig { forces, dtype, ..sizes })
        })
        .collect();
    for name in ForceModelConfig::NAMES {
        assert!(configs.iter().any(|c| c.name() == *name), "no test of {name}");
    }
    configs
}

/// Every model, with biases that are not zero.
fn models() -> Vec<Box<dyn ForceModel>> {
    configs(Precision::Float64)
        .iter()
        .map(|config| {
            let model = config.get().build(2, &ELEMENTS, 5, &Device::Cpu).unwrap();
            checks::shake_parameters(model.as_ref());
            model
        })
        .collect()
}

#[test]
fn turns_reflects_and_moves_with_the_atoms() {
    models().iter().for_each(|m| checks::equivariance(m.as_ref()));
}

#[test]
fn does_not_know_the_order_of_atoms() {
    models().iter().for_each(|m| checks::permutation(m.as_ref()));
}

#[test]
fn forces_are_the_slope_of_the_energy() {
    models().iter().filter(|m| m.forces() == ForceOutput::Gradient).for_each(|m| checks::conservation(m.as_ref()));
}

#[test]
fn the_pullback_is_the_gradient() {
    models().iter().for_each(|m| checks::pullback(m.as_ref()));
}

#[test]
fn smooth_where_an_atom_crosses_the_cutoff() {
    models().iter().for_each(|m| checks::smoothness(m.as_ref()));
}

#[test]
fn a_batch_is_its_frames_on_any_thread() {
    models().iter().for_each(|m| checks::batches(m.as_ref()));
}

#[test]
fn a_supercell_is_its_cells() {
    models().iter().for_each(|m| checks::supercell(m.as_ref()));
}

#[test]
fn single_precision_is_near_double() {
    for (single, double) in configs(Precision::Float32).iter().zip(configs(Precision::Float64)) {
        let build = |c: &ForceModelConfig| c.get().build(2, &ELEMENTS, 5, &Device::Cpu).unwrap();
        checks::precision(build(single).as_ref(), build(&double).as_ref());
    }
}

#[test]
fn a_new_model_says_little() {
    for (cutoff_angstrom, n_features, n_interactions) in [(5.0, 64, 3), (6.5, 64, 3), (5.0, 32, 5), (5.0, 128, 2)] {
        for forces in [ForceOutput::Gradient, ForceOutput::Direct] {
            let config = PainnConfig { forces, n_features, n_interactions, ..PainnConfig::new(cutoff_angstrom) };
            for seed in 0..6 {
                let model = ForceModelConfig::Painn(config.clone()).get().build(3, &ELEMENTS, seed, &Device::Cpu);
                checks::initial_scale(model.unwrap().as_ref());
            }
        }
    }
}

#[test]
fn parameters_come_from_the_seed() {
    for config in configs(Precision::Float64) {
        let draw =
            |seed| config.get().build(2, &ELEMENTS, seed, &Device::Cpu).unwrap().parameters().snapshot().unwrap();
        let (a, b, c) = (draw(1), draw(1), draw(2));
        let values = |t: &Tensor| t.flatten_all().unwrap().to_vec1::<f64>().unwrap();
        assert!(a.iter().zip(&b).all(|(a, b)| values(a) == values(b)));
        assert_ne!(values(&a[0]), values(&c[0]));
    }
}

#[test]
fn unknown_elements_and_foreign_graphs_are_refused() {
    let model = &models()[0];
    let mut iron = molecule(0);
    iron.species[2] = 26;
    iron.frame = 17;
    let error = model.evaluate(&[&Graph::new(&iron, CUTOFF).unwrap()]).unwrap_err();
    let text = "frame 17 has Fe (atom 3), an element the model was not trained on; it knows H, C, O";
    assert_eq!(error.to_string(), text);
    assert!(error.hint().unwrap().contains("Fe"));
    let error = model.evaluate(&[&Graph::new(&crystal(), 3.0).unwrap()]).unwrap_err();
    assert_eq!(error.to_string(), "the graph was built with a cut-off of 3 Å, the model's is 4 Å");
    assert_eq!(model.evaluate(&[]).unwrap_err().to_string(), "a batch needs at least one frame");
}
