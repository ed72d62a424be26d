//! The methods of diffsol behind our interface, and diffsol's own derivatives (forward sensitivities,
//! continuous adjoint) as references that share nothing with ours.

use diffsol::{
    AdjointOdeSolverMethod, DenseMatrix, NalgebraContext, NalgebraLU, NalgebraMat, OdeBuilder, OdeSolverMethod,
    OdeSolverState, OdeSolverStopReason, Vector, VectorCommon, VectorView,
};
use surprisal_core::rng;
use surprisal_ode::{Bdf, Esdirk3, Esdirk34, OdeError, Problem, Solver, Tolerance, Tsit5, VectorField};

use crate::equations::compile;
use crate::fields::{self, ClosedForm};
use crate::reference::distance;

type Matrix = NalgebraMat<f64>;

const THETA: [f64; 4] = [1.5, 1.0, 3.0, 1.0];
const Y0: [f64; 2] = [1.0, 1.2];
const TIMES: [f64; 6] = [0.0, 0.7, 0.71, 1.9, 3.0, 6.5];

fn cotangent() -> Vec<f64> {
    let mut source = rng::stream(3, "through diffsol", 0);
    (0..2 * TIMES.len()).map(|_| rng::standard_normal(&mut source)).collect()
}

/// ∂/∂θ of Σ cotangent · states by ours.
fn ours(solver: &dyn Solver) -> Vec<f64> {
    let field = fields::lotka_volterra();
    let problems = [Problem { y0: Y0.to_vec(), times: TIMES.to_vec() }];
    solver.solve_many(&field, &THETA, &problems).pullback(&field, &THETA, &[cotangent()]).parameters
}

fn jacobians(field: &ClosedForm, t: f64, y: &[f64], theta: &[f64]) -> (Vec<f64>, Vec<f64>) {
    let (mut j, mut p) = (vec![0.0; 4], vec![0.0; 8]);
    (field.jacobians)(t, y, theta, &mut j, &mut p);
    (j, p)
}

/// Rows · v.
fn times(rows: &[f64], v: &[f64], out: &mut [f64]) {
    for (out, row) in out.iter_mut().zip(rows.chunks_exact(v.len())) {
        *out = row.iter().zip(v).map(|(a, b)| a * b).sum();
    }
}

/// −rowsᵀ · v.
fn minus_transposed(rows: &[f64], v: &[f64], out: &mut [f64]) {
    out.fill(0.0);
    for (row, v) in rows.chunks_exact(out.len()).zip(v) {
        out.iter_mut().zip(row).for_each(|(out, a)| *out -= a * v);
    }
}

macro_rules! forward_sensitivities {
    ($method:ident, $rtol:expr, $atol:expr) => {{
        let field = fields::lotka_volterra();
        let mut problem = OdeBuilder::<Matrix>::new()
            .p(THETA)
            .rtol($rtol)
            .atol([$atol])
            .rhs_sens_implicit(
                |y: &[f64], p: &[f64], t: f64, out: &mut [f64]| (field.rhs)(t, y, p, out),
                |y: &[f64], p: &[f64], t: f64, v: &[f64], out: &mut [f64]| times(&jacobians(&field, t, y, p).0, v, out),
                |y: &[f64], p: &[f64], t: f64, v: &[f64], out: &mut [f64]| times(&jacobians(&field, t, y, p).1, v, out),
            )
            .init_sens(
                |_: &[f64], _: f64, y: &mut [f64]| y.copy_from_slice(&Y0),
                |_: &[f64], _: f64, _: &[f64], out: &mut [f64]| out.fill(0.0),
                2,
            )
            .build()
            .unwrap();
        problem.ode_options.nonlinear_solver_tolerance = (1e-11_f64 / $rtol).clamp(1e-3, 0.2);
        problem.ode_options.derivative_solve_tolerance = (1e-15_f64 / $rtol).clamp(1e-10, 1e-4);
        // a solve that failed would change the steps
        problem.ode_options.derivative_solve_max_iter = 300;
        let mut solver = problem.$method::<NalgebraLU<f64>>().unwrap();
        let mut gradient = vec![0.0; 4];
        for (&time, g) in TIMES[1..].iter().zip(cotangent()[2..].chunks_exact(2)) {
            solver.set_stop_time(time).unwrap();
            while solver.step().unwrap() != OdeSolverStopReason::TstopReached {}
            for (k, bar) in gradient.iter_mut().enumerate() {
                let column = solver.state().s.get_batch(k).into_owned();
                *bar += g.iter().zip(column.inner().as_slice()).map(|(g, s)| g * s).sum::<f64>();
            }
        }
        gradient
    }};
}

/// At a loose tolerance, where only derivatives of the same steps agree.
#[test]
fn the_adjoint_of_the_steps_agrees_with_their_forward_sensitivities() {
    for (name, ours, theirs) in [
        ("bdf", ours(&Bdf::new(1e-4, 1e-6)), forward_sensitivities!(bdf_sens, 1e-4, 1e-6)),
        ("esdirk34", ours(&Esdirk34::new(1e-4, 1e-6)), forward_sensitivities!(esdirk34_sens, 1e-4, 1e-6)),
        ("esdirk34", ours(&Esdirk34::new(1e-3, 1e-5)), forward_sensitivities!(esdirk34_sens, 1e-3, 1e-5)),
    ] {
        let error = distance(&ours, &theirs);
        assert!(error < 1e-5, "{name}: {ours:?} against {theirs:?}: {error:e}");
    }
}

#[test]
fn our_methods_agree_with_forward_sensitivities() {
    let theirs = forward_sensitivities!(bdf_sens, 1e-11, 1e-12);
    for (name, ours, tolerance) in [
        ("tsit5", ours(&Tsit5::new(1e-11, 1e-12)), 1e-7),
        ("esdirk3", ours(&Esdirk3 { max_steps: 100_000, ..Esdirk3::new(1e-10, 1e-11) }), 1e-6),
    ] {
        let error = distance(&ours, &theirs);
        assert!(error < tolerance, "{name}: {ours:?} against {theirs:?}: {error:e}");
    }
}

#[test]
fn our_methods_agree_with_the_continuous_adjoint() {
    let field = fields::lotka_volterra();
    let (rtol, atol) = (1e-10, 1e-11);
    // without tolerances of their own, the adjoint and the gradient are as loose as they please
    let problem = OdeBuilder::<Matrix>::new()
        .p(THETA)
        .rtol(rtol)
        .atol([atol])
        .sens_rtol(rtol)
        .sens_atol([atol])
        .param_rtol(rtol)
        .param_atol([atol])
        .rhs_adjoint_implicit(
            |y: &[f64], p: &[f64], t: f64, out: &mut [f64]| (field.rhs)(t, y, p, out),
            |y: &[f64], p: &[f64], t: f64, v: &[f64], out: &mut [f64]| times(&jacobians(&field, t, y, p).0, v, out),
            |y: &[f64], p: &[f64], t: f64, v: &[f64], out: &mut [f64]| {
                minus_transposed(&jacobians(&field, t, y, p).0, v, out);
            },
            |y: &[f64], p: &[f64], t: f64, v: &[f64], out: &mut [f64]| {
                minus_transposed(&jacobians(&field, t, y, p).1, v, out);
            },
        )
        .init_adjoint(
            |_: &[f64], _: f64, y: &mut [f64]| y.copy_from_slice(&Y0),
            |_: &[f64], _: f64, _: &[f64], out: &mut [f64]| out.fill(0.0),
            2,
        )
        .build()
        .unwrap();
    let mut solver = problem.bdf::<NalgebraLU<f64>>().unwrap();
    let (checkpoints, ..) = solver.solve_dense_with_checkpointing(&TIMES, None).unwrap();
    let g = Matrix::from_vec(2, TIMES.len(), cotangent(), NalgebraContext::default());
    let adjoint = problem.bdf_solver_adjoint::<NalgebraLU<f64>, _>(checkpoints, Some(solver), Some(1)).unwrap();
    let (state, _) = adjoint.solve_adjoint_backwards_pass(&TIMES, &[&g]).unwrap();
    let theirs = state.as_ref().sg.inner().as_slice().to_vec();
    for (name, ours, tolerance) in [
        ("tsit5", ours(&Tsit5::new(1e-10, 1e-11)), 1e-6),
        ("esdirk3", ours(&Esdirk3 { max_steps: 100_000, ..Esdirk3::new(1e-10, 1e-11) }), 1e-6),
    ] {
        let error = distance(&ours, &theirs);
        assert!(error < tolerance, "{name}: {ours:?} against {theirs:?}: {error:e}");
    }
}

#[test]
fn states_at_rest_and_starts_have_their_gradients_too() {
    let own = compile(
        r#"{ "states": { "x": { "rhs": "-rate*(x - cos(t)) + k*y" }, "y": { "rhs": "-y*rate*k" } },
             "parameters": { "rate": { "init": 50, "per_trajectory": true }, "k": { "init": 0.1 } } }"#,
        &["x", "y"],
        &[],
    );
    let problems: Vec<Problem> =
        [20.0, 80.0].map(|rate| Problem { y0: vec![0.3, 1.0, rate], times: vec![0.0, 0.01, 0.4, 1.0] }).to_vec();
    let mut source = rng::stream(5, "at rest", 0);
    let cotangents: Vec<Vec<f64>> =
        problems.iter().map(|_| (0..12).map(|_| rng::standard_normal(&mut source)).collect()).collect();
    let gradient = |solver: &dyn Solver| {
        let batch = solver.solve_many(own.field(), &[0.1], &problems);
        let states = batch.trajectories.iter().map(|t| t.as_ref().unwrap().states.clone()).collect::<Vec<_>>();
        let gradient = batch.pullback(own.field(), &[0.1], &cotangents);
        (states.concat(), gradient.y0.concat(), gradient.parameters)
    };
    let expected = gradient(&Tsit5::new(1e-11, 1e-12));
    for solver in [&Bdf::new(1e-9, 1e-11) as &dyn Solver, &Esdirk34::new(1e-9, 1e-11)] {
        let found = gradient(solver);
        assert!(distance(&found.0, &expected.0) < 1e-6);
        assert!(distance(&found.1, &expected.1) < 3e-6, "{:?} {:?}", found.1, expected.1);
        assert!(distance(&found.2, &expected.2) < 3e-6, "{:?} {:?}", found.2, expected.2);
    }
}

/// The scale of a loss is no property of the problem.
#[test]
fn a_small_loss_has_a_small_gradient_of_the_same_digits() {
    let field = fields::lotka_volterra();
    let problems = [Problem { y0: Y0.to_vec(), times: TIMES.to_vec() }];
    for solver in [&Bdf::new(1e-6, 1e-8) as &dyn Solver, &Esdirk34::new(1e-6, 1e-8)] {
        let batch = solver.solve_many(&field, &THETA, &problems);
        let whole = batch.pullback(&field, &THETA, &[cotangent()]).parameters;
        let small: Vec<f64> = cotangent().iter().map(|g| 1e-12 * g).collect();
        let small = batch.pullback(&field, &THETA, &[small]).parameters;
        assert!(distance(&small.iter().map(|g| 1e12 * g).collect::<Vec<_>>(), &whole) < 1e-12);
        let none = batch.pullback(&field, &THETA, &[vec![0.0; 2 * TIMES.len()]]);
        assert_eq!((none.parameters, &none.y0[0]), (vec![0.0; 4], &vec![0.0; 2]));
    }
}

#[test]
fn single_times_close_times_and_many_problems() {
    let field = fields::lotka_volterra();
    let close = 1.0 + 4.0 * f64::EPSILON;
    let problems =
        [Problem { y0: Y0.to_vec(), times: vec![0.5] }, Problem { y0: Y0.to_vec(), times: vec![0.0, 1.0, close, 2.0] }];
    for solver in [&Bdf::new(1e-6, 1e-8) as &dyn Solver, &Esdirk34::new(1e-6, 1e-8)] {
        let batch = solver.solve_many(&field, &THETA, &problems);
        assert_eq!(batch.trajectories[0].as_ref().unwrap().states, Y0);
        let states = &batch.trajectories[1].as_ref().unwrap().states;
        assert_eq!((states.len(), &states[2..4]), (8, &states[4..6]));
        let at = |k: usize| {
            let mut cotangent = vec![0.0; 8];
            cotangent[2 * k] = 1.0;
            batch.pullback(&field, &THETA, &[vec![3.0, 4.0], cotangent])
        };
        assert_eq!(at(1).parameters, at(2).parameters);
        assert_eq!(at(0).y0, [[3.0, 4.0], [1.0, 0.0]]);
    }
}

#[test]
fn failures_are_those_of_our_own_methods() {
    let scalar = |rhs: &str| {
        let json =
            format!(r#"{{ "states": {{ "x": {{ "rhs": "{rhs}" }} }}, "parameters": {{ "k": {{ "init": 1 }} }} }}"#);
        compile(&json, &["x"], &[])
    };
    let (blow_up, domain) = (scalar("k*x^2"), scalar("-k + 0*sqrt(x)"));
    let run = |field: &dyn VectorField, y0: f64, times: &[f64], solver: &dyn Solver| {
        let problems = [Problem { y0: vec![y0], times: times.to_vec() }];
        let batch = solver.solve_many(field, &[1.0], &problems);
        let gradient = batch.pullback(field, &[1.0], &[vec![1.0; times.len()]]);
        let error = batch.trajectories[0].as_ref().unwrap_err().clone();
        assert_eq!((&gradient.y0[0][..], &gradient.parameters[..]), (&[0.0][..], &[0.0][..]), "{error}");
        error
    };
    for method in ["bdf", "esdirk34"] {
        let solver = |atol: Tolerance, max_steps: usize| -> Box<dyn Solver> {
            match method {
                "bdf" => Box::new(Bdf { max_steps, ..Bdf::new(1e-6, atol) }),
                _ => Box::new(Esdirk34 { max_steps, ..Esdirk34::new(1e-6, atol) }),
            }
        };
        let usual = solver(1e-8.into(), 10_000);
        let error = run(blow_up.field(), 1.0, &[0.0, 0.5, 2.0], usual.as_ref());
        let (OdeError::StepUnderflow { t, .. } | OdeError::MaxSteps { t, .. } | OdeError::FieldNotFinite { t, .. }) =
            &error
        else {
            panic!("{error}")
        };
        assert!((t - 1.0).abs() < 1e-3, "{method}: {error}");
        assert!((error.partial()[1] - 2.0).abs() < 1e-4 && error.partial().len() == 2);
        let error = run(blow_up.field(), 1.0, &[0.0, 0.9], solver(1e-8.into(), 3).as_ref());
        assert!(matches!(error, OdeError::MaxSteps { max_steps: 3, .. }), "{method}: {error}");
        let error = run(blow_up.field(), f64::NAN, &[0.0, 0.9], usual.as_ref());
        assert!(matches!(error, OdeError::InitialStateNotFinite { .. }));
        let error = run(blow_up.field(), 1.0, &[0.0, 0.9], solver(Tolerance::PerComponent(vec![1e-8; 2]), 9).as_ref());
        assert!(matches!(error, OdeError::Length { what: "atol", .. }));
        let error = run(domain.field(), -1.0, &[0.0, 1.0], usual.as_ref());
        assert!(matches!(error, OdeError::FieldNotFinite { t: 0.0, .. }), "{method}: {error}");
        let error = run(domain.field(), 1.0, &[0.0, 0.5, 2.0], usual.as_ref());
        let OdeError::FieldNotFinite { t, partial, .. } = &error else { panic!("{method}: {error}") };
        assert!((t - 1.0).abs() < 1e-6 && (partial[1] - 0.5).abs() < 1e-9, "{method}: {error}");
    }
}

#[test]
fn where_one_method_fails_the_other_has_a_try() {
    let field = fields::lotka_volterra();
    let problems = [Problem { y0: Y0.to_vec(), times: vec![0.0, 2.0] }];
    let solve = |solver: &dyn Solver| solver.solve_many(&field, &THETA, &problems).trajectories[0].clone().unwrap();
    let (bdf, esdirk34) = (solve(&Bdf::new(1e-3, 1e-5)), solve(&Esdirk34::new(1e-3, 1e-5)));
    let steps = |t: &surprisal_ode::Trajectory| t.statistics.n_accepted + t.statistics.n_rejected;
    assert!(steps(&bdf) > steps(&esdirk34));
    let limited = solve(&Bdf { max_steps: steps(&esdirk34), ..Bdf::new(1e-3, 1e-5) });
    assert_eq!(limited, esdirk34);
}
