//! Draws every figure and the page of a made-up run: `synthetic_report DIR`.
//!
//! A force model with Student-t errors, calibrated on familiar data and over-confident on shifted
//! data, whose NLL turns upward in training while its error goes on falling.

use std::error::Error;
use std::path::PathBuf;

use surprisal_core::rng;
use surprisal_objective::calibration::onset::{self, OnsetCurves, OnsetOptions};
use surprisal_objective::likelihood::Marginal;
use surprisal_report::run_data::{Curves, SplitCurves, SplitData};
use surprisal_report::{ReportInputs, RunData, write_run};

/// A logistic distribution: closed forms for everything, so the example needs no model.
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

/// `n_groups` frames of 9 atoms; `misfit` is actual over stated error, `strangeness` shifts σ.
fn split(name: &str, n_groups: usize, misfit: f64, strangeness: f64) -> SplitData {
    let mut stream = rng::stream(3, name, 0);
    let mut split = SplitData::new(name, 3);
    let (mut epistemic, mut aleatoric) = (vec![], vec![]);
    for group in 0..n_groups {
        for _ in 0..9 {
            let spread = (0.5 * rng::standard_normal(&mut stream)).exp();
            let scale = 0.02 * spread * strangeness.powf(0.6);
            let mut nll = 0.0;
            for _ in 0..3 {
                let y = 1.5 * rng::standard_normal(&mut stream);
                let u = rng::uniform(&mut stream).clamp(1e-6, 1.0 - 1e-6);
                let marginal = Logistic { loc: y - misfit * scale * (u / (1.0 - u)).ln(), scale };
                let z = (y - marginal.loc) / scale;
                nll += z + scale.ln() + 2.0 * (-z).exp().ln_1p();
                split.push(y, Some(&marginal));
            }
            split.nll.push(nll);
            split.group.push(group as u64);
            epistemic.push(0.4 * scale * strangeness * (0.3 * rng::standard_normal(&mut stream)).exp());
            aleatoric.push(scale);
        }
    }
    split.uncertainties = vec![("aleatoric".into(), aleatoric), ("epistemic".into(), epistemic)];
    split
}

fn main() -> Result<(), Box<dyn Error>> {
    let directory = PathBuf::from(std::env::args().nth(1).unwrap_or_else(|| "synthetic-report".into()));
    std::fs::create_dir_all(&directory)?;
    let n_evaluations = 60;
    let epoch: Vec<f64> = (0..n_evaluations).map(|t| 5.0 * t as f64).collect();
    let valid = split("valid", 60, 1.05, 1.0);
    let n = valid.n_samples();
    let mut stream = rng::stream(1, "curves", 0);
    let (mut nll, mut square) = (vec![], vec![]);
    for t in 0..n_evaluations {
        let t = t as f64;
        for i in 0..n {
            let level = -6.0 + 14.0 * (-t / 4.0).exp() + 0.035 * (t - 22.0).max(0.0);
            nll.push(level + 0.1 * valid.nll[i] + 0.3 * rng::standard_normal(&mut stream));
            let decay = 0.0021 + 0.05 * (-t / 3.0).exp() - 0.00001 * t;
            square.push(decay * (1.0 + 0.05 * rng::standard_normal(&mut stream)));
        }
    }
    let mean = |values: &[f64]| values.chunks_exact(n).map(|c| c.iter().sum::<f64>() / n as f64).collect::<Vec<_>>();
    let zms: Vec<f64> = (0..n_evaluations).map(|t| 0.9 + 0.00045 * (t as f64).powi(2)).collect();
    let curves = SplitCurves { name: "valid".into(), nll: mean(&nll), mse: mean(&square), zms: Some(zms.clone()) };
    let found = OnsetCurves { nll: &nll, squared_error: &square, group: &valid.group, zms: Some(&zms) };
    let run = RunData {
        name: "synthetic-forces".into(),
        seed: 7,
        model: "painn".into(),
        likelihood: "normal_inverse_gamma".into(),
        unit: "eV/Å".into(),
        target_names: vec!["force_x".into(), "force_y".into(), "force_z".into()],
        splits: vec![
            split("train", 300, 0.95, 0.9),
            valid.clone(),
            split("iid", 200, 1.1, 1.0),
            split("hot", 150, 1.7, 1.8),
        ],
        curves: Curves { epoch, splits: vec![curves], selected: Some(22) },
        onset: Some(onset::detect(&found, &OnsetOptions::new(7))),
        notes: vec![],
        solution: Default::default(),
    };
    let inputs = ReportInputs {
        timing: serde_json::json!({ "fit_seconds": 12.345, "predict_seconds": 0.5 }),
        config_toml: "name = \"synthetic-forces\"\nseed = 7\n\n[model.painn]\ncutoff_angstrom = 5.0 # Å, <not html>\n"
            .into(),
        provenance: serde_json::json!({ "version": "0.1.0", "command": ["surprisal", "run"], "host": "example" })
            .to_string(),
    };
    write_run(&directory, &run, &inputs)?;
    Ok(())
}
