//! Several runs on one page.

#![allow(clippy::unwrap_used)]

use surprisal_core::rng;
use surprisal_objective::likelihood::{Kind, NormalMarginal};
use surprisal_report::run_data::{Curves, SplitCurves, SplitData};
use surprisal_report::solution::AttributePenalty;
use surprisal_report::tabular::Attribute;
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

/// Whether 600 people of two groups are hired; `weight` draws their predictions together.
fn hired(name: &str, penalty: &str, weight: f64) -> RunData {
    let mut stream = rng::stream(4, "hired", 0);
    let mut run = run(name, 0.1, 1, Kind::Label);
    let mut split = SplitData::new("test", 1);
    let mut levels = vec![];
    for i in 0..600usize {
        let (level, u) = (i % 2, rng::uniform(&mut stream));
        let p = 0.5 + (if level == 0 { 0.3 } else { -0.3 }) / (1.0 + weight);
        split.target.push(f64::from(u8::from(u < if level == 0 { 0.8 } else { 0.2 })));
        split.mean.push(p);
        split.sigma.push((p * (1.0 - p)).sqrt());
        split.nll.push(0.5);
        split.group.push(i as u64);
        levels.push(level);
    }
    run.splits = vec![split];
    let (sex, group) = ("sex".to_owned(), vec!["f".to_owned(), "m".to_owned()]);
    run.table.attributes = vec![Attribute { name: sex.clone(), levels: group, groups: vec![("test".into(), levels)] }];
    run.solution.attribute_penalties = vec![AttributePenalty { name: penalty.into(), attribute: sex, weight }];
    run
}

#[test]
fn what_equal_treatment_costs_is_drawn() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("fair.html");
    let runs: Vec<Compared> = [("none", "demographic_parity", 0.0), ("some", "demographic_parity", 2.0)]
        .into_iter()
        .chain([("odds", "equalized_odds", 5.0)])
        .map(|(name, penalty, weight)| Compared::new(name, hired(name, penalty, weight)))
        .collect();
    write_comparison(&runs, &out).unwrap();
    assert!(std::fs::read_to_string(&out).unwrap().contains("What equal treatment costs"));
    let table = std::fs::read_to_string(folder.path().join("fair_accuracy_gap.csv")).unwrap();
    let rows: Vec<Vec<&str>> = table.lines().skip(1).map(|line| line.split(',').collect()).collect();
    assert_eq!(rows.iter().map(|r| r[0]).collect::<Vec<_>>(), ["none", "some", "odds"]);
    for (row, (weight, gap)) in rows.iter().zip([(0.0, 0.6), (2.0, 0.2), (5.0, 0.1)]) {
        let number = |i: usize| row[i].parse::<f64>().unwrap();
        assert_eq!(number(2), weight);
        assert!((number(6) - gap).abs() < 1e-12, "{row:?}");
        assert!(number(4) < number(3) && number(3) < number(5), "{row:?}");
        assert!(number(10) <= number(9) && number(9) <= number(11), "{row:?}");
    }
    // Without an attribute there is nothing to draw.
    let mut plain = hired("plain", "demographic_parity", 0.0);
    plain.table.attributes.clear();
    write_comparison(&[Compared::new("a", plain.clone()), Compared::new("b", plain)], &folder.path().join("no.html"))
        .unwrap();
    assert!(!folder.path().join("no_accuracy_gap.csv").exists());
}
