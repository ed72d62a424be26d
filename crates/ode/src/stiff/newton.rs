//! Newton's method for one implicit stage: Y = r + hγ f(t, Y).
//!
//! Iterated, with a new Jacobian each time, until an update is so small that the next would be
//! rounding: the derivative of the stage is then that of the equation it solves.

use super::lu::Lu;
use super::tableau::GAMMA;
use crate::field::VectorField;

/// An update of this scaled norm is the last; convergence is quadratic.
const SMALL: f64 = 1e-5;
const MAX_ITERATIONS: usize = 12;

/// A field at fixed parameters.
#[derive(Clone, Copy)]
pub(super) struct System<'a> {
    pub(super) field: &'a dyn VectorField,
    pub(super) parameters: &'a [f64],
}

/// A solved stage.
pub(super) struct Stage {
    pub(super) state: Vec<f64>,
    /// Of I − hγJ close to the state.
    pub(super) lu: Lu,
    pub(super) n_evaluations: usize,
}

impl System<'_> {
    /// f and the tape of its evaluation.
    pub(super) fn rhs(self, t: f64, y: &[f64]) -> (Vec<f64>, Vec<f64>) {
        let (mut dy, mut tape) = (vec![0.0; y.len()], vec![0.0; self.field.tape_len()]);
        self.field.rhs(self.parameters, t, y, &mut dy, &mut tape);
        (dy, tape)
    }

    /// J `[n, n]`, row-major, from the tape of an evaluation.
    pub(super) fn jacobian(self, t: f64, y: &[f64], tape: &[f64]) -> Vec<f64> {
        let n = y.len();
        let (mut jacobian, mut unit, mut column) = (vec![0.0; n * n], vec![0.0; n], vec![0.0; n]);
        for j in 0..n {
            unit[j] = 1.0;
            self.field.jvp(self.parameters, t, y, tape, &unit, &mut column);
            unit[j] = 0.0;
            column.iter().enumerate().for_each(|(i, value)| jacobian[i * n + j] = *value);
        }
        jacobian
    }

    /// Factors of I − hγJ.
    pub(super) fn factors(self, h: f64, n: usize, jacobian: &[f64]) -> Option<Lu> {
        let mut matrix: Vec<f64> = jacobian.iter().map(|j| -h * GAMMA * j).collect();
        (0..n).for_each(|i| matrix[i * n + i] += 1.0);
        Lu::new(n, matrix)
    }

    /// The stage at time t with the known part r, from a first guess; `norm` is the scaled norm of an
    /// update. `None` where Newton's method does not converge.
    pub(super) fn stage(
        self,
        t: f64,
        h: f64,
        known: &[f64],
        guess: Vec<f64>,
        norm: &dyn Fn(&[f64]) -> f64,
    ) -> Option<Stage> {
        let n = known.len();
        let mut state = guess;
        let mut previous = f64::INFINITY;
        for iteration in 1..=MAX_ITERATIONS {
            let (slope, tape) = self.rhs(t, &state);
            if slope.iter().any(|k| !k.is_finite()) {
                return None;
            }
            let lu = self.factors(h, n, &self.jacobian(t, &state, &tape))?;
            let residual: Vec<f64> = (0..n).map(|i| known[i] + h * GAMMA * slope[i] - state[i]).collect();
            let update = lu.solve(&residual);
            state.iter_mut().zip(&update).for_each(|(y, d)| *y += d);
            let size = norm(&update);
            if size <= SMALL {
                return Some(Stage { state, lu, n_evaluations: iteration });
            }
            if !size.is_finite() || (iteration > 2 && size > 2.0 * previous) {
                return None;
            }
            previous = size;
        }
        None
    }
}
