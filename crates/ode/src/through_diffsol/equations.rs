//! A vector field as diffsol wants its equations.
//!
//! The library integrates the moving states z alone; the states at rest r are parameters to it, behind
//! those of the field: p = (θ, r). With J = ∂f/∂z and P = ∂f/∂p, it asks for f, Jv, **−**Jᵀv and **−**Pᵀv:
//! the two signs are met here and nowhere else.

use std::cell::{Cell, RefCell};

use diffsol::{DiffsolError, NalgebraContext, OdeBuilder, OdeEquationsImplicitAdjoint, OdeSolverProblem};

use super::{Matrix, Vector};
use crate::field::VectorField;
use crate::tsit5::Tsit5;

/// What Newton's method may leave of an equation, as a share of the error that a step may make: a
/// thousandth, but nothing that rounding would not allow.
fn newton_tolerance(rtol: f64) -> f64 {
    (1e-11 / rtol).clamp(1e-3, 0.2)
}

/// Equations with the derivatives that the steps and their adjoints need.
pub(super) trait Implicit:
    OdeEquationsImplicitAdjoint<M = Matrix, V = Vector, T = f64, C = NalgebraContext>
{
}

impl<E: OdeEquationsImplicitAdjoint<M = Matrix, V = Vector, T = f64, C = NalgebraContext>> Implicit for E {}

/// A field of the moving states of one trajectory.
pub(super) struct Moving<'a> {
    field: &'a dyn VectorField,
    y0: &'a [f64],
    evaluated: RefCell<Evaluated>,
    n_evaluations: Cell<usize>,
    not_finite: Cell<bool>,
}

/// The last point of evaluation and what is known there.
struct Evaluated {
    /// NaN before the first.
    t: f64,
    /// `[dim]`: those that rest at the end.
    y: Vec<f64>,
    slope: Vec<f64>,
    tape: Vec<f64>,
    /// `[n, n]` row-major, of the moving states; empty until asked for.
    jacobian: Vec<f64>,
}

impl<'a> Moving<'a> {
    pub(super) fn new(field: &'a dyn VectorField, y0: &'a [f64]) -> Self {
        let n = field.dim();
        let evaluated = Evaluated {
            t: f64::NAN,
            y: y0.to_vec(),
            slope: vec![0.0; n],
            tape: vec![0.0; field.tape_len()],
            jacobian: vec![],
        };
        Self {
            field,
            y0,
            evaluated: RefCell::new(evaluated),
            n_evaluations: Cell::new(0),
            not_finite: Cell::new(false),
        }
    }

    /// Number of moving states.
    pub(super) fn len(&self) -> usize {
        self.y0.len() - self.field.n_resting()
    }

    /// The states at rest, in the problem's own order.
    pub(super) fn resting(&self) -> &'a [f64] {
        &self.y0[self.len()..]
    }

    pub(super) fn n_evaluations(&self) -> usize {
        self.n_evaluations.get()
    }

    /// Whether the field was not finite somewhere since it was last asked.
    pub(super) fn take_not_finite(&self) -> bool {
        self.not_finite.take()
    }

    /// Evaluates f at (t, z) unless it was evaluated there last.
    fn at(&self, theta: &[f64], t: f64, z: &[f64]) -> std::cell::RefMut<'_, Evaluated> {
        let mut evaluated = self.evaluated.borrow_mut();
        let here = &mut *evaluated;
        let n = z.len();
        if !(here.t == t && here.y[..n] == *z) {
            here.t = t;
            here.y[..n].copy_from_slice(z);
            here.jacobian.clear();
            self.field.rhs(theta, t, &here.y, &mut here.slope, &mut here.tape);
            self.n_evaluations.set(self.n_evaluations.get() + 1);
            if here.slope.iter().any(|k| !k.is_finite()) {
                self.not_finite.set(true);
            }
        }
        evaluated
    }

    fn theta<'p>(&self, p: &'p [f64]) -> &'p [f64] {
        &p[..p.len() - self.field.n_resting()]
    }

    fn rhs(&self, p: &[f64], t: f64, z: &[f64], dz: &mut [f64]) {
        dz.copy_from_slice(&self.at(self.theta(p), t, z).slope[..z.len()]);
    }

    /// With J at (t, z).
    fn with_jacobian(&self, p: &[f64], t: f64, z: &[f64], then: impl FnOnce(&[f64])) {
        let (theta, n) = (self.theta(p), z.len());
        let mut evaluated = self.at(theta, t, z);
        let here = &mut *evaluated;
        if here.jacobian.is_empty() {
            here.jacobian.resize(n * n, 0.0);
            let (mut unit, mut column) = (vec![0.0; here.y.len()], vec![0.0; here.y.len()]);
            for j in 0..n {
                unit[j] = 1.0;
                self.field.jvp(theta, t, &here.y, &here.tape, &unit, &mut column);
                unit[j] = 0.0;
                (0..n).for_each(|i| here.jacobian[i * n + j] = column[i]);
            }
        }
        then(&here.jacobian);
    }

    fn jvp(&self, p: &[f64], t: f64, z: &[f64], v: &[f64], out: &mut [f64]) {
        self.with_jacobian(p, t, z, |jacobian| {
            for (out, row) in out.iter_mut().zip(jacobian.chunks_exact(v.len())) {
                *out = row.iter().zip(v).map(|(j, v)| j * v).sum();
            }
        });
    }

    /// −Jᵀv.
    fn minus_transposed(&self, p: &[f64], t: f64, z: &[f64], v: &[f64], out: &mut [f64]) {
        self.with_jacobian(p, t, z, |jacobian| {
            out.fill(0.0);
            for (v, row) in v.iter().zip(jacobian.chunks_exact(v.len())) {
                out.iter_mut().zip(row).for_each(|(out, j)| *out -= j * v);
            }
        });
    }

    /// −Pᵀv.
    fn minus_parameters(&self, p: &[f64], t: f64, z: &[f64], v: &[f64], out: &mut [f64]) {
        let (y_bar, theta_bar) = self.vjp(self.theta(p), t, z, v);
        let of_resting = &y_bar[z.len()..];
        out.iter_mut().zip(theta_bar.iter().chain(of_resting)).for_each(|(out, bar)| *out = -bar);
    }

    /// (∂f/∂y)ᵀv for all states, and (∂f/∂θ)ᵀv, for a v of the moving states.
    pub(super) fn vjp(&self, theta: &[f64], t: f64, z: &[f64], v: &[f64]) -> (Vec<f64>, Vec<f64>) {
        let here = self.at(theta, t, z);
        let mut cotangent = v.to_vec();
        cotangent.resize(here.y.len(), 0.0);
        let (mut y_bar, mut theta_bar) = (vec![0.0; here.y.len()], vec![0.0; theta.len()]);
        self.field.vjp(theta, t, &here.y, &here.tape, &cotangent, &mut y_bar, &mut theta_bar);
        (y_bar, theta_bar)
    }

    /// The initial value problem of the moving states.
    pub(super) fn problem(
        &self,
        theta: &[f64],
        t0: f64,
        limits: &Tsit5,
    ) -> Result<OdeSolverProblem<impl Implicit>, DiffsolError> {
        let n = self.len();
        let mut problem = OdeBuilder::<Matrix>::new()
            .t0(t0)
            .rtol(limits.rtol)
            .atol((0..n).map(|i| limits.atol.of(i)))
            .p(theta.iter().chain(self.resting()).copied())
            .rhs_adjoint_implicit(
                |z: &[f64], p: &[f64], t: f64, dz: &mut [f64]| self.rhs(p, t, z, dz),
                |z: &[f64], p: &[f64], t: f64, v: &[f64], out: &mut [f64]| self.jvp(p, t, z, v, out),
                |z: &[f64], p: &[f64], t: f64, v: &[f64], out: &mut [f64]| self.minus_transposed(p, t, z, v, out),
                |z: &[f64], p: &[f64], t: f64, v: &[f64], out: &mut [f64]| self.minus_parameters(p, t, z, v, out),
            )
            .init_adjoint(
                |_: &[f64], _: f64, z: &mut [f64]| z.copy_from_slice(&self.y0[..z.len()]),
                |_: &[f64], _: f64, _: &[f64], out: &mut [f64]| out.fill(0.0),
                n,
            )
            .build()?;
        let options = &mut problem.ode_options;
        // the adjoint is that of the equations that a step solves, and differs from the step's own
        // by what Newton's method leaves
        options.nonlinear_solver_tolerance = newton_tolerance(limits.rtol);
        // failures of Newton's method count as steps, and those have a limit of their own
        options.max_nonlinear_solver_failures = limits.max_steps;
        // the spacing of the numbers around t is the smallest step, and not a number of seconds
        options.min_timestep = f64::MIN_POSITIVE;
        Ok(problem)
    }
}
