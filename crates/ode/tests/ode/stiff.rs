//! The implicit methods: their orders, their adjoints, and problems that explicit ones cannot do.

use surprisal_core::rng;
use surprisal_ode::equations::{Signal, Signals};
use surprisal_ode::stiff::{Implicit, solve_stiff};
use surprisal_ode::{
    Auto, BuildField, Esdirk3, Kvaerno5, MlpField, OdeError, ParameterBlock, Problem, Solver, System, Tolerance,
    Trajectory, Tsit5, VectorField, solve,
};

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
fn the_error_follows_the_tolerance_as_the_order_says() {
    let field = fields::seasonal_growth();
    let exact = 1.3 * (1.7 * 2.0_f64.sin()).exp();
    fn run(field: &dyn VectorField, exact: f64, method: &impl Implicit) -> (f64, f64) {
        let solution = solve_stiff(field, &[1.7], &[1.3], &[0.0, 2.0], method).unwrap();
        ((solution.states[1] - exact).abs(), solution.statistics.n_accepted as f64)
    }
    let order = |(coarse, fine): ((f64, f64), (f64, f64))| (coarse.0 / fine.0).ln() / (fine.1 / coarse.1).ln();
    // the error of the step is one order above that of its estimate
    let third = [1e-5, 1e-8].map(|rtol| run(&field, exact, &Esdirk3::new(rtol, rtol)));
    assert!((2.7..3.4).contains(&order((third[0], third[1]))), "{third:?}");
    let fifth = [1e-6, 1e-10].map(|rtol| run(&field, exact, &Kvaerno5::new(rtol, rtol)));
    assert!((4.6..5.6).contains(&order((fifth[0], fifth[1]))), "{fifth:?}");
    assert!(third[1].0 < 1e-6 && fifth[1].0 < 1e-7, "{third:?} {fifth:?}");
}

#[test]
fn robertson_agrees_with_scipy() {
    robertson_by(&Esdirk3 { max_steps: 100_000, ..Esdirk3::new(1e-9, 1e-11) }, 1e-7, 1e-6);
    robertson_by(&Kvaerno5::new(1e-9, 1e-11), 1e-8, 1e-6);
}

fn robertson_by(config: &impl Implicit, of_states: f64, of_gradient: f64) {
    let expected: Reference = serde_json::from_str(include_str!("../reference/robertson.json")).unwrap();
    let system = robertson();
    let solution = solve_stiff(system.field(), &expected.parameters, &expected.y0, &expected.times, config).unwrap();
    let error = distance(&solution.states, &expected.states);
    assert!(error < of_states, "states differ by {error:e}");
    let residual: Vec<f64> = solution.states.iter().map(|y| y - 0.1).collect();
    let gradient = solution.tape.pullback(system.field(), &expected.parameters, &residual);
    // the rates differ by nine orders of magnitude: compare ∂L/∂ln k
    let relative = |g: &[f64]| g.iter().zip(&expected.parameters).map(|(g, k)| g * k).collect::<Vec<_>>();
    let (ours, theirs) = (relative(&gradient.parameters), relative(&expected.gradient.parameters));
    let size = theirs.iter().fold(0.0, |m: f64, g| m.max(g.abs()));
    for (a, b) in ours.iter().zip(&theirs) {
        assert!((a - b).abs() < of_gradient * size, "{ours:?} against {theirs:?}");
    }
    // which an explicit method does not reach
    let explicit = solve(system.field(), &expected.parameters, &expected.y0, &expected.times, &Tsit5::new(1e-6, 1e-8));
    assert!(matches!(explicit, Err(OdeError::MaxSteps { t, .. }) if t < 50.0));
}

/// `pullback` against sixth-order differences of the same steps, by both methods.
fn check(name: &str, field: &dyn VectorField, theta: &[f64], y0: &[f64], times: &[f64], h: f64) {
    check_by(&Esdirk3::new(1e-5, 1e-7), name, field, theta, y0, times, h);
    check_by(&Kvaerno5::new(1e-5, 1e-7), name, field, theta, y0, times, h);
}

fn check_by(
    method: &impl Implicit,
    name: &str,
    field: &dyn VectorField,
    theta: &[f64],
    y0: &[f64],
    times: &[f64],
    h: f64,
) {
    let solution = solve_stiff(field, theta, y0, times, method).unwrap();
    let again = solution.tape.replay(field, theta, y0).unwrap();
    let apart = distance(&again, &solution.states);
    assert!(apart < 1e-12, "{name}: a replay is the solve but for {apart:e}");
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
    for i in 0..y0.len() {
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
        2e-3,
    );
    check("seasonal growth", &fields::seasonal_growth(), &[1.3], &[0.4], &[-2.0, -1.0, 3.0], 2e-3);
    check("Robertson", robertson().field(), &[0.04, 3e7, 1e4], &[1.0, 0.0, 0.0], &[0.0, 0.4, 40.0], 1e-3);
    let own = compile(
        r#"{ "states": { "x": { "rhs": "-rate*(x - cos(t))" } },
             "parameters": { "rate": { "init": 1000, "per_trajectory": true } } }"#,
        &["x"],
        &[],
    );
    check("own rate", own.field(), &[], &[0.0, 1000.0], &[0.0, 0.5, 1.0], 1e-3);
}

/// Within one slow phase: across a relaxation jump every frozen-step gradient is wrong.
#[test]
fn van_der_pol_around_a_network() {
    let system = van_der_pol();
    let theta: Vec<f64> = system.field().initial_parameters(3);
    check("Van der Pol", system.field(), &theta, &[2.0, -0.001], &[0.0, 50.0, 300.0], 1e-4);
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

/// Van der Pol's oscillator where each trajectory has a µ of its own: one mild, two stiff, one that fails.
#[test]
fn auto_hands_over_the_trajectories_on_which_the_explicit_method_stalls() {
    let system = compile(
        r#"{ "states": { "x": { "rhs": "v" }, "v": { "rhs": "mu*((1 - x^2)*v) - k*x" } },
             "parameters": { "k": { "init": 1 }, "mu": { "init": 1, "per_trajectory": true } } }"#,
        &["x", "v"],
        &[],
    );
    let field = system.field();
    let problem = |mu: f64, y0: f64| Problem { y0: vec![y0, 0.0, mu], times: vec![0.0, 2.0, 100.0] };
    let problems = [problem(1000.0, 2.0), problem(1.0, 2.0), problem(f64::NAN, 2.0), problem(2000.0, 1.9)];
    let auto = Auto { explicit_steps: 1500, ..Auto::new(1e-6, 1e-8) };
    let batch = auto.solve_many(field, &[1.0], &problems);
    let cotangents: Vec<Vec<f64>> =
        problems.iter().map(|_| vec![0.3, 0.1, 0.0, 1.0, -0.2, 0.0, 0.7, 0.0, 0.0]).collect();
    let gradient = batch.pullback(field, &[1.0], &cotangents);
    assert!(batch.trajectories[2].is_err() && gradient.y0[2] == [0.0; 3]);
    let mut sum = 0.0;
    for (p, explicit) in [(0, false), (1, true), (3, false)] {
        let alone: Box<dyn Solver> =
            if explicit { Box::new(Tsit5::new(1e-6, 1e-8)) } else { Box::new(Kvaerno5::new(1e-6, 1e-8)) };
        let alone = alone.solve_many(field, &[1.0], &problems[p..=p]);
        assert_eq!(batch.trajectories[p], alone.trajectories[0], "problem {p}");
        let of_one = alone.pullback(field, &[1.0], &cotangents[p..=p]);
        assert_eq!(gradient.y0[p], of_one.y0[0], "problem {p}");
        sum += of_one.parameters[0];
    }
    assert!((gradient.parameters[0] - sum).abs() < 1e-12 * sum.abs());
}

/// A field that hides its lanes.
struct Scalar<'a>(&'a dyn VectorField);

impl VectorField for Scalar<'_> {
    fn dim(&self) -> usize {
        self.0.dim()
    }

    fn n_resting(&self) -> usize {
        self.0.n_resting()
    }

    fn blocks(&self) -> Vec<ParameterBlock> {
        self.0.blocks()
    }

    fn n_parameters(&self) -> usize {
        self.0.n_parameters()
    }

    fn initial_parameters(&self, seed: u64) -> Vec<f64> {
        self.0.initial_parameters(seed)
    }

    fn tape_len(&self) -> usize {
        self.0.tape_len()
    }

    fn rhs(&self, theta: &[f64], t: f64, y: &[f64], dy: &mut [f64], tape: &mut [f64]) {
        self.0.rhs(theta, t, y, dy, tape);
    }

    fn vjp(&self, p: &[f64], t: f64, y: &[f64], tape: &[f64], v: &[f64], y_bar: &mut [f64], p_bar: &mut [f64]) {
        self.0.vjp(p, t, y, tape, v, y_bar, p_bar);
    }

    fn jvp(&self, theta: &[f64], t: f64, y: &[f64], tape: &[f64], u: &[f64], dy_dot: &mut [f64]) {
        self.0.jvp(theta, t, y, tape, u, dy_dot);
    }
}

/// What a solver makes of some problems, all at once or each alone: the trajectories, ∂/∂y₀ and ∂/∂θ.
type Outcome = (Vec<Result<Trajectory, OdeError>>, Vec<Vec<f64>>, Vec<f64>);

fn outcome(
    solver: &dyn Solver,
    field: &dyn VectorField,
    theta: &[f64],
    problems: &[Problem],
    at_once: usize,
) -> Outcome {
    let mut source = rng::stream(13, "stages together", 0);
    let mut sum = (vec![], vec![], vec![0.0; theta.len()]);
    for problems in problems.chunks(at_once) {
        let batch = solver.solve_many(field, theta, problems);
        let draw = |p: &Problem| (0..p.times.len() * p.y0.len()).map(|_| rng::standard_normal(&mut source)).collect();
        let cotangents: Vec<Vec<f64>> = problems.iter().map(draw).collect();
        let gradient = batch.pullback(field, theta, &cotangents);
        sum.0.extend(batch.trajectories);
        sum.1.extend(gradient.y0);
        sum.2.iter_mut().zip(gradient.parameters).for_each(|(sum, g)| *sum += g);
    }
    sum
}

/// Eight trajectories at a time, the stages of one at a time, and one evaluation at a time: as many steps, the same
/// states and gradients but for what Newton's method leaves of an error estimate, and with it of the next step
/// size. The number of failures.
fn compare(name: &str, field: &dyn VectorField, theta: &[f64], problems: &[Problem], solver: &dyn Solver) -> usize {
    let (trajectories, y0_bar, theta_bar) = outcome(solver, &Scalar(field), theta, problems, 1);
    // by relative changes, which may be compared with each other
    let relative = |g: &[f64]| g.iter().zip(theta).map(|(g, k)| g * k).collect::<Vec<_>>();
    let close = |what: &str, a: &[f64], b: &[f64], tolerance: f64| {
        let size = b.iter().fold(0.0, |m: f64, g| m.max(g.abs()));
        for (a, b) in a.iter().zip(b) {
            assert!((a - b).abs() <= tolerance * size, "{name}: {what}: {a} against {b} of {size}");
        }
    };
    for at_once in [1, problems.len()] {
        let ours = outcome(solver, field, theta, problems, at_once);
        for (p, pair) in ours.0.iter().zip(&trajectories).enumerate() {
            match pair {
                (Ok(a), Ok(b)) => {
                    close(&format!("states {p}"), &a.states, &b.states, 1e-8);
                    let steps = |t: &Trajectory| (t.statistics.n_accepted, t.statistics.n_rejected);
                    assert_eq!(steps(a), steps(b), "{name}: {p}");
                    close(&format!("y0 {p}"), &ours.1[p], &y0_bar[p], 1e-6);
                }
                (Err(a), Err(b)) => {
                    assert_eq!(std::mem::discriminant(a), std::mem::discriminant(b), "{name}: {p}: {a}");
                    assert_eq!(a.partial().len(), b.partial().len(), "{name}: {p}");
                    assert!(ours.1[p].iter().all(|&g| g == 0.0));
                }
                _ => panic!("{name}: {p}: {pair:?}"),
            }
        }
        close("parameters", &relative(&ours.2), &relative(&theta_bar), 1e-5);
    }
    trajectories.iter().filter(|t| t.is_err()).count()
}

#[test]
fn lanes_do_what_single_evaluations_do() {
    let problem = |y0: &[f64], times: &[f64]| Problem { y0: y0.to_vec(), times: times.to_vec() };
    let oscillator = van_der_pol();
    let theta = oscillator.field().initial_parameters(3);
    // a slow phase, a start far from it, a single time, jumps that take too many steps, a start that is no number
    let problems = [
        problem(&[2.0, -0.001], &[0.0, 50.0, 300.0]),
        problem(&[1.7, 5.0], &[0.0, 0.3, 200.0]),
        problem(&[2.0, 0.0], &[1.0]),
        problem(&[2.0, 0.0], &[0.0, 9000.0]),
        problem(&[2.0, f64::NAN], &[0.0, 1.0]),
        problem(&[1.9, 0.0], &[-3.0, 400.0]),
        problem(&[-2.0, 0.0], &[0.0, 1.0, 2.0, 3.0, 500.0]),
        problem(&[2.1, 0.01], &[0.0, 30.0]),
        problem(&[-1.8, 0.0], &[0.0, 30.0, 60.0]),
        problem(&[1.8, 0.0], &[0.0, 30.0, 60.0]),
        problem(&[1.85, -0.01], &[0.0, 3e-6, 60.0]),
        problem(&[2.0, -0.02], &[0.0, 100.0]),
        problem(&[1.75, 0.0], &[0.0, 100.0]),
    ];
    let kinetics = robertson();
    let rates = [0.04, 3e7, 1e4];
    let reactions = [1.0, 0.7, 0.2, 0.9, 0.6].map(|a| problem(&[a, 0.0, 1.0 - a], &[0.0, 0.4, 40.0, 4e4]));
    let esdirk3 = Esdirk3 { max_steps: 200, ..Esdirk3::new(1e-6, 1e-8) };
    let kvaerno5 = Kvaerno5 { max_steps: 100, ..Kvaerno5::new(1e-6, 1e-8) };
    for solver in [&esdirk3 as &dyn Solver, &kvaerno5] {
        assert_eq!(compare("Van der Pol", oscillator.field(), &theta, &problems, solver), 2);
    }
    for solver in [&Esdirk3::new(1e-6, 1e-10) as &dyn Solver, &Kvaerno5::new(1e-6, 1e-10)] {
        assert_eq!(compare("Robertson", kinetics.field(), &rates, &reactions, solver), 0);
    }
    let with_time = MlpField { hidden: vec![6, 5], time_input: true, ..MlpField::default() }.build(3);
    let mut theta = with_time.initial_parameters(4);
    theta.iter_mut().for_each(|w| *w *= 3.0);
    let starts = [problem(&[0.3, -1.0, 0.8], &[0.0, 0.5, 4.0]), problem(&[1.3, 0.0, -0.8], &[0.2, 0.7])];
    assert_eq!(compare("network", with_time.as_ref(), &theta, &starts, &Kvaerno5::new(1e-6, 1e-8)), 0);
}

/// Every trajectory follows an input of its own, whose number is a state at rest.
#[test]
fn inputs_are_those_of_the_trajectory_in_every_lane() {
    let mut system = compile(
        r#"{ "states": { "x": { "rhs": "-rate*(x - force)" }, "y": { "rhs": "x - y" } },
             "parameters": { "rate": { "init": 1000 } } }"#,
        &["x", "y"],
        &["force"],
    );
    // without kinks, about which steps differ by more than what Newton's method leaves
    let signal = |p: usize| Signal::new(vec![0.0, 2.0], vec![p as f64, -1.0]);
    system.set_signals(Signals { of_trajectory: (0..13).map(|p| vec![signal(p)]).collect() });
    let problems: Vec<Problem> =
        (0..13).map(|p| Problem { y0: vec![0.0, 1.0, p as f64], times: vec![0.0, 0.5, 2.0] }).collect();
    for solver in [&Esdirk3::new(1e-6, 1e-8) as &dyn Solver, &Kvaerno5::new(1e-6, 1e-8)] {
        assert_eq!(compare("inputs", system.field(), &[1000.0], &problems, solver), 0);
        let batch = solver.solve_many(system.field(), &[1000.0], &problems);
        for (p, trajectory) in batch.trajectories.iter().enumerate() {
            let states = &trajectory.as_ref().unwrap().states;
            // x follows the input as fast as the rate says, and the state at rest rests
            let slope = -0.5 - 0.5 * p as f64;
            assert!((states[6] - (-1.0 - slope / 1000.0)).abs() < 1e-5, "{p}: {states:?}");
            assert_eq!((states[5], states[8]), (p as f64, p as f64));
        }
    }
}
