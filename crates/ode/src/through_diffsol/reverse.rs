//! The reverse pass: diffsol's adjoint of each step, and ours of what lies between.
//!
//! At a data time its cotangent joins that of the state. Before the first step the method has taken
//! the slope k₀ = f(t₀, y₀) into its history, whose cotangent k̄₀ therefore adds k̄₀ᵀJ to ȳ₀ and k̄₀ᵀP to θ̄.
//! The first state is also the parameter of those at rest.

use diffsol::{DiffsolError, NalgebraContext, OdeSolverState, StepVjp, Vector as _, VectorCommon};

use super::equations::Moving;
use super::{Method, Reverse, Steps, Vector};
use crate::field::VectorField;

/// Tolerance of the iterated linear solves of a step's adjoint, relative to that of the step.
pub(super) const DERIVATIVE_TOLERANCE: f64 = 1e-6;
const DERIVATIVE_ITERATIONS: usize = 30;

impl<M: Method> Reverse for Steps<M> {
    fn accumulate(
        &self,
        field: &dyn VectorField,
        parameters: &[f64],
        cotangent: &[f64],
        parameter_bar: &mut [f64],
    ) -> Vec<f64> {
        self.gradient(field, parameters, cotangent, parameter_bar).unwrap_or_else(|_| {
            // better no gradient than one that is silently wrong
            parameter_bar.fill(f64::NAN);
            vec![f64::NAN; field.dim()]
        })
    }
}

impl<M: Method> Steps<M> {
    fn gradient(
        &self,
        field: &dyn VectorField,
        parameters: &[f64],
        cotangent: &[f64],
        parameter_bar: &mut [f64],
    ) -> Result<Vec<f64>, DiffsolError> {
        let (y0, t0, dim) = (&self.problem.y0, self.problem.times[0], field.dim());
        let moving = Moving::new(field, y0);
        let n = moving.len();
        let mut y_bar = cotangent[..dim].to_vec();
        let later: Vec<&[f64]> = cotangent[dim..].chunks_exact(dim).collect();
        // states at rest are measured as they started
        for g in &later {
            y_bar[n..].iter_mut().zip(&g[n..]).for_each(|(bar, g)| *bar += g);
        }
        let mut outputs = self.reached.n_steps.iter().zip(later).rev().peekable();

        if let Some(last) = self.reached.ends.last() {
            let mut equations = moving.problem(parameters, t0, &self.limits)?;
            equations.ode_options.derivative_solve_tolerance = DERIVATIVE_TOLERANCE;
            equations.ode_options.derivative_solve_max_iter = DERIVATIVE_ITERATIONS;
            let mut solver = M::start(&equations)?;
            let mut bar = last.zeros_like();
            let mut p_bar = Vector::zeros(parameters.len() + dim - n, NalgebraContext::default());
            for (k, end) in self.reached.ends.iter().enumerate().rev() {
                while let Some((_, g)) = outputs.next_if(|(n_steps, _)| **n_steps == k + 1) {
                    g[..n].iter().enumerate().for_each(|(i, g)| bar.as_mut().y[i] += g);
                }
                solver.step_vjp(end, &mut bar, &mut p_bar)?;
            }
            let of_slope: Vec<f64> = bar.as_ref().dy.inner().iter().copied().collect();
            let (through_slope, theta_bar) = moving.vjp(parameters, t0, &y0[..n], &of_slope);
            y_bar.iter_mut().zip(&through_slope).for_each(|(bar, g)| *bar += g);
            y_bar[..n].iter_mut().zip(bar.as_ref().y.inner().iter()).for_each(|(bar, g)| *bar += g);
            let p_bar: Vec<f64> = p_bar.inner().iter().copied().collect();
            let (of_theta, of_resting) = p_bar.split_at(parameters.len());
            y_bar[n..].iter_mut().zip(of_resting).for_each(|(bar, g)| *bar += g);
            for ((sum, steps), start) in parameter_bar.iter_mut().zip(of_theta).zip(&theta_bar) {
                *sum += steps + start;
            }
        }
        // data times that the start is as close to as rounding allows
        for (_, g) in outputs {
            y_bar[..n].iter_mut().zip(g).for_each(|(bar, g)| *bar += g);
        }
        Ok(y_bar)
    }
}
