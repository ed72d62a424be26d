//! Latent ODEs: gradients of every part, contexts, conditional samples, distributions of states.

use std::path::Path;

use candle_core::{Device, Tensor};
use serde::Deserialize;
use surprisal_core::records::Trajectory;
use surprisal_objective::likelihood::{Gaussian, StudentT};
use surprisal_objective::penalty::L2;
use surprisal_objective::risk::{Cvar, Threshold};
use surprisal_objective::{LikelihoodConfig, PenaltyConfig, Progress, RiskConfig, Source, Standardization};
use surprisal_ode::{Activation, FieldConfig, HamiltonianField, MlpField, Rk4, SolverConfig, Tsit5};
use surprisal_train::predictor::latent_ode::{
    Context, GaussianLatent, Latent, LatentOdeConfig, LatentScaling, NetworkShape, Point,
};
use surprisal_train::{Predictor, shard};

use crate::gradient::{check, check_in_training};
use crate::records::oscillators;
use crate::setup::{Loss, Setup, constant_gaussian, latent_ensemble, latent_ode};

fn shape(hidden: &[usize], activation: Activation) -> NetworkShape {
    NetworkShape { hidden: hidden.to_vec(), activation }
}

fn mlp(hidden: &[usize], activation: Activation) -> FieldConfig {
    FieldConfig::MlpField(MlpField { hidden: hidden.to_vec(), activation, ..MlpField::default() })
}

/// With three latent states and fixed steps.
pub(crate) fn small(context: Context) -> LatentOdeConfig {
    let activation = Activation::Tanh;
    LatentOdeConfig {
        t_unit: None,
        context,
        latent_dim: 3,
        encoder: shape(&[4], activation),
        field: mlp(&[5], activation),
        decoder: shape(&[3], activation),
        latent: Latent::Point(Point {}),
        solver: SolverConfig::Rk4(Rk4 { step: 0.3 }),
        gradient_check: None,
    }
}

pub(crate) fn gaussian_latent(samples: usize) -> Latent {
    Latent::Gaussian(GaussianLatent { kl_weight: 0.7, samples })
}

fn heteroscedastic() -> Loss {
    Loss::mean(LikelihoodConfig::Gaussian(Gaussian::default()))
}

/// Five trajectories of different lengths with missing values, one time without any.
fn gappy() -> Vec<Trajectory> {
    let mut trajectories = oscillators(&[6, 4, 7, 5, 5], 4);
    trajectories[0].observed[4][1] = f64::NAN;
    trajectories[1].observed[0][0] = f64::NAN;
    trajectories[2].observed[5] = vec![f64::NAN; 2];
    trajectories[3].observed[1] = vec![f64::NAN; 2];
    trajectories
}

fn numbers(tensor: &Tensor) -> Vec<f64> {
    tensor.flatten_all().unwrap().to_vec1().unwrap()
}

/// The steps of Runge–Kutta do not depend on the parameters, so the loss is differentiable as computed.
#[test]
fn gradients_of_encoder_field_and_decoder() {
    let student = LikelihoodConfig::StudentT(StudentT { scale: Source::Network, df: Source::Constant });
    let risk = RiskConfig::Cvar(Cvar { fraction: 0.4, threshold: Threshold::Batch });
    let l2 = vec![PenaltyConfig::L2(L2 { weight: 0.1 })];
    let losses = [
        ("network scale", heteroscedastic()),
        ("constant scale", Loss::mean(constant_gaussian())),
        ("student_t, cvar, l2", Loss { risk, penalties: l2, ..Loss::mean(student) }),
    ];
    for (name, loss) in &losses {
        for context in [Context::Observations(2), Context::Until(11.1)] {
            let setup = latent_ode(&small(context), &gappy(), loss, 1).shake(0.2);
            check(&format!("latent ode, {name}, {context:?}"), &setup, 1e-7);
        }
    }
    let silu = LatentOdeConfig {
        encoder: shape(&[4, 3], Activation::Silu),
        field: mlp(&[4], Activation::Softplus),
        decoder: shape(&[], Activation::Silu),
        solver: SolverConfig::Tsit5(Tsit5::new(1e-12, 1e-12)),
        ..small(Context::Observations(2))
    };
    check("latent ode, tsit5", &latent_ode(&silu, &gappy(), &losses[0].1, 1).shake(0.2), 1e-6);
    let field = FieldConfig::HamiltonianField(HamiltonianField { hidden: vec![4], ..HamiltonianField::default() });
    let energetic = LatentOdeConfig { field, latent_dim: 4, ..small(Context::Observations(2)) };
    check("latent ode, hamiltonian", &latent_ode(&energetic, &gappy(), &losses[0].1, 1).shake(0.2), 1e-7);
    let ensemble = latent_ensemble(&small(Context::Observations(2)), &gappy(), 2, &losses[0].1, 1).shake(0.2);
    check("latent ode, ensemble", &ensemble, 1e-7);
}

/// With its draws held, and the divergence among the terms.
#[test]
fn gradients_of_a_distribution_of_states() {
    let config = LatentOdeConfig { latent: gaussian_latent(5), ..small(Context::Observations(2)) };
    let setup = latent_ode(&config, &gappy(), &heteroscedastic(), 1).shake(0.2);
    setup.predictor.begin_step(11);
    check_in_training("gaussian latent", &setup, 0, 1e-7);
    let fit = setup.fit(Path::new("."));
    let groups: Vec<_> = setup.splits.train.iter().collect();
    let terms = fit.loss_and_gradient(&groups, 0).unwrap().0.terms;
    let kl = terms.iter().find(|(name, _)| name == "kl").unwrap().1;
    assert!(kl > 0.0, "{terms:?}");
    // twice the weight, twice the term
    let twice = Latent::Gaussian(GaussianLatent { kl_weight: 1.4, samples: 5 });
    let other = latent_ode(&LatentOdeConfig { latent: twice, ..config }, &gappy(), &heteroscedastic(), 1).shake(0.2);
    other.predictor.begin_step(11);
    let terms = other.fit(Path::new(".")).loss_and_gradient(&groups, 0).unwrap().0.terms;
    assert!((terms.iter().find(|(name, _)| name == "kl").unwrap().1 - 2.0 * kl).abs() < 1e-13);
}

#[derive(Deserialize)]
struct Reference {
    cases: Vec<Case>,
}

/// Made by `scripts/reference/latent_ode.py`.
#[derive(Deserialize)]
struct Case {
    name: String,
    context: Context,
    activation: Activation,
    latent_dim: usize,
    encoder: Vec<usize>,
    field: Vec<usize>,
    decoder: Vec<usize>,
    trajectories: Vec<Series>,
    time: f64,
    reach: f64,
    slots: usize,
    parameters: Vec<f64>,
    nll: Vec<f64>,
    loss: f64,
    gradient: Vec<f64>,
}

#[derive(Deserialize)]
struct Series {
    times: Vec<f64>,
    observed: Vec<Vec<Option<f64>>>,
}

impl Series {
    fn trajectory(&self, id: usize) -> Trajectory {
        let known = |row: &Vec<Option<f64>>| row.iter().map(|y| y.unwrap_or(f64::NAN)).collect();
        let n = self.times.len();
        Trajectory {
            id: id.to_string(),
            times: self.times.clone(),
            observed: self.observed.iter().map(known).collect(),
            inputs: vec![vec![]; n],
            lines: (2..2 + n).collect(),
            n_given: 0,
        }
    }
}

#[test]
fn likelihoods_and_gradients_are_those_of_another_implementation() {
    let Reference { cases } = serde_json::from_str(include_str!("../reference/latent_ode.json")).unwrap();
    assert_eq!(cases.len(), 3);
    for case in cases {
        let trajectories: Vec<_> = case.trajectories.iter().enumerate().map(|(i, t)| t.trajectory(i)).collect();
        let config = LatentOdeConfig {
            latent_dim: case.latent_dim,
            encoder: shape(&case.encoder, case.activation),
            field: mlp(&case.field, case.activation),
            decoder: shape(&case.decoder, case.activation),
            solver: SolverConfig::Tsit5(Tsit5::new(1e-12, 1e-12)),
            ..small(case.context)
        };
        let scaling = LatentScaling::fit(&trajectories, case.context, Standardization::ShiftAndScale).unwrap();
        let close = |a: f64, b: f64, tolerance: f64| (a - b).abs() < tolerance * (1.0 + b.abs());
        assert!(close(scaling.time, case.time, 1e-13) && close(scaling.reach, case.reach, 1e-13), "{}", case.name);
        assert_eq!(scaling.slots, case.slots, "{}", case.name);
        let setup = latent_ode(&config, &trajectories, &heteroscedastic(), 1);
        let mut rest = case.parameters.as_slice();
        for parameter in setup.predictor.parameters().iter() {
            let (values, behind) = rest.split_at(parameter.var.elem_count());
            rest = behind;
            parameter.var.set(&Tensor::from_slice(values, parameter.var.dims(), &Device::Cpu).unwrap()).unwrap();
        }
        assert!(rest.is_empty(), "{}", case.name);
        let groups: Vec<_> = setup.splits.train.iter().collect();
        let (evaluation, gradient) = setup.fit(Path::new(".")).loss_and_gradient(&groups, 0).unwrap();
        let nll: Vec<f64> = evaluation.nll.iter().copied().filter(|nll| !nll.is_nan()).collect();
        assert_eq!(nll.len(), case.nll.len(), "{}", case.name);
        for (ours, theirs) in nll.iter().zip(&case.nll) {
            assert!(close(*ours, *theirs, 1e-9), "{}: {ours} {theirs}", case.name);
        }
        assert!(close(evaluation.loss, case.loss, 1e-10), "{}: {} {}", case.name, evaluation.loss, case.loss);
        let gradient: Vec<f64> = gradient.iter().flat_map(numbers).collect();
        let largest = case.gradient.iter().fold(0.0f64, |m, g| m.max(g.abs()));
        assert_eq!(gradient.len(), case.gradient.len());
        for (i, (ours, theirs)) in gradient.iter().zip(&case.gradient).enumerate() {
            assert!((ours - theirs).abs() < 1e-9 * largest, "{}: {i}: {ours} {theirs}", case.name);
        }
    }
}

/// The prediction of one trajectory, `[n_rows * location]`.
fn location<P: Predictor>(setup: &Setup<P>, group: &P::Group) -> Vec<f64> {
    numbers(&setup.predictor.evaluate(&[group]).unwrap().location)
}

/// What comes after the context is not read; what is in it is not scored.
#[test]
fn the_future_is_predicted_from_the_past_alone() {
    let trajectories = gappy();
    let setup = latent_ode(&small(Context::Observations(2)), &trajectories, &heteroscedastic(), 1).shake(0.3);
    let group = |t: &Trajectory| setup.predictor.group(t).unwrap();
    let before = location(&setup, &group(&trajectories[0]));
    let n_samples = |t: &Trajectory| setup.predictor.target(&group(t)).values.len() / 2;
    // the context of the fourth ends at its third time, because the second has nothing
    assert_eq!(trajectories.iter().map(n_samples).collect::<Vec<_>>(), [4, 2, 5, 2, 3]);
    let mut future = trajectories[0].clone();
    future.observed[2..].iter_mut().flatten().for_each(|y| *y += 100.0);
    assert_eq!(location(&setup, &group(&future)), before);
    let mut past = trajectories[0].clone();
    past.observed[1][1] += 1.0;
    let after = location(&setup, &group(&past));
    assert!(after.iter().zip(&before).all(|(a, b)| a != b));
    assert_eq!(setup.predictor.target(&group(&past)).values, setup.predictor.target(&group(&trajectories[0])).values);
    // times are counted from the context's end: a trajectory that begins later is the same
    let mut later = trajectories[0].clone();
    later.times.iter_mut().for_each(|t| *t += 64.0);
    for (a, b) in location(&setup, &group(&later)).iter().zip(&before) {
        assert!((a - b).abs() < 1e-9);
    }
}

/// A later part has the context of the trajectory that was trained on.
#[test]
fn a_later_part_goes_on_from_the_context() {
    let whole = oscillators(&[8, 8], 4);
    let train: Vec<Trajectory> = whole
        .iter()
        .map(|t| {
            let mut t = t.clone();
            t.times.truncate(6);
            t.observed.truncate(6);
            t.inputs.truncate(6);
            t.lines.truncate(6);
            t
        })
        .collect();
    let config =
        LatentOdeConfig { solver: SolverConfig::Tsit5(Tsit5::new(1e-10, 1e-10)), ..small(Context::Observations(3)) };
    let setup = latent_ode(&config, &train, &heteroscedastic(), 1).shake(0.3);
    let mut rest = whole[1].clone();
    let rows = [0, 6, 7];
    rest.times = rows.map(|k| whole[1].times[k]).to_vec();
    rest.observed = rows.map(|k| whole[1].observed[k].clone()).to_vec();
    rest.n_given = 1;
    let of_rest = location(&setup, &setup.predictor.group(&rest).unwrap());
    let of_whole = location(&setup, &setup.predictor.group(&whole[1]).unwrap());
    assert_eq!((of_rest.len(), of_whole.len()), (2 * 2, 5 * 2));
    for (a, b) in of_rest.iter().zip(&of_whole[6..]) {
        assert!((a - b).abs() < 1e-8, "{a} {b}");
    }
}

/// For drawing: nothing before the context's end, the same solution behind it.
#[test]
fn refined_times_lie_on_the_same_solution() {
    let trajectories = gappy();
    let config =
        LatentOdeConfig { solver: SolverConfig::Tsit5(Tsit5::new(1e-10, 1e-10)), ..small(Context::Observations(2)) };
    let setup = latent_ode(&config, &trajectories, &heteroscedastic(), 1).shake(0.3);
    let group = setup.predictor.group(&trajectories[0]).unwrap();
    let coarse = location(&setup, &group);
    let refined = setup.predictor.refined(&group, &[3; 5]).unwrap();
    let fine = location(&setup, &refined);
    assert_eq!(fine.len(), 2 * 16);
    assert!(fine[..2 * 3].iter().all(|y| y.is_nan()) && fine[2 * 3..].iter().all(|y| y.is_finite()));
    for sample in 0..4 {
        let at = 3 * (sample + 2);
        for c in 0..2 {
            assert!((fine[2 * at + c] - coarse[2 * sample + c]).abs() < 1e-7);
        }
    }
}

/// −ln (1/S) Σ p(y | zₛ) of each sample, from the S predictions one by one.
#[test]
fn several_states_are_scored_as_their_mixture() {
    const SAMPLES: usize = 5;
    let trajectories = gappy();
    let config = LatentOdeConfig { latent: gaussian_latent(SAMPLES), ..small(Context::Observations(2)) };
    let setup = latent_ode(&config, &trajectories, &heteroscedastic(), 1).shake(0.5);
    let groups: Vec<_> = setup.splits.train.iter().collect();
    let target = shard::target(&setup.predictor, 2, &groups).unwrap();
    let all = setup.predictor.evaluate(&groups).unwrap();
    let mixture = setup.objective.score(&all, &target).unwrap().nll;
    let point = latent_ode(&small(Context::Observations(2)), &trajectories, &heteroscedastic(), 1);
    let each: Vec<Vec<f64>> =
        (all.members(SAMPLES).unwrap().iter()).map(|one| point.objective.score(one, &target).unwrap().nll).collect();
    let mut n_scored = 0;
    for (i, nll) in mixture.iter().enumerate().filter(|(_, nll)| !nll.is_nan()) {
        let mean = each.iter().map(|nll| (-nll[i]).exp()).sum::<f64>() / SAMPLES as f64;
        assert!((nll + mean.ln()).abs() < 1e-10, "{nll} {mean}");
        assert!(each.iter().any(|nll| (nll[i] - mixture[i]).abs() > 1e-3), "draws differ");
        n_scored += 1;
    }
    assert!(n_scored > 10);
    // evaluations draw the same states again, training steps others
    assert_eq!(numbers(&all.location), numbers(&setup.predictor.evaluate(&groups).unwrap().location));
    let step = |k| {
        setup.predictor.begin_step(k);
        numbers(&setup.predictor.predict(&groups).unwrap().0.location)
    };
    assert_eq!(step(3), step(3));
    assert_ne!(step(3), step(4));
    // and shards do not matter
    let alone = shard::predict(&setup.predictor, &groups, 1).unwrap().prediction;
    assert_eq!(numbers(&alone.location), step(4));
    let target = shard::target(&setup.predictor, 2, &groups).unwrap();
    let model = setup.predictor.parameters();
    assert!(setup.objective.evaluate(&alone, &target, model, Progress::default()).unwrap().loss.is_finite());
}

#[test]
fn trajectories_without_context_or_future_are_refused() {
    let trajectories = gappy();
    let refusal = |context| {
        let fitted = LatentScaling::fit(&trajectories, context, Standardization::ShiftAndScale);
        fitted.unwrap_err().to_string()
    };
    // the second has four times, and the third six observations at seven times
    let short = refusal(Context::Observations(4));
    assert!(short.contains("`run1`") && short.contains("has 4 observations, and a context of 4"), "{short}");
    let early = refusal(Context::Until(9.0));
    assert!(early.contains("`run0`") && early.contains("no observation up to t = 9"), "{early}");
    let late = refusal(Context::Until(11.5));
    assert!(late.contains("`run1`") && late.contains("no observation after the context's end, t = 11.5"), "{late}");
}

/// A tolerance that is too loose to trust is told apart from one that is not.
#[test]
fn the_gradient_check_sees_the_solver() {
    let check = |rtol: f64| {
        let config =
            LatentOdeConfig { solver: SolverConfig::Tsit5(Tsit5::new(rtol, rtol)), ..small(Context::Observations(2)) };
        let setup = latent_ode(&config, &gappy(), &heteroscedastic(), 1).shake(0.6);
        let groups: Vec<_> = setup.splits.train.iter().collect();
        setup.predictor.gradient_check(&groups).unwrap().unwrap().difference
    };
    let (tight, loose) = (check(1e-9), check(1e-2));
    assert!(tight > 0.0 && tight < 1e-6 && loose > 1e2 * tight, "{tight} {loose}");
}
