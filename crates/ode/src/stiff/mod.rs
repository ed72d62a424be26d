//! Stiff problems: an implicit Runge–Kutta method with its discrete adjoint.
//!
//! One trajectory at a time, with dense Jacobians: for systems of up to some tens of states.

mod adjoint;
mod lu;
mod newton;
mod solve;
pub mod tableau;
mod tape;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::batch::{Batch, BatchGradient, BatchTape, Problem, Trajectory};
use crate::error::OdeError;
use crate::field::VectorField;
use crate::solver::Solver;
use crate::tolerance::Tolerance;
use crate::tsit5::Tsit5;

pub use solve::{StiffSolution, solve_stiff};
pub use tape::StiffTape;

/// L-stable ESDIRK of order 3(2) (Kennedy & Carpenter 2003), for stiff problems.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Esdirk3 {
    /// Relative tolerance of the local error.
    pub rtol: f64,
    /// Absolute tolerance of the local error, in the units of the states: a number, or a list with
    /// one for each state.
    pub atol: Tolerance,
    /// Most steps per trajectory, rejected ones included.
    #[serde(default = "default_max_steps")]
    pub max_steps: usize,
}

fn default_max_steps() -> usize {
    10_000
}

impl Esdirk3 {
    /// A solver of these tolerances.
    pub fn new(rtol: f64, atol: impl Into<Tolerance>) -> Self {
        Self { rtol, atol: atol.into(), max_steps: default_max_steps() }
    }

    /// The same settings of the explicit method, which are checked in the same way.
    fn tolerances(&self) -> Tsit5 {
        Tsit5 { rtol: self.rtol, atol: self.atol.clone(), max_steps: self.max_steps }
    }
}

impl Solver for Esdirk3 {
    fn solve_many(&self, field: &dyn VectorField, parameters: &[f64], problems: &[Problem]) -> Batch {
        let solved = problems.iter().map(|p| solve_stiff(field, parameters, &p.y0, &p.times, self));
        let (mut trajectories, mut tapes) = (Vec::with_capacity(problems.len()), Vec::with_capacity(problems.len()));
        for solution in solved {
            match solution {
                Ok(StiffSolution { states, tape, statistics }) => {
                    trajectories.push(Ok(Trajectory { states, statistics }));
                    tapes.push(Some(tape));
                }
                Err(error) => {
                    trajectories.push(Err::<Trajectory, OdeError>(error));
                    tapes.push(None);
                }
            }
        }
        Batch::new(trajectories, Box::new(Tapes(tapes)))
    }

    fn problem(&self, dim: usize) -> Option<String> {
        self.tolerances().problem(dim)
    }
}

/// One tape per problem; `None` where it failed.
struct Tapes(Vec<Option<StiffTape>>);

impl BatchTape for Tapes {
    fn pullback(&self, field: &dyn VectorField, parameters: &[f64], cotangents: &[Vec<f64>]) -> BatchGradient {
        let mut parameter_bar = vec![0.0; parameters.len()];
        let pull = |(tape, cotangent): (&Option<StiffTape>, &Vec<f64>)| match tape {
            Some(tape) => tape.accumulate(field, parameters, cotangent, &mut parameter_bar),
            None => vec![0.0; field.dim()],
        };
        let y0 = self.0.iter().zip(cotangents).map(pull).collect();
        BatchGradient { y0, parameters: parameter_bar }
    }
}
