//! Methods with fixed steps: their orders, their adjoints, what leapfrog conserves.

use surprisal_core::{Diagnose, rng};
use surprisal_ode::{BuildField, Leapfrog, MlpField, OdeError, Problem, Rk4, Solver, VectorField};

use crate::equations::compile;
use crate::fields;

fn states(solver: &dyn Solver, field: &dyn VectorField, theta: &[f64], y0: &[f64], times: &[f64]) -> Vec<f64> {
    let problems = [Problem { y0: y0.to_vec(), times: times.to_vec() }];
    solver.solve_many(field, theta, &problems).trajectories.remove(0).unwrap().states
}

/// q̇ = p, ṗ = −sin q.
fn pendulum() -> surprisal_ode::System {
    compile(
        r#"{ "states": { "q": { "rhs": "p" }, "p": { "rhs": "-g*sin(q)" } }, "parameters": { "g": { "init": 1 } } }"#,
        &["q", "p"],
        &[],
    )
}

#[test]
fn orders_are_four_and_two() {
    let exact = |t: f64| 1.3 * (1.7 * t.sin()).exp();
    let field = fields::seasonal_growth();
    let error = |step: f64| (states(&Rk4 { step }, &field, &[1.7], &[1.3], &[0.0, 2.0])[1] - exact(2.0)).abs();
    let order = (error(0.1) / error(0.05)).log2();
    assert!((3.8..4.3).contains(&order), "rk4: {order}");

    let system = pendulum();
    let at = |solver: &dyn Solver| states(solver, system.field(), &[1.0], &[1.2, 0.3], &[0.0, 3.0]);
    let exact = at(&Rk4 { step: 1e-3 });
    let error = |step: f64| (at(&Leapfrog { step })[2] - exact[2]).abs();
    let order = (error(0.1) / error(0.05)).log2();
    assert!((1.9..2.1).contains(&order), "leapfrog: {order}");
}

#[test]
fn leapfrog_keeps_the_energy_where_others_lose_it() {
    let system = pendulum();
    let energy = |y: &[f64]| 0.5 * y[1] * y[1] - y[0].cos();
    let times: Vec<f64> = (0..=40).map(|i| 50.0 * f64::from(i)).collect();
    let drift = |solver: &dyn Solver| {
        let states = states(solver, system.field(), &[1.0], &[2.0, 0.0], &times);
        let last: Vec<f64> = states.chunks(2).map(|y| (energy(y) - energy(&states[..2])).abs()).collect();
        (last[20], last[40])
    };
    let (half, whole) = drift(&Leapfrog { step: 0.2 });
    assert!(half < 0.02 && whole < 0.02, "{half} {whole}");
    let (half, whole) = drift(&Rk4 { step: 0.4 });
    assert!(whole > 1.5 * half && whole > 0.1, "{half} {whole}");
}

#[test]
fn steps_end_at_the_data_times_and_are_no_longer_than_asked() {
    let field = fields::seasonal_growth();
    let problems = [Problem { y0: vec![1.3], times: vec![0.0, 0.3, 0.35, 1.0] }];
    let batch = Rk4 { step: 0.1 }.solve_many(&field, &[1.7], &problems);
    let statistics = batch.trajectories[0].as_ref().unwrap().statistics;
    assert_eq!((statistics.n_accepted, statistics.n_evaluations), (3 + 1 + 7, 44));
}

/// Σ cotangent · states against sixth-order differences along every coordinate.
pub(crate) fn check(
    name: &str,
    solver: &dyn Solver,
    field: &dyn VectorField,
    theta: &[f64],
    problems: &[Problem],
    n_fixed: usize,
) {
    let mut source = rng::stream(11, "fixed steps", 0);
    let cotangents: Vec<Vec<f64>> = problems
        .iter()
        .map(|p| (0..p.times.len() * field.dim()).map(|_| rng::standard_normal(&mut source)).collect())
        .collect();
    let value = |theta: &[f64], problems: &[Problem]| -> f64 {
        let batch = solver.solve_many(field, theta, problems);
        let states = batch.trajectories.iter().map(|t| &t.as_ref().unwrap().states);
        states.zip(&cotangents).map(|(y, g)| y.iter().zip(g).map(|(y, g)| y * g).sum::<f64>()).sum()
    };
    let difference = |x: f64, value: &dyn Fn(f64) -> f64| {
        let h = 2e-3 * (1.0 + x.abs());
        let pair = |m: f64| value(x + m * h) - value(x - m * h);
        (3.0 / 4.0 * pair(1.0) - 3.0 / 20.0 * pair(2.0) + 1.0 / 60.0 * pair(3.0)) / h
    };
    let gradient = solver.solve_many(field, theta, problems).pullback(field, theta, &cotangents);
    let mut pairs = vec![];
    for i in 0..theta.len() {
        let moved = |v: f64| {
            let mut theta = theta.to_vec();
            theta[i] = v;
            value(&theta, problems)
        };
        pairs.push((gradient.parameters[i], difference(theta[i], &moved)));
    }
    for (p, problem) in problems.iter().enumerate() {
        for i in 0..field.dim() - n_fixed {
            let moved = |v: f64| {
                let mut problems = problems.to_vec();
                problems[p].y0[i] = v;
                value(theta, &problems)
            };
            pairs.push((gradient.y0[p][i], difference(problem.y0[i], &moved)));
        }
    }
    let size = pairs.iter().fold(0.0, |m: f64, (_, d)| m.max(d.abs()));
    for (k, (ours, theirs)) in pairs.iter().enumerate() {
        assert!((ours - theirs).abs() < 1e-8 * size, "{name}: coordinate {k}: {ours} against {theirs}");
    }
}

pub(crate) fn problems(n: usize, y0: impl Fn(usize) -> Vec<f64>) -> Vec<Problem> {
    (0..n)
        .map(|k| Problem { y0: y0(k), times: (0..1 + (5 * k) % 4).map(|i| 0.1 * k as f64 + 0.33 * i as f64).collect() })
        .collect()
}

#[test]
fn gradients_are_those_of_the_steps() {
    let pairs = |k: usize| vec![0.5 + 0.1 * k as f64, 0.3 - 0.05 * k as f64];
    let (text, code) = (pendulum(), fields::damped_pendulum());
    for solver in [&Rk4 { step: 0.07 } as &dyn Solver, &Leapfrog { step: 0.07 }] {
        check("pendulum as text", solver, text.field(), &[1.3], &problems(11, pairs), 0);
        // a field without lanes, and one that is not separable
        check("damped pendulum", solver, &code, &[0.25, 5.0], &problems(3, pairs), 0);
        let network = MlpField { hidden: vec![4], time_input: true, ..MlpField::default() }.build(2);
        let theta: Vec<f64> = network.initial_parameters(3).iter().map(|w| 2.0 * w).collect();
        check("network", solver, network.as_ref(), &theta, &problems(9, pairs), 0);
    }
    let own = compile(
        r#"{ "states": { "q": { "rhs": "p" }, "p": { "rhs": "-k*q + sin(t)" } },
             "parameters": { "k": { "init": 1, "per_trajectory": true } } }"#,
        &["q", "p"],
        &[],
    );
    for solver in [&Rk4 { step: 0.1 } as &dyn Solver, &Leapfrog { step: 0.1 }] {
        check("own stiffness", solver, own.field(), &[], &problems(5, |k| vec![1.0, 0.2, 1.0 + 0.3 * k as f64]), 0);
    }
}

#[test]
fn failures_stay_in_their_lanes() {
    let field =
        compile(r#"{ "states": { "x": { "rhs": "k*x^2" } }, "parameters": { "k": { "init": 1 } } }"#, &["x"], &[]);
    let times: Vec<f64> = (0..=30).map(f64::from).collect();
    let problems: Vec<Problem> =
        [0.01, 5.0, f64::NAN, -1.0].map(|y| Problem { y0: vec![y], times: times.clone() }).into();
    let batch = Rk4 { step: 0.5 }.solve_many(field.field(), &[1.0], &problems);
    assert!(matches!(batch.trajectories[1], Err(OdeError::FieldNotFinite { .. })), "{:?}", batch.trajectories[1]);
    assert!(matches!(batch.trajectories[2], Err(OdeError::InitialStateNotFinite { .. })));
    let gradient = batch.pullback(field.field(), &[1.0], &vec![vec![1.0; 31]; 4]);
    assert_eq!((gradient.y0[1][0], gradient.y0[2][0]), (0.0, 0.0));
    let alone = Rk4 { step: 0.5 }.solve_many(field.field(), &[1.0], &[problems[0].clone(), problems[3].clone()]);
    let theirs = alone.pullback(field.field(), &[1.0], &vec![vec![1.0; 31]; 2]);
    assert_eq!((&gradient.y0[0], &gradient.y0[3]), (&theirs.y0[0], &theirs.y0[1]));
    assert!((gradient.parameters[0] - theirs.parameters[0]).abs() < 1e-12 * theirs.parameters[0].abs());
}

#[test]
fn impossible_steps_and_odd_states_are_refused() {
    let field = fields::seasonal_growth();
    let text = |solver: &dyn Solver, times: &[f64]| {
        let problems = [Problem { y0: vec![1.0], times: times.to_vec() }];
        let error = solver.solve_many(&field, &[1.0], &problems).trajectories.remove(0).unwrap_err();
        format!("{error}; {}", error.hint().unwrap())
    };
    assert!(
        text(&Rk4 { step: 0.0 }, &[0.0, 1.0]).starts_with("`step` must be positive and finite, found 0; a hundredth")
    );
    assert!(text(&Rk4 { step: 1e-9 }, &[0.0, 1.0]).starts_with("no more than 1000000 steps"));
    let odd = text(&Leapfrog { step: 0.1 }, &[0.0, 1.0]);
    assert!(
        odd.starts_with("`leapfrog` needs positions and as many momenta, found 1 states; list all positions"),
        "{odd}"
    );
}
