//! Recalibration of a run read from its file, and intervals on every number.

#![allow(clippy::unwrap_used)]

use std::path::Path;

use serde_json::Value;
use surprisal_core::rng;
use surprisal_data::run_file::{Column, Layout, PredictionTable, SplitLayout, Writer};
use surprisal_report::{Metrics, load};

/// Two Gaussian components per sample whose errors are `misfit` times what σ says; `nll_error` is added
/// to the NLL that the run reports.
fn write_run_file(path: &Path, splits: &[(&str, usize, f64)], nll_error: f64) {
    let layout = Layout {
        name: "gaussian".into(),
        seed: 3,
        attributes: [
            ("likelihood", r#"{"gaussian":{}}"#),
            ("coupling", "componentwise"),
            ("unit", "m"),
            ("target_names", r#"["a", "b"]"#),
            ("model", "mlp"),
        ]
        .map(|(k, v)| (k.to_string(), v.to_string()))
        .to_vec(),
        splits: splits
            .iter()
            .map(|(name, n, _)| SplitLayout {
                name: (*name).into(),
                group: (0..*n as u32).collect(),
                dim: 2,
                location_width: 2,
                columns: vec![Column::new("scale", 2)],
                metrics: vec![],
                per_sample: false,
                trajectories: None,
            })
            .collect(),
        parameters: vec![],
        solution: Default::default(),
    };
    let mut writer = Writer::create(path, &layout).unwrap();
    for (name, n, misfit) in splits {
        let mut stream = rng::stream(9, name, 0);
        let mut draw = || rng::standard_normal(&mut stream);
        let scale: Vec<f64> = (0..2 * n).map(|_| 0.3 * (0.5 * draw()).exp()).collect();
        let location: Vec<f64> = (0..2 * n).map(|_| draw()).collect();
        let target: Vec<f64> = location.iter().zip(&scale).map(|(l, s)| l + misfit * s * draw()).collect();
        let nll: Vec<f64> = (0..*n)
            .map(|i| {
                let component = |c: usize| {
                    let z = (target[c] - location[c]) / scale[c];
                    0.5 * z * z + scale[c].ln() + 0.5 * std::f64::consts::TAU.ln()
                };
                component(2 * i) + component(2 * i + 1) + nll_error
            })
            .collect();
        let columns = vec![("scale", scale.as_slice())];
        writer
            .write_predictions(name, &PredictionTable { target: &target, location: &location, columns, nll: &nll })
            .unwrap();
    }
}

const SPLITS: [(&str, usize, f64); 3] = [("train", 100, 1.0), ("valid", 800, 1.7), ("test", 1500, 1.7)];

fn measured(splits: &[(&str, usize, f64)], nll_error: f64) -> Metrics {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run.h5");
    write_run_file(&path, splits, nll_error);
    Metrics::of(&load(&path).unwrap(), Value::Null)
}

#[test]
fn repairs_fitted_on_valid_hold_on_the_test() {
    let metrics = measured(&SPLITS, 0.0);
    let value = metrics.value();
    assert_eq!(value["recalibration"]["fitted_on"], "valid");
    let factor = &value["recalibration"]["factors"]["sigma_factor"];
    let (low, high) = (factor["interval"][0].as_f64().unwrap(), factor["interval"][1].as_f64().unwrap());
    assert!(low < 1.7 && 1.7 < high && high - low < 0.2, "{factor}");
    // Closed form: √ZMS of valid.
    let zms = metrics.number("valid", "zms").unwrap();
    assert!((factor["value"].as_f64().unwrap() - zms.sqrt()).abs() < 1e-6);

    let (before, after) = (&value["splits"]["test"], &value["splits"]["test"]["recalibrated"]);
    assert!(before["miscalibration_area"].as_f64().unwrap() > 0.1);
    for method in ["sigma_scaling", "isotonic", "conformal", "conformal_normalized"] {
        let repaired = &after[method];
        assert!(repaired["miscalibration_area"].as_f64().unwrap() < 0.03, "{method} {repaired}");
        for level in ["0.5", "0.8", "0.9", "0.95"] {
            let coverage = repaired["coverage"][level].as_f64().unwrap();
            assert!((coverage - level.parse::<f64>().unwrap()).abs() < 0.035, "{method} {level} {coverage}");
        }
        let winkler = |section: &Value| section["winkler"]["0.95"].as_f64().unwrap();
        assert!(winkler(repaired) < winkler(before), "{method}");
    }
    // Errors of σ·s·z: the NLL of the repaired Gaussian in closed form.
    let gain = before["nll"].as_f64().unwrap() - after["sigma_scaling"]["nll"].as_f64().unwrap();
    let (s, zms) = (factor["value"].as_f64().unwrap(), metrics.number("test", "zms").unwrap());
    let expected = 2.0 * (0.5 * zms * (1.0 - 1.0 / (s * s)) - s.ln());
    assert!((gain - expected).abs() < 1e-9, "{gain} {expected}");
    assert!(value["splits"]["train"]["recalibrated"].is_null() && value["splits"]["valid"]["recalibrated"].is_null());
}

/// Of Gaussians whose errors are 1.7 times too large, the isotonic map finds what stretching finds.
#[test]
fn isotonic_has_an_nll_and_it_is_near_that_of_the_truth() {
    let metrics = measured(&SPLITS, 0.0);
    let test = &metrics.value()["splits"]["test"];
    let after = |method: &str| test["recalibrated"][method]["nll"].as_f64();
    let (isotonic, scaled) = (after("isotonic").unwrap(), after("sigma_scaling").unwrap());
    assert!(isotonic < test["nll"].as_f64().unwrap() - 0.3 && isotonic > scaled - 0.02, "{isotonic} {scaled} {test}");
    assert!(isotonic < scaled + 0.25, "bins cost something: {isotonic} {scaled}");
    assert!(after("conformal").is_none());
}

#[test]
fn an_nll_that_the_file_does_not_explain_is_not_stretched() {
    let metrics = measured(&SPLITS, 0.01);
    let after = &metrics.value()["splits"]["test"]["recalibrated"];
    assert!(after["sigma_scaling"].is_null() && after["isotonic"]["coverage"]["0.9"].is_number());
    assert!(metrics.value()["recalibration"]["factors"]["sigma_factor"].is_null());
}

#[test]
fn without_validation_nothing_is_repaired() {
    let metrics = measured(&SPLITS[2..], 0.0);
    assert!(metrics.value()["recalibration"].is_null());
    assert!(metrics.value()["splits"]["test"]["recalibrated"].is_null());
}

/// Every number of a section and, under the same names, its interval.
fn check_intervals(place: &str, numbers: &Value, intervals: &Value) -> usize {
    let mut n = 0;
    for (name, value) in numbers.as_object().unwrap() {
        let place = format!("{place}.{name}");
        match (name.as_str(), value) {
            // the log-likelihood is the sum of the NLL, which has one
            ("intervals" | "n_samples" | "n_groups" | "log_likelihood", _) => {}
            ("recalibrated", methods) => {
                for (method, section) in methods.as_object().unwrap() {
                    n += check_intervals(&format!("{place}.{method}"), section, &section["intervals"]);
                }
            }
            (name, Value::Object(_)) => n += check_intervals(&place, value, &intervals[name]),
            (name, value) => {
                let (low, high) = (intervals[name][0].as_f64(), intervals[name][1].as_f64());
                assert!(value.is_number(), "{place} {value}");
                assert!(low.unwrap() <= high.unwrap(), "{place} {} ", intervals[name]);
                n += 1;
            }
        }
    }
    n
}

#[test]
fn every_number_has_an_interval() {
    let metrics = measured(&SPLITS, 0.0);
    for (name, section) in metrics.value()["splits"].as_object().unwrap() {
        assert!(check_intervals(name, section, &section["intervals"]) >= 20);
    }
    assert!(metrics.value()["notes"].is_null(), "{}", metrics.value()["notes"]);
}

/// A single gamma, von Mises, Beta, log-normal or Negative Binomial component whose spread is `factor` times what
/// the file states.
fn write_family(path: &Path, name: &str, column: &str, parameter: f64, factor: f64) {
    use surprisal_objective::calibration::recalibration::Dispersed;
    use surprisal_objective::likelihood::{Coupling, LikelihoodConfig};
    let family: LikelihoodConfig = serde_json::from_value(serde_json::json!({ name: {} })).unwrap();
    let splits = [("valid", 900), ("test", 1800)];
    let layout = Layout {
        name: name.into(),
        seed: 3,
        attributes: [
            ("likelihood", serde_json::json!({ name: {} }).to_string()),
            ("coupling", "componentwise".into()),
            ("unit", String::new()),
            ("target_names", r#"["a"]"#.into()),
            ("model", "mlp".into()),
        ]
        .map(|(k, v)| (k.to_string(), v))
        .to_vec(),
        splits: splits
            .iter()
            .map(|(name, n)| SplitLayout {
                name: (*name).into(),
                group: (0..*n).collect(),
                dim: 1,
                location_width: 1,
                columns: vec![Column::new(column, 1)],
                metrics: vec![],
                per_sample: false,
                trajectories: None,
            })
            .collect(),
        parameters: vec![],
        solution: Default::default(),
    };
    let mut writer = Writer::create(path, &layout).unwrap();
    for (split, n) in splits {
        let n = n as usize;
        let mut stream = rng::stream(9, split, 0);
        let most = if name == "negative_binomial" { 20.0 } else { 1.0 };
        let location: Vec<f64> = (0..n).map(|_| most * (0.2 + 0.6 * rng::uniform(&mut stream))).collect();
        let parameters = vec![vec![parameter; n]];
        let blocks = Coupling::Componentwise.blocks(1);
        let predicted = |target: Vec<f64>| {
            Dispersed::new(&family, blocks, 1, location.clone(), parameters.clone(), target).unwrap()
        };
        let truth = predicted(vec![0.5; n]).marginals(factor);
        let target: Vec<f64> =
            truth.iter().map(|m| m.as_ref().unwrap().sample(&mut || rng::uniform(&mut stream))).collect();
        let nll = predicted(target.clone()).nll(1.0).unwrap();
        let columns = vec![(column, parameters[0].as_slice())];
        writer
            .write_predictions(split, &PredictionTable { target: &target, location: &location, columns, nll: &nll })
            .unwrap();
    }
}

#[test]
fn families_without_a_scale_are_repaired_within_themselves() {
    for (name, column, parameter) in [
        ("gamma", "shape", 4.0),
        ("log_normal", "scale", 0.4),
        ("beta", "precision", 20.0),
        ("von_mises", "concentration", 8.0),
        ("negative_binomial", "dispersion", 0.2),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("run.h5");
        write_family(&path, name, column, parameter, 2.0);
        let metrics = Metrics::of(&load(&path).unwrap(), Value::Null);
        let value = metrics.value();
        let interval = &value["recalibration"]["factors"]["dispersion_factor"]["interval"];
        let (low, high) = (interval[0].as_f64().unwrap(), interval[1].as_f64().unwrap());
        assert!(low < 2.06 && 1.94 < high && high - low < 0.4, "{name}: {interval}");
        let (before, after) = (&value["splits"]["test"], &value["splits"]["test"]["recalibrated"]);
        assert!(after["sigma_scaling"].is_null());
        let nll = |section: &Value| section["nll"].as_f64().unwrap();
        for method in ["dispersion_scaling", "isotonic"] {
            assert!(
                nll(&after[method]) < nll(before) - 0.05,
                "{name} {method}: {} {}",
                nll(before),
                nll(&after[method])
            );
        }
        for method in ["dispersion_scaling", "isotonic", "conformal", "conformal_normalized"] {
            let area = |section: &Value| section["miscalibration_area"].as_f64().unwrap();
            assert!(area(&after[method]) < 0.5 * area(before), "{name} {method}: {}", area(&after[method]));
            let coverage = after[method]["coverage"]["0.9"].as_f64().unwrap();
            // a discrete family's closed intervals hold more than their level
            let most = if name == "negative_binomial" { 0.95 } else { 0.925 };
            assert!(coverage > 0.875 && coverage < most, "{name} {method}: {coverage}");
        }
    }
}
