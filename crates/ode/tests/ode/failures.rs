//! Every way to fail, with the text the user reads.

use surprisal_core::{Blame, Diagnose};
use surprisal_ode::{OdeError, Problem, Solver, Tolerance, Tsit5, solve};

use crate::fields::{self, ClosedForm};

/// A field of one state and no parameters, for solves that need no gradient.
fn scalar(rhs: fn(f64, &[f64], &[f64], &mut [f64])) -> ClosedForm {
    ClosedForm { dim: 1, n_parameters: 0, rhs, jacobians: |_, _, _, _, _| {} }
}

fn fail(field: &ClosedForm, y0: &[f64], times: &[f64], config: &Tsit5) -> OdeError {
    let parameters = vec![1.0; field.n_parameters];
    let error = solve(field, &parameters, y0, times, config).unwrap_err();
    assert_eq!(error.blame(), Blame::User);
    error
}

fn config() -> Tsit5 {
    Tsit5::new(1e-6, 1e-8)
}

#[test]
fn times_must_increase_and_be_finite() {
    let field = fields::damped_pendulum();
    let text = |times: &[f64]| fail(&field, &[1.0, 0.0], times, &config()).to_string();
    assert_eq!(text(&[]), "a trajectory needs at least one time, the initial one");
    assert_eq!(text(&[0.0, 1.0, 0.5]), "times must increase, found 0.5 after 1 (time 2)");
    assert_eq!(text(&[0.0, 0.0]), "times must increase, found 0 after 0 (time 1)");
    assert_eq!(text(&[0.0, f64::NAN]), "times must be finite, found NaN (time 1)");
}

#[test]
fn arguments_must_fit_the_field() {
    let field = fields::damped_pendulum();
    let text = |y0: &[f64], config: &Tsit5| fail(&field, y0, &[0.0, 1.0], config).to_string();
    assert_eq!(text(&[1.0], &config()), "`y0` must have length 2, found 1");
    assert_eq!(text(&[1.0, f64::INFINITY], &config()), "initial states must be finite, found inf (state 1)");
    assert_eq!(text(&[1.0, 0.0], &Tsit5::new(0.0, 1e-8)), "`rtol` must be positive and finite, found 0");
    assert_eq!(text(&[1.0, 0.0], &Tsit5::new(1e-6, -1.0)), "`atol` must be positive and finite, found -1");
    let three = Tolerance::PerComponent(vec![1e-8; 3]);
    assert_eq!(text(&[1.0, 0.0], &Tsit5::new(1e-6, three)), "`atol` must have length 2, found 3");
    let error = solve(&field, &[1.0], &[1.0, 0.0], &[0.0, 1.0], &config()).unwrap_err();
    assert_eq!(error.to_string(), "`parameters` must have length 2, found 1");
}

#[test]
fn the_step_limit_counts_and_keeps_what_was_reached() {
    let times: Vec<f64> = (0..=100).map(f64::from).collect();
    let error = fail(&fields::damped_pendulum(), &[1.0, 0.0], &times, &Tsit5 { max_steps: 40, ..config() });
    let OdeError::MaxSteps { max_steps: 40, t, t_end: 100.0, partial } = &error else { panic!("{error}") };
    assert_eq!(error.to_string(), format!("no more than 40 steps were allowed, and they reached t = {t} of 100"));
    assert_eq!(partial.len(), 2 * (1 + t.floor() as usize));
    assert_eq!(partial[..2], [1.0, 0.0]);
    assert!(error.hint().unwrap().contains("max_steps"));
}

#[test]
fn a_stiff_problem_hits_the_step_limit() {
    let field = scalar(|t, y, _, out| out[0] = -1e6 * (y[0] - t.cos()));
    let error = fail(&field, &[0.0], &[0.0, 1.0], &Tsit5 { max_steps: 500, ..config() });
    assert!(matches!(error, OdeError::MaxSteps { t, .. } if t < 0.01), "{error}");
    assert!(error.hint().unwrap().contains("stiff"));
}

#[test]
fn a_blow_up_ends_where_the_solution_does() {
    // y = 1/(1 − t)
    let error = fail(&scalar(|_, y, _, out| out[0] = y[0] * y[0]), &[1.0], &[0.0, 0.5, 2.0], &config());
    let OdeError::StepUnderflow { t, h, t_end: 2.0, partial } = &error else { panic!("{error}") };
    assert!((t - 1.0).abs() < 1e-5 && *h < 1e-14);
    assert!((partial[1] - 2.0).abs() < 1e-5 && partial.len() == 2);
    assert_eq!(
        error.to_string(),
        format!("the step size fell to {h:e} at t = {t} of 2: the solution blows up, jumps or is too stiff there")
    );
}

#[test]
fn a_field_that_is_not_finite_at_the_start_says_so() {
    let error = fail(&scalar(|_, y, _, out| out[0] = y[0].ln()), &[-1.0], &[0.0, 1.0], &config());
    assert_eq!(error.to_string(), "the right-hand side is not finite at or just after t = 0 of 1");
    assert_eq!(error.partial(), [-1.0]);
}

#[test]
fn a_field_that_stops_existing_ends_there() {
    // y′ = −1 while y > 0: the square root of a negative number from t = 1 on
    let field = scalar(|_, y, _, out| out[0] = -1.0 + 0.0 * y[0].sqrt());
    let error = fail(&field, &[1.0], &[0.0, 0.5, 2.0], &config());
    let OdeError::FieldNotFinite { t, partial, .. } = &error else { panic!("{error}") };
    assert!((t - 1.0).abs() < 1e-12 && (partial[1] - 0.5).abs() < 1e-12);
}

#[test]
fn a_trial_step_outside_the_domain_is_only_a_rejected_step() {
    // y′ = −√y reaches y = (1 − t/2)² and is integrated to just before it touches 0
    let field = scalar(|_, y, _, out| out[0] = -y[0].sqrt());
    let solution = solve(&field, &[], &[1.0], &[0.0, 1.99], &Tsit5::new(1e-3, 1e-3)).unwrap();
    assert!((solution.states[1] - (1.0_f64 - 1.99 / 2.0).powi(2)).abs() < 1e-2);
}

#[test]
fn one_failure_leaves_the_rest_of_a_batch_alone() {
    let field = ClosedForm {
        dim: 1,
        n_parameters: 1,
        rhs: |_, y, p, out| out[0] = p[0] * y[0] * y[0],
        jacobians: |_, y, p, j, q| {
            j[0] = 2.0 * p[0] * y[0];
            q[0] = y[0] * y[0];
        },
    };
    let times = vec![0.0, 0.9];
    let problems = [0.5, 2.0, -1.0].map(|y| Problem { y0: vec![y], times: times.clone() });
    let batch = config().solve_many(&field, &[1.0], &problems);
    assert!(matches!(batch.trajectories[1], Err(OdeError::StepUnderflow { .. })));
    let gradient = batch.pullback(&field, &[1.0], &[vec![0.0, 1.0], vec![], vec![0.0, 1.0]]);
    assert_eq!(gradient.y0[1], [0.0]);
    // y(t) = y₀/(1 − θ y₀ t): ∂y/∂y₀ = 1/(1 − θ y₀ t)²
    assert!((gradient.y0[0][0] - 1.0 / (1.0_f64 - 0.45).powi(2)).abs() < 1e-4);
    assert!((gradient.y0[2][0] - 1.0 / (1.0_f64 + 0.9).powi(2)).abs() < 1e-4);
}
