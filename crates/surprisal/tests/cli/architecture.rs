//! Arrows between crates point down only, and each engine has one importer.

use std::collections::BTreeMap;
use std::process::Command;

use serde_json::Value;

use crate::place::project;

/// From the bottom up; a crate may use those above it in this list.
const LAYERS: [(&str, &[&str]); 10] = [
    ("surprisal-core", &[]),
    ("surprisal-ops", &["surprisal-core"]),
    ("surprisal-expr", &["surprisal-core"]),
    ("surprisal-objective", &["surprisal-core", "surprisal-ops", "surprisal-expr"]),
    ("surprisal-ode", &["surprisal-core", "surprisal-ops", "surprisal-expr"]),
    ("surprisal-atoms", &["surprisal-core", "surprisal-ops"]),
    ("surprisal-data", &["surprisal-core"]),
    (
        "surprisal-train",
        &[
            "surprisal-core",
            "surprisal-ops",
            "surprisal-expr",
            "surprisal-objective",
            "surprisal-ode",
            "surprisal-atoms",
            "surprisal-data",
        ],
    ),
    ("surprisal-report", &["surprisal-core", "surprisal-objective", "surprisal-data"]),
    (
        "surprisal",
        &[
            "surprisal-core",
            "surprisal-ops",
            "surprisal-expr",
            "surprisal-objective",
            "surprisal-ode",
            "surprisal-atoms",
            "surprisal-data",
            "surprisal-train",
            "surprisal-report",
        ],
    ),
];

/// Engines that one crate alone may import.
const SOLE_IMPORTERS: [(&str, &str); 2] = [("hdf5-metno", "surprisal-data"), ("plotters", "surprisal-report")];

#[test]
fn dependencies_point_down() {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--no-deps", "--offline"])
        .current_dir(project())
        .output()
        .unwrap();
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    let packages: BTreeMap<&str, Vec<&str>> = metadata["packages"]
        .as_array()
        .unwrap()
        .iter()
        .map(|package| {
            let dependencies = package["dependencies"].as_array().unwrap().iter();
            // Tests may look sideways.
            let used = dependencies.filter(|d| d["kind"].is_null()).filter_map(|d| d["name"].as_str()).collect();
            (package["name"].as_str().unwrap(), used)
        })
        .collect();
    assert_eq!(packages.len(), LAYERS.len(), "a crate is missing from LAYERS");
    for (name, allowed) in LAYERS {
        for used in packages[name].iter().filter(|used| used.starts_with("surprisal")) {
            assert!(allowed.contains(used), "{name} must not use {used}");
        }
    }
    for (engine, importer) in SOLE_IMPORTERS {
        let importers: Vec<&str> =
            packages.iter().filter(|(_, used)| used.contains(&engine)).map(|(name, _)| *name).collect();
        assert_eq!(importers, [importer], "{engine}");
    }
}
