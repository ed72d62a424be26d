//! Whole fits by minimisers: closed forms, another program's solutions, certificates, paths.

use surprisal_core::records::Row;
use surprisal_core::rng::{standard_normal, stream};
use surprisal_objective::likelihood::Gaussian;
use surprisal_objective::risk::{Cvar, Threshold};
use surprisal_objective::{LikelihoodConfig, PenaltyConfig, RiskConfig, Source};
use surprisal_train::optimizer::{Fista, Lbfgs};
use surprisal_train::predictor::mlp::{Activation, Mlp};
use surprisal_train::settings::{Keep, Stages};
use surprisal_train::state::State;
use surprisal_train::{OptimizerConfig, Outcome, TrainConfig, evaluate, path};
use tempfile::TempDir;

use crate::fit::{Curve, least_squares, line, numbers};
use crate::minimizers::{Reference, penalty, reference};
use crate::setup::{Loss, Setup, adamw, constant_gaussian, table};

fn lbfgs(tolerance: f64) -> OptimizerConfig {
    OptimizerConfig::Lbfgs(Lbfgs { memory: 20, tolerance })
}

fn fista(tolerance: f64) -> OptimizerConfig {
    OptimizerConfig::Fista(Fista { tolerance })
}

/// The setup with a minimiser and its default settings.
fn minimized(mut setup: Setup<Mlp>, optimizer: OptimizerConfig) -> Setup<Mlp> {
    setup.optimizer = optimizer;
    let config = TrainConfig { epochs: Some(5000), ..TrainConfig::default() };
    setup.settings = config.ready(setup.optimizer.name(), setup.optimizer.get(), Stages::Single).unwrap();
    setup
}

fn run(setup: &Setup<Mlp>) -> (Outcome, State, Vec<f64>) {
    let directory = TempDir::new().unwrap();
    let (fit, mut curve) = (setup.fit(directory.path()), Curve::default());
    let (outcome, state) = fit.run(fit.start().unwrap(), &mut curve).unwrap();
    (outcome, state, curve.0)
}

/// Predicted mean, trained σ and mean NLL, all in the data's own units, against the closed forms.
#[test]
fn least_squares_to_convergence() {
    let rows = line(80);
    let (w, sigma) = least_squares(&rows[..60]);
    for optimizer in [lbfgs(1e-9), fista(1e-9)] {
        let name = optimizer.name();
        let mut setup = minimized(table(&rows, &[], Activation::Tanh, &Loss::mean(constant_gaussian()), 1), optimizer);
        setup.splits.valid.clear();
        let (outcome, state, _) = run(&setup);
        assert_eq!(outcome, Outcome::Converged, "{name}");
        assert!(state.progress.epoch < if name == "lbfgs" { 40 } else { 2000 }, "{name}: {}", state.progress.epoch);
        let groups: Vec<_> = setup.splits.train.iter().collect();
        let prediction = surprisal_train::shard::evaluate(&setup.predictor, &groups, 7).unwrap();
        let data = setup.objective.outcome().data_units(&prediction).unwrap();
        for (location, row) in data.location.iter().zip(&rows) {
            let expected = w[0] + w[1] * row.inputs[0] + w[2] * row.inputs[1];
            assert!((location - expected).abs() < 1e-8, "{name}: {location} {expected}");
        }
        let (_, scale) = &data.parameters[0];
        assert!((scale[0] / sigma - 1.0).abs() < 1e-8, "{name}: {} {sigma}", scale[0]);
        let scores = evaluate::evaluate(&setup.predictor, &setup.objective, "train", &groups, 7).unwrap();
        let expected = 0.5 * (std::f64::consts::TAU * std::f64::consts::E * sigma * sigma).ln();
        assert!((scores.mean_nll() - expected).abs() < 1e-10, "{name}: {} {expected}", scores.mean_nll());
        let certificate = setup.fit(std::path::Path::new(".")).optimality().unwrap();
        assert!(certificate.gradient <= 1e-9 && certificate.penalized.is_none(), "{certificate:?}");
        assert!((certificate.nll - expected).abs() < 1e-10);
    }
}

/// The reference rows as a linear Gaussian model with σ = 1 in units of the standardised target.
fn squares(penalties: Vec<PenaltyConfig>, optimizer: OptimizerConfig) -> Setup<Mlp> {
    let Reference { inputs, target, .. } = reference();
    let n = target.len();
    let mean = target.iter().sum::<f64>() / n as f64;
    let spread = (target.iter().map(|y| (y - mean).powi(2)).sum::<f64>() / n as f64).sqrt();
    let mut rows: Vec<Row> = inputs
        .into_iter()
        .zip(target)
        .enumerate()
        .map(|(i, (inputs, y))| Row { inputs, targets: vec![y], attributes: vec![], weight: 1.0, line: i + 2 })
        .collect();
    // the setup takes three quarters of the rows for training: give it a fourth one to hold out
    rows.extend(rows[..n / 3].to_vec());
    let loss = Loss {
        penalties,
        ..Loss::mean(LikelihoodConfig::Gaussian(Gaussian { scale: Source::Fixed(spread), ..Gaussian::default() }))
    };
    minimized(table(&rows, &[], Activation::Tanh, &loss, 1), optimizer)
}

#[test]
fn lasso_and_elastic_net_against_coordinate_descent() {
    let gaussian_constant = |setup: &Setup<Mlp>| {
        let scale = setup.objective.outcome().target_scale()[0];
        0.5 * std::f64::consts::TAU.ln() + scale.ln()
    };
    for solution in reference().squares {
        let (weight, ratio) = (solution.weight, solution.l1_ratio);
        let elastic = serde_json::json!({"elastic_net": {"weight": weight, "l1_ratio": ratio}});
        let mut ways = vec![
            ("fista", squares(vec![penalty(elastic)], fista(1e-10))),
            (
                "lbfgs, l1 and l2",
                squares(
                    vec![
                        penalty(serde_json::json!({"l1": {"weight": weight * ratio}})),
                        penalty(serde_json::json!({"l2": {"weight": 0.5 * weight * (1.0 - ratio)}})),
                    ],
                    lbfgs(1e-10),
                ),
            ),
        ];
        if ratio == 1.0 {
            ways.push((
                "fista, l1",
                squares(vec![penalty(serde_json::json!({"l1": {"weight": weight}}))], fista(1e-10)),
            ));
        }
        for (name, setup) in ways {
            let (outcome, state, _) = run(&setup);
            let what = format!("{name} at {weight}, {ratio}, {} iterations", state.progress.epoch);
            assert_eq!(outcome, Outcome::Converged, "{what}");
            let parameters = setup.parameters();
            let (w, b) = (numbers(&parameters[0]), numbers(&parameters[1]));
            for (found, expected) in w.iter().zip(&solution.coefficients) {
                assert!((found - expected).abs() < 1e-8, "{what}: {w:?} {:?}", solution.coefficients);
                assert_eq!(*found == 0.0, *expected == 0.0, "{what}: exact zeros");
            }
            assert!((b[0] - solution.intercept).abs() < 1e-8, "{what}");
            let certificate = setup.fit(std::path::Path::new(".")).optimality().unwrap();
            let objective = certificate.objective - gaussian_constant(&setup);
            assert!((objective - solution.objective).abs() < 1e-9, "{what}: {objective} {}", solution.objective);
            let penalized = certificate.penalized.unwrap().stationarity;
            assert_eq!(penalized.n_zero, solution.coefficients.iter().filter(|c| **c == 0.0).count(), "{what}");
            assert!(penalized.nonzeros_residual < 1e-9 && certificate.gradient < 1e-9, "{what}: {penalized:?}");
            assert!(penalized.n_zero == 0 || penalized.zeros_excess < 0.0, "{what}: {penalized:?}");
        }
    }
}

/// Any optimiser gets a certificate: an AdamW fit that is not converged has one that says so.
#[test]
fn a_certificate_shows_what_is_not_a_minimum() {
    let mut setup = squares(vec![penalty(serde_json::json!({"l1": {"weight": 0.05}}))], adamw(0.01));
    setup.settings.epochs = 3;
    run(&setup);
    let certificate = setup.fit(std::path::Path::new(".")).optimality().unwrap();
    let penalized = certificate.penalized.unwrap();
    assert_eq!(penalized.penalty, "l1");
    assert!(penalized.stationarity.nonzeros_residual > 1e-2, "{penalized:?}");
}

#[test]
fn a_path_is_its_stages() {
    let path = serde_json::json!({"l1": {"path": {"from": 0.3, "to": 0.01, "n": 6}}});
    let mut setup = squares(vec![penalty(path)], lbfgs(1e-10));
    setup.settings.keep = Keep::Best;
    let directory = TempDir::new().unwrap();
    let (fit, mut curve) = (setup.fit(directory.path()), Curve::default());
    let stages = setup.objective.l1_path().unwrap();
    let (outcome, state) = path::run(&fit, &stages, fit.start().unwrap(), &mut curve).unwrap();
    let points = path::points(&state).unwrap();
    assert_eq!((outcome, points.len(), curve.0.len()), (Outcome::Finished, 6, 6));
    for (point, weight) in points.iter().zip(stages.weights()) {
        assert_eq!(point.weight, weight);
        assert!(point.violation < 1e-9, "{point:?}");
        // the same from a cold start
        let alone = squares(vec![penalty(serde_json::json!({"l1": {"weight": weight}}))], lbfgs(1e-10));
        run(&alone);
        let cold: Vec<f64> = alone.parameters().iter().flat_map(numbers).collect();
        for (warm, cold) in point.parameters.iter().zip(&cold) {
            assert!((warm - cold).abs() < 1e-7, "{warm} {cold}");
        }
        assert_eq!(point.n_nonzero, cold[..8].iter().filter(|w| **w != 0.0).count());
    }
    assert!(points.windows(2).all(|p| p[0].objective > p[1].objective && p[0].train_nll > p[1].train_nll));
    // the kept weights are those of the best validation NLL
    let best = (0..6).min_by(|&i, &j| points[i].valid_nll.total_cmp(&points[j].valid_nll)).unwrap();
    assert_eq!(state.progress.best.map(|b| b.evaluation), Some(best));
    let kept: Vec<f64> = setup.parameters().iter().flat_map(numbers).collect();
    assert_eq!(kept, points[best].parameters);
    assert_eq!(curve.0, points.iter().map(|p| p.valid_nll).collect::<Vec<_>>());
}

/// The minimum over slope and intercept of the mean of the worst losses ½(y − wx − b)², by nested
/// ternary searches of a jointly convex function.
fn worst_case_line(x: &[f64], y: &[f64], fraction: f64) -> f64 {
    let cvar = |w: f64, b: f64| {
        let mut losses: Vec<f64> = x.iter().zip(y).map(|(x, y)| 0.5 * (y - w * x - b).powi(2)).collect();
        losses.sort_by(|a, b| b.total_cmp(a));
        let n = fraction * losses.len() as f64;
        let whole = losses[..n as usize].iter().sum::<f64>();
        (whole + n.fract() * losses.get(n as usize).unwrap_or(&0.0)) / n
    };
    let search = |f: &dyn Fn(f64) -> f64| {
        let (mut low, mut high) = (-4.0f64, 4.0f64);
        for _ in 0..90 {
            let (a, b) = (low + (high - low) / 3.0, high - (high - low) / 3.0);
            if f(a) < f(b) { high = b } else { low = a }
        }
        f(0.5 * (low + high))
    };
    search(&|w| search(&|b| cvar(w, b)))
}

#[test]
fn the_trained_threshold_reaches_the_minimum_of_the_sorted_form() {
    let mut draws = stream(8, "tail", 0);
    let rows: Vec<Row> = (0..40)
        .map(|i| {
            let x = standard_normal(&mut draws);
            let y = 0.7 * x + 0.5 * standard_normal(&mut draws) + if i % 10 == 0 { 2.0 } else { 0.0 };
            Row { inputs: vec![x], targets: vec![y], attributes: vec![], weight: 1.0, line: i + 2 }
        })
        .collect();
    for fraction in [0.15, 0.4, 1.0] {
        let risk = RiskConfig::Cvar(Cvar { fraction, threshold: Threshold::Trained });
        // σ = 1 in standardised units, which the setup finds by itself
        let draft = table(&rows, &[], Activation::Tanh, &Loss::mean(constant_gaussian()), 1);
        let spread = draft.objective.outcome().target_scale()[0];
        let fixed = LikelihoodConfig::Gaussian(Gaussian { scale: Source::Fixed(spread), ..Gaussian::default() });
        let loss = Loss { risk, ..Loss::mean(fixed) };
        let mut setup = minimized(table(&rows, &[], Activation::Tanh, &loss, 1), lbfgs(1e-9));
        setup.splits.valid.clear();
        let (outcome, state, _) = run(&setup);
        let certificate = setup.fit(std::path::Path::new(".")).optimality().unwrap();
        let train = &rows[..30];
        let standard = |values: Vec<f64>| {
            let mean = values.iter().sum::<f64>() / 30.0;
            let spread = (values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / 30.0).sqrt();
            values.iter().map(|v| (v - mean) / spread).collect::<Vec<_>>()
        };
        let x = standard(train.iter().map(|r| r.inputs[0]).collect());
        let y = standard(train.iter().map(|r| r.targets[0]).collect());
        let constant = 0.5 * std::f64::consts::TAU.ln() + spread.ln();
        let expected = constant + worst_case_line(&x, &y, fraction);
        let found = certificate.objective;
        let what = format!("{fraction}: {found} {expected}, {outcome:?} after {}", state.progress.epoch);
        // at a kink the gradient does not vanish: the search ends where nothing gets better
        assert!(state.progress.epoch < 1000 && outcome != Outcome::Finished, "{what}");
        assert!(found > expected - 1e-9 && found - expected < 1e-5, "{what}");
    }
}

/// Networks are not convex, but their loss must fall and end where the gradient vanishes.
#[test]
fn a_small_network() {
    // with a trained σ and more weights than data the minimum would be at σ = 0
    let fixed = LikelihoodConfig::Gaussian(Gaussian { scale: Source::Fixed(0.5), ..Gaussian::default() });
    let loss = Loss { penalties: vec![penalty(serde_json::json!({"l2": {"weight": 1e-2}}))], ..Loss::mean(fixed) };
    let setup = minimized(table(&crate::records::rows(40, 6), &[6], Activation::Tanh, &loss, 1), lbfgs(1e-7));
    let before = setup.fit(std::path::Path::new(".")).optimality().unwrap();
    let (outcome, _, _) = run(&setup);
    let after = setup.fit(std::path::Path::new(".")).optimality().unwrap();
    assert_eq!(outcome, Outcome::Converged);
    assert!(after.objective < before.objective - 0.3 && after.gradient <= 1e-7, "{before:?} {after:?}");
}

#[test]
fn the_train_table_and_the_optimiser_must_fit() {
    let ready = |config: TrainConfig, optimizer: &OptimizerConfig| {
        config.ready(optimizer.name(), optimizer.get(), Stages::Single).map_err(|p| (p.key, p.problem))
    };
    let whole = ready(TrainConfig::default(), &lbfgs(1e-9)).unwrap();
    assert_eq!((whole.epochs, whole.evaluate_every, whole.keep, whole.batch_size), (1000, 1, Keep::Last, None));
    let (key, problem) = ready(TrainConfig::default(), &adamw(0.1)).unwrap_err();
    assert_eq!((key, problem.as_str()), ("epochs", "is missing, and `adamw` does not know by itself when to stop"));
    let averaged = TrainConfig { ema_decay: Some(0.9), ..TrainConfig::default() };
    assert_eq!(ready(averaged, &lbfgs(1e-9)).unwrap_err().0, "ema_decay");
    let clipped = TrainConfig { clip_norm: Some(1.0), ..TrainConfig::default() };
    assert_eq!(ready(clipped, &fista(1e-9)).unwrap_err().0, "clip_norm");
    let none = TrainConfig { epochs: Some(0), ..TrainConfig::default() };
    assert_eq!(ready(none, &adamw(0.1)).unwrap_err(), ("epochs", "must be at least 1, found 0".to_string()));
    // written out and read again it is the same
    let again = TrainConfig::from(&whole).ready("lbfgs", lbfgs(1e-9).get(), Stages::Single).unwrap();
    assert_eq!(format!("{again:?}"), format!("{whole:?}"));
}
