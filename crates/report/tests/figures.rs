//! Figures of runs that have little to show.

#![allow(clippy::unwrap_used)]

use surprisal_data::run_file::PathTable;
use surprisal_objective::likelihood::{Kind, Marginal};
use surprisal_report::figure::{FIGURES, files};
use surprisal_report::run_data::{Curves, SplitCurves, SplitData, Trajectory};
use surprisal_report::solution::Solution;
use surprisal_report::{Metrics, RunData};

/// Uniform on [−1, 1], or a point mass so narrow that nothing can be drawn of it.
struct Uniform {
    half_width: f64,
}

impl Marginal for Uniform {
    fn mean(&self) -> f64 {
        0.0
    }
    fn variance(&self) -> f64 {
        self.half_width.powi(2) / 3.0
    }
    fn cdf(&self, y: f64) -> f64 {
        (0.5 * (y / self.half_width + 1.0)).clamp(0.0, 1.0)
    }
    fn quantile(&self, p: f64) -> f64 {
        self.half_width * (2.0 * p - 1.0)
    }
    fn crps(&self, y: f64) -> f64 {
        y.abs()
    }
}

fn run(n: usize, half_width: f64, curve: &[f64]) -> RunData {
    let mut split = SplitData::new("valid", 1);
    for i in 0..n {
        split.push(0.3 - i as f64 / n as f64, Some(&Uniform { half_width }));
        split.nll.push(1.0);
        split.group.push(i as u64);
    }
    let epoch = (0..curve.len()).map(|t| t as f64).collect();
    let curves = SplitCurves { name: "valid".into(), nll: curve.to_vec(), mse: curve.to_vec(), zms: None, pit: vec![] };
    RunData {
        name: "small".into(),
        seed: 0,
        model: "mlp".into(),
        likelihood: "uniform".into(),
        kind: Kind::Real,
        unit: String::new(),
        time_label: String::new(),
        target_names: vec!["y".into()],
        splits: vec![split],
        curves: Curves { epoch, splits: vec![curves], selected: None },
        onset: None,
        recalibration: None,
        notes: vec![],
        solution: Default::default(),
        table: Default::default(),
    }
}

#[test]
fn every_figure_survives_runs_with_little_in_them() {
    let cases: [(usize, f64, &[f64]); 5] = [
        (1, 1.0, &[1.0, 1.0]),
        (3, 0.0, &[f64::NAN, f64::NAN]),
        (2, f64::INFINITY, &[1.0, f64::NAN, 3.0]),
        (0, 1.0, &[]),
        (50, 1e-9, &[1e9, 1e-9]),
    ];
    for (n, half_width, curve) in cases {
        let run = run(n, half_width, curve);
        for figure in FIGURES {
            assert!(!figure.caption(&run).is_empty());
            let Some(drawing) = figure.draw(&run) else { continue };
            let [(_, svg), (_, png), (_, csv)] = files(&drawing, figure.title()).unwrap();
            let svg = String::from_utf8(svg).unwrap();
            assert!(
                !svg.contains("NaN") && !svg.contains("inf,") && !svg.contains("\"inf"),
                "{} {n} {half_width}",
                figure.name()
            );
            assert!(png.starts_with(b"\x89PNG"));
            assert!(String::from_utf8(csv).unwrap().lines().count() > 1, "{}", figure.name());
        }
        let metrics = Metrics::of(&run, serde_json::Value::Null);
        assert!(serde_json::from_str::<serde_json::Value>(&metrics.value().to_string()).is_ok());
    }
}

/// Two inputs that enter one after the other, and a third that never does.
fn with_path(mut run: RunData, valid_nll: Vec<f64>) -> RunData {
    let n = valid_nll.len();
    let weights = (0..n).flat_map(|k| [0.1 * k as f64, (k as f64 - 2.0).max(0.0), 0.0]).collect();
    run.solution = Solution {
        penalty: "l1".into(),
        optimality: vec![
            ("gradient".into(), 1e-10),
            ("n_nonzero".into(), 2.0),
            ("n_zero".into(), 1.0),
            ("nonzeros_residual".into(), 2e-10),
            ("objective".into(), 1.25),
            ("zeros_excess".into(), -0.01),
        ],
        input_names: ["load", "price", "idle"].map(String::from).to_vec(),
        path: Some(PathTable {
            weight: (0..n).map(|k| 0.5f64.powi(k as i32)).collect(),
            objective: vec![1.0; n],
            train_nll: (0..n).map(|k| 2.0 - 0.1 * k as f64).collect(),
            n_nonzero: vec![2.0; n],
            violation: vec![0.0; n],
            selected: n - 1,
            parameters: vec![
                ("layers.0.weight".into(), vec![1, 3], weights),
                ("layers.0.bias".into(), vec![1], vec![0.0; n]),
            ],
            valid_nll,
        }),
        ..Solution::default()
    };
    run
}

#[test]
fn a_path_names_its_inputs_and_marks_the_choice() {
    let figure = FIGURES.iter().find(|f| f.name() == "regularization_path").unwrap();
    for valid_nll in [vec![2.0, 1.9, 1.8, 1.7, 1.9], vec![f64::NAN; 5], vec![1.0, 1.0]] {
        let n = valid_nll.len();
        let run = with_path(run(3, 1.0, &[1.0]), valid_nll);
        let drawing = figure.draw(&run).unwrap();
        let [(_, svg), _, (_, csv)] = files(&drawing, figure.title()).unwrap();
        let (svg, csv) = (String::from_utf8(svg).unwrap(), String::from_utf8(csv).unwrap());
        for name in ["load", "price", "idle"] {
            assert!(svg.contains(&format!(">{name}<")), "{name}");
            assert_eq!(csv.lines().filter(|l| l.starts_with(&format!("{name},"))).count(), n);
        }
        assert!(!svg.contains("NaN") && figure.caption(&run).contains("2 of its weights"));
    }
    let one = with_path(run(3, 1.0, &[1.0]), vec![1.0]);
    assert!(figure.draw(&one).is_none(), "a point is no path");
}

/// Two trajectories of two states, and what comes later of them.
fn with_trajectories(mut run: RunData) -> RunData {
    let trajectory = |times: &[f64]| Trajectory {
        time: times.to_vec(),
        observed: times.iter().flat_map(|t| [t.sin(), f64::NAN]).collect(),
        interval: times.iter().flat_map(|t| [(t.sin() - 0.1, t.sin() + 0.1), (t.cos() - 0.2, t.cos() + 0.2)]).collect(),
        dense_time: (0..=60).map(|k| 0.1 * f64::from(k)).collect(),
        state: (0..=60).map(|k| 0.1 * f64::from(k)).flat_map(|t| [t.sin(), t.cos()]).collect(),
    };
    let mut later = SplitData::new("later", 2);
    later.trajectories = vec![trajectory(&[4.0, 5.0, 6.0]); 2];
    let mut train = SplitData::new("train", 2);
    train.trajectories = vec![trajectory(&[0.0, 1.0, 3.0]); 2];
    // what has predictions is drawn
    (train.nll, later.nll) = (vec![0.0; 6], vec![0.0; 6]);
    (run.splits, run.target_names) = (vec![train, later], vec!["angle".into(), "speed".into()]);
    run.time_label = "t (s)".into();
    run
}

#[test]
fn trajectories_go_on_where_the_training_ends() {
    let run = with_trajectories(run(3, 1.0, &[1.0]));
    let figure = FIGURES.iter().find(|f| f.name() == "trajectories").unwrap();
    let drawing = figure.draw(&run).unwrap();
    let [(_, svg), _, (_, csv)] = files(&drawing, figure.title()).unwrap();
    let (svg, csv) = (String::from_utf8(svg).unwrap(), String::from_utf8(csv).unwrap());
    assert!(!svg.contains("NaN"));
    for text in ["angle", "speed", "t (s)", "train 1", "train 2", "predicted, later"] {
        assert!(svg.contains(&format!(">{text}<")), "{text}");
    }
    assert!(csv.contains("train,measured angle,1,0,0,-0.1,0.1\n"), "{csv}");
    assert_eq!(csv.lines().filter(|l| l.starts_with("later,solution speed,2,")).count(), 61);
    assert!(figure.caption(&run).contains("nothing was trained on"));
}

#[test]
fn a_phase_portrait_needs_two_quantities() {
    let figure = FIGURES.iter().find(|f| f.name() == "phase_portrait").unwrap();
    let mut run = with_trajectories(run(3, 1.0, &[1.0]));
    let drawing = figure.draw(&run).unwrap();
    assert_eq!(drawing.table.csv().lines().filter(|l| l.starts_with("train,solution,1,")).count(), 61);
    assert!(!drawing.table.csv().contains(",measured,"), "a point that was half seen has no place");
    run.target_names.truncate(1);
    assert!(figure.draw(&run).is_none());
    assert!(figure.draw(&self::run(3, 1.0, &[1.0])).is_none());
}

#[test]
fn the_certificate_is_in_the_metrics() {
    let run = with_path(run(3, 1.0, &[1.0]), vec![2.0, 1.0]);
    let metrics = Metrics::of(&run, serde_json::Value::Null);
    let optimality = &metrics.value()["optimality"];
    assert_eq!((&optimality["penalty"], &optimality["n_zero"]), (&serde_json::json!("l1"), &serde_json::json!(1)));
    assert_eq!(optimality["zeros_excess"], -0.01);
}

#[test]
fn names_of_figures_are_file_names_and_differ() {
    let mut names: Vec<&str> = FIGURES.iter().map(|f| f.name()).collect();
    assert!(names.iter().all(|n| n.chars().all(|c| c.is_ascii_lowercase() || c == '_')));
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), FIGURES.len());
}

#[test]
fn what_is_not_finite_is_null_and_noted() {
    let metrics = Metrics::of(&run(3, f64::INFINITY, &[]), serde_json::Value::Null);
    assert!(metrics.value()["splits"]["valid"]["sharpness"].is_null());
    let notes = metrics.value()["notes"].to_string();
    assert!(notes.contains("valid.sharpness"), "{notes}");
}
