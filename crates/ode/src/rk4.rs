//! The classical Runge–Kutta method of order 4 with a fixed step (`rk4`).
//!
//! k₁ = f(t, y), k₂ = f(t + h/2, y + h/2 k₁), k₃ = f(t + h/2, y + h/2 k₂), k₄ = f(t + h, y + h k₃),
//! y₁ = y + h/6 (k₁ + 2k₂ + 2k₃ + k₄) (W. Kutta, Z. Math. Phys. 46 (1901) 435).
//!
//! For problems whose time scale is known, and where the loss should be a smooth function of the
//! parameters: no step size reacts to them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::batch::{Batch, Problem};
use crate::field::VectorField;
use crate::field::lanes::{LaneField, Row};
use crate::fixed_step::{Method, Shape, check_step, solve_many};
use crate::solver::Solver;

/// Explicit Runge–Kutta of order 4 with a fixed step, for non-stiff problems.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Rk4 {
    /// Longest step; intervals between data times are cut into equal steps no longer than it.
    pub step: f64,
}

impl Solver for Rk4 {
    fn solve_many(&self, field: &dyn VectorField, parameters: &[f64], problems: &[Problem]) -> Batch {
        solve_many(self, self.step, field, parameters, problems)
    }

    fn problem(&self, _dim: usize) -> Option<String> {
        check_step(self.step).err().map(|error| error.to_string())
    }
}

/// Where a stage is evaluated: the share of h, of the slope before it, and its weight in y₁.
const STAGES: [(f64, f64); 4] = [(0.0, 1.0 / 6.0), (0.5, 1.0 / 3.0), (0.5, 1.0 / 3.0), (1.0, 1.0 / 6.0)];

impl Method for Rk4 {
    const EVALUATIONS: usize = STAGES.len();

    fn step(&self, field: &mut dyn LaneField, shape: Shape, t: &Row, h: &Row, y: &mut [Row], tape: &mut [Row]) {
        let (start, mut slope) = (y.to_vec(), vec![Row::ZERO; shape.n]);
        let mut stage = vec![Row::ZERO; shape.n];
        for ((share, weight), tape) in STAGES.into_iter().zip(tape.chunks_exact_mut(field.tape_rows())) {
            let mut time = *t;
            time.add_scaled(share, h);
            for (i, stage) in stage.iter_mut().enumerate() {
                *stage = start[i];
                stage.add_product(h, &scaled(share, &slope[i]));
            }
            field.rhs(&time, &stage, &mut slope, tape);
            y.iter_mut().zip(&slope).for_each(|(y, k)| y.add_product(h, &scaled(weight, k)));
        }
    }

    fn reverse(&self, field: &mut dyn LaneField, shape: Shape, h: &Row, tape: &[Row], y_bar: &mut [Row]) {
        let end_bar = y_bar.to_vec();
        let (mut slope_bar, mut stage_bar) = (vec![Row::ZERO; shape.n], vec![Row::ZERO; shape.n]);
        // the share of the stage above
        let mut above = 0.0;
        for ((share, weight), tape) in STAGES.into_iter().zip(tape.chunks_exact(field.tape_rows())).rev() {
            for (i, slope_bar) in slope_bar.iter_mut().enumerate() {
                *slope_bar = Row::ZERO;
                slope_bar.add_product(h, &scaled(weight, &end_bar[i]));
                slope_bar.add_product(h, &scaled(above, &stage_bar[i]));
            }
            field.vjp(tape, &slope_bar, &mut stage_bar);
            y_bar.iter_mut().zip(&stage_bar).for_each(|(y, bar)| y.add_scaled(1.0, bar));
            above = share;
        }
    }
}

fn scaled(s: f64, row: &Row) -> Row {
    Row(row.0.map(|x| s * x))
}
