//! Runs of latent ODEs: contexts in what a run leaves, later parts, drawn states, resumption.

use serde_json::Value;

use crate::place::Place;

const EXPERIMENT: &str = r#"name = "latent"
seed = 2

[data.csv_series]
path = "series.csv"
time = "t"
states = ["x", "y"]
trajectory = "id"
train_until = 3.0
valid_fraction = 0.25

[model.latent_ode]
t_unit = "day"
context = { until = 1.2 }
latent_dim = 3

[model.latent_ode.encoder]
hidden = [6]

[model.latent_ode.field.mlp]
hidden = [5]

[model.latent_ode.solver.tsit5]
rtol = 1e-5
atol = 1e-6

[likelihood.gaussian]

[optimizer.adamw]
learning_rate = 1e-2

[train]
epochs = 6
batch_size = 4
"#;

/// Eight oscillations, seen at times of their own until 4; now and then one column is not.
fn series() -> String {
    let mut text = "id,t,x,y\n".to_owned();
    for id in 0..8 {
        for k in 0..12 {
            let t = 0.35 * f64::from(k) + 0.02 * f64::from(id);
            let angle = t + f64::from(id);
            let y = if (id + k) % 7 == 3 { String::new() } else { format!("{:.4}", 10.0 * angle.cos()) };
            text.push_str(&format!("s{id},{t:.3},{:.4},{y}\n", angle.sin()));
        }
    }
    text
}

fn place() -> Place {
    let place = Place::new();
    place.write("series.csv", &series());
    place.write("latent.toml", EXPERIMENT);
    place
}

fn metrics(place: &Place, out: &str) -> Value {
    serde_json::from_str(&place.read(&format!("{out}/metrics.json"))).unwrap()
}

const DRAWN: [&str; 2] = ["--set", "model.latent_ode.latent={ gaussian = { samples = 4 } }"];

#[test]
fn a_run_leaves_the_context_and_what_follows_it() {
    let place = place();
    for (out, set) in [("point", &[][..]), ("drawn", &DRAWN[..]), ("members", &["--set", "ensemble.members=2"][..])] {
        place.succeed(&[&["run", "latent.toml", "--out", out], set].concat());
        let metrics = metrics(&place, out);
        for (split, n) in [("train", 6 * 5), ("valid", 2 * 5), ("later", 6 * 3)] {
            let of = &metrics["splits"][split];
            assert!(of["nll"].as_f64().is_some_and(f64::is_finite), "{out}: {split}: {of}");
            let group = surprisal_report::load(&place.path(&format!("{out}/run.h5"))).unwrap();
            let found = group.splits.iter().find(|s| s.name == split).unwrap().n_samples();
            // trajectories that begin a little later have one observation less in a part
            assert!(found.abs_diff(n) <= 6, "{out}: {split} has {found} samples");
        }
        let csv = place.read(&format!("{out}/figures/trajectories.csv"));
        let times = |part: &str| -> Vec<f64> {
            let rows = csv.lines().filter(|l| l.starts_with(&format!("train,{part} x,1,")));
            rows.map(|l| l.split(',').nth(3).unwrap().parse().unwrap()).collect()
        };
        assert!(times("measured")[0] < 1.2, "the context is shown");
        assert!(
            times("solution").iter().all(|t| *t >= 1.2) && times("solution").len() > 100,
            "and nothing fitted to it"
        );
        assert!(place.read(&format!("{out}/figures/trajectories.svg")).contains(">context<"));
        assert!(place.read(&format!("{out}/figures/trajectories.svg")).contains(">t (day)<"));
    }
    let log = place.read("drawn/log.jsonl");
    assert!(log.lines().filter(|l| l.contains("\"event\":\"step\"")).all(|l| l.contains("\"kl\":")), "{log}");
    assert!(!place.read("point/log.jsonl").contains("\"kl\":"));
}

#[test]
fn drawn_states_resume_and_do_not_depend_on_threads() {
    let place = place();
    let run = |out: &str, more: &[&str]| {
        place.succeed(&[&["run", "latent.toml", "--out", out], &DRAWN[..], more].concat());
    };
    run("whole", &["--threads", "1"]);
    run("threads", &["--threads", "4"]);
    run("cut", &["--set", "train.epochs=2"]);
    run("cut", &["--resume"]);
    let weights = |out: &str| std::fs::read(place.path(&format!("{out}/model.safetensors"))).unwrap();
    assert_eq!(weights("threads"), weights("whole"));
    assert_eq!(weights("cut"), weights("whole"));
    assert_eq!(metrics(&place, "cut")["splits"], metrics(&place, "whole")["splits"]);
}

/// A minimiser wants one function: a state is one, a draw is not.
#[test]
fn minimizers_take_states_that_are_not_drawn() {
    let place = place();
    let tables = EXPERIMENT.find("[optimizer.adamw]").unwrap();
    place.write("latent.toml", &format!("{}[optimizer.lbfgs]\n", &EXPERIMENT[..tables]));
    let text = place.fail(&[&["run", "latent.toml", "--out", "out"], &DRAWN[..]].concat());
    assert!(text.starts_with("exit 2\nerror: --set model.latent_ode.latent="), "{text}");
    assert!(text.contains("`lbfgs` minimises one function"), "{text}");
    place.succeed(&["check", "latent.toml"]);
}
