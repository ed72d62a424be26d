//! The reverse pass: diffsol's adjoint of each step, and ours of what lies between.
//!
//! At a data time its cotangent joins that of the state. Before the first step the method has taken
//! the slope k₀ = f(t₀, y₀) into its history, whose cotangent k̄₀ therefore adds k̄₀ᵀJ to ȳ₀ and k̄₀ᵀP to θ̄.
//! States at rest are parameters of the steps, and measured as they started.
//!
//! **Tolerance.** The library solves (I − cJ)ᵀw = b of each step by iteration, to an error of
//! tolerance·(atol + rtol·|bᵢ|) in each component. With the tolerances of the states that would be loose
//! for cotangents smaller than those, and beyond rounding where bᵢ is small and wᵢ is not, as in every
//! stiff problem. So cotangents are divided by their largest, and tolerance and floor in
//! tolerance·(floor + |bᵢ|) are the first pair of [`ACCURACIES`] that rounding allows. What these solves leave
//! is much more: with `bdf` at rtol 10⁻⁹ on Robertson's reaction the gradient is off by 2·10⁻⁴ at a tolerance of
//! 10⁻¹⁰, where the forward sensitivities of the same steps are right to 10⁻⁸, and by 2·10⁻⁸ at 10⁻¹⁴. Where no pair
//! is allowed (cotangents that grow by many orders in a relaxation jump), the gradient is that of our own
//! [`Kvaerno5`] at the same tolerances.

use diffsol::{DiffsolError, NalgebraContext, OdeSolverState, StepVjp, Vector as _, VectorCommon};

use super::equations::Moving;
use super::{Method, Reverse, Steps, Vector};
use crate::batch::Problem;
use crate::field::VectorField;
use crate::stiff::{Kvaerno5, solve_stiff};
use crate::tolerance::Tolerance;
use crate::tsit5::Tsit5;

/// Tolerance and floor.
const ACCURACIES: [(f64, f64); 5] = [(1e-14, 1e-8), (1e-12, 1e-8), (1e-10, 1e-8), (1e-10, 1e-6), (1e-10, 1e-4)];
const ITERATIONS: usize = 30;

impl<M: Method> Reverse for Steps<M> {
    fn accumulate(
        &self,
        field: &dyn VectorField,
        parameters: &[f64],
        cotangent: &[f64],
        parameter_bar: &mut [f64],
    ) -> Vec<f64> {
        let largest = cotangent.iter().fold(0.0, |m: f64, g| m.max(g.abs()));
        if largest == 0.0 {
            return vec![0.0; field.dim()];
        }
        let unit: Vec<f64> = cotangent.iter().map(|g| g / largest).collect();
        let gradient = ACCURACIES.iter().find_map(|&accuracy| self.gradient(field, parameters, &unit, accuracy).ok());
        let (y_bar, theta_bar) = gradient.unwrap_or_else(|| self.direct_gradient(field, parameters, &unit));
        parameter_bar.iter_mut().zip(theta_bar).for_each(|(sum, bar)| *sum += largest * bar);
        y_bar.into_iter().map(|bar| largest * bar).collect()
    }
}

impl<M: Method> Steps<M> {
    /// ∂/∂y₀ and ∂/∂θ.
    fn gradient(
        &self,
        field: &dyn VectorField,
        parameters: &[f64],
        cotangent: &[f64],
        (tolerance, floor): (f64, f64),
    ) -> Result<(Vec<f64>, Vec<f64>), DiffsolError> {
        let (y0, t0, dim) = (&self.problem.y0, self.problem.times[0], field.dim());
        let moving = Moving::new(field, y0);
        let n = moving.len();
        let (first, later) = cotangent.split_at(dim);
        let (mut y_bar, mut theta_bar) = (first.to_vec(), vec![0.0; parameters.len()]);
        for g in later.chunks_exact(dim) {
            add(&g[n..], &mut y_bar[n..]);
        }
        let mut outputs = self.n_steps.iter().zip(later.chunks_exact(dim)).rev().peekable();

        if let Some(last) = self.ends.last() {
            let limits = Tsit5 { max_steps: self.limits.max_steps, ..Tsit5::new(1.0, Tolerance::Uniform(floor)) };
            let mut equations = moving.problem(parameters, t0, &limits)?;
            let options = &mut equations.ode_options;
            options.derivative_solve_tolerance = tolerance;
            options.derivative_solve_max_iter = ITERATIONS;
            // the matrix of a step's end preconditions its own solve
            options.update_jacobian_after_steps = 1;
            options.update_rhs_jacobian_after_steps = 1;
            // and a solve that fails gets one at its own place, however far the step size moved
            options.threshold_to_update_rhs_jacobian = f64::INFINITY;
            let mut solver = M::start(&equations)?;
            let mut bar = last.zeros_like();
            let mut p_bar = Vector::zeros(parameters.len() + dim - n, NalgebraContext::default());
            for (k, end) in self.ends.iter().enumerate().rev() {
                while let Some((_, g)) = outputs.next_if(|(n_steps, _)| **n_steps == k + 1) {
                    g[..n].iter().enumerate().for_each(|(i, g)| bar.as_mut().y[i] += g);
                }
                solver.step_vjp(end, &mut bar, &mut p_bar)?;
            }
            let of_slope = bar.as_ref().dy.inner().as_slice();
            let (through_slope, of_start) = moving.vjp(parameters, t0, &y0[..n], of_slope);
            let (of_theta, of_resting) = p_bar.inner().as_slice().split_at(parameters.len());
            add(bar.as_ref().y.inner().as_slice(), &mut y_bar[..n]);
            add(&through_slope, &mut y_bar);
            add(of_resting, &mut y_bar[n..]);
            add(of_theta, &mut theta_bar);
            add(&of_start, &mut theta_bar);
        }
        // data times that the start is as close to as rounding allows
        for (_, g) in outputs {
            add(&g[..n], &mut y_bar[..n]);
        }
        Ok((y_bar, theta_bar))
    }
}

impl<M: Method> Steps<M> {
    /// The same by our own method at the same tolerances, whose linear solves are direct.
    fn direct_gradient(&self, field: &dyn VectorField, parameters: &[f64], cotangent: &[f64]) -> (Vec<f64>, Vec<f64>) {
        let Tsit5 { rtol, atol, max_steps, .. } = self.limits.clone();
        let Problem { y0, times } = &self.problem;
        match solve_stiff(field, parameters, y0, times, &Kvaerno5 { rtol, atol, max_steps: 10 * max_steps }) {
            Ok(solution) => {
                let gradient = solution.tape.pullback(field, parameters, cotangent);
                (gradient.y0, gradient.parameters)
            }
            // better no gradient than one that is silently wrong
            Err(_) => (vec![f64::NAN; field.dim()], vec![f64::NAN; parameters.len()]),
        }
    }
}

/// `out` += x.
fn add(x: &[f64], out: &mut [f64]) {
    out.iter_mut().zip(x).for_each(|(o, x)| *o += x);
}
