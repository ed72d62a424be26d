//! Figures of runs that have little to show.

#![allow(clippy::unwrap_used)]

use surprisal_data::run_file::PathTable;
use surprisal_data::run_file::{ParameterInterval, ParameterProfile};
use surprisal_objective::likelihood::{Kind, Marginal};
use surprisal_report::figure::{FIGURES, files};
use surprisal_report::run_data::{
    Curves, LearnedCurve, LearnedPoint, LearnedTerm, SplitCurves, SplitData, Spread, Trajectory,
};
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
        sd: vec![],
        spread: Spread::Parameters,
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

/// What a model reads and does not predict is grey, and has no curve.
#[test]
fn a_context_is_told_apart() {
    let mut run = with_trajectories(run(3, 1.0, &[1.0]));
    let figure = FIGURES.iter().find(|f| f.name() == "trajectories").unwrap();
    assert!(!figure.caption(&run).contains("context"));
    for t in run.splits.iter_mut().filter(|s| s.name == "train").flat_map(|s| &mut s.trajectories) {
        t.interval[..4].fill((f64::NAN, f64::NAN));
        t.state[..2 * 20].fill(f64::NAN);
    }
    assert!(figure.caption(&run).contains("Grey measurements are the context"));
    let drawing = figure.draw(&run).unwrap();
    let [(_, svg), _, (_, csv)] = files(&drawing, figure.title()).unwrap();
    let (svg, csv) = (String::from_utf8(svg).unwrap(), String::from_utf8(csv).unwrap());
    assert!(svg.contains(">context<") && !svg.contains("NaN"));
    for quantity in ["solution", "predicted"] {
        let n = csv.lines().filter(|l| l.starts_with(&format!("train,{quantity} speed,2,"))).count();
        assert_eq!(n, 41, "{quantity}");
    }
    assert_eq!(csv.lines().filter(|l| l.starts_with("train,measured angle,1,")).count(), 3);
}

/// Where the solution is uncertain, measurements spread by both that and the noise.
#[test]
fn bands_of_solution_and_measurements_are_named_and_added() {
    let mut run = with_trajectories(run(3, 1.0, &[1.0]));
    let figure = FIGURES.iter().find(|f| f.name() == "trajectories").unwrap();
    assert!(figure.caption(&run).contains("noise alone"));
    let half_of = |run: &RunData, row: &str| {
        let csv = figure.draw(run).unwrap().table.csv();
        let line = csv.lines().find(|l| l.starts_with(row)).unwrap().to_owned();
        let numbers: Vec<f64> = line.rsplit(',').take(3).map(|n| n.parse().unwrap()).collect();
        0.5 * (numbers[0] - numbers[1])
    };
    let (solution, predicted) = ("train,solution angle,1,3,", "train,predicted angle,1,3,");
    assert!((half_of(&run, predicted) - 0.1).abs() < 1e-9);
    let sd = 0.15 / 1.644_853_626_951_472_2;
    for spread in [Spread::Parameters, Spread::Members] {
        for split in &mut run.splits {
            for t in &mut split.trajectories {
                (t.sd, t.spread) = (vec![sd; t.state.len()], spread);
            }
        }
        assert!((half_of(&run, solution) - 0.15).abs() < 1e-9);
        // a mixture of members has their differences in it
        let expected = if spread == Spread::Members { 0.1 } else { 0.1f64.hypot(0.15) };
        assert!((half_of(&run, predicted) - expected).abs() < 1e-9, "{spread:?}");
        let named = if spread == Spread::Members { "members of the ensemble" } else { "parameters are uncertain" };
        assert!(figure.caption(&run).contains(named));
    }
}

#[test]
fn residuals_stand_at_their_times() {
    let mut run = with_trajectories(run(3, 1.0, &[1.0]));
    let figure = FIGURES.iter().find(|f| f.name() == "residuals").unwrap();
    run.splits.truncate(1);
    let split = &mut run.splits[0];
    // the first of three times is where a trajectory starts, and no sample
    (split.nll, split.group) = (vec![0.0; 4], vec![0, 0, 1, 1]);
    split.target = vec![0.0; 8];
    split.cdf = vec![0.5, f64::NAN, 0.841_344_746_068_542_9, 0.5, 0.022_750_131_948_179_2, 0.5, 1.0, 0.5];
    split.cdf_below = split.cdf.clone();
    let csv = figure.draw(&run).unwrap().table.csv();
    let row = |start: &str| -> f64 {
        let line = csv.lines().find(|l| l.starts_with(start)).unwrap_or_else(|| panic!("{start} in {csv}"));
        line.rsplit(',').next().unwrap().parse().unwrap()
    };
    assert_eq!(row("train,angle,1,1,"), 0.0);
    assert!((row("train,angle,1,3,") - 1.0).abs() < 1e-9);
    assert!((row("train,angle,2,1,") + 2.0).abs() < 1e-9);
    // certainty that was disappointed is far out, and not infinite
    assert!(row("train,angle,2,3,") > 7.0);
    assert_eq!(csv.lines().filter(|l| l.starts_with("train,speed,")).count(), 3);
}

#[test]
fn learned_terms_are_drawn_against_every_input() {
    let mut run = with_trajectories(run(3, 1.0, &[1.0]));
    let figure = FIGURES.iter().find(|f| f.name() == "learned_term").unwrap();
    assert!(figure.draw(&run).is_none());
    let points = |from: f64| {
        (0..20)
            .map(|k| from + 0.1 * f64::from(k))
            .map(|x| LearnedPoint { input: vec![x, -x], output: vec![x * x], reference: vec![x] })
            .collect()
    };
    for (split, from) in run.splits.iter_mut().zip([0.0, 1.0]) {
        split.learned = vec![LearnedTerm {
            name: "nn".into(),
            inputs: vec!["x".into(), "exp(y)".into()],
            outputs: vec!["u".into()],
            curves: vec![LearnedCurve { trajectory: 1, model: 0, points: points(from) }],
            measured: vec![Some((0.0, 1.5)), None],
        }];
    }
    let drawing = figure.draw(&run).unwrap();
    let [(_, svg), _, (_, csv)] = files(&drawing, figure.title()).unwrap();
    let (svg, csv) = (String::from_utf8(svg).unwrap(), String::from_utf8(csv).unwrap());
    for text in ["nn.u", "x", "exp(y)", "training data", "later", "reference"] {
        assert!(svg.contains(&format!(">{text}<")), "{text}");
    }
    assert_eq!(csv.lines().filter(|l| l.starts_with("later,nn.u,exp(y),2,1,")).count(), 20);
    assert!(csv.contains("train,nn.u,x,2,1,0.5,0.25,0.5\n"), "{csv}");
    let metrics = Metrics::of(&run, serde_json::Value::Null);
    let learned = &metrics.value()["splits"]["train"]["learned"];
    // x² against x at 0, 0.1 … 1.9
    let rms = |f: fn(f64) -> f64| ((0..20).map(|k| f(0.1 * f64::from(k)).powi(2)).sum::<f64>() / 20.0).sqrt();
    for (name, expected) in [("rmse", rms(|x| x * x - x)), ("reference_rms", rms(|x| x))] {
        assert!((learned["nn"]["u"][name].as_f64().unwrap() - expected).abs() < 1e-12, "{learned}");
    }
}

#[test]
fn profiles_are_drawn_with_their_ends() {
    let mut run = run(3, 1.0, &[1.0]);
    let figure = FIGURES.iter().find(|f| f.name() == "profile").unwrap();
    assert!(figure.draw(&run).is_none());
    let points = (-6..=6).map(|k| 0.5 * f64::from(k)).map(|z| [2.0 + 0.1 * z, 0.5 * z * z, 0.5 * z * z]).collect();
    let flat = (0..5).map(|k| [10f64.powi(k), 0.01, f64::NAN]).collect();
    run.solution.profiles = vec![
        ParameterProfile { name: "k".into(), ends: vec![[1.804, 2.196]], points: vec![points] },
        ParameterProfile { name: "s".into(), ends: vec![[f64::NEG_INFINITY, f64::INFINITY]], points: vec![flat] },
    ];
    run.solution.intervals = vec![ParameterInterval {
        name: "k".into(),
        values: vec![2.0],
        standard_error: vec![0.1],
        lower: vec![1.8],
        upper: vec![2.2],
    }];
    let drawing = figure.draw(&run).unwrap();
    let [(_, svg), _, (_, csv)] = files(&drawing, figure.title()).unwrap();
    let (svg, csv) = (String::from_utf8(svg).unwrap(), String::from_utf8(csv).unwrap());
    assert!(!svg.contains("NaN") && svg.matches(">open<").count() == 2);
    assert!(csv.contains("k,2.05,0.125,0.125,1.804,2.196\n") && csv.contains("s,100,0.01,,,\n"), "{csv}");
    assert!(figure.caption(&run).contains("without a bound"));
    let metrics = Metrics::of(&run, serde_json::Value::Null);
    let ends = &metrics.value()["parameters"]["profile_intervals"];
    assert_eq!(ends["k"], serde_json::json!([1.804, 2.196]));
    assert_eq!(ends["s"], serde_json::json!([null, null]));
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
