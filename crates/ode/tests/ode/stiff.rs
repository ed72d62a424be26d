//! The implicit method: its order, its adjoint, and problems that explicit ones cannot do.

use surprisal_core::rng;
use surprisal_ode::stiff::solve_stiff;
use surprisal_ode::{Esdirk3, OdeError, Problem, Solver, System, Tolerance, Tsit5, VectorField, solve};

use crate::equations::compile;
use crate::fields;
use crate::reference::{Reference, distance};

fn robertson() -> System {
    compile(
        r#"{ "states": { "a": { "rhs": "-k1*a + k3*b*c" }, "b": { "rhs": "k1*a - k2*b^2 - k3*b*c", "scale": 1e-4 },
                         "c": { "rhs": "k2*b^2" } },
             "parameters": { "k1": { "init": 0.04 }, "k2": { "init": 3e7 }, "k3": { "init": 1e4 } } }"#,
        &["a", "b", "c"],
        &[],
    )
}

fn van_der_pol() -> System {
    compile(
        r#"{ "states": { "x": { "rhs": "v" }, "v": { "rhs": "mu*((1 - x^2)*v) - x + nn.u" } },
             "parameters": { "mu": { "init": 1000 } },
             "networks": { "nn": { "inputs": ["x"], "outputs": ["u"], "hidden": [5] } } }"#,
        &["x", "v"],
        &[],
    )
}

#[test]
fn the_error_follows_the_tolerance_as_order_three_does() {
    let field = fields::seasonal_growth();
    let exact = 1.3 * (1.7 * 2.0_f64.sin()).exp();
    let run = |rtol: f64| {
        let solution = solve_stiff(&field, &[1.7], &[1.3], &[0.0, 2.0], &Esdirk3::new(rtol, rtol)).unwrap();
        ((solution.states[1] - exact).abs(), solution.statistics.n_accepted as f64)
    };
    let (coarse, fine) = (run(1e-5), run(1e-8));
    // the error of the step is one order above that of its estimate
    let order = (coarse.0 / fine.0).ln() / (fine.1 / coarse.1).ln();
    assert!((2.7..3.4).contains(&order), "order {order}: {coarse:?} {fine:?}");
    assert!(fine.0 < 1e-6);
}

#[test]
fn robertson_agrees_with_scipy() {
    let expected: Reference = serde_json::from_str(include_str!("../reference/robertson.json")).unwrap();
    let system = robertson();
    let config = Esdirk3 { max_steps: 100_000, ..Esdirk3::new(1e-9, 1e-11) };
    let solution = solve_stiff(system.field(), &expected.parameters, &expected.y0, &expected.times, &config).unwrap();
    let error = distance(&solution.states, &expected.states);
    assert!(error < 1e-7, "states differ by {error:e}");
    let residual: Vec<f64> = solution.states.iter().map(|y| y - 0.1).collect();
    let gradient = solution.tape.pullback(system.field(), &expected.parameters, &residual);
    // the rates differ by nine orders of magnitude: compare ∂L/∂ln k
    let relative = |g: &[f64]| g.iter().zip(&expected.parameters).map(|(g, k)| g * k).collect::<Vec<_>>();
    let (ours, theirs) = (relative(&gradient.parameters), relative(&expected.gradient.parameters));
    let size = theirs.iter().fold(0.0, |m: f64, g| m.max(g.abs()));
    for (a, b) in ours.iter().zip(&theirs) {
        assert!((a - b).abs() < 1e-6 * size, "{ours:?} against {theirs:?}");
    }
    // which an explicit method does not reach
    let explicit = solve(system.field(), &expected.parameters, &expected.y0, &expected.times, &Tsit5::new(1e-6, 1e-8));
    assert!(matches!(explicit, Err(OdeError::MaxSteps { t, .. }) if t < 50.0));
}

/// `pullback` against sixth-order differences of the same steps.
fn check(name: &str, field: &dyn VectorField, theta: &[f64], y0: &[f64], times: &[f64], n_fixed: usize, h: f64) {
    let solution = solve_stiff(field, theta, y0, times, &Esdirk3::new(1e-5, 1e-7)).unwrap();
    let again = solution.tape.replay(field, theta, y0).unwrap();
    assert!(distance(&again, &solution.states) < 1e-12, "{name}: a replay is the solve");
    let mut source = rng::stream(11, "stiff", 0);
    let cotangent: Vec<f64> = solution.states.iter().map(|_| rng::standard_normal(&mut source)).collect();
    let gradient = solution.tape.pullback(field, theta, &cotangent);
    let value = |theta: &[f64], y0: &[f64]| -> f64 {
        let states = solution.tape.replay(field, theta, y0).unwrap();
        states.iter().zip(&cotangent).map(|(y, g)| y * g).sum()
    };
    let difference = |x: &[f64], i: usize, value: &dyn Fn(&[f64]) -> f64| {
        let h = h * (1e-3 + x[i].abs());
        let pair = |m: f64| {
            let moved = |m: f64| {
                let mut x = x.to_vec();
                x[i] += m * h;
                value(&x)
            };
            moved(m) - moved(-m)
        };
        (3.0 / 4.0 * pair(1.0) - 3.0 / 20.0 * pair(2.0) + 1.0 / 60.0 * pair(3.0)) / h
    };
    // derivatives along relative changes, which may be compared with each other
    let mut pairs = vec![];
    for i in 0..theta.len() {
        let scale = theta[i].abs();
        pairs.push((scale * gradient.parameters[i], scale * difference(theta, i, &|p| value(p, y0))));
    }
    for i in 0..y0.len() - n_fixed {
        pairs.push((gradient.y0[i], difference(y0, i, &|y| value(theta, y))));
    }
    let size = pairs.iter().fold(0.0, |m: f64, (_, d)| m.max(d.abs()));
    for (k, (ours, theirs)) in pairs.iter().enumerate() {
        assert!((ours - theirs).abs() < 1e-8 * size, "{name}: coordinate {k}: {ours} against {theirs} of {size}");
    }
}

#[test]
fn the_gradient_is_that_of_the_same_steps() {
    check(
        "Lotka–Volterra",
        &fields::lotka_volterra(),
        &[1.5, 1.0, 3.0, 1.0],
        &[1.0, 1.2],
        &[0.0, 0.7, 0.71, 1.9],
        0,
        2e-3,
    );
    check("seasonal growth", &fields::seasonal_growth(), &[1.3], &[0.4], &[-2.0, -1.0, 3.0], 0, 2e-3);
    check("Robertson", robertson().field(), &[0.04, 3e7, 1e4], &[1.0, 0.0, 0.0], &[0.0, 0.4, 40.0], 0, 1e-3);
    let own = compile(
        r#"{ "states": { "x": { "rhs": "-rate*(x - cos(t))" } },
             "parameters": { "rate": { "init": 1000, "per_trajectory": true } } }"#,
        &["x"],
        &[],
    );
    check("own rate", own.field(), &[], &[0.0, 1000.0], &[0.0, 0.5, 1.0], 0, 1e-3);
}

/// Within one slow phase: across a relaxation jump every frozen-step gradient is wrong.
#[test]
fn van_der_pol_around_a_network() {
    let system = van_der_pol();
    let theta: Vec<f64> = system.field().initial_parameters(3);
    check("Van der Pol", system.field(), &theta, &[2.0, -0.001], &[0.0, 50.0, 300.0], 0, 1e-4);
    let problems = [Problem { y0: vec![2.0, 0.0], times: vec![0.0, 400.0, 2000.0] }];
    let batch = Esdirk3::new(1e-6, 1e-8).solve_many(system.field(), &theta, &problems);
    let trajectory = batch.trajectories[0].as_ref().unwrap();
    assert!(trajectory.statistics.n_accepted < 3000, "{:?}", trajectory.statistics);
}

#[test]
fn failures_are_those_of_the_explicit_method() {
    let blow_up =
        compile(r#"{ "states": { "x": { "rhs": "k*x^2" } }, "parameters": { "k": { "init": 1 } } }"#, &["x"], &[]);
    let run = |y0: f64, times: &[f64], config: &Esdirk3| {
        solve_stiff(blow_up.field(), &[1.0], &[y0], times, config).unwrap_err()
    };
    let config = Esdirk3::new(1e-6, 1e-8);
    let error = run(1.0, &[0.0, 0.5, 2.0], &config);
    assert!(
        matches!(&error, OdeError::StepUnderflow { t, .. } | OdeError::MaxSteps { t, .. } if (t - 1.0).abs() < 1e-3),
        "{error}"
    );
    assert!((error.partial()[1] - 2.0).abs() < 1e-4);
    assert!(matches!(
        run(1.0, &[0.0, 0.9], &Esdirk3 { max_steps: 3, ..config.clone() }),
        OdeError::MaxSteps { max_steps: 3, .. }
    ));
    assert!(matches!(run(f64::NAN, &[0.0, 0.9], &config), OdeError::InitialStateNotFinite { .. }));
    let per_component = Esdirk3 { atol: Tolerance::PerComponent(vec![1e-8; 2]), ..config };
    assert!(matches!(run(1.0, &[0.0, 0.9], &per_component), OdeError::Length { what: "atol", .. }));
}
