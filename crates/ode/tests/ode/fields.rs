//! Closed-form fields with their Jacobians, written out by hand.

use surprisal_core::Role;
use surprisal_ode::{ParameterBlock, VectorField};

/// A field given by f, J = ∂f/∂y and P = ∂f/∂θ.
pub(crate) struct ClosedForm {
    pub(crate) dim: usize,
    pub(crate) n_parameters: usize,
    /// (t, y, θ, out `[n]`)
    pub(crate) rhs: fn(f64, &[f64], &[f64], &mut [f64]),
    /// (t, y, θ, J `[n, n]`, P `[n, p]`), zero at entry
    pub(crate) jacobians: fn(f64, &[f64], &[f64], &mut [f64], &mut [f64]),
}

impl ClosedForm {
    fn products(&self, parameters: &[f64], t: f64, y: &[f64]) -> (Vec<f64>, Vec<f64>) {
        let mut j = vec![0.0; self.dim * self.dim];
        let mut p = vec![0.0; self.dim * self.n_parameters];
        (self.jacobians)(t, y, parameters, &mut j, &mut p);
        (j, p)
    }
}

impl VectorField for ClosedForm {
    fn dim(&self) -> usize {
        self.dim
    }

    fn blocks(&self) -> Vec<ParameterBlock> {
        vec![ParameterBlock { name: "theta".into(), shape: vec![self.n_parameters], role: Role::Weight }]
    }

    fn initial_parameters(&self, _seed: u64) -> Vec<f64> {
        vec![1.0; self.n_parameters]
    }

    fn tape_len(&self) -> usize {
        0
    }

    fn rhs(&self, parameters: &[f64], t: f64, y: &[f64], dy: &mut [f64], _tape: &mut [f64]) {
        (self.rhs)(t, y, parameters, dy);
    }

    fn vjp(
        &self,
        parameters: &[f64],
        t: f64,
        y: &[f64],
        _tape: &[f64],
        cotangent: &[f64],
        y_bar: &mut [f64],
        parameter_bar: &mut [f64],
    ) {
        let (j, p) = self.products(parameters, t, y);
        y_bar.fill(0.0);
        for (i, v) in cotangent.iter().enumerate() {
            for (k, y_bar) in y_bar.iter_mut().enumerate() {
                *y_bar += v * j[i * self.dim + k];
            }
            for (k, bar) in parameter_bar.iter_mut().enumerate() {
                *bar += v * p[i * self.n_parameters + k];
            }
        }
    }

    fn jvp(&self, parameters: &[f64], t: f64, y: &[f64], _tape: &[f64], tangent: &[f64], dy_dot: &mut [f64]) {
        let (j, _) = self.products(parameters, t, y);
        for (i, out) in dy_dot.iter_mut().enumerate() {
            *out = tangent.iter().enumerate().map(|(k, u)| j[i * self.dim + k] * u).sum();
        }
    }
}

/// dy/dt = A y³, θ = A row-major.
pub(crate) fn cubic_spiral() -> ClosedForm {
    ClosedForm {
        dim: 2,
        n_parameters: 4,
        rhs: |_, y, a, out| {
            for i in 0..2 {
                out[i] = a[2 * i] * y[0].powi(3) + a[2 * i + 1] * y[1].powi(3);
            }
        },
        jacobians: |_, y, a, j, p| {
            for i in 0..2 {
                for k in 0..2 {
                    j[2 * i + k] = 3.0 * a[2 * i + k] * y[k] * y[k];
                    p[4 * i + 2 * i + k] = y[k].powi(3);
                }
            }
        },
    }
}

/// x′ = αx − βxy, y′ = −γy + δxy, θ = (α, β, γ, δ).
pub(crate) fn lotka_volterra() -> ClosedForm {
    ClosedForm {
        dim: 2,
        n_parameters: 4,
        rhs: |_, y, p, out| {
            out[0] = p[0] * y[0] - p[1] * y[0] * y[1];
            out[1] = -p[2] * y[1] + p[3] * y[0] * y[1];
        },
        jacobians: |_, y, p, j, q| {
            j.copy_from_slice(&[p[0] - p[1] * y[1], -p[1] * y[0], p[3] * y[1], -p[2] + p[3] * y[0]]);
            q[0] = y[0];
            q[1] = -y[0] * y[1];
            q[6] = -y[1];
            q[7] = y[0] * y[1];
        },
    }
}

/// θ″ = −b θ′ − g sin θ, parameters (b, g).
pub(crate) fn damped_pendulum() -> ClosedForm {
    ClosedForm {
        dim: 2,
        n_parameters: 2,
        rhs: |_, y, p, out| {
            out[0] = y[1];
            out[1] = -p[0] * y[1] - p[1] * y[0].sin();
        },
        jacobians: |_, y, p, j, q| {
            j.copy_from_slice(&[0.0, 1.0, -p[1] * y[0].cos(), -p[0]]);
            q[2] = -y[1];
            q[3] = -y[0].sin();
        },
    }
}

/// y′ = θ cos(t) y: y = y₀ exp(θ (sin t − sin t₀)); checks that stages see their own times.
pub(crate) fn seasonal_growth() -> ClosedForm {
    ClosedForm {
        dim: 1,
        n_parameters: 1,
        rhs: |t, y, p, out| out[0] = p[0] * t.cos() * y[0],
        jacobians: |t, y, p, j, q| {
            j[0] = p[0] * t.cos();
            q[0] = t.cos() * y[0];
        },
    }
}
