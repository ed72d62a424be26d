//! Events against solutions in closed form, and their gradients against central differences.

use surprisal_ode::equations::{Signal, Signals};
use surprisal_ode::{Batch, Kvaerno5, OdeError, Problem, SolverConfig, System, Tsit5};

use crate::equations::compile;

fn explicit(tolerance: f64) -> SolverConfig {
    SolverConfig::Tsit5(Tsit5::new(tolerance, tolerance))
}

fn states(batch: &Batch, problem: usize) -> &[f64] {
    &batch.trajectories[problem].as_ref().unwrap().states
}

/// The gradient of a weighted sum of all states against central differences of the whole.
fn check_gradient(system: &System, solver: &SolverConfig, theta: &[f64], problems: &[Problem], tolerance: f64) {
    let n = system.field().dim();
    let weight = |i: usize| 0.3 + ((7 * i) % 5) as f64 * 0.4;
    let value = |theta: &[f64], problems: &[Problem]| -> f64 {
        let batch = system.solve_many(solver, theta, problems);
        (0..problems.len()).map(|p| states(&batch, p).iter().enumerate().map(|(i, y)| weight(i) * y).sum::<f64>()).sum()
    };
    let batch = system.solve_many(solver, theta, problems);
    let cotangents: Vec<Vec<f64>> =
        problems.iter().map(|problem| (0..problem.times.len() * n).map(weight).collect()).collect();
    let gradient = batch.pullback(system.field(), theta, &cotangents);
    let mut pairs = vec![];
    for i in 0..theta.len() {
        let h = 1e-4 * (0.1 + theta[i].abs());
        let at = |h: f64| {
            let mut theta = theta.to_vec();
            theta[i] += h;
            value(&theta, problems)
        };
        let difference = (8.0 * (at(h) - at(-h)) - (at(2.0 * h) - at(-2.0 * h))) / (12.0 * h);
        pairs.push((gradient.parameters[i], difference));
    }
    for p in 0..problems.len() {
        for i in 0..system.n_physical() + system.individual.len() {
            let h = 1e-4 * (0.1 + problems[p].y0[i].abs());
            let at = |h: f64| {
                let mut problems = problems.to_vec();
                problems[p].y0[i] += h;
                value(theta, &problems)
            };
            let difference = (8.0 * (at(h) - at(-h)) - (at(2.0 * h) - at(-2.0 * h))) / (12.0 * h);
            pairs.push((gradient.y0[p][i], difference));
        }
    }
    let size = pairs.iter().fold(0.0, |m: f64, (_, d)| m.max(d.abs()));
    for (k, (ours, theirs)) in pairs.iter().enumerate() {
        assert!((ours - theirs).abs() < tolerance * size, "coordinate {k}: {ours} against {theirs} of {size}");
    }
}

/// One compartment with first-order absorption, 100 units each at 0, 12 and 24 hours.
fn dosing() -> System {
    compile(
        r#"{ "states": { "gut": { "rhs": "-ka*gut", "scale": 50, "observed": false, "initial": 0 },
                         "c": { "rhs": "ka*gut/v - ke*c", "initial": 0 } },
             "parameters": { "ka": { "init": 1.2 }, "ke": { "init": 0.15 }, "v": { "init": 30 } },
             "events": { "dose": { "at": [0, 12, 24], "set": { "gut": "gut + 100" } } } }"#,
        &["c"],
        &[],
    )
}

fn concentration(t: f64, [ka, ke, v]: [f64; 3]) -> f64 {
    let one = |since: f64| 100.0 * ka / (v * (ka - ke)) * ((-ke * since).exp() - (-ka * since).exp());
    [0.0, 12.0, 24.0].iter().filter(|&&dose| dose < t).map(|dose| one(t - dose)).sum()
}

#[test]
fn doses_add_up_as_the_closed_form_says_and_data_at_a_dose_measures_what_is_before() {
    let system = dosing();
    let theta = [1.2, 0.15, 30.0];
    // a data time at a dose, two within one interval, none in another
    let times = vec![0.0, 1.0, 3.0, 12.0, 25.5, 48.0];
    let problems = [Problem { y0: vec![0.0, 0.0], times: times.clone() }];
    for solver in [explicit(1e-10), SolverConfig::Kvaerno5(Kvaerno5::new(1e-10, 1e-12))] {
        let batch = system.solve_many(&solver, &theta, &problems);
        for (&t, z) in times.iter().zip(states(&batch, 0).chunks_exact(2)) {
            assert!((z[1] - concentration(t, theta)).abs() < 1e-8, "{t}: {} against {}", z[1], concentration(t, theta));
        }
        assert_eq!(states(&batch, 0)[0], 0.0, "before the first dose");
        check_gradient(&system, &solver, &theta, &problems, 1e-7);
    }
}

#[test]
fn a_column_of_the_data_says_when_and_how_much_of_every_trajectory() {
    let mut system = compile(
        r#"{ "states": { "c": { "rhs": "-ke*c" } }, "parameters": { "ke": { "init": 0.5, "per_trajectory": true } },
             "events": { "dose": { "at": "amount", "set": { "c": "c + amount" } } } }"#,
        &["c"],
        &["amount"],
    );
    system.set_signals(Signals {
        of_trajectory: vec![
            vec![Signal::new(vec![0.0, 2.0, 3.0], vec![0.0, 5.0, 0.0])],
            vec![Signal::new(vec![0.0, 1.0, 2.5], vec![2.0, 0.0, 1.0])],
        ],
    });
    let problem = |place: f64, ke: f64| Problem { y0: vec![1.0, ke, place], times: vec![0.0, 1.0, 2.0, 4.0] };
    let problems = [problem(0.0, 0.5), problem(1.0, 0.3)];
    let batch = system.solve_many(&explicit(1e-10), &[], &problems);
    let first = |t: f64| (-0.5 * t).exp() + if t > 2.0 { 5.0 * (-0.5 * (t - 2.0)).exp() } else { 0.0 };
    let second = |t: f64| {
        let (given, later) = if t > 0.0 { (3.0, t > 2.5) } else { (1.0, false) };
        given * (-0.3 * t).exp() + if later { (-0.3 * (t - 2.5)).exp() } else { 0.0 }
    };
    for (k, &t) in problems[0].times.iter().enumerate() {
        assert!((states(&batch, 0)[3 * k] - first(t)).abs() < 1e-8, "{t}");
        assert!((states(&batch, 1)[3 * k] - second(t)).abs() < 1e-8, "{t}");
    }
    check_gradient(&system, &explicit(1e-10), &[], &problems, 1e-7);
}

fn ball(stop: &str) -> System {
    compile(
        &r#"{ "states": { "height": { "rhs": "speed" }, "speed": { "rhs": "-g", "scale": 3 } },
             "parameters": { "g": { "init": 9.81 }, "e": { "init": 0.8 } },
             "events": { "bounce": { "when": "height", "direction": "falling",
                                     "set": { "height": "0", "speed": "-e*speed" } } STOP } }"#
            .replace("STOP", stop),
        &["height", "speed"],
        &[],
    )
}

#[test]
fn a_ball_bounces_when_and_as_high_as_it_must_and_the_gradient_knows_that_the_moments_move() {
    let system = ball("");
    let theta = [9.81, 0.8];
    let times = vec![0.0, 0.3, 0.6, 1.5, 1.7];
    let problems = [Problem { y0: vec![1.0, 0.1], times }, Problem { y0: vec![0.5, 0.0], times: vec![0.0, 0.9] }];
    let batch = system.solve_many(&explicit(1e-10), &theta, &problems);
    // two bounces of the first by hand, up to 1.5
    let [g, e] = theta;
    let (v0, h0): (f64, f64) = (0.1 / 3.0 * 3.0 * 3.0, 1.0);
    let fall = (v0 + (v0 * v0 + 2.0 * g * h0).sqrt()) / g;
    let up = e * (v0 * v0 + 2.0 * g * h0).sqrt();
    let since = 1.5 - fall - 2.0 * up / g;
    assert!(since > 0.0 && since < 2.0 * e * up / g, "the second bounce is before 1.5, the third is not");
    let expected = e * up * since - 0.5 * g * since * since;
    assert!((states(&batch, 0)[6] - expected).abs() < 1e-8, "{} against {expected}", states(&batch, 0)[6]);
    check_gradient(&system, &explicit(1e-11), &theta, &problems, 1e-6);
}

#[test]
fn a_trajectory_stops_and_stays() {
    let system = compile(
        r#"{ "states": { "x": { "rhs": "-k*x", "scale": 2 }, "clock": { "rhs": "1", "initial": 0, "observed": false } },
             "parameters": { "k": { "init": 0.7 }, "level": { "init": 0.5 } },
             "events": { "low": { "when": "x - level", "stop": true } } }"#,
        &["x"],
        &[],
    );
    let problems = [Problem { y0: vec![0.5, 0.0], times: vec![0.0, 0.4, 3.0, 4.0] }];
    let theta = [0.7, 0.5];
    let batch = system.solve_many(&explicit(1e-10), &theta, &problems);
    let tau = 2.0_f64.ln() / 0.7;
    for k in [2, 3] {
        assert!((2.0 * states(&batch, 0)[2 * k] - 0.5).abs() < 1e-9);
        assert!((states(&batch, 0)[2 * k + 1] - tau).abs() < 1e-8);
    }
    check_gradient(&system, &explicit(1e-11), &theta, &problems, 1e-6);
}

/// A neuron: charge leaks and is driven by a current that oscillates; a reset that depends on time.
#[test]
fn a_moment_that_depends_on_time_and_parameters() {
    let system = compile(
        r#"{ "states": { "u": { "rhs": "-u/tau + drive*(1 + 0.5*sin(2*t)) + nn.f" },
                         "n": { "rhs": "0", "initial": 0, "observed": false } },
             "parameters": { "tau": { "init": 2 }, "drive": { "init": 1.1 }, "low": { "init": 0.1 } },
             "networks": { "nn": { "inputs": ["u"], "outputs": ["f"], "hidden": [4] } },
             "events": { "spike": { "when": "u - 1 - 0.1*cos(t)", "direction": "rising",
                                    "set": { "u": "low*(1 + 0.2*sin(t)) + 0.05*u", "n": "n + u" } } } }"#,
        &["u"],
        &[],
    );
    let theta = system.field().initial_parameters(5);
    let problems = [0.2, 0.5].map(|u| Problem { y0: vec![u, 0.0], times: vec![0.0, 1.3, 3.1, 5.0] });
    let batch = system.solve_many(&explicit(1e-9), &theta, &problems);
    assert!(states(&batch, 0)[7] > 1.5, "it spiked at least twice: {:?}", states(&batch, 0));
    check_gradient(&system, &explicit(1e-11), &theta, &problems, 2e-6);
}

#[test]
fn bounces_without_end_are_an_error_with_what_was_reached_and_leave_others_alone() {
    let system = ball("");
    let problems = [
        Problem { y0: vec![1.0, 0.0], times: vec![0.0, 0.1, 100.0] },
        Problem { y0: vec![1.0, 0.0], times: vec![0.0, 0.1] },
    ];
    let batch = system.solve_many(&explicit(1e-6), &[9.81, 0.5], &problems);
    let error = batch.trajectories[0].as_ref().unwrap_err();
    assert!(matches!(error, OdeError::TooManyEvents { .. } | OdeError::StepUnderflow { .. }), "{error}");
    assert_eq!(error.partial().len(), 4);
    assert!((states(&batch, 1)[2] - error.partial()[2]).abs() < 1e-9);
    let gradient = batch.pullback(system.field(), &[9.81, 0.5], &[vec![1.0; 6], vec![1.0; 4]]);
    assert!(gradient.parameters.iter().all(|g| g.is_finite()));
}
