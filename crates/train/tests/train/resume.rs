//! A run that is cut anywhere and goes on ends bit for bit like one that is not.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use candle_core::Tensor;
use surprisal_atoms::force_model::ForceOutput;
use surprisal_core::Diagnose;
use surprisal_objective::likelihood::Gaussian;
use surprisal_objective::risk::{Cvar, Threshold};
use surprisal_objective::{LikelihoodConfig, RiskConfig, Source};
use surprisal_train::fit::EvaluationReport;
use surprisal_train::optimizer::{Fista, Lbfgs};
use surprisal_train::predictor::latent_ode::{Context, LatentOdeConfig};
use surprisal_train::predictor::mlp::Activation;
use surprisal_train::schedule::Cosine;
use surprisal_train::settings::{Keep, Stages};
use surprisal_train::state::{Progress, State, values};
use surprisal_train::{
    Fit, Observer, OptimizerConfig, Outcome, Predictor, ScheduleConfig, StepReport, TrainConfig, TrainError,
    checkpoint, path,
};
use tempfile::TempDir;

use crate::latent_ode::{gaussian_latent, small};
use crate::records;
use crate::setup::{
    Loss, Setup, constant_gaussian, dropout_table, forces, latent_ode, series, small_table, table_ensemble,
};

/// What a run leaves behind, all of it.
#[derive(Debug, PartialEq)]
struct Traces {
    outcome: Outcome,
    /// Loss, learning rate and every split's scores, evaluation by evaluation.
    curve: Vec<Vec<f64>>,
    kept: Vec<Vec<f64>>,
    average: Option<Vec<Vec<f64>>>,
    best: Option<Vec<Vec<f64>>>,
    memory: Vec<Vec<f64>>,
    path: Vec<Vec<f64>>,
    progress: Progress,
}

fn numbers(tensors: &[Tensor]) -> Vec<Vec<f64>> {
    tensors.iter().map(|t| t.flatten_all().unwrap().to_vec1().unwrap()).collect()
}

/// Where a run is cut.
#[derive(Debug, Clone, Copy)]
enum Cut {
    Never,
    /// After this step, with a checkpoint.
    Interrupt(u64),
    /// After this step, without one.
    Kill(u64),
}

#[derive(Debug, thiserror::Error)]
#[error("killed")]
struct Killed;

impl Diagnose for Killed {
    fn blame(&self) -> surprisal_core::Blame {
        surprisal_core::Blame::Program
    }
}

struct Watch<'a> {
    cut: Cut,
    interrupted: &'a AtomicBool,
    curve: Vec<Vec<f64>>,
}

impl Observer for Watch<'_> {
    fn step(&mut self, report: &StepReport<'_>) -> Result<(), TrainError> {
        match self.cut {
            Cut::Interrupt(step) if step == report.progress.step => self.interrupted.store(true, Ordering::Relaxed),
            Cut::Kill(step) if step == report.progress.step => return Err(TrainError::Observer(Box::new(Killed))),
            _ => {}
        }
        Ok(())
    }

    fn evaluation(&mut self, report: &EvaluationReport<'_>) -> Result<(), TrainError> {
        assert_eq!(report.progress.n_evaluations, self.curve.len() + 1);
        let mut point = vec![report.loss, report.learning_rate];
        report.splits.iter().for_each(|s| point.extend(s.nll.iter().chain(&s.squared_error)));
        self.curve.push(point);
        Ok(())
    }

    fn checkpoint(&mut self, path: &Path) -> Result<(), TrainError> {
        assert!(path.exists());
        Ok(())
    }
}

fn traces<P: Predictor>(setup: &Setup<P>, outcome: Outcome, state: State, curve: Vec<Vec<f64>>) -> Traces {
    Traces {
        outcome,
        curve,
        kept: numbers(&values(&setup.parameters()).unwrap()),
        average: state.average.as_deref().map(numbers),
        best: state.best.as_deref().map(numbers),
        memory: numbers(&state.memory),
        path: numbers(&state.path),
        // the only thing that may differ
        progress: Progress { train_seconds: 0.0, evaluate_seconds: 0.0, ..state.progress },
    }
}

/// Runs to the cut and then, with another start of the weights, from the newest checkpoint to the end.
fn run<P: Predictor>(cut: Cut, setup: impl Fn(u64) -> Setup<P>) -> Traces {
    let directory = TempDir::new().unwrap();
    let first = setup(1);
    let mut watch = Watch { cut, interrupted: &first.interrupted, curve: vec![] };
    let fit = first.fit(directory.path());
    let result = go(&first, &fit, fit.start().unwrap(), &mut watch);
    match (cut, result) {
        (Cut::Never, Ok((outcome, state))) => return traces(&first, outcome, state, watch.curve),
        (Cut::Interrupt(step), Ok((outcome, state))) => {
            assert_eq!((outcome, state.progress.step), (Outcome::Interrupted, step))
        }
        (Cut::Kill(_), Err(TrainError::Observer(_))) => {}
        (cut, result) => panic!("{cut:?}: {:?}", result.map(|r| r.0)),
    }
    let mut curve = watch.curve;

    let second = setup(if matches!(cut, Cut::Kill(_)) { 1 } else { 2 });
    let fit = second.fit(directory.path());
    let (state, passed_over) = checkpoint::load_latest(directory.path(), &fit.parameters()).unwrap();
    assert!(passed_over.is_empty());
    let state = state.unwrap_or_else(|| fit.start().unwrap());
    curve.truncate(state.progress.n_evaluations);
    let mut watch = Watch { cut: Cut::Never, interrupted: &second.interrupted, curve };
    let (outcome, state) = go(&second, &fit, state, &mut watch).unwrap();
    traces(&second, outcome, state, watch.curve)
}

/// The fit, or all fits of its path.
fn go<P: Predictor>(
    setup: &Setup<P>,
    fit: &Fit<'_, P>,
    state: State,
    watch: &mut Watch<'_>,
) -> Result<(Outcome, State), TrainError> {
    match setup.objective.l1_path() {
        Some(stages) => path::run(fit, &stages, state, watch),
        None => fit.run(state, watch),
    }
}

/// AdamW, averaged weights, patience, a trained threshold of the risk: everything with a memory.
fn everything(seed: u64) -> Setup<surprisal_train::predictor::mlp::Mlp> {
    let gaussian = LikelihoodConfig::Gaussian(Gaussian { scale: Source::Network, ..Gaussian::default() });
    let risk = RiskConfig::Cvar(Cvar { fraction: 0.5, threshold: Threshold::Trained });
    let mut setup = small_table(&Loss { risk, ..Loss::mean(gaussian) }, seed);
    setup.optimizer = crate::setup::adamw(0.03);
    setup.settings.epochs = 40;
    setup.settings.ema_decay = 0.8;
    setup.settings.patience = Some(2);
    setup.settings.clip_norm = Some(1.0);
    setup.schedule = ScheduleConfig::Cosine(Cosine { warmup_steps: 5, floor: 0.1 });
    setup
}

#[test]
fn cut_after_any_step() {
    let whole = run(Cut::Never, everything);
    // 15 rows in batches of 4: the last batch of an epoch is smaller
    let (n_steps, n_epochs) = (whole.progress.step, whole.progress.epoch);
    assert_eq!((whole.outcome, n_steps), (Outcome::Stopped, 4 * n_epochs as u64));
    assert!((4..40).contains(&n_epochs), "{n_epochs}");
    assert_eq!(whole.best.as_ref(), Some(&whole.kept));
    for step in 1..=n_steps {
        assert_eq!(run(Cut::Interrupt(step), everything), whole, "interrupted after step {step}");
        assert_eq!(run(Cut::Kill(step), everything), whole, "killed after step {step}");
    }
}

#[test]
fn evaluations_further_apart_and_the_last_weights() {
    let setup = |seed| {
        let mut setup = everything(seed);
        setup.settings.evaluate_every = 3;
        setup.settings.epochs = 7;
        setup.settings.keep = Keep::Last;
        setup.settings.checkpoint_steps = Some(5);
        setup
    };
    let whole = run(Cut::Never, setup);
    assert_eq!((whole.outcome, whole.curve.len()), (Outcome::Finished, 3));
    assert_eq!(whole.average.as_ref(), Some(&whole.kept));
    for step in 1..=28 {
        assert_eq!(run(Cut::Interrupt(step), setup), whole, "interrupted after step {step}");
        assert_eq!(run(Cut::Kill(step), setup), whole, "killed after step {step}");
    }
}

/// Minimisers, whose memory grows, and a path, which is many fits.
#[test]
fn minimizers_and_paths() {
    let way = |name: &'static str| {
        move |seed| {
            let json = match name {
                "fista" => serde_json::json!({"group_lasso": {"weight": 0.05}}),
                "path" => serde_json::json!({"l1": {"path": {"from": 0.1, "to": 0.01, "n": 3}}}),
                _ => serde_json::json!({"l1": {"weight": 0.02}}),
            };
            let penalties = vec![crate::minimizers::penalty(json)];
            let mut setup = small_table(&Loss { penalties, ..Loss::mean(constant_gaussian()) }, seed);
            setup.optimizer = match name {
                "fista" => OptimizerConfig::Fista(Fista { tolerance: 1e-3 }),
                _ => OptimizerConfig::Lbfgs(Lbfgs { memory: 3, tolerance: 1e-4 }),
            };
            let stages = if name == "path" { Stages::Path } else { Stages::Single };
            let config = TrainConfig { epochs: Some(17), evaluate_every: Some(4), ..TrainConfig::default() };
            setup.settings = config.ready(name, setup.optimizer.get(), stages).unwrap();
            setup
        }
    };
    for name in ["lbfgs", "fista", "path"] {
        let whole = run(Cut::Never, way(name));
        let n_steps = whole.progress.step;
        assert_eq!(whole.path.len(), if name == "path" { 3 } else { 0 });
        assert!(n_steps > 10, "{name}: {n_steps}");
        for step in 1..=n_steps {
            assert_eq!(run(Cut::Interrupt(step), way(name)), whole, "{name} interrupted after step {step}");
            assert_eq!(run(Cut::Kill(step), way(name)), whole, "{name} killed after step {step}");
        }
    }
}

#[test]
fn other_predictors() {
    let ode = |seed| {
        series(&records::oscillators(&[4, 6, 3, 5, 4, 5, 3, 4], 3), 1e-6, &Loss::mean(constant_gaussian()), seed)
    };
    let force = |seed| forces(&records::molecules(8, 1), ForceOutput::Gradient, &Loss::mean(constant_gaussian()), seed);
    let (whole_ode, whole_force) = (run(Cut::Never, ode), run(Cut::Never, force));
    for step in [3, 4, 10] {
        assert_eq!(run(Cut::Interrupt(step), ode), whole_ode);
        assert_eq!(run(Cut::Interrupt(step), force), whole_force);
    }
}

/// States are drawn from the run's seed, the step and the trajectory.
#[test]
fn a_distribution_of_latent_states() {
    let config = LatentOdeConfig { latent: gaussian_latent(3), ..small(Context::Observations(2)) };
    let trajectories = records::oscillators(&[4, 6, 3, 5, 4, 5, 3, 4], 3);
    let latent = |_| latent_ode(&config, &trajectories, &Loss::mean(constant_gaussian()), 1);
    let whole = run(Cut::Never, latent);
    for step in [1, 3, 4, 7] {
        assert_eq!(run(Cut::Interrupt(step), latent), whole);
        assert_eq!(run(Cut::Kill(step), latent), whole);
    }
}

#[test]
fn ensembles_and_dropout() {
    let rows = records::rows(20, 1);
    let loss = Loss::mean(constant_gaussian());
    let ensemble = |seed| {
        let mut setup = table_ensemble(&rows, 3, &loss, seed);
        setup.settings.clip_norm = Some(0.5);
        setup.settings.ema_decay = 0.8;
        setup
    };
    // masks are drawn from the run's seed, so the two halves have one; the weights come from the file
    let dropout = |_| dropout_table(&rows, &[6], Activation::Tanh, (0.3, 4), &loss, 1);
    let (whole_ensemble, whole_dropout) = (run(Cut::Never, ensemble), run(Cut::Never, dropout));
    for step in [1, 6, 11] {
        assert_eq!(run(Cut::Kill(step), ensemble), whole_ensemble);
        assert_eq!(run(Cut::Interrupt(step), ensemble), whole_ensemble);
        assert_eq!(run(Cut::Interrupt(step), dropout), whole_dropout);
        assert_eq!(run(Cut::Kill(step), dropout), whole_dropout);
    }
}

#[test]
fn more_epochs_on_resume() {
    let with_epochs = |epochs| {
        move |seed| {
            let mut setup = everything(seed);
            setup.settings.epochs = epochs;
            // this schedule alone does not look at the length of the run
            setup.schedule = crate::setup::small_table(&Loss::mean(constant_gaussian()), 1).schedule;
            setup.settings.patience = None;
            setup
        }
    };
    let whole = run(Cut::Never, with_epochs(9));
    let directory = TempDir::new().unwrap();
    let mut curve = vec![];
    let mut last = None;
    for (seed, epochs) in [(1, 4), (2, 9)] {
        let setup = with_epochs(epochs)(seed);
        let fit = setup.fit(directory.path());
        let (state, _) = checkpoint::load_latest(directory.path(), &fit.parameters()).unwrap();
        let mut watch = Watch { cut: Cut::Never, interrupted: &setup.interrupted, curve };
        let (outcome, state) = fit.run(state.unwrap_or_else(|| fit.start().unwrap()), &mut watch).unwrap();
        assert_eq!(state.progress.epoch, epochs);
        curve = watch.curve.clone();
        last = Some(traces(&setup, outcome, state, watch.curve));
    }
    assert_eq!(last.unwrap(), whole);
}

/// The counters are written as decimal numbers and come back to the last bit.
#[test]
fn counters_survive_the_file() {
    let mut draws = surprisal_core::rng::stream(1, "counters", 0);
    for i in 0..5000 {
        let x = surprisal_core::rng::standard_normal(&mut draws) * 10f64.powi(i % 40 - 20);
        let progress = Progress { loss_sum: x, ..Progress::default() };
        let text = serde_json::to_string(&progress).unwrap();
        let back: Progress = serde_json::from_str(&text).unwrap();
        assert_eq!(back.loss_sum.to_bits(), x.to_bits(), "{text}");
    }
}
