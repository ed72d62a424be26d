//! What a run leaves, for each kind of predictor.

use serde_json::Value;

use crate::place::{EXPERIMENT, Place, project};

const LEFT: [&str; 9] = [
    "checkpoints",
    "config.toml",
    "figures",
    "log.jsonl",
    "metrics.json",
    "model.safetensors",
    "provenance.json",
    "report.html",
    "run.h5",
];

fn json(place: &Place, name: &str) -> Value {
    serde_json::from_str(&place.read(name)).unwrap()
}

fn left(place: &Place, out: &str) -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir(place.path(out))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

#[test]
fn a_table_leaves_everything_and_its_configuration_runs_again() {
    let place = Place::new();
    place.succeed(&["run", "experiment.toml", "--out", "out"]);
    assert_eq!(left(&place, "out"), LEFT);
    let metrics = json(&place, "out/metrics.json");
    for split in ["train", "valid", "test"] {
        for metric in ["nll", "rmse", "mae", "crps"] {
            let value = metrics["splits"][split][metric].as_f64();
            assert!(value.is_some_and(f64::is_finite), "{split} {metric}: {value:?}");
        }
    }
    assert!(metrics["onset"].is_object() && metrics["timing"]["train_ms_per_group"].is_number());
    let provenance = json(&place, "out/provenance.json");
    assert_eq!(provenance["seed"], 3);
    assert_eq!(provenance["data"][0]["sha256"].as_str().map(str::len), Some(64));
    let log = place.read("out/log.jsonl");
    let events: Vec<Value> = log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let count = |event: &str| events.iter().filter(|e| e["event"] == event).count();
    assert_eq!((count("start"), count("step"), count("evaluation"), count("finished")), (1, 6 * 3, 6, 1));

    // A histogram of the probability integral transform at every evaluation: its mean density is 1.
    let curves = place.read("out/figures/learning_curves.csv");
    assert!(curves.lines().next().unwrap().ends_with(",pit_18,pit_19"), "{curves}");
    let valid: Vec<&str> = curves.lines().filter(|line| line.starts_with("valid,")).collect();
    assert_eq!(valid.len(), 6);
    for line in valid {
        let density: Vec<f64> = line.split(',').skip(6).map(|cell| cell.parse().unwrap()).collect();
        assert_eq!(density.len(), 20);
        assert!((density.iter().sum::<f64>() / 20.0 - 1.0).abs() < 1e-12, "{line}");
    }

    // The resolved configuration is an experiment of its own, with the same result.
    place.succeed(&["run", "out/config.toml", "--out", "again"]);
    assert_eq!(json(&place, "again/metrics.json")["splits"], metrics["splits"]);
}

#[test]
fn results_do_not_depend_on_the_number_of_threads() {
    let place = Place::new();
    for threads in ["1", "3"] {
        place.succeed(&[
            "run",
            "experiment.toml",
            "--out",
            threads,
            "--threads",
            threads,
            "--set",
            "train.shard_size=5",
        ]);
    }
    assert_eq!(
        std::fs::read(place.path("1/model.safetensors")).unwrap(),
        std::fs::read(place.path("3/model.safetensors")).unwrap()
    );
}

#[test]
fn launches_in_the_same_second_have_folders_of_their_own() {
    let place = Place::new();
    let children: Vec<_> = (0..4)
        .map(|_| {
            let mut command = place.command(&["run", "experiment.toml", "--set", "train.epochs=1"]);
            command.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null()).spawn().unwrap()
        })
        .collect();
    for mut child in children {
        assert!(child.wait().unwrap().success());
    }
    let folders: Vec<_> = std::fs::read_dir(place.path("results")).unwrap().map(|e| e.unwrap().path()).collect();
    assert_eq!(folders.len(), 4);
    assert!(folders.iter().all(|folder| folder.join("report.html").is_file()));
}

#[test]
fn an_override_can_choose_another_entry_of_a_family() {
    let place = Place::new();
    let shown = place.succeed(&[
        "check",
        "experiment.toml",
        "--set",
        "likelihood.student_t.df=5.0",
        "--set",
        "optimizer.adamw.learning_rate=0.5",
        "--set",
        "penalty.0.l2.weight=0.25",
    ]);
    assert!(shown.contains("[likelihood.student_t]") && !shown.contains("gaussian"), "{shown}");
    assert!(shown.contains("learning_rate = 0.5") && shown.contains("weight = 0.25"), "{shown}");
    assert!(shown.contains("losses of the first steps: "), "{shown}");
    assert_eq!(place.names(), ["experiment.toml", "table.csv"], "check leaves nothing behind");
}

#[test]
fn a_loss_that_is_no_number_stops_the_run_and_keeps_the_checkpoint() {
    let place = Place::new();
    // Past the range of floating-point numbers within a few steps.
    place.write(
        "experiment.toml",
        &EXPERIMENT.replace("[optimizer.adamw]\nlearning_rate = 1e-2", "[optimizer.sgd]\nlearning_rate = 1e200"),
    );
    let text = place.fail(&["run", "experiment.toml", "--out", "out", "--set", "train.checkpoint_steps=1"]);
    assert!(text.contains("exit 2") && text.contains("at step ") && text.contains("line "), "{text}");
    let kept = text.split("the last good checkpoint is ").nth(1).and_then(|rest| rest.lines().next()).unwrap();
    assert!(kept.starts_with("out/checkpoints/step-") && place.path(kept).is_file(), "{text}");
    let log = place.read("out/log.jsonl");
    let last: Value = serde_json::from_str(log.lines().last().unwrap()).unwrap();
    assert_eq!((&last["event"], last["groups"].as_array().unwrap().len()), (&"not_finite".into(), 16), "{last}");
    assert!(last["step"].is_u64() && last["epoch"].is_u64() && last["what"].is_string(), "{last}");
    for group in last["groups"].as_array().unwrap() {
        assert!(text.contains(group.as_str().unwrap()), "{group} is not in {text}");
    }
}

#[test]
fn a_batch_that_is_no_number_names_frames_with_their_file() {
    let place = Place::new();
    let frames: String = (0..40)
        .map(|i| {
            let force = 0.1 + 0.01 * f64::from(i);
            format!(
                "2\nProperties=species:S:1:pos:R:3:forces:R:3 pbc=\"F F F\"\n\
                 H 0 0 0 {force} 0 0\nH {} 0 0 -{force} 0 0\n",
                0.7 + 0.01 * f64::from(i)
            )
        })
        .collect();
    place.write("frames.xyz", &frames);
    place.write(
        "experiment.toml",
        "name = \"frames\"\nseed = 1\n[data.extxyz]\ntrain = \"frames.xyz\"\n[model.painn]\ncutoff_angstrom = 4.0\n\
         n_features = 4\n[likelihood.gaussian]\n[optimizer.sgd]\nlearning_rate = 1e200\n[train]\nepochs = 5\nbatch_size = 40\n",
    );
    let text = place.fail(&["run", "experiment.toml", "--out", "out"]);
    assert_eq!(text.matches(" of frames.xyz").count(), 32, "{text}");
    assert!(text.contains("(40 in all; all are listed in log.jsonl)"), "{text}");
    let log = place.read("out/log.jsonl");
    let last: Value = serde_json::from_str(log.lines().last().unwrap()).unwrap();
    assert_eq!(last["groups"].as_array().unwrap().len(), 40, "{last}");
}

/// Targets have unit scale, so a new network that says nothing yet costs about 3.4 nats per force; one
/// that shouts costs thousands and wastes its first epochs.
#[test]
fn a_new_force_model_says_little() {
    let place = Place::new();
    let config = project().join("configs/quickstart.toml");
    for forces in ["model.painn.forces=gradient", "model.painn.forces=direct"] {
        for seed in ["seed=1", "seed=2", "seed=3"] {
            let shown = place.succeed(&["check", config.to_str().unwrap(), "--set", forces, "--set", seed]);
            let losses = shown.rsplit(": ").next().unwrap().split(", ");
            for loss in losses.map(|loss| loss.trim().parse::<f64>().unwrap()) {
                assert!(loss < 5.0, "{forces} {seed}: {loss}");
            }
        }
    }
}

/// The main job itself, shortened.
#[test]
fn the_quickstart() {
    let place = Place::new();
    let config = project().join("configs/quickstart.toml");
    let config = config.to_str().unwrap();
    place.succeed(&["run", config, "--out", "out", "--set", "train.epochs=8", "--set", "train.evaluate_every=4"]);
    assert_eq!(left(&place, "out"), LEFT);
    let metrics = json(&place, "out/metrics.json");
    let rmse = |split: &str| metrics["splits"][split]["rmse"].as_f64().unwrap();
    // Training forces have an RMS of 0.76 eV/Å; eight epochs must explain most of it, and the hotter
    // the frames the larger the error.
    assert!(rmse("iid") < 0.2, "{}", rmse("iid"));
    assert!(rmse("iid") < rmse("hot") && rmse("hot") < rmse("hottest"));
    assert!(metrics["ood"]["hottest"].is_object());
    for figure in ["learning_curves", "parity", "error_vs_sigma", "epistemic"] {
        for ending in ["svg", "png", "csv"] {
            assert!(place.path(&format!("out/figures/{figure}.{ending}")).is_file(), "{figure}.{ending}");
        }
    }
}

#[test]
fn several_runs_are_compared_on_one_page() {
    let place = Place::new();
    place.succeed(&["run", "experiment.toml", "--out", "first"]);
    place.succeed(&["run", "experiment.toml", "--out", "second", "--set", "optimizer.adamw.learning_rate=0.002"]);
    place.succeed(&["report", "first", "second", "--out", "both.html"]);
    let page = place.read("both.html");
    assert!(page.contains("2 runs compared") && page.contains("<th>first</th>") && page.contains("<th>second</th>"));
    assert!(page.contains("NLL above the lowest"));
}
