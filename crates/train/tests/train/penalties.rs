//! Penalties along predicted trajectories: values, gradients of everything that is trained, and the
//! cases in which they vanish.

use serde_json::{Value, json};
use surprisal_core::records::Trajectory;
use surprisal_objective::likelihood::Gaussian;
use surprisal_objective::{LikelihoodConfig, PenaltyConfig, Source};
use surprisal_ode::{Activation, FieldConfig, MlpField, SolverConfig, Tsit5};
use surprisal_train::predictor::ode::{OdeConfig, OdePredictor};
use surprisal_train::{Predictor, shard};

use crate::gradient;
use crate::records::oscillators;
use crate::setup::{Loss, Setup, differential_equation};

fn loss(penalties: Value) -> Loss {
    let penalties: Vec<PenaltyConfig> = serde_json::from_value(penalties).unwrap();
    let likelihood = LikelihoodConfig::Gaussian(Gaussian { scale: Source::Fixed(3.0), ..Gaussian::default() });
    Loss { penalties, ..Loss::mean(likelihood) }
}

fn config(json: &str) -> OdeConfig {
    serde_json::from_str(json).unwrap_or_else(|e| panic!("{e}"))
}

/// Two networks, a hidden state, a definition, shared, own and fixed parameters; steps of fixed sizes,
/// which differences do not change, so that what is left is their rounding.
const EQUATIONS: &str = r#"{
    "states": {
        "x": { "rhs": "omega*0.05*v - 0.1*x + nn.u", "initial": "free" },
        "v": { "rhs": "-20*omega*x + other.w*cos(t) + push", "initial": "free", "scale": 15 },
        "heat": { "rhs": "x^2 - loss*heat", "initial": "1/(1 + loss)", "observed": false }
    },
    "definitions": { "kinetic": "mass*v^2/2" },
    "parameters": {
        "omega": { "init": 1.2, "positive": true },
        "loss": { "init": 0.4, "lower": 0.0, "upper": 1.0 },
        "push": { "init": 0.7, "per_trajectory": true },
        "mass": { "init": 0.01, "fixed": true }
    },
    "networks": {
        "other": { "inputs": ["v", "t*omega/3"], "outputs": ["w"], "hidden": [3], "output_scale": 40.0 },
        "nn": { "inputs": ["x", "v", "heat + push"], "outputs": ["u", "extra"], "hidden": [4] }
    },
    "observations": {},
    "solver": { "rk4": { "step": 0.01 } } }"#;

fn equations() -> OdeConfig {
    config(&EQUATIONS.replace("-20*omega*x", "-20*omega*x + 0.1*nn.extra"))
}

/// Trajectories whose starts are samples in some and given in others.
fn trajectories() -> Vec<Trajectory> {
    let mut trajectories = oscillators(&[5, 4, 6, 3, 4, 5], 6);
    trajectories[1].n_given = 2;
    trajectories[2].observed[1] = vec![f64::NAN; 2];
    trajectories
}

#[test]
fn penalties_along_trajectories_have_exact_gradients() {
    let magnitude = |network: &str| json!({"network_magnitude": {"network": network, "weight": 30.0}});
    let energy = "kinetic + 2*omega*x^2 + log(1 + heat)*push + loss*x";
    let invariant = json!({"invariant": {"expression": energy, "scale": 0.7, "weight": 5.0}});
    for penalties in [
        json!([magnitude("nn")]),
        json!([magnitude("other")]),
        json!([invariant]),
        json!([magnitude("other"), invariant, {"expression": {"nonnegative": "x - v/9 - 1", "weight": 2.0}}, magnitude("nn")]),
    ] {
        let setup = differential_equation(&equations(), &["x", "v"], &[], &trajectories(), &loss(penalties.clone()), 1)
            .shake(0.1);
        gradient::check(&penalties.to_string(), &setup, 1e-6);
    }
}

#[test]
fn one_network_for_all_states_has_invariants_of_its_columns() {
    let field = MlpField { hidden: vec![5], activation: Activation::Tanh, time_input: false };
    let config = OdeConfig::network(FieldConfig::MlpField(field), SolverConfig::Tsit5(Tsit5::new(1e-12, 1e-12)));
    let penalties = json!([{"invariant": {"expression": "20*x^2 + v^2/20", "scale": 3.0, "weight": 5.0}}]);
    let setup = differential_equation(&config, &["x", "v"], &[], &trajectories(), &loss(penalties), 1).shake(0.2);
    gradient::check("invariant of a network for all states", &setup, 1e-7);
}

/// The penalties' terms on the training groups, and the answers they are made of.
fn terms(setup: &Setup<OdePredictor>) -> (Vec<f64>, Vec<Vec<Vec<f64>>>) {
    let groups: Vec<_> = setup.splits.train.iter().collect();
    let (evaluation, _) = setup.fit(".".as_ref()).loss_and_gradient(&groups, 0).unwrap();
    let prediction = shard::predict(&setup.predictor, &groups, 2).unwrap().prediction;
    let answers = prediction.probes.iter().map(|probe| probe.location.to_vec2().unwrap()).collect();
    (evaluation.terms[1..].iter().map(|(_, value)| *value).collect(), answers)
}

/// What is conserved costs nothing, whatever solves it; and a network that is 0 costs nothing.
#[test]
fn penalties_along_trajectories_vanish_where_they_should() {
    let oscillator = config(
        r#"{ "states": { "x": { "rhs": "a*v" }, "v": { "rhs": "-b*x + nn.u" } },
             "parameters": { "a": { "init": 0.06 }, "b": { "init": 25 } },
             "networks": { "nn": { "inputs": ["x"], "outputs": ["u"], "hidden": [] } },
             "solver": { "tsit5": { "rtol": 1e-11, "atol": 1e-11 } } }"#,
    );
    let penalties = json!([
        {"invariant": {"expression": "b*x^2 + a*v^2", "weight": 1.0}},
        {"network_magnitude": {"network": "nn", "weight": 1.0}},
        {"invariant": {"expression": "x", "weight": 1.0}},
    ]);
    let setup =
        differential_equation(&oscillator, &["x", "v"], &[], &oscillators(&[4, 5, 3, 4], 6), &loss(penalties), 1);
    let (alive, _) = terms(&setup);
    assert!(alive.iter().all(|term| *term > 1e-9), "{alive:?}");
    for parameter in setup.predictor.parameters().iter().filter(|p| p.name.starts_with("nn.")) {
        parameter.var.set(&parameter.var.zeros_like().unwrap()).unwrap();
    }
    let (dead, answers) = terms(&setup);
    assert!(dead[0] < 1e-14 && dead[1] == 0.0 && dead[2] > 1e-3, "{dead:?}");
    assert!(answers[1].iter().flatten().all(|u| *u == 0.0));
}

/// The terms are what their formulas say of the predicted states.
#[test]
fn an_invariant_counts_from_the_start_and_a_magnitude_in_output_scales() {
    let penalties = json!([
        {"invariant": {"expression": "x", "scale": 2.0, "weight": 3.0}},
        {"network_magnitude": {"network": "nn", "weight": 0.5}},
    ]);
    let constant = config(
        r#"{ "states": { "x": { "rhs": "nn.u", "scale": 5 } },
             "networks": { "nn": { "inputs": ["x"], "outputs": ["u"], "hidden": [], "output_scale": 4.0 } },
             "solver": { "tsit5": { "rtol": 1e-9, "atol": 1e-9 } } }"#,
    );
    let mut data = oscillators(&[4, 5, 3, 4], 6);
    data.iter_mut().for_each(|t| t.observed.iter_mut().for_each(|y| y.truncate(1)));
    let setup = differential_equation(&constant, &["x"], &[], &data, &loss(penalties), 1);
    // u = 4·0.75 everywhere: x = x₀ + 3 (t − t₀)
    for parameter in setup.predictor.parameters().iter() {
        let value = if parameter.name.contains("bias") { 0.75 } else { 0.0 };
        parameter.var.set(&parameter.var.ones_like().unwrap().affine(value, 0.0).unwrap()).unwrap();
    }
    let (found, answers) = terms(&setup);
    let changes: Vec<f64> =
        data[..3].iter().flat_map(|t| t.times[1..].iter().map(|time| 3.0 * (time - t.times[0]))).collect();
    assert_eq!(answers[0].len(), changes.len());
    for (answer, change) in answers[0].iter().zip(&changes) {
        assert!((answer[0] - change).abs() < 1e-9, "{answer:?} {change}");
    }
    let expected = 3.0 * changes.iter().map(|c| (c / 2.0).powi(2)).sum::<f64>() / changes.len() as f64;
    assert!((found[0] - expected).abs() < 1e-8 && (found[1] - 0.5 * 0.75 * 0.75).abs() < 1e-15, "{found:?} {expected}");
}
