//! Runs by minimisers: no `[train]` table, a certificate, a path; and what does not go together.

use std::fmt::Write as _;

use serde_json::Value;

use crate::place::{EXPERIMENT, Place};

/// A linear model with an L1 penalty, fitted by L-BFGS, with no word on how long.
fn linear() -> String {
    let (kept, _) = EXPERIMENT.split_once("[optimizer").unwrap();
    let kept = kept.replace("hidden = [8]", "hidden = []").replace("l2 = { weight = 1e-4 }", "l1 = { weight = 0.05 }");
    assert!(kept.contains("hidden = []") && kept.contains("l1 = { weight = 0.05 }"));
    format!("{kept}\n[optimizer.lbfgs]\n")
}

fn json(place: &Place, name: &str) -> Value {
    serde_json::from_str(&place.read(name)).unwrap()
}

#[test]
fn a_fit_converges_by_itself_and_says_how_far() {
    let place = Place::new();
    place.write("experiment.toml", &linear());
    place.succeed(&["run", "experiment.toml", "--out", "out"]);
    let log = place.read("out/log.jsonl");
    assert!(log.lines().last().unwrap().contains("\"event\":\"converged\""), "{log}");
    let metrics = json(&place, "out/metrics.json");
    let optimality = &metrics["optimality"];
    assert_eq!(optimality["penalty"], "l1");
    for name in ["gradient", "nonzeros_residual"] {
        assert!(optimality[name].as_f64().unwrap() <= 1e-9, "{optimality}");
    }
    assert!(optimality["n_zero"].as_u64().unwrap() + optimality["n_nonzero"].as_u64().unwrap() >= 2);
    assert!(place.read("out/report.html").contains("Optimality on the whole training set"));
    // what was filled in is written down and runs again
    assert!(place.read("out/config.toml").contains("epochs = 1000"));
    place.succeed(&["run", "out/config.toml", "--out", "again"]);
    assert_eq!(json(&place, "again/metrics.json")["optimality"], *optimality);
    // a converged run that is resumed has nothing left to do
    place.succeed(&["resume", "out"]);
    assert_eq!(json(&place, "out/metrics.json")["optimality"], *optimality);
}

#[test]
fn a_path_is_drawn_with_the_names_of_its_inputs() {
    let place = Place::new();
    let path = linear().replace("{ weight = 0.05 }", "{ path = { from = 0.5, to = 1e-3, n = 7 } }");
    place.write("experiment.toml", &path);
    place.succeed(&["run", "experiment.toml", "--out", "out"]);
    let table = place.read("out/figures/regularization_path.csv");
    for name in ["a", "b", "valid_nll", "n_nonzero"] {
        assert_eq!(table.lines().filter(|line| line.starts_with(&format!("{name},"))).count(), 7, "{name}: {table}");
    }
    for ending in ["svg", "png"] {
        assert!(place.path(&format!("out/figures/regularization_path.{ending}")).is_file());
    }
    assert!(json(&place, "out/metrics.json")["optimality"]["nonzeros_residual"].as_f64().unwrap() <= 1e-9);
    // without a path there is no such figure
    place.write("experiment.toml", &linear());
    place.succeed(&["run", "experiment.toml", "--out", "plain"]);
    assert!(!place.path("plain/figures/regularization_path.svg").exists());
}

#[test]
fn a_step_rule_may_leave_the_batch_size_out() {
    let place = Place::new();
    place.write("experiment.toml", &EXPERIMENT.replace("batch_size = 16\n", ""));
    place.succeed(&["run", "experiment.toml", "--out", "out"]);
    let steps = place.read("out/log.jsonl").lines().filter(|line| line.contains("\"event\":\"step\"")).count();
    assert_eq!(steps, 6, "one step per epoch");
}

#[test]
fn what_does_not_go_together() {
    let mut report = String::new();
    for (title, right, wrong) in [
        ("a first-order rule without epochs", "[optimizer.lbfgs]", "[optimizer.sgd]\nlearning_rate = 0.1"),
        ("a minimiser with small batches", "[optimizer.lbfgs]", "[optimizer.lbfgs]\n[train]\nbatch_size = 8"),
        ("a minimiser with averaged weights", "[optimizer.lbfgs]", "[optimizer.lbfgs]\n[train]\nema_decay = 0.9"),
        ("a minimiser with a schedule", "[optimizer.lbfgs]", "[optimizer.lbfgs]\n[schedule.cosine]"),
        ("a minimiser with dropout", "hidden = []", "hidden = [4]\ndropout = 0.1"),
        ("quasi-Newton with groups", "l1 = { weight = 0.05 }", "group_lasso = { weight = 0.05 }"),
        (
            "quasi-Newton with an elastic net",
            "l1 = { weight = 0.05 }",
            "elastic_net = { weight = 0.05, l1_ratio = 0.5 }",
        ),
        ("a share above one", "l1 = { weight = 0.05 }", "elastic_net = { weight = 0.05, l1_ratio = 1.5 }"),
        (
            "a path by small steps",
            "l1 = { weight = 0.05 }",
            "l1 = { path = { from = 0.1, to = 1e-3, n = 5 } }\n[optimizer.sgd]\nlearning_rate = 0.1\n[train]\nepochs = 3",
        ),
        ("a path upwards", "{ weight = 0.05 }", "{ path = { from = 1e-3, to = 0.1, n = 5 } }"),
        ("a weight and a path", "{ weight = 0.05 }", "{ weight = 0.05, path = { from = 0.1, to = 1e-3, n = 5 } }"),
        ("neither weight nor path", "{ weight = 0.05 }", "{}"),
        (
            "two penalties with kinks",
            "l1 = { weight = 0.05 }",
            "l1 = { weight = 0.05 }\n[[penalty]]\nl1 = { weight = 0.1 }",
        ),
        ("no tolerance", "[optimizer.lbfgs]", "[optimizer.lbfgs]\ntolerance = 0.0"),
    ] {
        let place = Place::new();
        let mut text = linear();
        if wrong.contains("[optimizer.sgd]") && !right.starts_with("[optimizer") {
            text = text.replace("[optimizer.lbfgs]\n", "");
        }
        if title == "a share above one" {
            text = text.replace("lbfgs", "fista");
        }
        assert!(text.contains(right), "{title}");
        place.write("experiment.toml", &text.replacen(right, wrong, 1));
        let text = place.fail(&["run", "experiment.toml", "--out", "out"]);
        assert!(text.starts_with("exit 2\nerror: ") && text.contains("\nhint: "), "{title}: {text}");
        assert_eq!(place.names(), ["experiment.toml", "table.csv"], "{title} left something behind");
        writeln!(report, "# {title}\n{text}").unwrap();
    }
    insta::assert_snapshot!(report);
}
