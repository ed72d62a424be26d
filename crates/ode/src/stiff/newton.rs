//! Newton's method for one implicit stage: Y = r + hγ f(t, Y).
//!
//! Iterated, with a new Jacobian each time, until an update is a hundredth of the tolerance: the next, which is
//! of the size of its square, would be far below, and the derivative of the stage is that of the equation it
//! solves.

use super::lu::Lu;
use crate::field::VectorField;

/// An update of this scaled norm is the last; convergence is quadratic.
const SMALL: f64 = 1e-2;
const MAX_ITERATIONS: usize = 12;

/// A field at fixed parameters, with what its evaluations write to.
pub(super) struct System<'a> {
    pub(super) field: &'a dyn VectorField,
    pub(super) parameters: &'a [f64],
    pub(super) n: usize,
    /// Of the last evaluation: its tape, f `[n]`, J `[n, n]` row-major.
    pub(super) tape: Vec<f64>,
    pub(super) slope: Vec<f64>,
    pub(super) jacobian: Vec<f64>,
    /// Of I − hγJ.
    pub(super) lu: Lu,
    update: Vec<f64>,
}

impl<'a> System<'a> {
    pub(super) fn new(field: &'a dyn VectorField, parameters: &'a [f64]) -> Self {
        let n = field.dim();
        let zeros = || vec![0.0; n];
        Self {
            field,
            parameters,
            n,
            tape: vec![0.0; field.tape_len()],
            slope: zeros(),
            jacobian: vec![0.0; n * n],
            lu: Lu::new(n),
            update: zeros(),
        }
    }

    /// Evaluates f.
    pub(super) fn evaluate(&mut self, t: f64, y: &[f64]) {
        self.field.rhs(self.parameters, t, y, &mut self.slope, &mut self.tape);
    }

    /// Evaluates J where f was last evaluated.
    pub(super) fn differentiate(&mut self, t: f64, y: &[f64]) {
        self.field.jacobian(self.parameters, t, y, &self.tape, &mut self.jacobian);
    }

    /// Factors I − `h_gamma` J; false if that is singular.
    pub(super) fn factor(&mut self, h_gamma: f64) -> bool {
        let n = self.n;
        for (value, j) in self.lu.values.iter_mut().zip(&self.jacobian) {
            *value = -h_gamma * j;
        }
        (0..n).for_each(|i| self.lu.values[i * n + i] += 1.0);
        self.lu.factor()
    }

    /// Solves for the stage at time t with the known part r; `state` is a first guess and becomes the
    /// stage, `norm` is the scaled norm of an update. The number of evaluations, or `None` where
    /// Newton's method does not converge.
    pub(super) fn stage(
        &mut self,
        t: f64,
        h_gamma: f64,
        known: &[f64],
        state: &mut [f64],
        norm: impl Fn(&[f64]) -> f64,
    ) -> Option<usize> {
        let mut previous = f64::INFINITY;
        for iteration in 1..=MAX_ITERATIONS {
            self.evaluate(t, state);
            self.differentiate(t, state);
            if !self.factor(h_gamma) {
                return None;
            }
            for (i, update) in self.update.iter_mut().enumerate() {
                *update = known[i] + h_gamma * self.slope[i] - state[i];
            }
            self.lu.solve(&mut self.update);
            state.iter_mut().zip(&self.update).for_each(|(y, d)| *y += d);
            let size = norm(&self.update);
            if size <= SMALL {
                return Some(iteration);
            }
            // NaN, of a field that is not finite, ends here as well
            if !size.is_finite() || (iteration > 2 && size > 2.0 * previous) {
                return None;
            }
            previous = size;
        }
        None
    }
}
