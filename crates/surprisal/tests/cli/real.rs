//! Real files: a molecule in a box that does not repeat, beside isolated atoms; a crystal in cells.

use serde_json::Value;

use crate::place::{Place, project};

/// Trains on an excerpt; returns the metrics and the energies that were expected per atom.
fn run(file: &str, forces: &str) -> Value {
    let place = Place::new();
    let data = project().join("crates/surprisal/tests/fixtures");
    place.write(
        "experiment.toml",
        &format!(
            "name = \"real\"\nseed = 1\ndata_root = {data:?}\n[data.extxyz]\ntrain = \"{file}\"\nvalid_fraction = 0.5\n\
             test.again = \"{file}\"\n[model.painn]\ncutoff_angstrom = 4.5\nn_features = 8\nn_interactions = 2\n\
             forces = \"{forces}\"\n[likelihood.normal_inverse_gamma]\n[optimizer.adamw]\nlearning_rate = 1e-3\n\
             [train]\nepochs = 3\nbatch_size = 1\n"
        ),
    );
    place.succeed(&["run", "experiment.toml", "--out", "out"]);
    serde_json::from_str(&place.read("out/metrics.json")).unwrap()
}

#[test]
fn frames_of_published_data_are_trained_on() {
    // Atoms per two frames: the isolated atoms of acac.xyz are references, not frames.
    for (file, n_samples) in [("acac.xyz", 30), ("silicon.xyz", 34)] {
        let metrics = run(file, "gradient");
        let split = &metrics["splits"]["again"];
        assert_eq!((&split["n_groups"], &split["n_samples"]), (&2.into(), &n_samples.into()), "{file}");
        for metric in ["nll", "rmse", "crps"] {
            assert!(split[metric].as_f64().is_some_and(f64::is_finite), "{file} {metric}: {split}");
        }
        let energy = &split["energy"];
        assert_eq!(energy["n_frames"], 2, "{file}: {energy}");
        // Total energies are thousands of eV; with the references taken off, what is left is small.
        let (rmse, per_atom) = (energy["rmse"].as_f64().unwrap(), energy["rmse_per_atom"].as_f64().unwrap());
        assert!(per_atom < rmse && rmse < 20.0, "{file}: {energy}");
        assert!(energy["intervals"]["mae_per_atom"][1].is_number(), "{file}: {energy}");
    }
}

#[test]
fn a_model_without_energies_has_no_metrics_of_them() {
    let metrics = run("acac.xyz", "direct");
    assert!(metrics["splits"]["again"]["rmse"].is_number());
    assert!(metrics["splits"]["again"]["energy"].is_null(), "{}", metrics["splits"]["again"]);
}
