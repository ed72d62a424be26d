//! The registry of solvers.

use surprisal_core::registry;

use crate::batch::{Batch, BatchGradient, BatchTape, Problem, Trajectory};
use crate::field::VectorField;
use crate::solve::{Solution, solve};
use crate::tape::Tape;
use crate::tsit5::Tsit5;

/// A way to integrate a field, with the gradient of what it computed.
pub trait Solver: Send + Sync {
    /// Integrates every problem on its own; a failure of one leaves the others alone.
    fn solve_many(&self, field: &dyn VectorField, parameters: &[f64], problems: &[Problem]) -> Batch;
}

registry! {
    /// Every solver.
    pub enum SolverConfig: dyn Solver {
        "tsit5" => Tsit5,
    }
}

impl Solver for Tsit5 {
    fn solve_many(&self, field: &dyn VectorField, parameters: &[f64], problems: &[Problem]) -> Batch {
        let mut tapes = Vec::with_capacity(problems.len());
        let trajectories = problems
            .iter()
            .map(|Problem { y0, times }| match solve(field, parameters, y0, times, self) {
                Ok(Solution { states, tape, statistics }) => {
                    tapes.push(Some(tape));
                    Ok(Trajectory { states, statistics })
                }
                Err(error) => {
                    tapes.push(None);
                    Err(error)
                }
            })
            .collect();
        Batch::new(trajectories, Box::new(Tapes(tapes)))
    }
}

/// One tape per problem; `None` where it failed.
struct Tapes(Vec<Option<Tape>>);

impl BatchTape for Tapes {
    fn pullback(&self, field: &dyn VectorField, parameters: &[f64], cotangents: &[Vec<f64>]) -> BatchGradient {
        let mut parameter_bar = vec![0.0; parameters.len()];
        let y0 = self
            .0
            .iter()
            .zip(cotangents)
            .map(|(tape, cotangent)| match tape {
                Some(tape) => tape.accumulate(field, parameters, cotangent, &mut parameter_bar),
                None => vec![0.0; field.dim()],
            })
            .collect();
        BatchGradient { y0, parameters: parameter_bar }
    }
}
