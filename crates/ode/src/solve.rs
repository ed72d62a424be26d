//! The forward solve of one trajectory: adaptive steps, states at the data times.
//!
//! The first data time is t₀, where the state is y₀. Steps ignore the other data times, where the
//! interpolant is evaluated, and end exactly at the last. A step is rejected where its scaled error
//! exceeds 1 or anything in it is not finite.

use crate::controller::{Controller, first_guess, first_step, scaled_norm, without_rounding};
use crate::error::OdeError;
use crate::field::VectorField;
use crate::guard::{Crossing, Guards};
use crate::tableau::{E, N_STAGES};
use crate::tape::{Output, Tape};

pub(crate) use crate::tape::Step;
use crate::tsit5::Tsit5;

/// What a solve cost.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Statistics {
    /// Accepted steps.
    pub n_accepted: usize,
    /// Rejected steps.
    pub n_rejected: usize,
    /// Evaluations of the field.
    pub n_evaluations: usize,
}

/// One integrated trajectory.
#[derive(Debug, Clone)]
pub struct Solution {
    /// `[n_times * n]`: the states at the data times.
    pub states: Vec<f64>,
    /// The record of how they came about.
    pub tape: Tape,
    /// What it cost.
    pub statistics: Statistics,
}

impl Solution {
    /// The states at any times within the solved interval, `[times.len() * n]`, by the interpolant:
    /// for figures. Times outside are taken as its nearest end.
    pub fn dense(&self, times: &[f64]) -> Vec<f64> {
        let (n, steps) = (self.tape.dim(), &self.tape.steps);
        let mut states = vec![0.0; times.len() * n];
        for (&time, out) in times.iter().zip(states.chunks_exact_mut(n)) {
            let later = steps.partition_point(|step| step.t <= time);
            match steps.get(later.saturating_sub(1)) {
                Some(&Step { t, h }) => {
                    let theta = ((time - t) / h).clamp(0.0, 1.0);
                    self.tape.interpolate(later.saturating_sub(1), h, theta, out);
                }
                None => out.copy_from_slice(&self.states[..n]),
            }
        }
        states
    }
}

/// Integrates `field` from `y0` at `times[0]` to `times[n_times − 1]`.
///
/// # Shapes
/// `parameters` `[p]`, `y0` `[n]`, `times` `[n_times]` strictly increasing; the states of the result
/// are `[n_times * n]`.
pub fn solve(
    field: &dyn VectorField,
    parameters: &[f64],
    y0: &[f64],
    times: &[f64],
    config: &Tsit5,
) -> Result<Solution, OdeError> {
    Ok(solve_until(field, parameters, y0, times, config, None)?.0)
}

/// The same up to the moment at which one of the guards passes zero: that moment is then the last data
/// time of the solution, in place of those behind it.
pub(crate) fn solve_until(
    field: &dyn VectorField,
    parameters: &[f64],
    y0: &[f64],
    times: &[f64],
    config: &Tsit5,
    guards: Option<Guards<'_>>,
) -> Result<(Solution, Option<Crossing>), OdeError> {
    config.check(field.dim() - field.n_resting())?;
    let (t0, t_end) = check(field, parameters, y0, times)?;
    let mut run = Forward {
        field,
        parameters,
        config,
        times,
        tape: Tape::new(field),
        states: y0.to_vec(),
        statistics: Statistics::default(),
        guards,
        crossing: None,
    };
    if t0 < t_end {
        run.integrate(t0, t_end, y0)?;
    }
    Ok((Solution { states: run.states, tape: run.tape, statistics: run.statistics }, run.crossing))
}

/// Checks the problem; returns the first and the last time.
pub(crate) fn check(
    field: &dyn VectorField,
    parameters: &[f64],
    y0: &[f64],
    times: &[f64],
) -> Result<(f64, f64), OdeError> {
    let length = |what: &'static str, expected: usize, found: usize| {
        if expected == found { Ok(()) } else { Err(OdeError::Length { what, expected, found }) }
    };
    length("parameters", field.n_parameters(), parameters.len())?;
    length("y0", field.dim(), y0.len())?;
    if let Some(index) = y0.iter().position(|value| !value.is_finite()) {
        return Err(OdeError::InitialStateNotFinite { index, value: y0[index] });
    }
    if let Some(index) = times.iter().position(|time| !time.is_finite()) {
        return Err(OdeError::TimeNotFinite { index, time: times[index] });
    }
    if let Some(i) = times.windows(2).position(|pair| pair[1] <= pair[0]) {
        return Err(OdeError::TimesNotIncreasing { index: i + 1, previous: times[i], time: times[i + 1] });
    }
    match times {
        [] => Err(OdeError::NoTimes),
        [t0, .., t_end] => Ok((*t0, *t_end)),
        [t0] => Ok((*t0, *t0)),
    }
}

/// Whether a step size is too small to move t, with some room for its seven stages.
pub(crate) fn underflows(t: f64, h: f64) -> bool {
    h < 10.0 * (t.next_up() - t)
}

/// The next step of at most `h` and whether it is the last. It is stretched by a hair rather than
/// leave a sliver of an interval to the end.
pub(crate) fn next_step(t: f64, h: f64, t_end: f64) -> (Step, bool) {
    let remaining = t_end - t;
    let last = h >= remaining * (1.0 - 1e-9);
    (Step { t, h: if last { remaining } else { h } }, last)
}

struct Forward<'a> {
    field: &'a dyn VectorField,
    parameters: &'a [f64],
    config: &'a Tsit5,
    times: &'a [f64],
    tape: Tape,
    states: Vec<f64>,
    statistics: Statistics,
    guards: Option<Guards<'a>>,
    crossing: Option<Crossing>,
}

impl Forward<'_> {
    fn integrate(&mut self, t0: f64, t_end: f64, y0: &[f64]) -> Result<(), OdeError> {
        let mut t = t0;
        self.tape.start(self.field, self.parameters, t0, y0);
        self.statistics.n_evaluations = 1;
        if self.tape.slope(0, 0).iter().any(|k| !k.is_finite()) {
            return Err(OdeError::FieldNotFinite { t, t_end, partial: self.partial() });
        }
        let mut h = self.first_step(t0, y0);
        let mut controller = Controller::default();
        let mut error = 0.0_f64;
        while t < t_end && self.crossing.is_none() {
            if self.statistics.n_accepted + self.statistics.n_rejected == self.config.max_steps {
                return Err(OdeError::MaxSteps { max_steps: self.config.max_steps, t, t_end, partial: self.partial() });
            }
            let (step, last) = next_step(t, h, t_end);
            if !last && underflows(t, h) {
                let partial = self.partial();
                return Err(if error.is_finite() {
                    OdeError::StepUnderflow { t, h, t_end, partial }
                } else {
                    OdeError::FieldNotFinite { t, t_end, partial }
                });
            }
            self.tape.attempt(self.field, self.parameters, step);
            self.statistics.n_evaluations += N_STAGES - 1;
            error = self.error_norm(step.h);
            if error <= 1.0 {
                t = if last { t_end } else { t + step.h };
                self.accept(step, t);
                h = step.h * controller.accept(error);
            } else {
                self.statistics.n_rejected += 1;
                h = step.h * controller.reject(error);
            }
        }
        Ok(())
    }

    /// Records a step whose stages are on the tape, and the data times in it.
    fn accept(&mut self, step: Step, t_next: f64) {
        let n = self.tape.dim();
        let index = self.tape.steps.len();
        let done = self.tape.outputs.len() + 1;
        self.crossing = self.guards.as_mut().and_then(|guards| guards.search(&self.tape, index, step));
        let (until, last) = match &self.crossing {
            Some(crossing) => (crossing.t.next_down(), Some(crossing.theta)),
            None => (t_next, None),
        };
        let inside = self.times[done..].iter().take_while(|&&time| time <= until);
        for theta in inside.map(|time| (time - step.t) / step.h).chain(last) {
            let at = self.states.len();
            self.states.resize(at + n, 0.0);
            self.tape.interpolate(index, step.h, theta, &mut self.states[at..]);
            self.tape.outputs.push(Output { step: index, theta });
        }
        self.tape.steps.push(step);
        self.statistics.n_accepted += 1;
    }

    /// The scaled error of the attempted step; NaN where its end is not finite.
    fn error_norm(&self, h: f64) -> f64 {
        let step = self.tape.steps.len();
        let (start, end) = (self.tape.state(step, 0), self.tape.state(step, N_STAGES - 1));
        if end.iter().any(|y| !y.is_finite()) {
            return f64::NAN;
        }
        let mut errors = vec![0.0; start.len()];
        self.tape.weighted_slopes(step, &E, &mut errors);
        let sizes = start.iter().zip(end).map(|(y, y1)| y.abs().max(y1.abs()));
        let norm = |values: &mut dyn Iterator<Item = f64>| {
            scaled_norm(self.config, values, sizes.clone(), self.n_controlled())
        };
        let error = norm(&mut errors.iter().map(|e| h * e));
        match self.field.rounding() {
            0.0 => error,
            rounding => without_rounding(error, rounding, h, norm(&mut self.tape.slope(step, 0).iter().copied())),
        }
    }

    fn first_step(&mut self, t0: f64, y0: &[f64]) -> f64 {
        let n = y0.len();
        let slope = self.tape.slope(0, 0);
        let n_controlled = self.n_controlled();
        let norm = |values: &mut dyn Iterator<Item = f64>| {
            scaled_norm(self.config, values, y0.iter().map(|y| y.abs()), n_controlled)
        };
        let slope_norm = norm(&mut slope.iter().copied());
        let h0 = first_guess(norm(&mut y0.iter().copied()), slope_norm);
        let ahead: Vec<f64> = y0.iter().zip(slope).map(|(y, k)| y + h0 * k).collect();
        let (mut slope_ahead, mut tape) = (vec![0.0; n], vec![0.0; self.field.tape_len()]);
        self.field.rhs(self.parameters, t0 + h0, &ahead, &mut slope_ahead, &mut tape);
        self.statistics.n_evaluations += 1;
        let change = norm(&mut slope_ahead.iter().zip(slope).map(|(a, b)| a - b));
        first_step(h0, slope_norm, change)
    }

    /// States under error control.
    fn n_controlled(&self) -> usize {
        self.tape.dim() - self.field.n_resting()
    }

    /// Takes the states reached so far, for an error.
    fn partial(&mut self) -> Vec<f64> {
        std::mem::take(&mut self.states)
    }
}
