//! The discrete adjoint of the implicit steps.
//!
//! Going back through stage i of a step with cotangents Ȳ of Yᵢ and k̄ of kᵢ = f(Yᵢ): from
//! Yᵢ = r + hγ f(Yᵢ), with J and P at Yᵢ,
//!
//! (I − hγJ)ᵀ λ = Ȳ + Jᵀk̄, r̄ = λ, θ̄ += (k̄ + hγλ)ᵀP,
//!
//! and then ȳ += λ, k̄ⱼ += h aᵢⱼ λ for j < i. The first stage is explicit: ȳ += Jᵀk̄₁ at y. The sequence
//! of step sizes is held fixed, as in [`crate::adjoint`].
//!
//! This is the pass for fields without lanes; the others have [`super::lane_adjoint`].

use super::lane_adjoint::StageLanes;
use super::newton::System;
use super::tape::StiffTape;
use crate::adjoint::Gradient;
use crate::field::VectorField;

/// ∂/∂y₀ of Σ cotangent · states of every tape, zeros where there is none; adds ∂/∂θ to `parameter_bar`.
pub(super) fn pull_back_all(
    field: &dyn VectorField,
    parameters: &[f64],
    tapes: &[(Option<&StiffTape>, &[f64])],
    parameter_bar: &mut [f64],
) -> Vec<Vec<f64>> {
    let lanes = || field.lanes(parameters);
    let mut lanes =
        lanes().zip(lanes()).map(|(field_lanes, gradient)| StageLanes::new(field_lanes, gradient, field.dim()));
    let pull = |&(tape, cotangent): &(Option<&StiffTape>, &[f64])| match (tape, &mut lanes) {
        (None, _) => vec![0.0; field.dim()],
        (Some(tape), Some(lanes)) => lanes.pullback(tape, cotangent),
        (Some(tape), None) => tape.accumulate(field, parameters, cotangent, parameter_bar),
    };
    let y0 = tapes.iter().map(pull).collect();
    if let Some(mut lanes) = lanes {
        lanes.take_gradient(parameter_bar);
    }
    y0
}

/// Cotangents in the making.
struct Sweep {
    /// `[n]`: ȳ.
    y: Vec<f64>,
    /// `[s, n]`: k̄.
    slopes: Vec<f64>,
    /// `[n]`: Ȳ + Jᵀk̄, then λ.
    lambda: Vec<f64>,
    /// `[n]`: what the field returns beside θ̄ and is known already.
    unused: Vec<f64>,
}

impl StiffTape {
    /// The gradient of Σ cotangent · states.
    ///
    /// # Shapes
    /// `parameters` `[p]`, those of the solve; `cotangent` `[n_times * n]`.
    pub fn pullback(&self, field: &dyn VectorField, parameters: &[f64], cotangent: &[f64]) -> Gradient {
        let mut parameter_bar = vec![0.0; parameters.len()];
        let y0 = pull_back_all(field, parameters, &[(Some(self), cotangent)], &mut parameter_bar);
        Gradient { y0: y0.concat(), parameters: parameter_bar }
    }

    /// Returns ∂/∂y₀ and adds ∂/∂θ to `parameter_bar`.
    fn accumulate(
        &self,
        field: &dyn VectorField,
        parameters: &[f64],
        cotangent: &[f64],
        parameter_bar: &mut [f64],
    ) -> Vec<f64> {
        let mut system = System::new(field, parameters);
        let mut outputs = cotangent.chunks_exact(self.n).rev();
        let zeros = || vec![0.0; self.n];
        let mut sweep =
            Sweep { y: zeros(), slopes: vec![0.0; self.tableau.n_stages() * self.n], lambda: zeros(), unused: zeros() };
        let mut take = |y_bar: &mut [f64]| {
            let g = outputs.next().unwrap_or(&[]);
            y_bar.iter_mut().zip(g).for_each(|(bar, g)| *bar += g);
        };
        for (index, step) in self.steps.iter().enumerate().rev() {
            if step.is_output {
                take(&mut sweep.y);
            }
            self.reverse(index, &mut system, &mut sweep, parameter_bar);
        }
        take(&mut sweep.y);
        sweep.y
    }

    /// Takes the cotangents through one step.
    fn reverse(&self, index: usize, system: &mut System<'_>, sweep: &mut Sweep, parameter_bar: &mut [f64]) {
        let (n, tableau, step) = (self.n, self.tableau, self.steps[index]);
        let h_gamma = step.h * tableau.gamma;
        let last = tableau.n_stages() - 1;
        sweep.slopes.fill(0.0);
        for (i, state) in self.stages_of(index).chunks_exact(n).enumerate().rev() {
            let t = step.t + tableau.c[i] * step.h;
            system.evaluate(t, state);
            let (before, this) = sweep.slopes.split_at_mut(i * n);
            let cotangent = &mut this[..n];
            let (field, parameters) = (system.field, system.parameters);
            if i == 0 {
                // explicit: all that it needs of J is this product
                field.vjp(parameters, t, state, &system.tape, cotangent, &mut sweep.lambda, parameter_bar);
                sweep.y.iter_mut().zip(&sweep.lambda).for_each(|(bar, l)| *bar += l);
                continue;
            }
            system.differentiate(t, state);
            for (j, lambda) in sweep.lambda.iter_mut().enumerate() {
                *lambda = (0..n).map(|k| system.jacobian[k * n + j] * cotangent[k]).sum();
                if i == last {
                    *lambda += std::mem::take(&mut sweep.y[j]);
                }
            }
            if system.factor(h_gamma) {
                system.lu.solve_transposed(&mut sweep.lambda);
            } else {
                // it could be factored at the solve, so it can here, but for a state at the edge
                sweep.lambda.fill(f64::NAN);
            }
            for (bar, &l) in cotangent.iter_mut().zip(&sweep.lambda) {
                *bar += h_gamma * l;
            }
            for (&a, bar) in tableau.a[i].iter().zip(before.chunks_exact_mut(n)) {
                bar.iter_mut().zip(&sweep.lambda).for_each(|(bar, l)| *bar += step.h * a * l);
            }
            sweep.y.iter_mut().zip(&sweep.lambda).for_each(|(bar, l)| *bar += l);
            field.vjp(parameters, t, state, &system.tape, cotangent, &mut sweep.unused, parameter_bar);
        }
    }
}
