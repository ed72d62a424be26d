//! The forward solve of a stiff trajectory: adaptive implicit steps that end at the data times.
//!
//! The error estimate is multiplied by (I − hγJ)⁻¹, which takes out what the method damps anyway (E.
//! Hairer, G. Wanner, *Solving Ordinary Differential Equations II*, 2nd ed. (1996), section IV.8,
//! eq. 8.20); the next step is h·min(5, max(1/5, 0.9·e^−1/3)). A step is rejected where that error
//! exceeds 1, and quartered where Newton's method does not converge.

use super::Esdirk3;
use super::newton::System;
use super::tableau::{C, EMBEDDED, N_STAGES, weight};
use super::tape::{Step, StiffTape, known_part, slope};
use crate::controller::first_guess;
use crate::error::OdeError;
use crate::field::VectorField;
use crate::solve::{Statistics, check, underflows};

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
    config: &Esdirk3,
) -> Result<StiffSolution, OdeError> {
    config.tolerances().check(field.dim() - field.n_resting())?;
    let (t0, t_end) = check(field, parameters, y0, times)?;
    let mut run = Forward {
        system: System { field, parameters },
        config,
        n_controlled: field.dim() - field.n_resting(),
        states: y0.to_vec(),
        y: y0.to_vec(),
        steps: vec![],
        statistics: Statistics::default(),
    };
    if t0 < t_end {
        let slope = run.system.rhs(t0, y0).0;
        run.statistics.n_evaluations += 1;
        if slope.iter().any(|k| !k.is_finite()) {
            return Err(OdeError::FieldNotFinite { t: t0, t_end, partial: run.states });
        }
        let norm = |values: &[f64]| scaled_norm(config, run.n_controlled, values, y0);
        let mut h = first_guess(norm(y0), norm(&slope));
        for pair in times.windows(2) {
            h = run.to(pair[0], pair[1], h, t_end)?;
        }
    }
    let tape = StiffTape { n: y0.len(), steps: run.steps };
    Ok(StiffSolution { states: run.states, tape, statistics: run.statistics })
}

struct Forward<'a> {
    system: System<'a>,
    config: &'a Esdirk3,
    n_controlled: usize,
    states: Vec<f64>,
    y: Vec<f64>,
    steps: Vec<Step>,
    statistics: Statistics,
}

/// What an attempted step gave.
struct Attempt {
    stages: Vec<Vec<f64>>,
    error: f64,
}

impl Forward<'_> {
    /// From one data time to the next, beginning with steps of `h`; returns the size of the next.
    fn to(&mut self, from: f64, until: f64, mut h: f64, t_end: f64) -> Result<f64, OdeError> {
        let mut t = from;
        loop {
            if self.statistics.n_accepted + self.statistics.n_rejected == self.config.max_steps {
                let (max_steps, partial) = (self.config.max_steps, self.partial());
                return Err(OdeError::MaxSteps { max_steps, t, t_end, partial });
            }
            let remaining = until - t;
            // no sliver of an interval is left to the end
            let last = h >= remaining * (1.0 - 1e-9);
            let size = if last { remaining } else { h };
            if !last && underflows(t, size) {
                return Err(OdeError::StepUnderflow { t, h: size, t_end, partial: self.partial() });
            }
            let attempt = self.attempt(t, size);
            let Some(Attempt { stages, error }) = attempt.filter(|attempt| attempt.error.is_finite()) else {
                self.statistics.n_rejected += 1;
                h = 0.25 * size;
                continue;
            };
            let factor = (0.9 * error.max(1e-10).powf(-1.0 / 3.0)).clamp(0.2, 5.0);
            if error > 1.0 {
                self.statistics.n_rejected += 1;
                h = size * factor.min(0.9);
                continue;
            }
            self.statistics.n_accepted += 1;
            self.y.copy_from_slice(&stages[N_STAGES - 1]);
            self.steps.push(Step { t, h: size, stages, is_output: last });
            // a step that a data time cut short says nothing against longer ones
            h = if last { h.max(size * factor) } else { size * factor };
            t += size;
            if last {
                self.states.extend_from_slice(&self.y);
                return Ok(h);
            }
        }
    }

    fn attempt(&mut self, t: f64, h: f64) -> Option<Attempt> {
        let start = self.y.clone();
        let (config, n_controlled) = (self.config, self.n_controlled);
        let norm = |d: &[f64]| scaled_norm(config, n_controlled, d, &start);
        let first = self.system.rhs(t, &start).0;
        self.statistics.n_evaluations += 1;
        let (mut slopes, mut stages) = (vec![first], vec![start.clone()]);
        let mut factors = None;
        for i in 1..N_STAGES {
            let known = known_part(&start, h, i, &slopes);
            // the slope before it is the first guess of this one's
            let last = &slopes[i - 1];
            let guess = known.iter().zip(last).map(|(r, k)| r + h * super::tableau::GAMMA * k).collect();
            let stage = self.system.stage(t + C[i] * h, h, &known, guess, &norm)?;
            self.statistics.n_evaluations += stage.n_evaluations;
            slopes.push(slope(&stage.state, &known, h));
            stages.push(stage.state);
            factors = Some(stage.lu);
        }
        let mut raw = vec![0.0; start.len()];
        for (i, k) in slopes.iter().enumerate() {
            let e = weight(i) - EMBEDDED[i];
            raw.iter_mut().zip(k).for_each(|(error, k)| *error += h * e * k);
        }
        let error = factors?.solve(&raw);
        let sizes: Vec<f64> = start.iter().zip(&stages[N_STAGES - 1]).map(|(a, b)| a.abs().max(b.abs())).collect();
        Some(Attempt { error: scaled_norm(config, n_controlled, &error, &sizes), stages })
    }

    /// Takes the states reached so far, for an error.
    fn partial(&mut self) -> Vec<f64> {
        std::mem::take(&mut self.states)
    }
}

/// The scaled norm of the first `n` of `values` where states have these sizes.
fn scaled_norm(config: &Esdirk3, n: usize, values: &[f64], sizes: &[f64]) -> f64 {
    let scaled = values.iter().zip(sizes).take(n).enumerate();
    let sum: f64 = scaled.map(|(i, (v, size))| (v / (config.atol.of(i) + config.rtol * size.abs())).powi(2)).sum();
    (sum / n as f64).sqrt()
}
