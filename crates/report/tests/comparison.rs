//! Several runs on one page.

#![allow(clippy::unwrap_used)]

use surprisal_core::rng;
use surprisal_objective::likelihood::{Kind, NormalMarginal};
use surprisal_report::run_data::{Curves, SplitCurves, SplitData};
use surprisal_report::{Compared, ReportError, RunData, write_comparison};

/// A Gaussian model of 400 fixed observations in 100 groups; its own errors are `error` large.
fn run(name: &str, error: f64, seed: u64, kind: Kind) -> RunData {
    run_of(name, error, seed, 1, kind)
}

/// The same on the observations number `data`.
fn run_of(name: &str, error: f64, seed: u64, data: u64, kind: Kind) -> RunData {
    let (mut data, mut own) = (rng::stream(data, "data", 0), rng::stream(seed, "model", 0));
    let mut split = SplitData::new("test", 1);
    for i in 0..400 {
        let truth = rng::standard_normal(&mut data);
        let y = truth + 0.5 * rng::standard_normal(&mut data);
        let loc = truth + error * rng::standard_normal(&mut own);
        let z = (y - loc) / 0.5;
        split.push(y, Some(&NormalMarginal { loc, scale: 0.5 }));
        split.nll.push(0.5 * z * z + (0.5 * std::f64::consts::TAU.sqrt()).ln());
        split.group.push(i / 4);
    }
    let epoch: Vec<f64> = (0..10).map(f64::from).collect();
    let curve: Vec<f64> = epoch.iter().map(|e| error + (-e).exp()).collect();
    let curves = SplitCurves { name: "valid".into(), nll: curve.clone(), mse: curve, zms: None, pit: vec![] };
    RunData {
        name: name.into(),
        seed,
        model: "mlp".into(),
        likelihood: "gaussian".into(),
        kind,
        unit: "m".into(),
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

fn page(runs: &[RunData]) -> String {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("comparison.html");
    let runs: Vec<Compared> = runs.iter().map(|run| Compared::new(run.name.as_str(), run.clone())).collect();
    write_comparison(&runs, &out).unwrap();
    std::fs::read_to_string(&out).unwrap()
}

/// The row of a measure.
fn row<'a>(page: &'a str, label: &str) -> &'a str {
    page.lines().find(|line| line.contains(&format!("<th>{label}"))).unwrap()
}

#[test]
fn the_better_run_is_bold_only_beyond_chance() {
    let good = run("good", 0.1, 2, Kind::Real);
    let clear = page(&[good.clone(), run("bad", 0.8, 3, Kind::Real)]);
    for measure in ["NLL per sample", "RMSE", "MAE", "CRPS"] {
        let row = row(&clear, measure);
        assert_eq!(row.matches("<b>").count(), 1, "{row}");
        assert!(row.find("<b>").unwrap() < row.rfind("<td>").unwrap(), "the first run is the better: {row}");
    }
    assert!(!row(&clear, "Miscalibration area").contains("<b>"));
    assert_eq!(clear.matches("<svg").count(), 2);
}

/// Of 40 runs that are equally good, the 95 % intervals of about one in twenty exclude 0.
#[test]
fn equally_good_runs_are_rarely_called_better() {
    let first = run("first", 0.3, 100, Kind::Real);
    let called = (0..40).filter(|&trial| {
        // Each its own data, so that the trials are independent.
        let first = run_of("first", 0.3, 100 + trial, trial, Kind::Real);
        let page = page(&[first, run_of("second", 0.3, 200 + trial, trial, Kind::Real)]);
        assert!(row(&page, "NLL above the lowest").contains(" to "));
        row(&page, "NLL per sample").contains("<b>")
    });
    let called = called.count();
    assert!(called <= 6, "{called} of 40");
    assert!(!page(&[first.clone(), first]).contains("<b>0"), "a run does not beat itself");
}

#[test]
fn other_samples_are_not_tested_and_other_kinds_not_compared() {
    let good = run("good", 0.1, 2, Kind::Real);
    let mut other = run("other", 0.8, 3, Kind::Real);
    other.splits[0].target[7] += 1.0;
    let unlike = page(&[good.clone(), other]);
    assert!(!row(&unlike, "NLL per sample").contains("<b>"));
    assert!(unlike.contains("are not those of"));
    let counts = Compared::new("counts", run("counts", 0.1, 2, Kind::Count));
    let error = write_comparison(&[Compared::new("good", good), counts], std::path::Path::new("unused.html"));
    assert!(matches!(error, Err(ReportError::Incomparable { .. })));
}
