//! Runs that predict with several networks, and with a Bayesian last layer.

use serde_json::Value;

use crate::place::{EXPERIMENT, Place, project};

fn json(place: &Place, name: &str) -> Value {
    serde_json::from_str(&place.read(name)).unwrap()
}

/// Whether the metrics are numbers, and the uncertainties that the report names.
fn judged(place: &Place, out: &str) -> Value {
    let metrics = json(place, &format!("{out}/metrics.json"));
    for split in ["train", "valid", "test"] {
        for metric in ["nll", "rmse", "crps"] {
            let value = metrics["splits"][split][metric].as_f64();
            assert!(value.is_some_and(f64::is_finite), "{split} {metric}: {value:?}");
        }
    }
    let run = surprisal_report::load(&place.path(&format!("{out}/run.h5"))).unwrap();
    for split in &run.splits {
        let named = |wanted: &str| split.uncertainties.iter().find(|(name, _)| name == wanted).map(|(_, v)| v.clone());
        let (aleatoric, epistemic) = (named("aleatoric").unwrap(), named("epistemic").unwrap());
        assert_eq!((aleatoric.len(), epistemic.len()), (split.n_samples(), split.n_samples()));
        assert!(aleatoric.iter().chain(&epistemic).all(|u| u.is_finite() && *u > 0.0), "{out}");
    }
    metrics
}

#[test]
fn an_ensemble_is_judged_as_a_mixture_and_resumes() {
    let place = Place::new();
    let set = ["--set", "ensemble.members=3"];
    place.succeed(&[&["run", "experiment.toml", "--out", "whole"], &set[..]].concat());
    let whole = judged(&place, "whole");
    let cut = ["--set", "train.epochs=3", "--set", "schedule.constant={}"];
    let longer = ["--set", "train.epochs=6", "--set", "schedule.constant={}"];
    place.succeed(&[&["run", "experiment.toml", "--out", "cut"], &set[..], &cut[..]].concat());
    place.succeed(&[&["run", "experiment.toml", "--out", "cut", "--resume"], &set[..], &longer[..]].concat());
    place.succeed(&[&["run", "experiment.toml", "--out", "once"], &set[..], &longer[..]].concat());
    assert_eq!(judged(&place, "cut")["splits"], judged(&place, "once")["splits"]);
    // the first member is the model without an ensemble, and the mixture is another prediction
    place.succeed(&["run", "experiment.toml", "--out", "one", "--set", "ensemble.members=1"]);
    place.succeed(&["run", "experiment.toml", "--out", "none"]);
    let nll = |metrics: &Value| metrics["splits"]["test"]["nll"].as_f64().unwrap();
    let (one, none) = (json(&place, "one/metrics.json"), json(&place, "none/metrics.json"));
    assert_eq!(one["splits"], none["splits"]);
    assert_ne!(nll(&whole), nll(&none));
}

#[test]
fn dropout_predicts_as_a_mixture_whatever_the_threads() {
    let place = Place::new();
    let changed = EXPERIMENT.replace("hidden = [8]", "hidden = [8]\ndropout = 0.2\nmc_samples = 7");
    place.write("experiment.toml", &changed);
    place.succeed(&["run", "experiment.toml", "--out", "one", "--threads", "1"]);
    place.succeed(&["run", "experiment.toml", "--out", "four", "--threads", "4"]);
    assert_eq!(judged(&place, "one")["splits"], judged(&place, "four")["splits"]);
}

#[test]
fn a_bayesian_last_layer_is_an_evidential_prediction() {
    let place = Place::new();
    let layer = "[last_layer.bayesian]\n\n[likelihood.gaussian]\nscale = \"constant\"";
    place.write("experiment.toml", &EXPERIMENT.replace("[likelihood.gaussian]", layer));
    place.succeed(&["run", "experiment.toml", "--out", "out"]);
    let metrics = judged(&place, "out");
    assert_eq!(metrics["likelihood"], "normal_inverse_gamma");
    // what was written is enough to judge it again
    place.succeed(&["report", "out"]);
    assert_eq!(judged(&place, "out")["splits"], metrics["splits"]);
}

/// Members of a force model: trajectories and energies are the members' mean.
#[test]
fn an_ensemble_of_force_models() {
    let place = Place::new();
    let quickstart = project().join("configs/predictor/painn.toml");
    let quickstart = quickstart.to_str().unwrap();
    let out = place.path("out");
    place.succeed(&[
        "run",
        quickstart,
        "--out",
        out.to_str().unwrap(),
        "--set",
        "ensemble.members=2",
        "--set",
        "train.epochs=1",
        "--set",
        "energy_likelihood={ weight = 0.1, likelihood = { gaussian = { scale = \"constant\" } } }",
    ]);
    let metrics = json(&place, "out/metrics.json");
    let energy = &metrics["splits"]["train"]["energy"]["rmse"];
    assert!(energy.as_f64().is_some_and(f64::is_finite), "{metrics:#}");
}
