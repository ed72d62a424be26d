//! The record of a stiff trajectory.

use super::newton::System;
use super::tableau::{A, C, GAMMA, N_STAGES};
use crate::field::VectorField;

/// An accepted step.
#[derive(Debug, Clone)]
pub(super) struct Step {
    pub(super) t: f64,
    pub(super) h: f64,
    /// `[N_STAGES][n]`: Yᵢ.
    pub(super) stages: Vec<Vec<f64>>,
    /// Whether a data time is at its end.
    pub(super) is_output: bool,
}

/// The record of one trajectory: its steps and stages.
#[derive(Debug, Clone)]
pub struct StiffTape {
    pub(super) n: usize,
    pub(super) steps: Vec<Step>,
}

impl StiffTape {
    /// Number of accepted steps.
    pub fn n_steps(&self) -> usize {
        self.steps.len()
    }

    /// The states at the data times, `[n_times * n]`, for other parameters or another initial state
    /// but the *same* steps; `None` where a stage has no solution. The function whose derivative
    /// [`StiffTape::pullback`] gives.
    pub fn replay(&self, field: &dyn VectorField, parameters: &[f64], y0: &[f64]) -> Option<Vec<f64>> {
        let system = System { field, parameters };
        let (mut states, mut y) = (y0.to_vec(), y0.to_vec());
        for step in &self.steps {
            let mut slopes = vec![system.rhs(step.t, &y).0];
            let start = y.clone();
            for i in 1..N_STAGES {
                let known = known_part(&start, step.h, i, &slopes);
                let scale: Vec<f64> = step.stages[i].iter().map(|y| 1e-9 * (y.abs() + 1e-6)).collect();
                let norm = |d: &[f64]| d.iter().zip(&scale).map(|(d, s)| (d / s).abs()).fold(0.0, f64::max);
                let time = step.t + C[i] * step.h;
                y = system.stage(time, step.h, &known, step.stages[i].clone(), &norm)?.state;
                slopes.push(slope(&y, &known, step.h));
            }
            if step.is_output {
                states.extend_from_slice(&y);
            }
        }
        Some(states)
    }
}

/// r = y + h Σ_{j<i} aᵢⱼkⱼ.
pub(super) fn known_part(start: &[f64], h: f64, i: usize, slopes: &[Vec<f64>]) -> Vec<f64> {
    let mut known = start.to_vec();
    for (&a, k) in A[i].iter().zip(slopes) {
        known.iter_mut().zip(k).for_each(|(r, k)| *r += h * a * k);
    }
    known
}

/// kᵢ = (Yᵢ − r)/(hγ): unlike f(Yᵢ), it does not multiply what is left of Newton's error by J.
pub(super) fn slope(state: &[f64], known: &[f64], h: f64) -> Vec<f64> {
    state.iter().zip(known).map(|(y, r)| (y - r) / (h * GAMMA)).collect()
}
