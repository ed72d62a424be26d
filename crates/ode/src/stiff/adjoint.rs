//! The discrete adjoint of the implicit steps.
//!
//! Going back through stage i of a step with cotangents Ȳ of Yᵢ and k̄ of kᵢ = f(Yᵢ): from
//! Yᵢ = r + hγ f(Yᵢ), with J and P at Yᵢ,
//!
//! (I − hγJ)ᵀ λ = Ȳ + Jᵀk̄, r̄ = λ, θ̄ += (k̄ + hγλ)ᵀP,
//!
//! and then ȳ += λ, k̄ⱼ += h aᵢⱼ λ for j < i. The first stage is explicit: ȳ += Jᵀk̄₁ at y. The sequence
//! of step sizes is held fixed, as in [`crate::adjoint`].

use super::newton::System;
use super::tableau::{A, C, GAMMA, N_STAGES};
use super::tape::{Step, StiffTape};
use crate::adjoint::Gradient;
use crate::field::VectorField;

impl StiffTape {
    /// The gradient of Σ cotangent · states.
    ///
    /// # Shapes
    /// `parameters` `[p]`, those of the solve; `cotangent` `[n_times * n]`.
    pub fn pullback(&self, field: &dyn VectorField, parameters: &[f64], cotangent: &[f64]) -> Gradient {
        let mut parameter_bar = vec![0.0; parameters.len()];
        let y0 = self.accumulate(field, parameters, cotangent, &mut parameter_bar);
        Gradient { y0, parameters: parameter_bar }
    }

    /// Returns ∂/∂y₀ and adds ∂/∂θ to `parameter_bar`.
    pub(super) fn accumulate(
        &self,
        field: &dyn VectorField,
        parameters: &[f64],
        cotangent: &[f64],
        parameter_bar: &mut [f64],
    ) -> Vec<f64> {
        let system = System { field, parameters };
        let mut outputs = cotangent.chunks_exact(self.n).rev();
        let mut y_bar = vec![0.0; self.n];
        let mut take = |y_bar: &mut [f64]| {
            let g = outputs.next().unwrap_or(&[]);
            y_bar.iter_mut().zip(g).for_each(|(bar, g)| *bar += g);
        };
        for step in self.steps.iter().rev() {
            if step.is_output {
                take(&mut y_bar);
            }
            y_bar = step.reverse(system, &y_bar, parameter_bar);
        }
        take(&mut y_bar);
        y_bar
    }
}

impl Step {
    /// The cotangent of the step's start from that of its end.
    fn reverse(&self, system: System<'_>, end_bar: &[f64], parameter_bar: &mut [f64]) -> Vec<f64> {
        let n = end_bar.len();
        let mut y_bar = vec![0.0; n];
        let mut slope_bars = vec![vec![0.0; n]; N_STAGES];
        let mut products = vec![0.0; n];
        for i in (0..N_STAGES).rev() {
            let (t, state) = (self.t + C[i] * self.h, &self.stages[i]);
            let (_, tape) = system.rhs(t, state);
            let jacobian = system.jacobian(t, state, &tape);
            let slope_bar = std::mem::take(&mut slope_bars[i]);
            let mut right: Vec<f64> =
                (0..n).map(|j| (0..n).map(|k| jacobian[k * n + j] * slope_bar[k]).sum()).collect();
            if i + 1 == N_STAGES {
                right.iter_mut().zip(end_bar).for_each(|(right, bar)| *right += bar);
            }
            let mut cotangent = slope_bar;
            if i == 0 {
                y_bar.iter_mut().zip(&right).for_each(|(bar, g)| *bar += g);
            } else {
                // it could be factored at the solve, so it can here, but for a state at the edge
                let lambda = match system.factors(self.h, n, &jacobian) {
                    Some(lu) => lu.solve_transposed(&right),
                    None => vec![f64::NAN; n],
                };
                for j in 0..n {
                    cotangent[j] += self.h * GAMMA * lambda[j];
                    y_bar[j] += lambda[j];
                }
                for (&a, bar) in A[i].iter().zip(&mut slope_bars[..i]) {
                    bar.iter_mut().zip(&lambda).for_each(|(bar, l)| *bar += self.h * a * l);
                }
            }
            system.field.vjp(system.parameters, t, state, &tape, &cotangent, &mut products, parameter_bar);
        }
        y_bar
    }
}
