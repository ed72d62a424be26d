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
    let field = MlpField { hidden: vec![5], activation: Activation::Tanh, time_input: false, ..MlpField::default() };
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

/// Mechanics, augmented states: every penalty that looks along trajectories has exact gradients, with a
/// field for all states.
#[test]
fn fields_of_the_registry_have_exact_gradients() {
    let along = json!([
        {"energy_drift": {"expression": "20*x^2 + v^2/20", "may": "fall", "scale": 3.0, "points": 7, "until": 14.0, "weight": 5.0}},
        {"ode_residual": {"state": "v", "rhs": "-3*x - v/8", "scale": 9.0, "points": 5, "weight": 2.0}},
        {"boundary": {"at": 13.3, "expression": "x*v", "value": 0.4, "scale": 2.0, "weight": 1.5}},
        {"smoothness": {"expression": "x", "points": 6, "weight": 0.01}},
        {"positivity": {"expression": "x - 0.2", "points": 6, "until": 13.5, "weight": 3.0}},
    ]);
    let energy = json!([
        {"energy_drift": {"scale": 0.1, "points": 5, "weight": 4.0}},
        {"energy_drift": {"may": "fall", "points": 4, "until": 13.7, "weight": 1.0}},
    ]);
    for (field, columns, penalties) in [
        (r#"{"hamiltonian": {"hidden": [4]}}"#, &["x", "v"][..], &along),
        (r#"{"hamiltonian": {"hidden": [3], "separable": true, "dissipation": true}}"#, &["x", "v"], &energy),
        (r#"{"lagrangian": {"hidden": [4], "velocities": "measured"}}"#, &["x", "v"], &along),
        (r#"{"lagrangian": {"hidden": [3], "dissipation": true}}"#, &["x"], &energy),
        (r#"{"second_order": {"hidden": [4]}}"#, &["x"], &json!([])),
        (
            r#"{"second_order": {"hidden": [4], "time_input": true}}"#,
            &["x"],
            &json!([{"ode_residual": {"state": "x", "rhs": "2*x", "points": 4, "weight": 1.0}}]),
        ),
        (r#"{"mlp": {"hidden": [4], "augment": 2}}"#, &["x", "v"], &along),
    ] {
        let config = config(&format!(r#"{{"field": {field}, "solver": {{"rk4": {{"step": 0.05}}}} }}"#));
        let mut data = trajectories();
        data.iter_mut().for_each(|t| t.observed.iter_mut().for_each(|y| y.truncate(columns.len())));
        let setup = differential_equation(&config, columns, &[], &data, &loss(penalties.clone()), 1).shake(0.2);
        gradient::check(field, &setup, 1e-7);
    }
}

#[test]
fn penalties_at_their_own_times_have_exact_gradients() {
    let energy = "kinetic + 2*omega*x^2 + log(1 + heat)*push + loss*x";
    for penalties in [
        json!([{"ode_residual": {"state": "x", "rhs": "omega*v/20 - 0.2*x*push", "points": 9, "until": 13.4, "scale": 2.0, "weight": 4.0}}]),
        json!([{"energy_drift": {"expression": energy, "points": 6, "scale": 0.7, "weight": 5.0}},
               {"energy_drift": {"expression": energy, "may": "fall", "points": 9, "scale": 0.7, "weight": 5.0}}]),
        json!([{"positivity": {"expression": "x - loss", "until": 13.1, "weight": 3.0}},
               {"boundary": {"at": 13.3, "expression": "heat", "value": 0.4, "weight": 1.5}},
               {"boundary": {"at": 10.9, "expression": "x + push", "value": 0.4, "weight": 1.5}}]),
        json!([{"smoothness": {"network": "nn", "points": 8, "weight": 0.1}},
               {"network_magnitude": {"network": "other", "weight": 3.0}},
               {"smoothness": {"network": "other", "measure": "variation", "points": 5, "until": 13.0, "weight": 2.0}},
               {"smoothness": {"expression": "heat*v", "points": 5, "weight": 0.1}}]),
    ] {
        let setup = differential_equation(&equations(), &["x", "v"], &[], &trajectories(), &loss(penalties.clone()), 1)
            .shake(0.1);
        gradient::check(&penalties.to_string(), &setup, 1e-6);
    }
}

/// dx/dt = 3 on its way from the first observation: every term is known.
#[test]
fn penalties_at_their_own_times_are_what_their_formulas_say() {
    let penalties = json!([
        {"ode_residual": {"state": "x", "rhs": "2", "points": 5, "scale": 0.5, "weight": 3.0}},
        {"ode_residual": {"state": "x", "rhs": "rate", "points": 5, "weight": 3.0}},
        {"energy_drift": {"expression": "x", "points": 3, "scale": 2.0, "until": 20.0, "weight": 1.0}},
        {"energy_drift": {"expression": "-x", "may": "fall", "until": 20.0, "weight": 1.0}},
        {"energy_drift": {"expression": "x", "may": "fall", "points": 3, "until": 20.0, "weight": 1.0}},
        {"boundary": {"at": 30.0, "expression": "x - 3*t", "value": 0.0, "weight": 2.0}},
        {"smoothness": {"expression": "t^2", "points": 4, "until": 20.0, "weight": 1.0}},
        {"smoothness": {"expression": "x", "points": 7, "weight": 1.0}},
        {"smoothness": {"expression": "x", "measure": "variation", "until": 20.0, "scale": 2.0, "weight": 1.0}},
        {"positivity": {"expression": "x + 1000", "weight": 1.0}},
        {"positivity": {"expression": "-3 - 0*x", "scale": 2.0, "weight": 1.0}},
    ]);
    let constant = config(
        r#"{ "states": { "x": { "rhs": "rate", "scale": 5 } }, "parameters": { "rate": { "init": 3.0 } },
             "solver": { "rk4": { "step": 0.5 } } }"#,
    );
    let mut data = oscillators(&[4, 5, 3, 4], 6);
    data.iter_mut().for_each(|t| t.observed.iter_mut().for_each(|y| y.truncate(1)));
    let setup = differential_equation(&constant, &["x"], &[], &data, &loss(penalties), 1);
    let (found, answers) = terms(&setup);
    let starts: Vec<(f64, f64)> = data[..3].iter().map(|t| (t.times[0], t.observed[0][0])).collect();
    let mean = |of: &dyn Fn(f64, f64) -> f64| starts.iter().map(|&(t, x)| of(t, x)).sum::<f64>() / 3.0;
    let expected = [
        12.0,
        0.0,
        mean(&|t, _| ((1.5 * (20.0 - t) / 2.0).powi(2) + (3.0 * (20.0 - t) / 2.0).powi(2)) / 2.0),
        0.0,
        mean(&|t, _| ((1.5 * (20.0 - t)).powi(2) + (3.0 * (20.0 - t)).powi(2)) / 2.0),
        mean(&|t, x| 2.0 * (x - 3.0 * t).powi(2)),
        mean(&|t, _| (2.0 * (20.0 - t).powi(2)).powi(2)),
        0.0,
        mean(&|t, _| 1.5 * (20.0 - t)),
        0.0,
        2.25,
    ];
    for (k, (found, expected)) in found.iter().zip(expected).enumerate() {
        assert!((found - expected).abs() < 1e-9 * (1.0 + expected), "penalty {k}: {found} against {expected}");
    }
    // one row per trajectory, whatever its number of samples
    assert!(answers.iter().all(|rows| rows.len() == 3) && answers[0][0].len() == 5 && answers[5][0].len() == 1);
}

/// Times of penalties leave predictions at the data's times alone.
#[test]
fn looking_elsewhere_changes_no_prediction() {
    let predictions = |penalties: Value| {
        let setup = differential_equation(&equations(), &["x", "v"], &[], &trajectories(), &loss(penalties), 1);
        let groups: Vec<_> = setup.splits.train.iter().collect();
        let together = shard::predict(&setup.predictor, &groups, 2).unwrap().prediction.location;
        let alone = shard::evaluate(&setup.predictor, &groups, 16).unwrap().location;
        (together.to_vec2::<f64>().unwrap(), alone.to_vec2::<f64>().unwrap())
    };
    let (plain, evaluated) = predictions(json!([]));
    assert_eq!(plain, evaluated);
    let (asked, evaluated) = predictions(json!([{"positivity": {"expression": "heat", "until": 19.0, "weight": 1.0}}]));
    assert_eq!(plain, evaluated);
    // the steps between data times are others
    for (a, b) in asked.iter().flatten().zip(plain.iter().flatten()) {
        assert!((a - b).abs() < 1e-8, "{a} {b}");
    }
}

#[test]
fn a_penalty_in_the_past_of_a_trajectory_is_refused() {
    let penalties = json!([{"boundary": {"at": -40.0, "expression": "x", "value": 0.0, "weight": 1.0}}]);
    let setup = differential_equation(&equations(), &["x", "v"], &[], &trajectories(), &loss(json!([])), 1);
    let objective: Vec<surprisal_core::Probe> = serde_json::from_value::<Vec<PenaltyConfig>>(penalties)
        .unwrap()
        .iter()
        .flat_map(|p| match p.get().kind() {
            surprisal_objective::penalty::Kind::Prediction(p) => {
                p.probes(&surprisal_objective::penalty::Facts::default())
            }
            _ => vec![],
        })
        .collect();
    let predictor = setup.predictor.with_probes(&objective, &["x".into(), "v".into()]).unwrap();
    let message = predictor.group(&trajectories()[0]).unwrap_err().to_string();
    assert!(message == "trajectory `run0` does not start before `at = -40`", "{message}");
}

/// A velocity that no column measures starts at the slope between the first two observations.
#[test]
fn hidden_velocities_start_at_the_first_slope() {
    let config =
        config(r#"{"field": {"second_order": {"hidden": []}}, "solver": {"tsit5": {"rtol": 1e-10, "atol": 1e-10}} }"#);
    let mut data = oscillators(&[4, 5, 3, 4], 6);
    data.iter_mut().for_each(|t| t.observed.iter_mut().for_each(|y| y.truncate(1)));
    data[1].observed[1][0] = f64::NAN;
    let setup = differential_equation(&config, &["x"], &[], &data, &loss(json!([])), 1);
    let named = setup.predictor.named_values().unwrap();
    assert_eq!(named[0].name, "initial.velocity.x");
    for ((t, found), second) in data[..3].iter().zip(&named[0].values).zip([1, 2, 1]) {
        let slope = (t.observed[second][0] - t.observed[0][0]) / (t.times[second] - t.times[0]);
        assert!((found - slope).abs() < 1e-12 * (1.0 + slope.abs()), "{found} {slope}");
    }
    // without an acceleration it is a straight line, also of a trajectory that was not trained on
    for parameter in setup.predictor.parameters().iter().filter(|p| p.name.starts_with("layers.")) {
        parameter.var.set(&parameter.var.zeros_like().unwrap()).unwrap();
    }
    let group = setup.predictor.group(&data[3]).unwrap();
    let end = setup.predictor.evaluate(&[&group]).unwrap().location.to_vec2::<f64>().unwrap()[2][0];
    let (t, y) = (&data[3].times, &data[3].observed);
    let line = y[0][0] + (y[1][0] - y[0][0]) / (t[1] - t[0]) * (t[3] - t[0]);
    let scale = surprisal_train::predictor::ode::SeriesScaling::fit(&data[..3]).state[0];
    assert!((scale * end - line).abs() < 1e-9, "{end} {line}");
}
