//! Draws every figure and the page of made-up runs: `synthetic_report DIR`.
//!
//! `DIR/forces`: a force model with logistic errors, calibrated on familiar data and over-confident on
//! shifted data, whose NLL turns upward in training while its error goes on falling. `DIR/labels`: a
//! classifier of two classes and `DIR/classes` one of four, both too certain. `DIR/comparison.html`:
//! the forces against those of a model whose errors are larger.

use std::error::Error;
use std::path::{Path, PathBuf};

use surprisal_core::rng;
use surprisal_objective::calibration::onset::{self, OnsetCurves, OnsetOptions};
use surprisal_objective::likelihood::{Kind, Marginal};
use surprisal_report::recalibration::{Independence, Predictions, Recalibration};
use surprisal_report::run_data::{Curves, SplitCurves, SplitData};
use surprisal_report::{Compared, ReportInputs, RunData, write_comparison, write_run};

/// A logistic distribution: closed forms for everything, so the example needs no model.
#[derive(Clone, Copy)]
struct Logistic {
    loc: f64,
    scale: f64,
}

impl Marginal for Logistic {
    fn mean(&self) -> f64 {
        self.loc
    }
    fn variance(&self) -> f64 {
        (self.scale * std::f64::consts::PI).powi(2) / 3.0
    }
    fn cdf(&self, y: f64) -> f64 {
        1.0 / (1.0 + (-(y - self.loc) / self.scale).exp())
    }
    fn quantile(&self, p: f64) -> f64 {
        self.loc + self.scale * (p / (1.0 - p)).ln()
    }
    fn crps(&self, y: f64) -> f64 {
        let z = (y - self.loc) / self.scale;
        self.scale * (z + 2.0 * (-z).exp().ln_1p() - 1.0)
    }
}

impl Logistic {
    fn nll(&self, y: f64) -> f64 {
        let z = (y - self.loc) / self.scale;
        z + self.scale.ln() + 2.0 * (-z).exp().ln_1p()
    }
}

/// A split and the distributions predicted for it.
struct Forces {
    data: SplitData,
    predicted: Vec<Logistic>,
}

/// `n_groups` frames of 9 atoms; `misfit` is actual over stated error, `strangeness` shifts σ.
fn forces(name: &str, n_groups: usize, misfit: f64, strangeness: f64) -> Forces {
    let mut stream = rng::stream(3, name, 0);
    let mut split = SplitData::new(name, 3);
    let (mut epistemic, mut aleatoric, mut predicted) = (vec![], vec![], vec![]);
    for group in 0..n_groups {
        for _ in 0..9 {
            let spread = (0.5 * rng::standard_normal(&mut stream)).exp();
            let scale = 0.02 * spread * strangeness.powf(0.6);
            let mut nll = 0.0;
            for _ in 0..3 {
                let y = 1.5 * rng::standard_normal(&mut stream);
                let u = rng::uniform(&mut stream).clamp(1e-6, 1.0 - 1e-6);
                let marginal = Logistic { loc: y - misfit * scale * (u / (1.0 - u)).ln(), scale };
                nll += marginal.nll(y);
                split.push(y, Some(&marginal));
                predicted.push(marginal);
            }
            split.nll.push(nll);
            split.group.push(group as u64);
            epistemic.push(0.4 * scale * strangeness * (0.3 * rng::standard_normal(&mut stream)).exp());
            aleatoric.push(scale);
        }
    }
    split.uncertainties = vec![("aleatoric".into(), aleatoric), ("epistemic".into(), epistemic)];
    Forces { data: split, predicted }
}

/// The distributions as recalibration takes them.
fn boxed(predicted: &[Logistic]) -> Vec<Option<Box<dyn Marginal>>> {
    predicted.iter().map(|m| Some(Box::new(*m) as Box<dyn Marginal>)).collect()
}

fn recalibrated(valid: &Forces, tests: &[&Forces]) -> Option<Recalibration> {
    let marginals: Vec<_> = tests.iter().map(|t| boxed(&t.predicted)).collect();
    let of_valid = boxed(&valid.predicted);
    let predictions = |split: &'_ Forces, marginals| {
        let (predicted, target) = (split.predicted.clone(), split.data.target.clone());
        let nll = move |factor: f64| -> Vec<f64> {
            let one = |(m, y): (&Logistic, &f64)| Logistic { scale: factor * m.scale, ..*m }.nll(*y);
            let each: Vec<f64> = predicted.iter().zip(&target).map(one).collect();
            each.chunks_exact(3).map(|c| c.iter().sum()).collect()
        };
        (marginals, Box::new(nll) as Box<dyn Fn(f64) -> Vec<f64>>)
    };
    let (marginals_of_valid, nll) = predictions(valid, &of_valid);
    let fitted = Predictions {
        split: &valid.data,
        marginals: marginals_of_valid,
        stretched_nll: Some(nll),
        dispersed: None,
        independent: Independence::Independent,
    };
    let applied: Vec<Predictions<'_>> = tests
        .iter()
        .zip(&marginals)
        .map(|(test, marginals)| {
            let (marginals, nll) = predictions(test, marginals);
            Predictions {
                split: &test.data,
                marginals,
                stretched_nll: Some(nll),
                dispersed: None,
                independent: Independence::Independent,
            }
        })
        .collect();
    Recalibration::fit(Kind::Real, 7, &fitted, &applied)
}

/// `n` samples of `n_classes` classes whose logits are `too_certain` times what they should be.
fn labels(name: &str, n: usize, n_classes: usize, too_certain: f64) -> SplitData {
    let mut stream = rng::stream(5, name, 0);
    let dim = if n_classes == 2 { 1 } else { n_classes };
    let mut split = SplitData::new(name, dim);
    let softmax = |logits: &[f64], factor: f64| -> Vec<f64> {
        let powers: Vec<f64> = logits.iter().map(|z| (factor * z).exp()).collect();
        let sum: f64 = powers.iter().sum();
        powers.iter().map(|p| p / sum).collect()
    };
    let mut total = vec![];
    for i in 0..n {
        let logits: Vec<f64> = (0..n_classes).map(|_| 1.2 * rng::standard_normal(&mut stream)).collect();
        let (mut u, mut label) = (rng::uniform(&mut stream), 0);
        for (class, p) in softmax(&logits, 1.0).into_iter().enumerate() {
            label = class;
            u -= p;
            if u < 0.0 {
                break;
            }
        }
        let stated = softmax(&logits, too_certain);
        split.nll.push(-stated[label].ln());
        split.group.push(i as u64);
        for class in n_classes - dim..n_classes {
            split.target.push(f64::from(u8::from(class == label)));
            split.mean.push(stated[class]);
            split.sigma.push((stated[class] * (1.0 - stated[class])).sqrt());
        }
        total.push(split.sigma[split.sigma.len() - 1]);
    }
    split.uncertainties = vec![("aleatoric".into(), total)];
    split
}

fn classifier(name: &str, n_classes: usize) -> RunData {
    let splits: Vec<SplitData> = [("train", 2000, 1.4), ("valid", 800, 1.8), ("test", 1200, 1.9)]
        .map(|(name, n, too_certain)| labels(name, n, n_classes, too_certain))
        .into();
    let recalibration = {
        let [valid, test] = [1, 2].map(|i| Predictions {
            split: &splits[i],
            marginals: &[],
            stretched_nll: None,
            dispersed: None,
            independent: Independence::Independent,
        });
        Recalibration::fit(Kind::Label, 7, &valid, &[test])
    };
    RunData {
        name: name.into(),
        seed: 7,
        model: "mlp".into(),
        likelihood: if n_classes == 2 { "bernoulli" } else { "categorical" }.into(),
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

/// A force model; `error` is how much larger its errors are.
fn force_model(name: &str, error: f64) -> RunData {
    let n_evaluations = 60;
    let epoch: Vec<f64> = (0..n_evaluations).map(|t| 5.0 * t as f64).collect();
    let valid = forces("valid", 60, 1.25 * error, 1.0);
    let n = valid.data.n_samples();
    let mut stream = rng::stream(1, "curves", 0);
    let (mut nll, mut square) = (vec![], vec![]);
    for t in 0..n_evaluations {
        let t = t as f64;
        for i in 0..n {
            let level = -6.0 + 14.0 * (-t / 4.0).exp() + 0.035 * (t - 22.0).max(0.0) + error;
            nll.push(level + 0.1 * valid.data.nll[i] + 0.3 * rng::standard_normal(&mut stream));
            let decay = 0.0021 + 0.05 * (-t / 3.0).exp() - 0.00001 * t;
            square.push(error * decay * (1.0 + 0.05 * rng::standard_normal(&mut stream)));
        }
    }
    let mean = |values: &[f64]| values.chunks_exact(n).map(|c| c.iter().sum::<f64>() / n as f64).collect::<Vec<_>>();
    let zms: Vec<f64> = (0..n_evaluations).map(|t| 0.9 + 0.00045 * (t as f64).powi(2)).collect();
    // From flat to a bowl.
    let bowl = |t: usize, bin: usize| 1.0 + 0.0008 * (t as f64).powi(2) * ((bin as f64 - 9.5).powi(2) / 33.25 - 1.0);
    let pit = (0..n_evaluations).map(|t| (0..20).map(|bin| bowl(t, bin).max(0.0)).collect()).collect();
    let curves = SplitCurves { name: "valid".into(), nll: mean(&nll), mse: mean(&square), zms: Some(zms.clone()), pit };
    let found = OnsetCurves { nll: &nll, squared_error: &square, group: &valid.data.group, zms: Some(&zms) };
    let onset = onset::detect(&found, &OnsetOptions::new(7));
    let (train, iid) = (forces("train", 300, 0.95 * error, 0.9), forces("iid", 200, 1.3 * error, 1.0));
    let hot = forces("hot", 150, 1.8 * error, 1.8);
    let recalibration = recalibrated(&valid, &[&iid, &hot]);
    RunData {
        name: name.into(),
        seed: 7,
        model: "painn".into(),
        likelihood: "normal_inverse_gamma".into(),
        kind: Kind::Real,
        unit: "eV/Å".into(),
        time_label: String::new(),
        target_names: vec!["force_x".into(), "force_y".into(), "force_z".into()],
        splits: [train, valid, iid, hot].map(|split| split.data).into(),
        curves: Curves { epoch, splits: vec![curves], selected: Some(22) },
        onset: Some(onset),
        recalibration,
        notes: vec![],
        solution: Default::default(),
        table: Default::default(),
    }
}

fn write(directory: &Path, run: &RunData) -> Result<(), Box<dyn Error>> {
    let inputs = ReportInputs {
        timing: serde_json::json!({ "fit_seconds": 12.345, "predict_seconds": 0.5 }),
        config_toml: "name = \"synthetic\"\nseed = 7\n\n[model.painn]\ncutoff_angstrom = 5.0 # Å, <not html>\n".into(),
        provenance: serde_json::json!({ "version": "0.1.0", "command": ["surprisal", "run"], "host": "example" })
            .to_string(),
    };
    std::fs::create_dir_all(directory)?;
    write_run(directory, run, &inputs)?;
    Ok(())
}

fn main() -> Result<(), Box<dyn Error>> {
    let directory = PathBuf::from(std::env::args().nth(1).unwrap_or_else(|| "synthetic-report".into()));
    let forces = force_model("synthetic-forces", 1.0);
    write(&directory.join("forces"), &forces)?;
    write(&directory.join("labels"), &classifier("synthetic-labels", 2))?;
    write(&directory.join("classes"), &classifier("synthetic-classes", 4))?;
    let runs = [Compared::new("good", forces), Compared::new("worse", force_model("synthetic-worse", 1.3))];
    write_comparison(&runs, &directory.join("comparison.html"))?;
    Ok(())
}
