//! The record of a stiff trajectory.

use super::newton::System;
use super::tableau::Tableau;
use crate::field::VectorField;

/// An accepted step.
#[derive(Debug, Clone, Copy)]
pub(super) struct Step {
    pub(super) t: f64,
    pub(super) h: f64,
    /// Whether a data time is at its end.
    pub(super) is_output: bool,
}

/// The record of one trajectory: its steps and stages.
#[derive(Debug, Clone)]
pub struct StiffTape {
    pub(super) tableau: &'static Tableau,
    pub(super) n: usize,
    pub(super) steps: Vec<Step>,
    /// `[n_steps, s, n]`: Yᵢ.
    pub(super) stages: Vec<f64>,
}

impl StiffTape {
    /// Number of accepted steps.
    pub fn n_steps(&self) -> usize {
        self.steps.len()
    }

    /// Y `[s, n]` of a step.
    pub(super) fn stages_of(&self, step: usize) -> &[f64] {
        let length = self.tableau.n_stages() * self.n;
        &self.stages[step * length..][..length]
    }

    /// The states at the data times, `[n_times * n]`, for other parameters or another initial state
    /// but the *same* steps; `None` where a stage has no solution. The function whose derivative
    /// [`StiffTape::pullback`] gives.
    pub fn replay(&self, field: &dyn VectorField, parameters: &[f64], y0: &[f64]) -> Option<Vec<f64>> {
        let (tableau, n) = (self.tableau, self.n);
        let mut system = System::new(field, parameters);
        let (mut states, mut y) = (y0.to_vec(), y0.to_vec());
        for (index, step) in self.steps.iter().enumerate() {
            let h_gamma = step.h * tableau.gamma;
            system.evaluate(step.t, &y);
            let mut slopes = system.slope.clone();
            let start = y.clone();
            let mut known = vec![0.0; n];
            for (i, solved) in self.stages_of(index).chunks_exact(n).enumerate().skip(1) {
                known_part(tableau, &start, step.h, i, &slopes, &mut known);
                let norm = |d: &[f64]| {
                    d.iter().zip(solved).map(|(d, y)| (d / (1e-9 * (y.abs() + 1e-6))).abs()).fold(0.0, f64::max)
                };
                y.copy_from_slice(solved);
                system.stage(step.t + tableau.c[i] * step.h, h_gamma, &known, &mut y, norm)?;
                slopes.extend(y.iter().zip(&known).map(|(y, r)| (y - r) / h_gamma));
            }
            if step.is_output {
                states.extend_from_slice(&y);
            }
        }
        Some(states)
    }
}

/// r = y + h Σ_{j<i} aᵢⱼkⱼ.
pub(super) fn known_part(tableau: &Tableau, start: &[f64], h: f64, i: usize, slopes: &[f64], known: &mut [f64]) {
    known.copy_from_slice(start);
    for (&a, k) in tableau.a[i].iter().zip(slopes.chunks_exact(start.len())) {
        known.iter_mut().zip(k).for_each(|(r, k)| *r += h * a * k);
    }
}
