//! Trajectories solved in lanes and in tensors: the same loss, the same gradient, the same diagnostics.

use std::path::Path;

use candle_core::Device;
use serde_json::json;
use surprisal_core::records::Trajectory;
use surprisal_objective::PenaltyConfig;
use surprisal_train::predictor::ode::{Backend, OdeConfig, OdePredictor};
use surprisal_train::{Predictor, TrainError};

use crate::records::oscillators;
use crate::setup::{Loss, Setup, constant_gaussian, differential_equation};

/// An oscillator with an unknown part, an input, own parameters, a hidden state, and starts of each kind.
const EQUATIONS: &str = r#"{
    "states": {
        "x": { "rhs": "omega*0.05*v - damping*x + nn.u", "initial": "free" },
        "v": { "rhs": "-20*omega*x - damping*v + push*light + nn.w*cos(t)", "initial": "free", "scale": 15 },
        "heat": { "rhs": "damping*x^2 - loss*max(heat, 0.1)", "initial": "warm/(1 + loss)", "observed": false }
    },
    "parameters": {
        "omega": { "init": 1.2, "positive": true, "prior": { "lognormal": { "loc": 0.2, "scale": 0.5 } } },
        "damping": { "init": 0.1, "lower": 0.0, "upper": 0.5 },
        "loss": { "init": 0.4 },
        "warm": { "init": 0.5, "positive": true, "per_trajectory": true },
        "push": { "init": 0.7, "per_trajectory": true }
    },
    "networks": { "nn": { "inputs": ["x", "v", "heat"], "outputs": ["u", "w"], "hidden": [4] } },
    "solver": { "tsit5": { "rtol": 1e-10, "atol": 1e-10 } } }"#;

const NETWORK: &str = r#"{
    "field": { "mlp": { "hidden": [6, 5], "augment": 1 } },
    "shooting": { "interval": 2, "continuity": 1.0 },
    "solver": { "tsit5": { "rtol": 1e-6, "atol": 1e-6 } } }"#;

fn trajectories() -> Vec<Trajectory> {
    let mut trajectories = oscillators(&[6, 4, 7, 3, 4, 5], 6);
    for (k, trajectory) in trajectories.iter_mut().enumerate() {
        trajectory.inputs = trajectory.times.iter().map(|t| vec![0.3 * t + 0.1 * k as f64]).collect();
    }
    trajectories[0].observed[2][1] = f64::NAN;
    trajectories
}

fn setup(json: &str, inputs: &[&str], penalties: serde_json::Value, backend: Backend) -> Setup<OdePredictor> {
    let config: OdeConfig = serde_json::from_str(json).unwrap_or_else(|e| panic!("{e}"));
    let penalties: Vec<PenaltyConfig> = serde_json::from_value(penalties).unwrap();
    let loss = Loss { penalties, ..Loss::mean(constant_gaussian()) };
    let setup = differential_equation(&config, &["x", "v"], inputs, &trajectories(), &loss, 1);
    Setup { predictor: setup.predictor.with_backend(backend), ..setup }.shake(0.1)
}

#[test]
fn a_training_step_is_the_same_in_lanes_and_in_tensors() {
    let tensors = || Backend::Tensors(Device::Cpu);
    let asked = json!([{ "smoothness": { "network": "nn", "weight": 0.1, "points": 7 } }]);
    for (name, json, inputs, penalties, tolerance) in
        [("equations", EQUATIONS, &["light"][..], asked.clone(), 1e-9), ("network", NETWORK, &[], json!([]), 1e-9)]
    {
        let lanes = setup(json, inputs, penalties.clone(), Backend::Lanes);
        let tensors = setup(json, inputs, penalties, tensors());
        assert!(tensors.predictor.shard_size() > lanes.predictor.shard_size());
        for epoch in [0, 1000] {
            let step = |setup: &Setup<OdePredictor>| {
                let groups: Vec<_> = setup.splits.train.iter().collect();
                setup.fit(Path::new(".")).loss_and_gradient(&groups, epoch).unwrap()
            };
            let ((theirs, their_gradient), (ours, our_gradient)) = (step(&lanes), step(&tensors));
            assert_eq!(ours.terms.len(), theirs.terms.len());
            for ((term, a), (_, b)) in ours.terms.iter().zip(&theirs.terms) {
                assert!((a - b).abs() <= 1e-10 * (1.0 + b.abs()), "{name}, {term}: {a} against {b}");
            }
            for ((a, b), p) in our_gradient.iter().zip(&their_gradient).zip(lanes.parameters()) {
                let [a, b] = [a, b].map(|g| g.flatten_all().unwrap().to_vec1::<f64>().unwrap());
                let size = b.iter().fold(1e-3, |m: f64, g| m.max(g.abs()));
                for (a, b) in a.iter().zip(&b) {
                    assert!((a - b).abs() <= tolerance * size, "{name}, {}: {a} against {b}", p.name);
                }
            }
        }
        let groups: Vec<_> = lanes.splits.train.iter().collect();
        let check = |setup: &Setup<OdePredictor>| setup.predictor.gradient_check(&groups).unwrap().unwrap().difference;
        let (a, b) = (check(&tensors), check(&lanes));
        assert!((a - b).abs() < 1e-7, "{name}: {a} against {b}");
    }
}

#[test]
fn a_trajectory_that_cannot_be_solved_is_named() {
    let equations = r#"{
        "states": { "x": { "rhs": "x^2 + 1" }, "v": { "rhs": "-v" } },
        "solver": { "tsit5": { "rtol": 1e-6, "atol": 1e-6, "max_steps": 3 } } }"#;
    let setup = setup(equations, &[], json!([]), Backend::Tensors(Device::Cpu));
    let groups: Vec<_> = setup.splits.train.iter().collect();
    let error = setup.predictor.predict(&groups).map(|_| ()).unwrap_err();
    assert!(matches!(error, TrainError::Ode { .. }), "{error}");
}
