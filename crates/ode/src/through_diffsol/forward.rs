//! The forward solve: one step after the other, from data time to data time.

use diffsol::error::OdeSolverError;
use diffsol::{DiffsolError, OdeSolverMethod, OdeSolverStopReason, VectorCommon};

use super::Method;
use super::equations::Moving;
use crate::batch::Problem;
use crate::error::OdeError;
use crate::solve::{Statistics, underflows};
use crate::tsit5::Tsit5;

/// The steps of one trajectory.
pub(super) struct Reached<S> {
    /// Where each step ended.
    pub(super) ends: Vec<S>,
    /// `[n_times − 1]`: the number of steps up to each data time after the first.
    pub(super) n_steps: Vec<usize>,
}

/// Integrates a problem that has been checked; returns its steps, its states `[n_times * dim]`, and
/// what they cost except for the evaluations.
pub(super) fn integrate<M: Method>(
    moving: &Moving<'_>,
    parameters: &[f64],
    limits: &Tsit5,
    problem: &Problem,
) -> Result<(Reached<M::State>, Vec<f64>, Statistics), OdeError> {
    let Problem { y0, times } = problem;
    let (t0, t_end) = (times[0], times[times.len() - 1]);
    let mut reached = Reached { ends: vec![], n_steps: vec![] };
    let mut states = y0.clone();
    if t0 == t_end {
        return Ok((reached, states, Statistics::default()));
    }
    let fail = |t: f64, h: f64, partial: &[f64]| {
        let partial = partial.to_vec();
        if moving.take_not_finite() {
            OdeError::FieldNotFinite { t, t_end, partial }
        } else {
            OdeError::StepUnderflow { t, h, t_end, partial }
        }
    };
    let equations = moving.problem(parameters, t0, limits).map_err(|_| fail(t0, 0.0, &states))?;
    let mut solver = M::start(&equations).map_err(|_| fail(t0, 0.0, &states))?;
    if moving.take_not_finite() {
        return Err(OdeError::FieldNotFinite { t: t0, t_end, partial: states });
    }
    for &time in &times[1..] {
        let mut arrived = match solver.set_stop_time(time) {
            Ok(()) => false,
            // as close as rounding allows
            Err(DiffsolError::OdeSolverError(OdeSolverError::StopTimeAtCurrentTime)) => true,
            Err(_) => return Err(fail(solver.state().t, solver.state().h, &states)),
        };
        while !arrived {
            let t = solver.state().t;
            let statistics = solver.get_statistics();
            if statistics.number_of_steps + n_rejected(statistics) >= limits.max_steps {
                return Err(OdeError::MaxSteps { max_steps: limits.max_steps, t, t_end, partial: states });
            }
            let reason = solver.step();
            let (after, h) = (solver.state().t, solver.state().h);
            arrived = matches!(reason, Ok(OdeSolverStopReason::TstopReached));
            let finite = solver.state().y.inner().iter().all(|y| y.is_finite());
            if reason.is_err() || !finite || (!arrived && underflows(after, h)) {
                return Err(fail(t, h, &states));
            }
            // a trial outside the domain of the field was only a rejected step
            moving.take_not_finite();
            reached.ends.push(solver.state_clone());
        }
        states.extend(solver.state().y.inner().iter().chain(moving.resting()));
        reached.n_steps.push(reached.ends.len());
    }
    let statistics = solver.get_statistics();
    let counts =
        Statistics { n_accepted: statistics.number_of_steps, n_rejected: n_rejected(statistics), n_evaluations: 0 };
    Ok((reached, states, counts))
}

fn n_rejected(statistics: &diffsol::ode_solver::OdeSolverStatistics) -> usize {
    statistics.number_of_error_test_failures + statistics.number_of_nonlinear_solver_fails
}
