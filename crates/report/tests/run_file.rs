//! From a run file to the files of a report.

#![allow(clippy::unwrap_used)]

use std::path::Path;

use surprisal_core::rng;
use surprisal_data::run_file::{Column, Evaluation, Layout, PredictionTable, SplitEvaluation, SplitLayout, Writer};
use surprisal_report::{ReportError, ReportInputs, write};

const NIG: &str = r#"{"normal_inverse_gamma":{}}"#;

/// What a test run looks like.
struct Run {
    /// Name, groups and strangeness of each split.
    splits: Vec<(&'static str, usize, f64)>,
    n_evaluations: usize,
    likelihood: &'static str,
    /// Overwrites this target of the last split.
    damage: Option<(usize, f64)>,
    /// Samples of `valid` of which nothing was observed.
    unobserved: &'static [usize],
}

/// Writes a run of joint normal-inverse-gamma forces, five atoms per frame.
fn write_run_file(path: &Path, run: &Run) {
    let groups = |n: usize| -> Vec<u32> { (0..n as u32).flat_map(|g| [g; 5]).collect() };
    let layout = Layout {
        name: "forces & <more>".into(),
        seed: 3,
        attributes: [
            ("likelihood", run.likelihood),
            ("coupling", "joint"),
            ("unit", "eV/Å"),
            ("target_names", r#"["x", "y", "z"]"#),
            ("model", "painn"),
        ]
        .map(|(k, v)| (k.to_string(), v.to_string()))
        .to_vec(),
        splits: run
            .splits
            .iter()
            .map(|(name, n, _)| SplitLayout {
                name: (*name).into(),
                group: groups(*n),
                dim: 3,
                location_width: 3,
                columns: ["nu", "alpha", "beta"].map(|c| Column::new(c, 1)).to_vec(),
                metrics: vec!["nll".into(), "mse".into()],
                per_sample: *name == "valid",
                trajectories: None,
            })
            .collect(),
        parameters: vec![],
        solution: Default::default(),
    };
    let mut writer = Writer::create(path, &layout).unwrap();
    let mut stream = rng::stream(9, "curves", 0);
    for t in 0..run.n_evaluations {
        let level = 3.0 * (-(t as f64) / 5.0).exp() + 0.05 * (t as f64 - 20.0).max(0.0);
        let error = 0.1 + (-(t as f64) / 5.0).exp();
        let samples: Vec<(Vec<f64>, Vec<f64>)> = run
            .splits
            .iter()
            .map(|(_, n, _)| {
                (0..5 * n)
                    .map(|i| {
                        let noise = rng::standard_normal(&mut stream);
                        let seen = if run.unobserved.contains(&i) { f64::NAN } else { 1.0 };
                        (seen * (level + 0.2 * noise), seen * error * (1.0 + 0.02 * noise))
                    })
                    .unzip()
            })
            .collect();
        let splits = samples
            .iter()
            .zip(&run.splits)
            .map(|((nll, square), (name, _, _))| {
                let per_sample = *name == "valid";
                SplitEvaluation {
                    metrics: vec![level, error],
                    nll: if per_sample { nll } else { &[] },
                    squared_error: if per_sample { square } else { &[] },
                    pit: if per_sample { &[1.0; 20] } else { &[] },
                }
            })
            .collect();
        writer.append(&Evaluation { epoch: t as f64, step: t as u64, learning_rate: 1e-3, splits }).unwrap();
    }
    for (s, (name, n, strangeness)) in run.splits.iter().enumerate() {
        let n = 5 * n;
        let mut draw = || rng::standard_normal(&mut stream);
        let mut target: Vec<f64> = (0..3 * n).map(|_| draw()).collect();
        let alpha: Vec<f64> = (0..n).map(|_| 2.5 + draw().abs()).collect();
        let beta: Vec<f64> = (0..n).map(|_| 0.01 * (0.5 * draw()).exp()).collect();
        let nu: Vec<f64> = (0..n).map(|_| 2.0 / strangeness * (0.3 * draw()).exp()).collect();
        let location: Vec<f64> = (0..3 * n)
            .map(|c| {
                let i = c / 3;
                target[c] + strangeness * (beta[i] * (1.0 + nu[i]) / (alpha[i] * nu[i])).sqrt() * draw()
            })
            .collect();
        if let (Some((place, value)), true) = (run.damage, s + 1 == run.splits.len()) {
            target[place] = value;
        }
        let nll: Vec<f64> = (0..n).map(|_| -2.0 + 0.5 * draw()).collect();
        let columns = vec![("nu", nu.as_slice()), ("alpha", &alpha), ("beta", &beta)];
        writer
            .write_predictions(name, &PredictionTable { target: &target, location: &location, columns, nll: &nll })
            .unwrap();
    }
}

fn splits() -> Vec<(&'static str, usize, f64)> {
    vec![("train", 60, 1.0), ("valid", 40, 1.0), ("iid", 50, 1.0), ("hot", 40, 3.0)]
}

fn run() -> Run {
    Run { splits: splits(), n_evaluations: 50, likelihood: NIG, damage: None, unobserved: &[] }
}

#[test]
fn a_run_file_becomes_metrics_figures_and_a_page() {
    let folder = tempfile::tempdir().unwrap();
    write_run_file(&folder.path().join("run.h5"), &run());
    let inputs = ReportInputs {
        timing: serde_json::json!({ "fit_seconds": 1.5 }),
        config_toml: "name = \"<b>\"\n".into(),
        provenance: "{\"version\": \"0.1.0\"}".into(),
    };
    let metrics = write(folder.path(), &inputs).unwrap();

    let text = std::fs::read_to_string(folder.path().join("metrics.json")).unwrap();
    let read: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(read["timing"]["fit_seconds"], 1.5);
    assert_eq!(read["units"]["rmse"], "eV/Å");
    assert_eq!(read["splits"]["iid"]["n_samples"], 250);
    assert_eq!(read["splits"]["iid"]["n_groups"], 50);
    assert_eq!(read["onset"]["verdict"], "onset", "{}", read["onset"]);
    let onset = read["onset"]["epoch"].as_f64().unwrap();
    assert!((20.0..30.0).contains(&onset), "{onset}");
    assert!(read["ood"]["hot"]["epistemic_auroc"].as_f64().unwrap() > 0.7);
    let (low, high) = metrics.interval("iid", "rmse").unwrap();
    let rmse = metrics.number("iid", "rmse").unwrap();
    assert!(low < rmse && rmse < high);
    let per_component = metrics.number("iid", "nll_per_component").unwrap();
    assert!((3.0 * per_component - metrics.number("iid", "nll").unwrap()).abs() < 1e-12);
    // Errors are Gaussian at the Student-t scale, so 95 % intervals are a little wide but right.
    let coverage = read["splits"]["iid"]["coverage"]["0.95"].as_f64().unwrap();
    assert!(coverage > 0.93, "{coverage}");
    assert!(read["splits"]["hot"]["zms"].as_f64().unwrap() > 2.0);

    for figure in ["learning_curves", "parity", "error_vs_sigma", "reliability", "pit", "epistemic"] {
        for ending in ["svg", "png", "csv"] {
            let file = folder.path().join(format!("figures/{figure}.{ending}"));
            assert!(std::fs::metadata(&file).unwrap().len() > 300, "{}", file.display());
        }
    }
    let page = std::fs::read_to_string(folder.path().join("report.html")).unwrap();
    assert!(page.contains("forces &amp; &lt;more&gt;") && page.contains("name = &quot;&lt;b&gt;&quot;"));
    assert!(page.contains("Calibration was lost from epoch"));
    assert!(!page.contains("http://") || page.matches("http://").count() == page.matches("http://www.w3.org").count());
    assert!(
        !std::fs::read_dir(folder.path()).unwrap().any(|f| f.unwrap().path().extension().is_some_and(|e| e == "new"))
    );
}

#[test]
fn samples_that_were_never_observed_do_not_hide_the_onset() {
    let folder = tempfile::tempdir().unwrap();
    // One of a group, and a whole group.
    write_run_file(&folder.path().join("run.h5"), &Run { unobserved: &[3, 10, 11, 12, 13, 14], ..run() });
    let metrics = write(folder.path(), &ReportInputs::default()).unwrap();
    let onset = &metrics.value()["onset"];
    assert_eq!(onset["verdict"], "onset", "{onset}");
    assert!((20.0..30.0).contains(&onset["epoch"].as_f64().unwrap()), "{onset}");
}

#[test]
fn a_report_repeats_itself_exactly() {
    let folder = tempfile::tempdir().unwrap();
    write_run_file(&folder.path().join("run.h5"), &run());
    let first = write(folder.path(), &ReportInputs::default()).unwrap();
    let page = std::fs::read(folder.path().join("report.html")).unwrap();
    assert_eq!(first, write(folder.path(), &ReportInputs::default()).unwrap());
    assert_eq!(page, std::fs::read(folder.path().join("report.html")).unwrap());
}

#[test]
fn without_validation_there_is_no_verdict_and_it_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let only = Run { splits: vec![("train", 30, 1.0), ("test", 4, 1.0)], n_evaluations: 1, ..run() };
    write_run_file(&folder.path().join("run.h5"), &only);
    let metrics = write(folder.path(), &ReportInputs::default()).unwrap();
    assert_eq!(metrics.value()["onset"]["verdict"], "undetermined");
    assert!(metrics.value()["onset"]["reason"].as_str().unwrap().contains("no split `valid`"));
    assert!(!folder.path().join("figures/learning_curves.svg").exists());
    assert!(folder.path().join("figures/parity.svg").exists());
}

#[test]
fn numbers_that_are_not_finite_become_null_with_a_note() {
    let folder = tempfile::tempdir().unwrap();
    let damaged = Run { damage: Some((7, f64::INFINITY)), ..run() };
    write_run_file(&folder.path().join("run.h5"), &damaged);
    write(folder.path(), &ReportInputs::default()).unwrap();
    let missing = Run { damage: Some((7, f64::NAN)), ..run() };
    std::fs::remove_file(folder.path().join("run.h5")).unwrap();
    write_run_file(&folder.path().join("run.h5"), &missing);
    let metrics = write(folder.path(), &ReportInputs::default()).unwrap();
    assert!(metrics.number("hot", "rmse").is_some(), "one missing component is left out");
}

#[test]
fn an_unknown_likelihood_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let unknown = Run { likelihood: r#"{"cauchy":{}}"#, ..run() };
    write_run_file(&folder.path().join("run.h5"), &unknown);
    let error = write(folder.path(), &ReportInputs::default()).unwrap_err();
    assert!(matches!(error, ReportError::Attribute { attribute: "likelihood", .. }));
    assert!(error.to_string().contains("cauchy"), "{error}");
}
