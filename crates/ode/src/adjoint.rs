//! The discrete adjoint of a trajectory: the exact reverse of the steps taken.
//!
//! For a loss L of the states at the data times, with g = ∂L/∂y(t_d). Going back over the steps,
//! ȳ is the cotangent of a step's start, k̄ᵢ of its stages:
//!
//! - a data time at fraction θ adds g to ȳ and h·bᵢ(θ)·g to k̄ᵢ;
//! - stage i, evaluated at Yᵢ = y + h Σ aᵢⱼkⱼ, gives Ȳᵢ = k̄ᵢᵀJ(Yᵢ) and adds k̄ᵢᵀP(Yᵢ) to θ̄; y₁ = Y₇
//!   passes its own cotangent on: Ȳ₇ += ȳ₁; then ȳ += Ȳᵢ, k̄ⱼ += h·aᵢⱼ·Ȳᵢ for j < i;
//! - k̄₁ is k̄₇ of the step before.
//!
//! The sequence of step sizes is held fixed. That is the gradient of the numbers that the loss saw;
//! as the tolerance goes to 0 it becomes the gradient of the true flow (E. Hairer, C. Lubich,
//! G. Wanner, *Geometric Numerical Integration*, 2nd ed. (2006), section VI.4: Runge–Kutta methods
//! commute with forming the variational equation).

use crate::field::VectorField;
use crate::tableau::{A, C, N_STAGES, interpolant};
use crate::tape::{Step, Tape};

/// ∂L/∂(y₀, θ).
#[derive(Debug, Clone, PartialEq)]
pub struct Gradient {
    /// `[n]`.
    pub y0: Vec<f64>,
    /// `[p]`.
    pub parameters: Vec<f64>,
}

impl Tape {
    /// The gradient of Σ cotangent · states.
    ///
    /// # Shapes
    /// `parameters` `[p]`, those of the solve; `cotangent` `[n_times * n]`.
    ///
    /// # Panics
    /// If the cotangent has another length than the states.
    pub fn pullback(&self, field: &dyn VectorField, parameters: &[f64], cotangent: &[f64]) -> Gradient {
        let mut parameter_bar = vec![0.0; parameters.len()];
        let y0 = self.accumulate(field, parameters, cotangent, &mut parameter_bar);
        Gradient { y0, parameters: parameter_bar }
    }

    /// Returns ∂/∂y₀ and adds ∂/∂θ to `parameter_bar`.
    pub(crate) fn accumulate(
        &self,
        field: &dyn VectorField,
        parameters: &[f64],
        cotangent: &[f64],
        parameter_bar: &mut [f64],
    ) -> Vec<f64> {
        let n = self.dim();
        assert_eq!(cotangent.len(), (self.outputs.len() + 1) * n, "one cotangent per state and data time");
        let (first, later) = cotangent.split_at(n);
        let mut y_bar = vec![0.0; n];
        let mut y_end_bar = vec![0.0; n];
        let mut stage_bar = vec![0.0; n];
        let mut k_bar = vec![0.0; N_STAGES * n];
        let mut outputs = self.outputs.iter().zip(later.chunks_exact(n)).rev().peekable();

        for (s, &Step { t, h }) in self.steps.iter().enumerate().rev() {
            k_bar.copy_within(..n, (N_STAGES - 1) * n);
            k_bar[..(N_STAGES - 1) * n].fill(0.0);
            std::mem::swap(&mut y_bar, &mut y_end_bar);
            y_bar.fill(0.0);
            while let Some((output, g)) = outputs.next_if(|(output, _)| output.step == s) {
                add(1.0, g, &mut y_bar);
                for (weight, k) in interpolant(output.theta).iter().zip(k_bar.chunks_exact_mut(n)) {
                    add(h * weight, g, k);
                }
            }
            for stage in (1..N_STAGES).rev() {
                let (time, k) = (t + C[stage] * h, &k_bar[stage * n..][..n]);
                field.vjp(
                    parameters,
                    time,
                    self.state(s, stage),
                    self.field_tape(s, stage),
                    k,
                    &mut stage_bar,
                    parameter_bar,
                );
                if stage == N_STAGES - 1 {
                    add(1.0, &y_end_bar, &mut stage_bar);
                }
                add(1.0, &stage_bar, &mut y_bar);
                for (weight, k) in A[stage].iter().zip(k_bar[..stage * n].chunks_exact_mut(n)) {
                    add(h * weight, &stage_bar, k);
                }
            }
        }
        if let Some(&Step { t, .. }) = self.steps.first() {
            field.vjp(
                parameters,
                t,
                self.state(0, 0),
                self.field_tape(0, 0),
                &k_bar[..n],
                &mut stage_bar,
                parameter_bar,
            );
            add(1.0, &stage_bar, &mut y_bar);
        }
        add(1.0, first, &mut y_bar);
        y_bar
    }
}

/// `out` += s x.
fn add(s: f64, x: &[f64], out: &mut [f64]) {
    out.iter_mut().zip(x).for_each(|(o, &x)| *o += s * x);
}
