//! Trajectories: missing observations, the first observation, units.

use std::f64::consts::TAU;

use surprisal_core::records::Trajectory;
use surprisal_objective::likelihood::Gaussian;
use surprisal_objective::{LikelihoodConfig, Source};
use surprisal_train::predictor::ode::{OdePredictor, SeriesScaling};
use surprisal_train::{Predictor, shard};

use crate::records::oscillators;
use crate::setup::{Loss, Setup, constant_gaussian, series};

fn trajectory(times: &[f64], observed: &[[f64; 2]]) -> Trajectory {
    let observed = observed.iter().map(|y| y.to_vec()).collect();
    Trajectory {
        id: "a".into(),
        times: times.to_vec(),
        observed,
        inputs: vec![vec![]; times.len()],
        lines: (2..2 + times.len()).collect(),
        n_given: 0,
    }
}

/// A Gaussian with a known scale in the data's units.
fn fixed() -> Loss {
    Loss::mean(LikelihoodConfig::Gaussian(Gaussian { scale: Source::Fixed(0.5), ..Gaussian::default() }))
}

/// Predicted states and per-sample NLL of one trajectory, in data units.
fn scores(setup: &Setup<OdePredictor>, t: &Trajectory) -> (Vec<f64>, Vec<f64>) {
    let group = setup.predictor.group(t).unwrap();
    let target = shard::target(&setup.predictor, 2, &[&group]).unwrap();
    let prediction = setup.predictor.evaluate(&[&group]).unwrap();
    let scores = setup.objective.score(&prediction, &target).unwrap();
    (setup.objective.outcome().data_units(&prediction).unwrap().location, scores.nll)
}

#[test]
fn a_missing_component_leaves_the_others_alone() {
    let trajectories = oscillators(&[6, 5, 5, 4], 8);
    let setup = series(&trajectories, 1e-8, &fixed(), 1).shake(0.3);
    let whole = &trajectories[0];
    let (location, nll) = scores(&setup, whole);
    // in data units: −log p = ½(r/σ)² + ln σ + ½ ln 2π
    let own = |sample: usize, c: usize| {
        let r = whole.observed[sample + 1][c] - location[2 * sample + c];
        0.5 * (r / 0.5).powi(2) + 0.5f64.ln() + 0.5 * TAU.ln()
    };
    assert_eq!(nll.len(), 5);
    for (sample, nll) in nll.iter().enumerate() {
        assert!((nll - own(sample, 0) - own(sample, 1)).abs() < 1e-9 * nll.abs(), "{nll}");
    }
    let mut holes = whole.clone();
    holes.observed[2][1] = f64::NAN;
    holes.observed[3][0] = f64::NAN;
    holes.observed[4] = vec![f64::NAN; 2];
    let (same_location, with_holes) = scores(&setup, &holes);
    assert_eq!(same_location, location);
    assert_eq!((with_holes[0], with_holes[4]), (nll[0], nll[4]));
    assert!((with_holes[1] - own(1, 0)).abs() < 1e-9 * own(1, 0).abs());
    assert!((with_holes[2] - own(2, 1)).abs() < 1e-9 * own(2, 1).abs());
    assert!(with_holes[3].is_nan(), "nothing of it was observed");
}

/// A time without any observation changes neither loss nor gradient.
#[test]
fn an_empty_time_adds_nothing() {
    let mut trajectories = oscillators(&[5, 4, 6, 4], 8);
    let loss_and_gradient = |trajectories: &[Trajectory]| {
        // a tight solve: another last time is another sequence of steps
        let setup = series(trajectories, 1e-12, &Loss::mean(constant_gaussian()), 1).shake(0.2);
        let groups: Vec<_> = setup.splits.train.iter().collect();
        let (evaluation, gradient) = setup.fit(".".as_ref()).loss_and_gradient(&groups, 0).unwrap();
        let gradient: Vec<Vec<f64>> = gradient.iter().map(|g| g.flatten_all().unwrap().to_vec1().unwrap()).collect();
        (evaluation.loss, gradient.concat())
    };
    let (loss, gradient) = loss_and_gradient(&trajectories);
    let last = trajectories[1].times[3];
    trajectories[1].times.push(last + 0.7);
    trajectories[1].observed.push(vec![f64::NAN; 2]);
    trajectories[1].lines.push(1000);
    let (loss_again, gradient_again) = loss_and_gradient(&trajectories);
    assert!((loss - loss_again).abs() < 1e-9 * loss.abs());
    let largest = gradient.iter().fold(0.0f64, |m, g| m.max(g.abs()));
    assert!(gradient.iter().zip(&gradient_again).all(|(a, b)| (a - b).abs() < 1e-8 * largest));
}

#[test]
fn an_evaluation_averages_over_what_was_observed() {
    let trajectories = oscillators(&[6, 5, 5, 5], 8);
    let evaluate = |trajectories: &[Trajectory]| {
        let setup = series(trajectories, 1e-8, &fixed(), 1);
        let groups: Vec<_> = setup.splits.valid.iter().collect();
        surprisal_train::evaluate::evaluate(&setup.predictor, &setup.objective, "valid", &groups, 1).unwrap()
    };
    let whole = evaluate(&trajectories);
    let mut holes = trajectories.clone();
    holes[3].observed[2] = vec![f64::NAN; 2];
    let scores = evaluate(&holes);
    let mean = |values: &[f64]| (values[0] + values[2] + values[3]) / 3.0;
    assert!((scores.mean_nll() - mean(&whole.nll)).abs() < 1e-12 * mean(&whole.nll).abs());
    assert!((scores.mse() - mean(&whole.squared_error)).abs() < 1e-12 * mean(&whole.squared_error));
}

#[test]
fn the_first_observation_is_an_input_and_lengths_may_differ() {
    let trajectories = oscillators(&[2, 7, 3, 4], 8);
    let setup = series(&trajectories, 1e-10, &fixed(), 1).shake(0.3);
    let groups: Vec<_> = setup.splits.train.iter().collect();
    let target = shard::target(&setup.predictor, 2, &groups).unwrap();
    assert_eq!(target.group, [0, 1, 1, 1, 1, 1, 1, 2, 2]);
    // together in one shard, alone, and with another start
    let (together, tape) = setup.predictor.predict(&groups).unwrap();
    let together: Vec<Vec<f64>> = together.location.to_vec2().unwrap();
    drop(tape);
    let alone: Vec<Vec<f64>> =
        groups.iter().flat_map(|g| setup.predictor.evaluate(&[*g]).unwrap().location.to_vec2().unwrap()).collect();
    assert_eq!(together, alone);
    let mut moved = trajectories[0].clone();
    moved.observed[0][0] += 0.1;
    assert_ne!(scores(&setup, &moved).0, scores(&setup, &trajectories[0]).0);
    // only differences of time count
    let mut later = trajectories[1].clone();
    later.times.iter_mut().for_each(|t| *t += 64.0);
    let (a, b) = (scores(&setup, &later).0, scores(&setup, &trajectories[1]).0);
    assert!(a.iter().zip(&b).all(|(a, b)| (a - b).abs() < 1e-8));
}

#[test]
fn scales_are_root_mean_squares_and_the_median_time_of_change() {
    let one = trajectory(&[0.0, 1.0, 3.0], &[[3.0, 0.0], [4.0, f64::NAN], [4.0, 2.0]]);
    let two = trajectory(&[5.0, 5.5], &[[0.0, 4.0], [3.0, 4.0]]);
    let scaling = SeriesScaling::fit(&[one, two]);
    let rms = [(50.0f64 / 5.0).sqrt(), (36.0f64 / 4.0).sqrt()];
    assert!(scaling.state.iter().zip(rms).all(|(a, b)| (a - b).abs() < 1e-14));
    // the changes that are known and not zero: 1/s in 1, 3/s in 0.5; of two, the faster
    assert!((scaling.time - rms[0] / 6.0).abs() < 1e-14, "{}", scaling.time);
    let still = trajectory(&[0.0, 1.0], &[[0.0, 1.0], [0.0, 1.0]]);
    assert_eq!(SeriesScaling::fit(&[still]), SeriesScaling { state: vec![1.0; 2], column: vec![1.0; 2], time: 1.0 });
}

#[test]
fn trajectories_that_cannot_start_are_refused_by_name() {
    let setup = series(&oscillators(&[3, 3], 8), 1e-8, &fixed(), 1);
    let refusal = |t: &Trajectory| setup.predictor.group(t).unwrap_err().to_string();
    let short = trajectory(&[1.0], &[[0.0, 1.0]]);
    assert_eq!(refusal(&short), "trajectory `a` has 1 observed times; a neural ODE needs two or more");
    assert_eq!(refusal(&trajectory(&[], &[])), "trajectory `a` has 0 observed times; a neural ODE needs two or more");
    let blind = trajectory(&[1.0, 2.0], &[[0.0, f64::NAN], [0.0, 1.0]]);
    assert_eq!(refusal(&blind), "trajectory `a` starts (line 2) with a state that was not observed");
}
