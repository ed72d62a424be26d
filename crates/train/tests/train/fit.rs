//! Real fits: known optima, stopping, failure, and which weights are kept.

use std::path::Path;

use surprisal_core::records::Row;
use surprisal_core::rng::{standard_normal, stream};
use surprisal_core::{Diagnose, Parameter};
use surprisal_objective::likelihood::Gaussian;
use surprisal_objective::penalty::L1;
use surprisal_objective::{LikelihoodConfig, PenaltyConfig, Source};
use surprisal_train::fit::EvaluationReport;
use surprisal_train::optimizer::Sgd;
use surprisal_train::predictor::mlp::{Activation, Mlp};
use surprisal_train::schedule::Cosine;
use surprisal_train::settings::Keep;
use surprisal_train::state::State;
use surprisal_train::{
    Observer, OptimizerConfig, Outcome, ScheduleConfig, StepReport, TrainError, checkpoint, evaluate,
};
use tempfile::TempDir;

use crate::records::rows;
use crate::setup::{Loss, Setup, adamw, constant_gaussian, table};

/// Keeps the validation NLL of every evaluation.
#[derive(Default)]
pub(crate) struct Curve(Vec<f64>);

impl Observer for Curve {
    fn step(&mut self, _: &StepReport<'_>) -> Result<(), TrainError> {
        Ok(())
    }
    fn evaluation(&mut self, report: &EvaluationReport<'_>) -> Result<(), TrainError> {
        self.0.extend(report.splits.iter().filter(|s| s.split == "valid").map(|s| s.mean_nll()));
        Ok(())
    }
    fn checkpoint(&mut self, _: &Path) -> Result<(), TrainError> {
        Ok(())
    }
}

fn run(setup: &Setup<Mlp>, directory: &Path) -> Result<(Outcome, State, Vec<f64>), TrainError> {
    let (fit, mut curve) = (setup.fit(directory), Curve::default());
    let (outcome, state) = fit.run(fit.start()?, &mut curve)?;
    Ok((outcome, state, curve.0))
}

fn numbers(p: &Parameter) -> Vec<f64> {
    p.var.flatten_all().unwrap().to_vec1().unwrap()
}

/// y = 2 + 3x₁ − x₂ + 0.4 noise, with inputs of different units and some correlation.
fn line(n: usize) -> Vec<Row> {
    let mut draws = stream(2, "line", 0);
    (0..n)
        .map(|i| {
            let (a, b) = (standard_normal(&mut draws), standard_normal(&mut draws));
            let inputs = vec![5.0 + a, 100.0 * (b + 0.4 * a)];
            let target = 2.0 + 3.0 * inputs[0] - 0.01 * inputs[1] + 0.4 * standard_normal(&mut draws);
            Row { inputs, targets: vec![target], attributes: vec![], line: i + 2 }
        })
        .collect()
}

/// Intercept and slopes of least squares by the normal equations, and √(RSS/n).
fn least_squares(rows: &[Row]) -> ([f64; 3], f64) {
    let design: Vec<[f64; 3]> = rows.iter().map(|r| [1.0, r.inputs[0], r.inputs[1]]).collect();
    let mut m = [[0.0; 4]; 3];
    for (x, row) in design.iter().zip(rows) {
        for i in 0..3 {
            (0..3).for_each(|j| m[i][j] += x[i] * x[j]);
            m[i][3] += x[i] * row.targets[0];
        }
    }
    for k in 0..3 {
        let pivot = m[k];
        for (_, row) in m.iter_mut().enumerate().filter(|(i, _)| *i != k) {
            let factor = row[k] / pivot[k];
            (0..4).for_each(|j| row[j] -= factor * pivot[j]);
        }
    }
    let w = [m[0][3] / m[0][0], m[1][3] / m[1][1], m[2][3] / m[2][2]];
    let rss: f64 =
        design.iter().zip(rows).map(|(x, r)| (r.targets[0] - (0..3).map(|i| w[i] * x[i]).sum::<f64>()).powi(2)).sum();
    (w, (rss / rows.len() as f64).sqrt())
}

/// Predicted mean, trained σ and mean NLL, all in the data's own units, against the closed forms.
#[test]
fn a_linear_gaussian_fit_is_least_squares() {
    let rows = line(80);
    let train = &rows[..60];
    let (w, sigma) = least_squares(train);
    let mut setup = table(&rows, &[], Activation::Tanh, &Loss::mean(constant_gaussian()), 1);
    setup.splits.valid.clear();
    setup.settings.batch_size = 60;
    setup.settings.epochs = 3000;
    setup.settings.evaluate_every = 3000;
    setup.schedule = ScheduleConfig::Cosine(Cosine { warmup_steps: 0, floor: 0.0 });
    setup.optimizer = OptimizerConfig::Sgd(Sgd { learning_rate: 0.02, momentum: 0.8 });
    let directory = TempDir::new().unwrap();
    let (outcome, state, _) = run(&setup, directory.path()).unwrap();
    assert_eq!((outcome, state.progress.best), (Outcome::Finished, None));

    let groups: Vec<_> = setup.splits.train.iter().collect();
    let prediction = surprisal_train::shard::evaluate(&setup.predictor, &groups, 7).unwrap();
    let data = setup.objective.outcome().data_units(&prediction).unwrap();
    for (location, row) in data.location.iter().zip(train) {
        let expected = w[0] + w[1] * row.inputs[0] + w[2] * row.inputs[1];
        assert!((location - expected).abs() < 1e-8, "{location} {expected}");
    }
    let (name, scale) = &data.parameters[0];
    assert!(name == "scale" && scale.iter().all(|s| (s / sigma - 1.0).abs() < 1e-8), "{} {sigma}", scale[0]);
    let scores = evaluate::evaluate(&setup.predictor, &setup.objective, "train", &groups, 7).unwrap();
    let expected = 0.5 * (std::f64::consts::TAU * std::f64::consts::E * sigma * sigma).ln();
    assert!((scores.mean_nll() - expected).abs() < 1e-8, "{} {expected}", scores.mean_nll());
    assert!((scores.mse() - sigma * sigma).abs() < 1e-8);
}

/// Columns orthogonal with mean square 1: each slope is the soft threshold of its least-squares value.
#[test]
fn l1_gives_soft_thresholds_and_exact_zeros() {
    let sign = |i: usize, k: u32| if (i >> k) & 1 == 0 { 1.0 } else { -1.0 };
    let ripple = |i: usize| 0.1 * sign(i, 0) * sign(i, 1);
    let rows: Vec<Row> = (0..8)
        .map(|i| Row {
            inputs: (0..3).map(|k| sign(i, k)).collect(),
            targets: vec![2.0 * sign(i, 0) - 0.8 * sign(i, 1) + 0.05 * sign(i, 2) + ripple(i)],
            attributes: vec![],
            line: i + 2,
        })
        .collect();
    // the same eight rows again and again, so that the training part is balanced too
    let rows: Vec<Row> = rows.iter().cycle().take(32).cloned().collect();
    let spread = (4.0f64 + 0.64 + 0.0025 + 0.01).sqrt();
    for optimizer in [OptimizerConfig::Sgd(Sgd { learning_rate: 0.1, momentum: 0.0 }), adamw(0.02)] {
        let name = optimizer.name();
        // σ = 1 in units of the standardised target
        let loss = Loss {
            penalties: vec![PenaltyConfig::L1(L1 { weight: 0.1 })],
            ..Loss::mean(LikelihoodConfig::Gaussian(Gaussian { scale: Source::Fixed(spread), ..Gaussian::default() }))
        };
        let mut setup = table(&rows, &[], Activation::Tanh, &loss, 1);
        setup.optimizer = match optimizer {
            OptimizerConfig::AdamW(mut adamw) => {
                adamw.weight_decay = 0.0;
                OptimizerConfig::AdamW(adamw)
            }
            sgd => sgd,
        };
        setup.settings.batch_size = 24;
        setup.settings.epochs = 1500;
        setup.settings.evaluate_every = 1500;
        setup.schedule = ScheduleConfig::Cosine(Cosine { warmup_steps: 0, floor: 0.0 });
        run(&setup, TempDir::new().unwrap().path()).unwrap();
        let weights = numbers(&setup.parameters()[0]);
        assert!((weights[0] - (2.0 / spread - 0.1)).abs() < 1e-3, "{name}: {weights:?}");
        assert!((weights[1] + (0.8 / spread - 0.1)).abs() < 1e-3, "{name}: {weights:?}");
        assert_eq!(weights[2], 0.0, "{name}: exactly");
    }
}

/// A network too large for its 15 rows.
fn overfitting() -> Setup<Mlp> {
    let network_scale = LikelihoodConfig::Gaussian(Gaussian { scale: Source::Network, ..Gaussian::default() });
    let mut setup = table(&rows(20, 6), &[32], Activation::Tanh, &Loss::mean(network_scale), 1);
    setup.optimizer = adamw(0.03);
    setup.settings.epochs = 60;
    setup
}

fn valid_nll(setup: &Setup<Mlp>) -> f64 {
    let groups: Vec<_> = setup.splits.valid.iter().collect();
    evaluate::evaluate(&setup.predictor, &setup.objective, "valid", &groups, 256).unwrap().mean_nll()
}

#[test]
fn early_stopping_stops_after_its_patience() {
    let mut setup = overfitting();
    setup.settings.patience = Some(4);
    let directory = TempDir::new().unwrap();
    let (outcome, state, curve) = run(&setup, directory.path()).unwrap();
    let best = state.progress.best.unwrap();
    assert_eq!((outcome, curve.len()), (Outcome::Stopped, best.evaluation + 5));
    assert_eq!(best.epoch, best.evaluation + 1);
    assert!(state.progress.epoch < 60);
    assert!(curve.iter().all(|nll| *nll >= best.nll) && curve[best.evaluation] == best.nll);
}

#[test]
fn the_best_or_the_last_weights_are_kept() {
    for (ema_decay, keep) in [(0.0, Keep::Best), (0.0, Keep::Last), (0.7, Keep::Best), (0.7, Keep::Last)] {
        let mut setup = overfitting();
        setup.settings.keep = keep;
        setup.settings.ema_decay = ema_decay;
        let directory = TempDir::new().unwrap();
        let (outcome, state, curve) = run(&setup, directory.path()).unwrap();
        let (best, last) = (state.progress.best.unwrap().nll, *curve.last().unwrap());
        assert_eq!(outcome, Outcome::Finished);
        assert!(best < last - 0.1, "{best} {last}");
        assert_eq!(valid_nll(&setup), if keep == Keep::Best { best } else { last }, "{keep:?}, decay {ema_decay}");
    }
}

/// A validation part that cannot be scored is never the best, and its run can be resumed.
#[test]
fn a_validation_nll_that_is_not_a_number_is_not_the_best() {
    let mut records = rows(20, 6);
    records[19].inputs[0] = f64::NAN;
    let mut setup = table(&records, &[3], Activation::Tanh, &Loss::mean(constant_gaussian()), 1);
    setup.splits.valid.drain(..4);
    setup.settings.epochs = 2;
    let directory = TempDir::new().unwrap();
    let (outcome, state, curve) = run(&setup, directory.path()).unwrap();
    assert!(outcome == Outcome::Finished && curve.iter().all(|nll| nll.is_nan()));
    assert_eq!(state.progress.best, None);
    let (loaded, passed_over) = checkpoint::load_latest(directory.path(), &setup.parameters()).unwrap();
    assert!(passed_over.is_empty());
    assert_eq!(loaded.unwrap().progress, state.progress);
}

#[test]
fn a_loss_that_is_not_a_number_names_its_place() {
    let mut records = rows(20, 6);
    records[4].targets[1] = f64::NAN;
    // the target's own scale would be NaN as well
    let mut setup = table(&rows(20, 6), &[3], Activation::Tanh, &Loss::mean(constant_gaussian()), 1);
    let identity = surprisal_train::predictor::standardize::Standardizer::identity;
    setup.splits.train[4] = surprisal_train::predictor::mlp::TableGroup::new(&records[4], &identity(3), &identity(2));
    setup.settings.batch_size = 1;
    setup.settings.checkpoint_steps = Some(1);
    let directory = TempDir::new().unwrap();
    let error = run(&setup, directory.path()).unwrap_err();
    let newest = checkpoint::newest(directory.path()).unwrap();
    let TrainError::NotFinite { what, value, step, epoch, groups, kept } = &error else { panic!("{error}") };
    assert_eq!((*what, value.is_nan(), *epoch, groups.as_slice()), ("loss", true, 1, &["line 6".to_owned()][..]));
    assert!(*step > 1, "another seed, please");
    assert_eq!(*kept, format!("; the last good checkpoint is {}", newest.display()));
    let text = format!("the loss became NaN at step {step} (epoch 1), batch: line 6; the last good checkpoint is ");
    assert!(error.to_string().starts_with(&text), "{error}");
    assert!(error.hint().unwrap().contains("learning_rate"));
    // the weights are those before the step
    let before: Vec<Vec<f64>> = setup.parameters().iter().map(numbers).collect();
    let (state, _) = checkpoint::load_latest(directory.path(), &setup.parameters()).unwrap();
    assert_eq!(state.unwrap().progress.step, step - 1);
    assert_eq!(before, setup.parameters().iter().map(numbers).collect::<Vec<_>>());

    setup.settings.batch_size = 15;
    let error = run(&setup, TempDir::new().unwrap().path()).unwrap_err().to_string();
    assert!(error.contains("at step 1 (epoch 1), batch: line "), "{error}");
    assert_eq!(error.matches("line ").count(), 15, "{error}");
}

#[test]
fn a_message_names_32_groups_and_the_error_all() {
    let groups: Vec<String> = (1..=40).map(|i| format!("line {i}")).collect();
    let error =
        TrainError::NotFinite { what: "loss", value: f64::INFINITY, step: 3, epoch: 1, groups, kept: String::new() };
    let text = error.to_string();
    assert_eq!(text.matches("line ").count(), 32, "{text}");
    assert!(text.ends_with("line 32, … (40 in all; all are listed in log.jsonl)"), "{text}");
}
