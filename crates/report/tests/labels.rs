//! Runs that predict classes: what is measured, drawn and repaired.

#![allow(clippy::unwrap_used)]

use surprisal_core::rng;
use surprisal_objective::likelihood::Kind;
use surprisal_report::figure::FIGURES;
use surprisal_report::recalibration::{Independence, Predictions, Recalibration};
use surprisal_report::run_data::{Curves, SplitData};
use surprisal_report::{Metrics, ReportInputs, RunData, write_run};

/// `n` samples of `k` classes (one column of two, else one column each); logits are three times too large.
fn split(name: &str, n: usize, k: usize) -> SplitData {
    let mut stream = rng::stream(5, name, k as u64);
    let dim = if k == 2 { 1 } else { k };
    let mut split = SplitData::new(name, dim);
    let softmax = |logits: &[f64], factor: f64| -> Vec<f64> {
        let sum: f64 = logits.iter().map(|z| (factor * z).exp()).sum();
        logits.iter().map(|z| (factor * z).exp() / sum).collect()
    };
    for i in 0..n {
        let logits: Vec<f64> = (0..k).map(|_| 0.7 * rng::standard_normal(&mut stream)).collect();
        let mut u = rng::uniform(&mut stream);
        let label = softmax(&logits, 1.0).iter().position(|p| {
            u -= p;
            u < 0.0
        });
        let (label, stated) = (label.unwrap_or(k - 1), softmax(&logits, 3.0));
        split.nll.push(-stated[label].ln());
        split.group.push(i as u64 / 2);
        for class in k - dim..k {
            split.target.push(f64::from(u8::from(class == label)));
            split.mean.push(stated[class]);
            split.sigma.push((stated[class] * (1.0 - stated[class])).sqrt());
        }
    }
    split
}

fn run(k: usize) -> RunData {
    let splits = [("valid", 900), ("test", 1500)].map(|(name, n)| split(name, n, k)).to_vec();
    let recalibration = {
        let [valid, test] = [0, 1].map(|i| Predictions {
            split: &splits[i],
            marginals: &[],
            stretched_nll: None,
            dispersed: None,
            independent: Independence::Independent,
        });
        Recalibration::fit(Kind::Label, 1, &valid, &[test])
    };
    RunData {
        name: "classes".into(),
        seed: 1,
        model: "mlp".into(),
        likelihood: "categorical".into(),
        kind: Kind::Label,
        unit: String::new(),
        time_label: String::new(),
        target_names: vec!["class".into()],
        splits,
        curves: Curves::default(),
        onset: None,
        recalibration,
        notes: vec![],
        solution: Default::default(),
        table: Default::default(),
    }
}

#[test]
fn a_temperature_is_found_again_and_repairs_the_test() {
    for k in [2, 4] {
        let metrics = Metrics::of(&run(k), serde_json::Value::Null);
        let value = metrics.value();
        let temperature = &value["recalibration"]["factors"]["temperature"];
        let (low, high) = (temperature["interval"][0].as_f64().unwrap(), temperature["interval"][1].as_f64().unwrap());
        assert!(low < 3.0 && 3.0 < high, "{temperature}");
        let (before, after) = (&value["splits"]["test"], &value["splits"]["test"]["recalibrated"]["temperature"]);
        for measure in ["log_loss", "brier", "ece", "ece_equal_mass", "mce"] {
            let (before, after) = (before[measure].as_f64().unwrap(), after[measure].as_f64().unwrap());
            assert!(after < before, "{k} {measure}: {before} then {after}");
        }
        assert!(after["ece"].as_f64().unwrap() < 0.05 && before["ece"].as_f64().unwrap() > 0.1);
        assert!((metrics.number("test", "nll").unwrap() - metrics.number("test", "log_loss").unwrap()).abs() < 1e-12);
        // The terms sum to the score.
        let terms = &before["brier_decomposition"];
        let term = |name: &str| terms[name].as_f64().unwrap();
        let sum = term("reliability") - term("resolution") + term("uncertainty") + term("within_bin_variance")
            - term("within_bin_covariance");
        assert!((sum - metrics.number("test", "brier").unwrap()).abs() < 1e-12, "{k}");
        assert_eq!(before["per_class"].is_null(), k == 2);
        // Sets: stated ones miss, conformal ones hold, and both have intervals.
        let repaired = &before["recalibrated"];
        for (level, least) in [("0.8", 0.8), ("0.9", 0.9)] {
            // (a set of two classes of two holds everything, whatever was stated)
            let missed = before["set_coverage"][level].as_f64().unwrap() < least - 0.02;
            assert_eq!(missed, k == 4, "{level} {before}");
            for method in ["conformal_sets", "conformal_sets_adaptive"] {
                let coverage = repaired[method]["set_coverage"][level].as_f64().unwrap();
                // two standard errors of the calibration and of the test
                assert!((coverage - least).abs() < 0.035, "{k} {method} {level}: {coverage}");
                let size = repaired[method]["set_size"][level].as_f64().unwrap();
                assert!(k == 2 || size > before["set_size"][level].as_f64().unwrap(), "{method}: {size}");
                let interval = &repaired[method]["intervals"]["set_size"][level];
                assert!(interval[0].as_f64().unwrap() < size && size < interval[1].as_f64().unwrap(), "{interval}");
            }
        }
        for absent in ["rmse", "zms", "coverage", "pit_ks_p"] {
            assert!(before[absent].is_null(), "{absent} says nothing of labels");
        }
    }
}

#[test]
fn figures_of_numbers_are_not_drawn_for_labels() {
    let run = run(4);
    let drawn: Vec<&str> = FIGURES.iter().filter(|f| f.draw(&run).is_some()).map(|f| f.name()).collect();
    assert_eq!(drawn, ["class_reliability", "recalibration", "epistemic"]);
    let folder = tempfile::tempdir().unwrap();
    write_run(folder.path(), &run, &ReportInputs::default()).unwrap();
    let page = std::fs::read_to_string(folder.path().join("report.html")).unwrap();
    assert!(page.contains("Brier score") && page.contains("temperature") && !page.contains("Winkler"));
}
