//! The forward solve of a stiff trajectory: adaptive implicit steps that end at the data times.
//!
//! The error estimate is multiplied by (I − hγJ)⁻¹, which takes out what the method damps anyway (E.
//! Hairer, G. Wanner, *Solving Ordinary Differential Equations II*, 2nd ed. (1996), section IV.8,
//! eq. 8.20); with q the order of that error the next step is h·min(5, max(1/5, 0.9·e^−1/q)). A step is
//! rejected where that error exceeds 1, and quartered where Newton's method does not converge.

use super::Implicit;
use super::extrapolation::Extrapolation;
use super::newton::System;
use super::tableau::Tableau;
use super::tape::{Step, StiffTape, known_part};
use super::together::Together;
use crate::controller::first_guess;
use crate::error::OdeError;
use crate::field::VectorField;
use crate::solve::{Statistics, check, underflows};
use crate::tsit5::Tsit5;

/// One integrated stiff trajectory.
#[derive(Debug, Clone)]
pub struct StiffSolution {
    /// `[n_times * n]`: the states at the data times.
    pub states: Vec<f64>,
    /// The record of how they came about.
    pub tape: StiffTape,
    /// What it cost.
    pub statistics: Statistics,
}

/// Integrates `field` from `y0` at `times[0]` to `times[n_times − 1]`.
///
/// # Shapes
/// As [`crate::solve::solve`].
pub fn solve_stiff(
    field: &dyn VectorField,
    parameters: &[f64],
    y0: &[f64],
    times: &[f64],
    method: &impl Implicit,
) -> Result<StiffSolution, OdeError> {
    solve_with(&mut None, field, parameters, y0, times, method)
}

/// What solves of one field share.
pub(super) struct Workspace<'a> {
    system: System<'a>,
    /// Where the field has lanes.
    together: Option<Together<'a>>,
    /// `[s][i]`
    predictors: Vec<Vec<f64>>,
}

impl<'a> Workspace<'a> {
    fn new(field: &'a dyn VectorField, parameters: &'a [f64], tableau: &Tableau) -> Self {
        let lanes = if Together::fits(tableau) { field.lanes(parameters) } else { None };
        Self {
            system: System::new(field, parameters),
            together: lanes.map(|lanes| Together::new(lanes, field.dim())),
            predictors: (0..tableau.n_stages()).map(|i| tableau.predictor(i)).collect(),
        }
    }
}

/// [`solve_stiff`], after which `workspace` serves further problems of the same field, parameters and method.
pub(super) fn solve_with<'a>(
    workspace: &mut Option<Workspace<'a>>,
    field: &'a dyn VectorField,
    parameters: &'a [f64],
    y0: &[f64],
    times: &[f64],
    method: &impl Implicit,
) -> Result<StiffSolution, OdeError> {
    let (tableau, config) = (method.tableau(), method.tolerances());
    config.check(field.dim() - field.n_resting())?;
    let (t0, t_end) = check(field, parameters, y0, times)?;
    let n = y0.len();
    let mut run = Forward {
        workspace: workspace.get_or_insert_with(|| Workspace::new(field, parameters, tableau)),
        config: &config,
        n_controlled: n - field.n_resting(),
        states: y0.to_vec(),
        y: y0.to_vec(),
        tape: StiffTape { tableau, n, steps: vec![], stages: vec![] },
        statistics: Statistics::default(),
        ends: Extrapolation::new(n),
        stages: vec![0.0; tableau.n_stages() * n],
        slopes: vec![0.0; tableau.n_stages() * n],
        known: vec![0.0; n],
        error: vec![0.0; n],
        allowed: vec![0.0; n],
    };
    if t0 < t_end {
        let system = &mut run.workspace.system;
        system.evaluate(t0, y0);
        run.statistics.n_evaluations += 1;
        if system.slope.iter().any(|k| !k.is_finite()) {
            return Err(OdeError::FieldNotFinite { t: t0, t_end, partial: run.states });
        }
        run.ends.push(t0, y0, &system.slope);
        run.allow();
        let mut h = first_guess(run.norm(&run.y), run.norm(&run.workspace.system.slope));
        for pair in times.windows(2) {
            h = run.to(pair[0], pair[1], h, t_end)?;
        }
    }
    Ok(StiffSolution { states: run.states, tape: run.tape, statistics: run.statistics })
}

/// The size of a step of `h`, or of what remains until the next data time, and whether it ends there.
pub(super) fn next_size(t: f64, h: f64, until: f64) -> (f64, bool) {
    let remaining = until - t;
    // no sliver of an interval is left to the end
    let last = h >= remaining * (1.0 - 1e-9);
    (if last { remaining } else { h }, last)
}

/// The next step size over this one's.
pub(super) fn step_factor(tableau: &Tableau, error: f64) -> f64 {
    (0.9 * error.max(1e-10).powf(-1.0 / f64::from(tableau.error_order))).clamp(0.2, 5.0)
}

struct Forward<'w, 'a> {
    workspace: &'w mut Workspace<'a>,
    config: &'w Tsit5,
    n_controlled: usize,
    states: Vec<f64>,
    y: Vec<f64>,
    tape: StiffTape,
    statistics: Statistics,
    /// Of the steps accepted so far.
    ends: Extrapolation,
    /// Of the attempted step: `[s, n]`.
    stages: Vec<f64>,
    slopes: Vec<f64>,
    /// `[n]`
    known: Vec<f64>,
    error: Vec<f64>,
    /// `[n]`: the error that is allowed of each state.
    allowed: Vec<f64>,
}

impl Forward<'_, '_> {
    /// From one data time to the next, beginning with steps of `h`; returns the size of the next.
    fn to(&mut self, from: f64, until: f64, mut h: f64, t_end: f64) -> Result<f64, OdeError> {
        let mut t = from;
        loop {
            if self.statistics.n_accepted + self.statistics.n_rejected == self.config.max_steps {
                let (max_steps, partial) = (self.config.max_steps, self.partial());
                return Err(OdeError::MaxSteps { max_steps, t, t_end, partial });
            }
            let (size, last) = next_size(t, h, until);
            if !last && underflows(t, size) {
                return Err(OdeError::StepUnderflow { t, h: size, t_end, partial: self.partial() });
            }
            let Some(error) = self.attempt(t, size).filter(|error| error.is_finite()) else {
                self.statistics.n_rejected += 1;
                h = 0.25 * size;
                continue;
            };
            let factor = step_factor(self.tape.tableau, error);
            if error > 1.0 {
                self.statistics.n_rejected += 1;
                h = size * factor.min(0.9);
                continue;
            }
            self.statistics.n_accepted += 1;
            self.y.copy_from_slice(&self.stages[self.stages.len() - self.tape.n..]);
            self.tape.stages.extend_from_slice(&self.stages);
            self.ends.push(t + size, &self.y, &self.slopes[self.slopes.len() - self.tape.n..]);
            self.tape.steps.push(Step { t, h: size, is_output: last });
            // a step that a data time cut short says nothing against longer ones
            h = if last { h.max(size * factor) } else { size * factor };
            t += size;
            if last {
                self.states.extend_from_slice(&self.y);
                return Ok(h);
            }
        }
    }

    /// The scaled error of a step, whose stages it computes; `None` where Newton's method fails.
    fn attempt(&mut self, t: f64, h: f64) -> Option<f64> {
        let (tableau, n) = (self.tape.tableau, self.tape.n);
        self.allow();
        self.stages[..n].copy_from_slice(&self.y);
        let together = self.stages_together(t, h);
        if together.is_none() {
            self.stages_one_by_one(t, h)?;
        }
        self.error.fill(0.0);
        for (&e, k) in tableau.error.iter().zip(self.slopes.chunks_exact(n)) {
            self.error.iter_mut().zip(k).for_each(|(error, k)| *error += h * e * k);
        }
        match &self.workspace.together {
            Some(lanes) if together.is_some() => lanes.damp(tableau, &mut self.error),
            _ => self.workspace.system.lu.solve(&mut self.error),
        }
        let end = self.stages.len() - n;
        for (i, allowed) in self.allowed.iter_mut().enumerate().take(self.n_controlled) {
            let size = self.y[i].abs().max(self.stages[end + i].abs());
            *allowed = self.config.atol.of(i) + self.config.rtol * size;
        }
        Some(self.norm(&self.error))
    }

    /// Solves for all stages at once; `None` where that is not possible.
    fn stages_together(&mut self, t: f64, h: f64) -> Option<()> {
        let (tableau, n) = (self.tape.tableau, self.tape.n);
        let lanes = self.workspace.together.as_mut()?;
        for (guess, c) in self.stages.chunks_exact_mut(n).zip(tableau.c).skip(1) {
            self.ends.at(t + c * h, guess);
        }
        let norm = |d: &[f64]| scaled_norm(self.n_controlled, d, &self.allowed);
        let evaluations = lanes.solve((t, h), tableau, &mut self.stages, &mut self.slopes, norm)?;
        self.statistics.n_evaluations += evaluations;
        Some(())
    }

    /// Solves for one stage after the other; `None` where Newton's method fails.
    fn stages_one_by_one(&mut self, t: f64, h: f64) -> Option<()> {
        let (tableau, n) = (self.tape.tableau, self.tape.n);
        let Workspace { system, predictors, .. } = &mut *self.workspace;
        let h_gamma = h * tableau.gamma;
        system.evaluate(t, &self.y);
        self.statistics.n_evaluations += 1;
        self.slopes[..n].copy_from_slice(&system.slope);
        for i in 1..tableau.n_stages() {
            known_part(tableau, &self.y, h, i, &self.slopes, &mut self.known);
            let (before, this) = self.stages.split_at_mut(i * n);
            let stage = &mut this[..n];
            if i == 1 {
                // nothing but a slope to go by
                for (j, guess) in stage.iter_mut().enumerate() {
                    *guess = self.known[j] + h_gamma * self.slopes[j];
                }
            } else {
                stage.fill(0.0);
                for (&weight, before) in predictors[i].iter().zip(before.chunks_exact(n)) {
                    stage.iter_mut().zip(before).for_each(|(guess, y)| *guess += weight * y);
                }
                // a state at rest may be the number of a trajectory, which rounding must not touch
                stage[self.n_controlled..].copy_from_slice(&self.y[self.n_controlled..]);
            }
            let norm = |d: &[f64]| scaled_norm(self.n_controlled, d, &self.allowed);
            let evaluations = system.stage(t + tableau.c[i] * h, h_gamma, &self.known, stage, norm)?;
            self.statistics.n_evaluations += evaluations;
            // unlike f(Yᵢ), this does not multiply what is left of Newton's error by J
            for (j, slope) in self.slopes[i * n..][..n].iter_mut().enumerate() {
                *slope = (stage[j] - self.known[j]) / h_gamma;
            }
        }
        Some(())
    }

    /// Errors that are allowed where the step begins.
    fn allow(&mut self) {
        for (i, (allowed, y)) in self.allowed.iter_mut().zip(&self.y).enumerate().take(self.n_controlled) {
            *allowed = self.config.atol.of(i) + self.config.rtol * y.abs();
        }
    }

    fn norm(&self, values: &[f64]) -> f64 {
        scaled_norm(self.n_controlled, values, &self.allowed)
    }

    /// Takes the states reached so far, for an error.
    fn partial(&mut self) -> Vec<f64> {
        std::mem::take(&mut self.states)
    }
}

/// The scaled norm of the first `n` of `values`, of which so much is allowed each.
fn scaled_norm(n: usize, values: &[f64], allowed: &[f64]) -> f64 {
    let sum: f64 = values.iter().zip(allowed).take(n).map(|(v, allowed)| (v / allowed).powi(2)).sum();
    (sum / n as f64).sqrt()
}
