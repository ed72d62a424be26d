//! Equations as predictor: gradients of everything that is trained, starts, unseen trajectories,
//! priors, and a fit that finds the truth.

use std::path::Path;

use surprisal_core::records::Trajectory;
use surprisal_objective::likelihood::Gaussian;
use surprisal_objective::{LikelihoodConfig, Source};
use surprisal_ode::equations::Prior;
use surprisal_train::predictor::NamedValues;
use surprisal_train::predictor::ode::{OdeConfig, OdePredictor};
use surprisal_train::{Predictor, shard};

use crate::gradient;
use crate::records::oscillators;
use crate::setup::{Loss, Setup, constant_gaussian, differential_equation};

fn config(json: &str) -> OdeConfig {
    serde_json::from_str(json).unwrap_or_else(|e| panic!("{e}"))
}

/// Oscillators (x, v) with an input `light`, some of it not recorded.
fn lit(n_times: &[usize]) -> Vec<Trajectory> {
    let mut trajectories = oscillators(n_times, 6);
    for (k, trajectory) in trajectories.iter_mut().enumerate() {
        trajectory.inputs = (0..trajectory.times.len())
            .map(|i| vec![if i == 1 { f64::NAN } else { (1.7 * i as f64 + k as f64).sin() }])
            .collect();
    }
    trajectories[0].observed[2][1] = f64::NAN;
    trajectories[1].observed[0][1] = f64::NAN;
    trajectories
}

/// A known oscillator with an unknown part, an unknown drive, a hidden state, and starts of each kind.
const EVERYTHING: &str = r#"{
    "states": {
        "x": { "rhs": "omega*0.05*v - damping*x + nn.u", "initial": "free" },
        "v": { "rhs": "-20*omega*x - damping*v + push*light + nn.w*cos(t)", "initial": "free", "scale": 15 },
        "heat": { "rhs": "damping*x^2 - loss*heat", "initial": "warm/(1 + loss)", "observed": false }
    },
    "parameters": {
        "omega": { "init": 1.2, "positive": true, "prior": { "lognormal": { "loc": 0.2, "scale": 0.5 } } },
        "damping": { "init": 0.1, "lower": 0.0, "upper": 0.5 },
        "loss": { "init": 0.4, "prior": { "normal": { "loc": 0.5, "scale": 0.2 } } },
        "warm": { "init": 0.5, "positive": true, "per_trajectory": true,
                  "prior": { "lognormal": { "loc": 0.0, "scale": 1.0 } } },
        "push": { "init": 0.7, "per_trajectory": true }
    },
    "networks": { "nn": { "inputs": ["x", "v", "heat"], "outputs": ["u", "w"], "hidden": [4] } },
    "observations": { "energy": "log(1 + heat + x^2) + 0.1*push" },
    "solver": { "tsit5": { "rtol": 1e-12, "atol": 1e-12 } } }"#;

/// The measured columns x, v and energy.
fn with_energy(mut trajectories: Vec<Trajectory>) -> Vec<Trajectory> {
    for trajectory in &mut trajectories {
        trajectory.observed.iter_mut().for_each(|y| y.push((1.0 + y[0] * y[0]).ln()));
    }
    trajectories
}

#[test]
fn everything_that_is_trained_has_its_gradient() {
    let trajectories = with_energy(lit(&[5, 4, 6, 3, 4, 5]));
    let loss = Loss::mean(constant_gaussian());
    let setup = differential_equation(&config(EVERYTHING), &["x", "v", "energy"], &["light"], &trajectories, &loss, 1)
        .shake(0.1);
    let names: Vec<String> = setup.predictor.parameters().iter().map(|p| p.name.clone()).collect();
    let own = ["raw.warm", "raw.push", "raw.initial.x", "raw.initial.v"];
    assert!(own.iter().all(|name| names.iter().any(|n| n == name)), "{names:?}");
    // the input's kinks fall inside steps, whose sizes the differences do not hold fixed
    gradient::check("equations", &setup, 3e-5);
    let smooth = EVERYTHING.replace("push*light", "push*0.3");
    let setup = differential_equation(&config(&smooth), &["x", "v", "energy"], &[], &trajectories, &loss, 1).shake(0.1);
    gradient::check("equations without inputs", &setup, 1e-7);
    // starts given by data and by numbers; a start far off makes a steep loss, in which the changing
    // step sizes show
    let known = smooth.replacen("\"initial\": \"free\"", "\"initial\": \"observed\"", 1).replacen(
        "\"initial\": \"free\"",
        "\"initial\": -3.0",
        1,
    );
    let setup = differential_equation(&config(&known), &["x", "v", "energy"], &[], &trajectories, &loss, 1).shake(0.1);
    gradient::check("equations with known starts", &setup, 1e-5);
}

#[test]
fn a_trajectory_that_was_not_trained_on_starts_where_it_was_seen_and_has_the_mean_of_the_rest() {
    let trajectories = with_energy(lit(&[5, 4, 6, 3]));
    let loss = Loss::mean(constant_gaussian());
    let setup = differential_equation(&config(EVERYTHING), &["x", "v", "energy"], &["light"], &trajectories, &loss, 1)
        .shake(0.3);
    let named = setup.predictor.named_values().unwrap();
    let of = |name: &str| named.iter().find(|n| n.name == name).map(|n| n.values.clone()).unwrap();
    assert_eq!((of("push").len(), of("omega").len(), of("initial.v").len()), (3, 1, 3));
    // its gradient moves the mean: through the validation groups alone
    let Setup { predictor, objective, splits, .. } = &setup;
    let groups: Vec<_> = splits.valid.iter().collect();
    let target = shard::target(predictor, 3, &groups).unwrap();
    let forward = shard::predict(predictor, &groups, 1).unwrap();
    let at = surprisal_objective::Progress::default();
    let evaluation = objective.evaluate(&forward.prediction, &target, predictor.parameters(), at).unwrap();
    let gradient = shard::pullback(predictor, forward, &evaluation.cotangent).unwrap();
    let of = |name: &str| -> Vec<f64> {
        let k = predictor.parameters().iter().position(|p| p.name == name).unwrap();
        gradient[k].to_vec1().unwrap()
    };
    let push = of("raw.push");
    assert!(push[0] != 0.0 && push.iter().all(|g| *g == push[0]), "{push:?}");
    assert_eq!(of("raw.initial.x"), [0.0; 3]);
}

#[test]
fn the_start_is_a_sample_where_it_is_not_an_input() {
    let linear = |initial: &str| {
        format!(
            r#"{{ "states": {{ "x": {{ "rhs": "a*v", "initial": {initial} }}, "v": {{ "rhs": "-b*x" }} }},
                 "parameters": {{ "a": {{ "init": 0.06 }}, "b": {{ "init": 25 }} }},
                 "solver": {{ "tsit5": {{ "rtol": 1e-8, "atol": 1e-8 }} }} }}"#
        )
    };
    let trajectories = oscillators(&[4, 5, 3, 4], 6);
    let loss = Loss::mean(LikelihoodConfig::Gaussian(Gaussian { scale: Source::Fixed(0.5), ..Gaussian::default() }));
    let samples = |initial: &str| {
        let setup = differential_equation(&config(&linear(initial)), &["x", "v"], &[], &trajectories, &loss, 1);
        let group = &setup.splits.train[0];
        let target = shard::target(&setup.predictor, 2, &[group]).unwrap();
        let nll = setup.objective.score(&setup.predictor.evaluate(&[group]).unwrap(), &target).unwrap().nll;
        let observed = target.observed.map(|o| o.to_vec2::<f64>().unwrap()[0].clone());
        (nll.len(), observed, nll[0])
    };
    assert_eq!(samples("\"observed\"").0, 3);
    // the first time counts with what is predicted of it: x, and not v, which starts there
    let (n, observed, first) = samples("1.0");
    assert_eq!((n, observed), (4, Some(vec![1.0, 0.0])));
    let z = (trajectories[0].observed[0][0] - 1.0) / 0.5;
    assert!((first - (0.5 * z * z + 0.5f64.ln() + 0.5 * std::f64::consts::TAU.ln())).abs() < 1e-10);
}

#[test]
fn what_is_given_of_a_trajectory_is_no_sample_and_its_own_numbers_go_on() {
    let trajectories = with_energy(lit(&[5, 4, 6, 3]));
    let loss = Loss::mean(constant_gaussian());
    let setup = differential_equation(&config(EVERYTHING), &["x", "v", "energy"], &["light"], &trajectories, &loss, 1)
        .shake(0.3);
    let whole = setup.predictor.evaluate(&[&setup.splits.train[0]]).unwrap().location.to_vec2::<f64>().unwrap();
    // the start, then the last two times of the first training trajectory
    let all = &trajectories[0];
    let pick = |rows: &[usize]| Trajectory {
        id: all.id.clone(),
        times: rows.iter().map(|&i| all.times[i]).collect(),
        observed: rows.iter().map(|&i| all.observed[i].clone()).collect(),
        inputs: rows.iter().map(|&i| all.inputs[i].clone()).collect(),
        lines: rows.to_vec(),
        n_given: 1,
    };
    let later = setup.predictor.group(&pick(&[0, 3, 4])).unwrap();
    assert_eq!(setup.predictor.target(&later).values.len(), 2 * 3);
    let later = setup.predictor.evaluate(&[&later]).unwrap().location.to_vec2::<f64>().unwrap();
    for (a, b) in later.iter().flatten().zip(whole[3..].iter().flatten()) {
        assert!((a - b).abs() < 1e-9 * (1.0 + b.abs()), "{a} against {b}");
    }
}

#[test]
fn priors_count_once_for_all_samples() {
    let trajectories = with_energy(lit(&[5, 4, 6, 3]));
    let loss = Loss::mean(constant_gaussian());
    let setup = differential_equation(&config(EVERYTHING), &["x", "v", "energy"], &["light"], &trajectories, &loss, 1);
    let term = setup.predictor.own_term().unwrap().unwrap();
    let moments = |loc, scale| surprisal_ode::equations::Moments { loc, scale };
    let sum = Prior::Lognormal(moments(0.2, 0.5)).nll(1.2).0
        + Prior::Normal(moments(0.5, 0.2)).nll(0.4).0
        + 3.0 * Prior::Lognormal(moments(0.0, 1.0)).nll(0.5).0;
    // three training trajectories of 5, 4 and 6 times, all of them samples
    assert!((term.value - sum / 15.0).abs() < 1e-12, "{} against {}", term.value, sum / 15.0);
}

#[test]
fn a_fit_finds_the_rates_that_made_the_data() {
    // x = 3 e^(−0.3t) cos(1.1t), v likewise, without noise
    let trajectories: Vec<Trajectory> = (0..8)
        .map(|k| {
            let times: Vec<f64> = (0..12).map(|i| 0.4 * f64::from(i)).collect();
            let at = |t: f64| {
                let (size, angle) = ((1.0 + 0.2 * f64::from(k)) * (-0.3 * t).exp(), 1.1 * t + 0.8 * f64::from(k));
                vec![size * angle.cos(), size * angle.sin()]
            };
            Trajectory {
                id: k.to_string(),
                observed: times.iter().map(|&t| at(t)).collect(),
                inputs: vec![vec![]; times.len()],
                lines: (2..2 + times.len()).collect(),
                n_given: 0,
                times,
            }
        })
        .collect();
    let config = config(
        r#"{ "states": { "x": { "rhs": "-decay*x - omega*v" }, "v": { "rhs": "omega*x - decay*v" } },
             "parameters": { "decay": { "init": 1.0, "positive": true }, "omega": { "init": 0.6 } },
             "solver": { "tsit5": { "rtol": 1e-7, "atol": 1e-8 } } }"#,
    );
    let mut setup: Setup<OdePredictor> =
        differential_equation(&config, &["x", "v"], &[], &trajectories, &Loss::mean(constant_gaussian()), 1);
    setup.optimizer = crate::setup::adamw(0.05);
    setup.settings.epochs = 150;
    let folder = tempfile::tempdir().unwrap();
    let fit = setup.fit(folder.path());
    fit.run(fit.start().unwrap(), &mut Silent).unwrap();
    for NamedValues { name, values } in setup.predictor.named_values().unwrap() {
        let truth = if name == "decay" { 0.3 } else { 1.1 };
        assert!((values[0] - truth).abs() < 0.01, "{name} = {}", values[0]);
    }
}

struct Silent;

impl surprisal_train::fit::Observer for Silent {
    fn step(&mut self, _: &surprisal_train::fit::StepReport<'_>) -> Result<(), surprisal_train::TrainError> {
        Ok(())
    }

    fn evaluation(
        &mut self,
        _: &surprisal_train::fit::EvaluationReport<'_>,
    ) -> Result<(), surprisal_train::TrainError> {
        Ok(())
    }

    fn checkpoint(&mut self, _: &Path) -> Result<(), surprisal_train::TrainError> {
        Ok(())
    }
}
