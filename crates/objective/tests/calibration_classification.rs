//! Measures of class probabilities against scikit-learn (`scripts/reference/calibration.py`).

#![allow(clippy::unwrap_used)]

use serde_json::Value;
use surprisal_objective::calibration::classification::{
    Binning, bins, brier, expected_calibration_error, log_losses, maximum_calibration_error, murphy, recalls, top_label,
};
use surprisal_objective::calibration::recalibration::{Factor, temperature};
use surprisal_objective::calibration::{GroupBootstrap, auroc, scores};

fn reference() -> Value {
    serde_json::from_str(include_str!("reference/classification.json")).unwrap()
}

fn list(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect()
}

#[track_caller]
fn agree(found: f64, expected: &Value, tolerance: f64) {
    let expected = expected.as_f64().unwrap();
    assert!((found - expected).abs() <= tolerance * (1.0 + expected.abs()), "{found}, expected {expected}");
}

#[test]
fn measures_of_an_event() {
    let r = reference();
    let (p, o) = (list(&r["probability"]), list(&r["outcome"]));
    let wide = bins(&p, &o, 10, Binning::EqualWidth);
    assert_eq!(wide.len(), list(&r["bin_count"]).iter().filter(|n| **n > 0.0).count());
    for (i, bin) in wide.iter().enumerate() {
        assert_eq!(bin.n as f64, list(&r["bin_count"])[i]);
        agree(bin.frequency, &r["bin_frequency"][i], 1e-12);
        agree(bin.probability, &r["bin_probability"][i], 1e-12);
    }
    agree(expected_calibration_error(&wide), &r["ece"], 1e-12);
    agree(maximum_calibration_error(&wide), &r["mce"], 1e-12);
    let mass = bins(&list(&r["distinct"]), &o, 10, Binning::EqualMass);
    agree(expected_calibration_error(&mass), &r["ece_equal_mass"], 1e-12);
    agree(brier(&p, &o), &r["brier"], 1e-12);
    assert!((murphy(&wide).score() - brier(&p, &o)).abs() < 1e-14);
    let split =
        |wanted: f64| -> Vec<f64> { p.iter().zip(&o).filter(|(_, o)| **o == wanted).map(|(p, _)| *p).collect() };
    agree(auroc::auroc(&split(0.0), &split(1.0)), &r["auroc"], 1e-12);
    let rounded: Vec<f64> = p.iter().map(|p| (10.0 * p).round_ties_even() / 10.0).collect();
    let terms = murphy(&bins(&rounded, &o, 200, Binning::EqualWidth));
    let expected = &r["murphy_of_rounded"];
    agree(terms.reliability, &expected["reliability"], 1e-12);
    agree(terms.resolution, &expected["resolution"], 1e-12);
    agree(terms.uncertainty, &expected["uncertainty"], 1e-12);
    agree(terms.score(), &expected["score"], 1e-12);
    assert!(terms.within_bin_variance.abs() < 1e-15);
}

#[test]
fn measures_of_classes() {
    let r = reference();
    let k = r["classes"].as_u64().unwrap() as usize;
    let probabilities = list(&r["probabilities"]);
    let label: Vec<usize> = list(&r["label"]).iter().map(|l| *l as usize).collect();
    let top = top_label(&probabilities, k, &label);
    agree(scores::mean(&top.hit), &r["accuracy"], 1e-12);
    for (c, recall) in recalls(&top, k, &label).into_iter().enumerate() {
        agree(recall, &r["recalls"][c], 1e-12);
    }
    agree(
        expected_calibration_error(&bins(&top.confidence, &top.hit, 15, Binning::EqualWidth)),
        &r["top_ece_15"],
        1e-12,
    );
    agree(scores::mean(&log_losses(&probabilities, k, &label)), &r["log_loss"], 1e-12);
    let mut total = 0.0;
    for c in 0..k {
        let p: Vec<f64> = probabilities.iter().skip(c).step_by(k).copied().collect();
        let o: Vec<f64> = label.iter().map(|l| f64::from(u8::from(*l == c))).collect();
        total += brier(&p, &o);
        let area = auroc::Presorted::new(&p, &o.iter().map(|o| *o == 1.0).collect::<Vec<_>>(), &vec![0; p.len()]);
        agree(area.of(&[1]), &r["one_versus_rest_auroc"][c], 1e-12);
    }
    agree(total, &r["multiclass_brier"], 1e-12);
    let bootstrap = GroupBootstrap::new(&(0..label.len() as u64).collect::<Vec<_>>(), 300, 1);
    let nll = |t: f64| log_losses(&temperature::apply(&probabilities, k, t), k, &label);
    let factor = Factor::fit(nll, &bootstrap, 0.95).unwrap();
    agree(factor.value, &r["temperature"], 1e-6);
    agree(scores::mean(&nll(factor.value)), &r["log_loss_at_temperature"], 1e-10);
    assert!(factor.interval.lower < factor.value && factor.value < factor.interval.upper, "{factor:?}");
}
