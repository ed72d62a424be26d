//! Every registry entry has its smallest runnable example, and every example runs.

use std::path::PathBuf;

use crate::place::{Place, project};

/// Families whose entries have a folder under `configs/`, called like the last part of their key.
const FAMILIES: [&str; 7] =
    ["likelihood", "risk", "penalty", "optimizer", "schedule", "model.ode.field", "model.ode.solver"];

fn examples(folder: PathBuf, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            examples(path, found);
        } else if path.extension().is_some_and(|e| e == "toml") {
            found.push(path);
        }
    }
}

#[test]
fn every_entry_has_an_example() {
    let place = Place::new();
    for family in FAMILIES {
        for name in place.succeed(&["list", family]).lines() {
            let folder = family.rsplit('.').next().unwrap();
            let example = project().join(format!("configs/{folder}/{name}.toml"));
            let text = std::fs::read_to_string(&example).unwrap_or_else(|e| panic!("{}: {e}", example.display()));
            assert!(text.contains(name), "{} does not use {name}", example.display());
        }
    }
}

#[test]
fn every_example_passes_its_check() {
    let place = Place::new();
    let mut found = vec![];
    examples(project().join("configs"), &mut found);
    assert!(found.len() > 10);
    for example in found {
        let shown = place.succeed(&["check", example.to_str().unwrap()]);
        assert!(shown.contains("losses of the first steps"), "{}", example.display());
    }
}

#[test]
fn the_schema_describes_every_key_of_an_experiment() {
    let schema: serde_json::Value = serde_json::from_str(&Place::new().succeed(&["schema"])).unwrap();
    for key in [
        "name",
        "seed",
        "data_root",
        "data",
        "model",
        "ensemble",
        "last_layer",
        "likelihood",
        "risk",
        "penalty",
        "optimizer",
        "schedule",
        "train",
    ] {
        assert!(schema["properties"][key].is_object(), "{key}");
    }
    assert_eq!(schema["additionalProperties"], false);
}

#[test]
fn the_doctor_is_content_here() {
    let text = Place::new().succeed(&["doctor"]);
    assert!(text.contains("HDF5") && !text.contains("FAILED"), "{text}");
}
