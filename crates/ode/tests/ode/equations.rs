//! Systems written as text: their products, their lanes, their starts and measurements.

use indexmap::IndexMap;
use serde::Deserialize;
use surprisal_core::rng;
use surprisal_ode::equations::{
    Equations, EventConfig, NetworkConfig, Observed, ParameterConfig, Signal, Signals, Start, StateConfig, System,
};
use surprisal_ode::{Problem, Solver, Tsit5, VectorField, solve};

use crate::{field_contract, fields, gradient, lanes, reference};

/// The tables of `[model.ode]`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Tables {
    states: IndexMap<String, StateConfig>,
    #[serde(default)]
    definitions: IndexMap<String, String>,
    #[serde(default)]
    parameters: IndexMap<String, ParameterConfig>,
    #[serde(default)]
    networks: IndexMap<String, NetworkConfig>,
    #[serde(default)]
    observations: IndexMap<String, String>,
    #[serde(default)]
    events: IndexMap<String, EventConfig>,
}

pub(crate) fn equations(json: &str) -> Equations {
    let Tables { states, definitions, parameters, networks, observations, events } =
        serde_json::from_str(json).unwrap();
    Equations { states, definitions, parameters, networks, observations, events }
}

fn names(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

pub(crate) fn compile(json: &str, columns: &[&str], inputs: &[&str]) -> System {
    let scales = vec![1.0; columns.len()];
    equations(json).compile(&names(columns), &scales, &names(inputs)).unwrap_or_else(|e| panic!("{:?}: {e}", e.keys))
}

const LOTKA_VOLTERRA: &str = r#"{
    "states": { "x": { "rhs": "a*x - b*x*y" }, "y": { "rhs": "-c*y + d*x*y" } },
    "parameters": { "a": { "init": 1.5 }, "b": { "init": 1 }, "c": { "init": 3 }, "d": { "init": 1 } } }"#;

/// Everything at once: two networks, definitions, scales, own parameters, inputs, time, kinks.
const EVERYTHING: &str = r#"{
    "states": {
        "x": { "rhs": "alpha*x*(1 - x/cap) - nn.u + light*pull*0.1", "scale": 3.0 },
        "y": { "rhs": "-delta*y + yield*nn.u + where(y > 0.4, nn.v, nn.v*exp(-season))", "scale": 0.5 },
        "w": { "rhs": "other.rate - w*half", "initial": 0.3, "observed": false }
    },
    "definitions": { "season": "sin(omega*t)^2", "half": "0.5*delta" },
    "parameters": {
        "alpha": { "init": 0.8, "positive": true },
        "delta": { "init": 0.6, "positive": true },
        "yield": { "init": 0.4, "lower": 0, "upper": 1 },
        "omega": { "init": 1.3, "fixed": true },
        "cap": { "init": 5.0, "positive": true, "per_trajectory": true },
        "pull": { "init": 0.2, "per_trajectory": true }
    },
    "networks": {
        "nn": { "inputs": ["x", "y", "season"], "outputs": ["u", "v"], "hidden": [6, 5], "output_scale": 0.5 },
        "other": { "inputs": ["x*y/(1 + w^2)"], "outputs": ["rate"], "hidden": [4], "activation": "silu" }
    } }"#;

fn everything() -> System {
    lit(EVERYTHING)
}

fn lit(json: &str) -> System {
    let mut system = compile(json, &["x", "y"], &["light"]);
    let of_trajectory = (0..3)
        .map(|k| {
            let times = (0..6).map(|i| 0.5 * f64::from(i)).collect();
            vec![Signal::new(times, (0..6).map(|i| (f64::from(i * (k + 1)) * 0.7).sin()).collect())]
        })
        .collect();
    system.set_signals(Signals { of_trajectory });
    system
}

fn parameters(field: &dyn VectorField) -> Vec<f64> {
    let mut source = rng::stream(9, "weights", 0);
    let mut parameters = field.initial_parameters(4);
    parameters.iter_mut().skip(3).for_each(|w| *w += 0.4 * rng::standard_normal(&mut source));
    parameters
}

/// x/3, y/0.5, w, cap, pull, whose inputs.
fn start(k: usize) -> Vec<f64> {
    vec![0.4 + 0.1 * k as f64, 1.1 - 0.2 * k as f64, 0.3, 5.0 - 0.5 * k as f64, 0.2, (k % 3) as f64]
}

#[test]
fn a_system_keeps_the_contract_of_fields() {
    let system = everything();
    let field = system.field();
    assert_eq!((field.dim(), field.n_resting()), (6, 3));
    field_contract::contract_at("everything", field, &parameters(field), &start(1));
    field_contract::contract("Lotka–Volterra as text", compile(LOTKA_VOLTERRA, &["x", "y"], &[]).field());
}

#[test]
fn the_gradient_is_that_of_the_same_steps() {
    // differences must not step over the edge of a condition
    let system = lit(&EVERYTHING.replace("y > 0.4", "y > -0.4"));
    let field = system.field();
    let times = [0.0, 0.1, 0.12, 0.9, 2.0];
    gradient::check_resting("everything", field, &parameters(field), &start(1), &times, 1);
    let system = compile(LOTKA_VOLTERRA, &["x", "y"], &[]);
    gradient::check("Lotka–Volterra as text", system.field(), &[1.5, 1.0, 3.0, 1.0], &[1.0, 1.2], &times);
}

#[test]
fn eight_lanes_are_eight_trajectories() {
    let system = everything();
    let field = system.field();
    for n in [1, 8, 19] {
        let problems: Vec<Problem> = (0..n)
            .map(|k| Problem {
                y0: start(k),
                times: (0..1 + (5 * k) % 7).map(|i| 0.31 * i as f64 + 0.05 * k as f64).collect(),
            })
            .collect();
        lanes::compare(&format!("{n} systems"), field, &parameters(field), &problems, &Tsit5::new(1e-5, 1e-7));
    }
}

#[test]
fn text_solves_like_code_and_like_scipy() {
    let system = compile(LOTKA_VOLTERRA, &["x", "y"], &[]);
    let (code, solver) = (fields::lotka_volterra(), Tsit5::new(1e-8, 1e-8));
    let theta = [1.5, 1.0, 3.0, 1.0];
    let times = [0.0, 1.0, 2.5, 4.0];
    let text = solve(system.field(), &theta, &[1.0, 1.2], &times, &solver).unwrap();
    let code = solve(&code, &theta, &[1.0, 1.2], &times, &solver).unwrap();
    assert_eq!(text.statistics, code.statistics);
    for (a, b) in text.states.iter().zip(&code.states) {
        assert!((a - b).abs() < 1e-12);
    }
    reference::check("Lotka–Volterra as text", include_str!("../reference/lotka_volterra.json"), system.field());
    let pendulum = compile(
        r#"{ "states": { "angle": { "rhs": "omega" }, "omega": { "rhs": "-damping*omega - stiffness*sin(angle)" } },
             "parameters": { "damping": { "init": 0.25 }, "stiffness": { "init": 5 } } }"#,
        &["angle", "omega"],
        &[],
    );
    reference::check("pendulum as text", include_str!("../reference/damped_pendulum.json"), pendulum.field());
}

#[test]
fn networks_between_formulas_agree_with_scipy() {
    let hybrid = compile(
        r#"{ "states": { "x": { "rhs": "alpha*x - nn.u*x", "scale": 2.0 },
                         "y": { "rhs": "-delta*y + 0.5*nn.u*x + 0.1*cos(t)*nn.v", "scale": 0.5 } },
             "parameters": { "alpha": { "init": 1 }, "delta": { "init": 1 } },
             "networks": { "nn": { "inputs": ["x", "y"], "outputs": ["u", "v"], "hidden": [5, 4], "output_scale": 1.5 } } }"#,
        &["x", "y"],
        &[],
    );
    reference::check("hybrid", include_str!("../reference/hybrid.json"), hybrid.field());
}

#[test]
fn scales_change_the_states_of_the_solver_and_nothing_else() {
    let scaled = LOTKA_VOLTERRA
        .replace("a*x - b*x*y\"", "a*x - b*x*y\", \"scale\": 40")
        .replace("d*x*y\"", "d*x*y\", \"scale\": 0.01");
    let (system, plain) = (compile(&scaled, &["x", "y"], &[]), compile(LOTKA_VOLTERRA, &["x", "y"], &[]));
    let theta = [1.5, 1.0, 3.0, 1.0];
    let times = [0.0, 1.0, 3.0];
    let solver = Tsit5::new(1e-11, 1e-13);
    let ours = solve(system.field(), &theta, &[1.0 / 40.0, 120.0], &times, &solver).unwrap().states;
    let theirs = solve(plain.field(), &theta, &[1.0, 1.2], &times, &solver).unwrap().states;
    for (z, y) in ours.chunks(2).zip(theirs.chunks(2)) {
        assert!((40.0 * z[0] - y[0]).abs() < 1e-9 && (0.01 * z[1] - y[1]).abs() < 1e-9);
    }
    let measured = system.observe(&theta, &times, &ours);
    assert!(measured.iter().zip(&theirs).all(|(a, b)| (a - b).abs() < 1e-9));
}

#[test]
fn resting_numbers_do_not_loosen_the_tolerance() {
    let fixed = compile(LOTKA_VOLTERRA, &["x", "y"], &[]);
    let own = LOTKA_VOLTERRA.replace("\"init\": 3 }", "\"init\": 3, \"per_trajectory\": true }");
    let own = compile(&own, &["x", "y"], &[]);
    assert_eq!((own.shared.len(), own.individual.len(), own.field().dim()), (3, 1, 3));
    let solver = Tsit5::new(1e-6, 1e-8);
    let problems = |y0: Vec<f64>| [Problem { y0, times: vec![0.0, 2.0, 9.0] }];
    let alone = solver.solve_many(fixed.field(), &[1.5, 1.0, 3.0, 1.0], &problems(vec![1.0, 1.2]));
    let with = solver.solve_many(own.field(), &[1.5, 1.0, 1.0], &problems(vec![1.0, 1.2, 3.0]));
    let (alone, with) = (alone.trajectories[0].as_ref().unwrap(), with.trajectories[0].as_ref().unwrap());
    assert_eq!(alone.statistics, with.statistics);
    assert!(with.states.chunks(3).zip(alone.states.chunks(2)).all(|(a, b)| a[..2] == *b && a[2] == 3.0));
}

#[test]
fn starts_and_measurements_pull_back() {
    let system = compile(
        r#"{ "states": { "x": { "rhs": "-k*x", "scale": 2.0, "initial": "dose/(1 + k)" },
                         "y": { "rhs": "k*x - y", "initial": 0, "scale": 3.0, "observed": "log(y + gain*x + 0.1*t)" } },
             "parameters": { "k": { "init": 0.7, "positive": true }, "gain": { "init": 1.2 },
                             "dose": { "init": 4, "per_trajectory": true } },
             "observations": { "total": "x + y*dose" } }"#,
        &["total", "y"],
        &[],
    );
    assert_eq!(system.starts, [Start::Expression(0), Start::Number(0.0)]);
    let (times, states) = ([0.5, 2.0], [0.7, 0.2, 4.0, 0.3, 0.5, 4.0]);
    let shared = [0.7, 1.2];
    let cotangent = [0.3, -1.1, 0.8, 0.6];
    let measured = system.observe(&shared, &times, &states);
    let own = |z: &[f64], t: f64| {
        let (x, y) = (2.0 * z[0], 3.0 * z[1]);
        [x + y * z[2], (y + 1.2 * x + 0.1 * t).ln()]
    };
    let expected = [own(&states[..3], 0.5), own(&states[3..], 2.0)].concat();
    assert!(measured.iter().zip(&expected).all(|(a, b)| (a - b).abs() < 1e-14));

    let mut shared_bar = vec![0.0; 2];
    let bar = system.observe_vjp(&shared, &times, &states, &cotangent, &mut shared_bar);
    let value = |shared: &[f64], states: &[f64]| -> f64 {
        system.observe(shared, &times, states).iter().zip(&cotangent).map(|(a, b)| a * b).sum()
    };
    let difference = |x: &[f64], i: usize, f: &dyn Fn(&[f64]) -> f64| {
        let moved = |h: f64| {
            let mut x = x.to_vec();
            x[i] += h;
            f(&x)
        };
        (8.0 * (moved(1e-4) - moved(-1e-4)) - (moved(2e-4) - moved(-2e-4))) / 12e-4
    };
    for i in 0..6 {
        assert!((difference(&states, i, &|s| value(&shared, s)) - bar[i]).abs() < 1e-9, "state {i}");
    }
    for i in 0..2 {
        assert!((difference(&shared, i, &|p| value(p, &states)) - shared_bar[i]).abs() < 1e-9, "parameter {i}");
    }

    let mut z = [f64::NAN, 0.0, 4.0];
    system.start(&shared, &mut z);
    assert!((2.0 * z[0] - 4.0 / 1.7).abs() < 1e-14);
    let (mut z_bar, mut shared_bar) = ([1.5, 0.4, 0.2], vec![0.0; 2]);
    system.start_vjp(&shared, &z, &mut z_bar, &mut shared_bar);
    // x₀/2 = dose/(2(1 + k))
    assert!((z_bar[0], z_bar[1]) == (0.0, 0.4) && (z_bar[2] - (0.2 + 1.5 / (2.0 * 1.7))).abs() < 1e-14);
    assert!((shared_bar[0] + 1.5 * 4.0 / (2.0 * 1.7 * 1.7)).abs() < 1e-14 && shared_bar[1] == 0.0);
}

#[test]
fn what_an_observation_column_means_is_read_from_a_bool_or_a_formula() {
    let read = serde_json::from_str::<Observed>;
    assert_eq!(read("true").unwrap(), Observed::State);
    assert_eq!(read("\"2*x\"").unwrap(), Observed::Expression("2*x".into()));
    let message = read("3").unwrap_err().to_string();
    assert!(message.contains("true, false, or an expression for what is measured"), "{message}");
}
