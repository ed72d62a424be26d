//! The Störmer–Verlet method with a fixed step (`leapfrog`), symplectic and of order 2.
//!
//! The states are positions q, then as many momenta (or velocities) p, with q̇ = f_q(t, p) and
//! ṗ = f_p(t, q): a separable Hamiltonian system, or motion under forces that depend on positions
//! alone. Kick, drift, kick:
//!
//! p½ = p + h/2 f_p(t, q), q₁ = q + h f_q(t + h/2, p½), p₁ = p½ + h/2 f_p(t + h, q₁)
//!
//! (E. Hairer, C. Lubich, G. Wanner, *Geometric Numerical Integration*, 2nd ed. (2006), section
//! I.1.4, eq. 1.17). Its energy error stays bounded over exponentially long times, where that of other methods
//! grows. A force that depends on p (friction) loses both: use `rk4` or `tsit5`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::batch::{Batch, Problem};
use crate::error::OdeError;
use crate::field::VectorField;
use crate::field::lanes::{LaneField, Row};
use crate::fixed_step::{Method, Shape, check_step, solve_many};
use crate::solver::Solver;

/// Störmer–Verlet (symplectic, order 2) with a fixed step, for positions followed by their momenta.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Leapfrog {
    /// Longest step; intervals between data times are cut into equal steps no longer than it.
    pub step: f64,
}

impl Solver for Leapfrog {
    fn solve_many(&self, field: &dyn VectorField, parameters: &[f64], problems: &[Problem]) -> Batch {
        match check_pairs(field.dim() - field.n_resting()) {
            Ok(()) => solve_many(self, self.step, field, parameters, problems),
            Err(error) => Batch::failed(problems.iter().map(|_| Err(error.clone())).collect()),
        }
    }

    fn problem(&self, dim: usize) -> Option<String> {
        check_step(self.step).and_then(|()| check_pairs(dim)).err().map(|error| error.to_string())
    }
}

/// Positions need as many momenta.
fn check_pairs(n: usize) -> Result<(), OdeError> {
    if n.is_multiple_of(2) { Ok(()) } else { Err(OdeError::NotPairs { found: n }) }
}

/// Which half of the moving states a part of a step moves, from where in the step, and for what share
/// of it.
const PARTS: [(Half, f64, f64); 3] =
    [(Half::Momenta, 0.0, 0.5), (Half::Positions, 0.5, 1.0), (Half::Momenta, 1.0, 0.5)];

#[derive(Debug, Clone, Copy)]
enum Half {
    Positions,
    Momenta,
}

impl Half {
    fn of(self, shape: Shape) -> std::ops::Range<usize> {
        let half = shape.n_moving / 2;
        match self {
            Self::Positions => 0..half,
            Self::Momenta => half..shape.n_moving,
        }
    }
}

impl Method for Leapfrog {
    const EVALUATIONS: usize = PARTS.len();

    fn step(&self, field: &mut dyn LaneField, shape: Shape, t: &Row, h: &Row, y: &mut [Row], tape: &mut [Row]) {
        let mut slope = vec![Row::ZERO; shape.n];
        for ((half, from, share), tape) in PARTS.into_iter().zip(tape.chunks_exact_mut(field.tape_rows())) {
            let mut time = *t;
            time.add_scaled(from, h);
            field.rhs(&time, y, &mut slope, tape);
            for i in half.of(shape) {
                y[i].add_product(h, &Row(slope[i].0.map(|k| share * k)));
            }
        }
    }

    fn reverse(&self, field: &mut dyn LaneField, shape: Shape, h: &Row, tape: &[Row], y_bar: &mut [Row]) {
        let (mut slope_bar, mut bar) = (vec![Row::ZERO; shape.n], vec![Row::ZERO; shape.n]);
        for ((half, _, share), tape) in PARTS.into_iter().zip(tape.chunks_exact(field.tape_rows())).rev() {
            slope_bar.fill(Row::ZERO);
            for i in half.of(shape) {
                slope_bar[i].add_product(h, &Row(y_bar[i].0.map(|g| share * g)));
            }
            field.vjp(tape, &slope_bar, &mut bar);
            y_bar.iter_mut().zip(&bar).for_each(|(y, bar)| y.add_scaled(1.0, bar));
        }
    }
}
