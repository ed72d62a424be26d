//! An explicit method that hands over to an implicit one where it stalls.
//!
//! Every trajectory is tried with [`Tsit5`]. One that is not through after `explicit_steps` steps, or
//! whose steps became too small to move t, is taken to be stiff and solved again, from its start, with
//! [`Kvaerno5`] at the same tolerances: an explicit method is held to steps of about 3/|λ| by the fastest
//! rate λ of a stiff system, however smooth the solution. Which method solved what is a matter of the
//! trajectory alone, and the gradient is that of the steps that were taken.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::batch::{Batch, BatchGradient, BatchTape, Problem};
use crate::error::OdeError;
use crate::field::VectorField;
use crate::solver::Solver;
use crate::stiff::Kvaerno5;
use crate::tolerance::Tolerance;
use crate::tsit5::Tsit5;

/// Tsit5, and Kvaerno5 for the trajectories on which it stalls.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Auto {
    /// Relative tolerance of the local error.
    pub rtol: f64,
    /// Absolute tolerance of the local error, in the units of the states: a number, or a list with
    /// one for each state.
    pub atol: Tolerance,
    /// Most explicit steps of a trajectory before it is taken to be stiff, rejected ones included.
    #[serde(default = "default_explicit_steps")]
    pub explicit_steps: usize,
    /// Most implicit steps of a trajectory, rejected ones included.
    #[serde(default = "default_max_steps")]
    pub max_steps: usize,
}

fn default_explicit_steps() -> usize {
    1000
}

fn default_max_steps() -> usize {
    10_000
}

impl Auto {
    /// A solver of these tolerances.
    pub fn new(rtol: f64, atol: impl Into<Tolerance>) -> Self {
        Self { rtol, atol: atol.into(), explicit_steps: default_explicit_steps(), max_steps: default_max_steps() }
    }

    fn explicit(&self) -> Tsit5 {
        Tsit5 { max_steps: self.explicit_steps, ..Tsit5::new(self.rtol, self.atol.clone()) }
    }

    fn implicit(&self) -> Kvaerno5 {
        Kvaerno5 { max_steps: self.max_steps, ..Kvaerno5::new(self.rtol, self.atol.clone()) }
    }
}

impl Solver for Auto {
    fn solve_many(&self, field: &dyn VectorField, parameters: &[f64], problems: &[Problem]) -> Batch {
        let mut explicit = self.explicit().solve_many(field, parameters, problems);
        let stalled = |error: &OdeError| matches!(error, OdeError::MaxSteps { .. } | OdeError::StepUnderflow { .. });
        let trajectories = explicit.trajectories.iter().enumerate();
        let stiff: Vec<usize> = trajectories.filter(|(_, t)| t.as_ref().is_err_and(stalled)).map(|(p, _)| p).collect();
        if stiff.is_empty() {
            return explicit;
        }
        let handed_over: Vec<Problem> = stiff.iter().map(|&p| problems[p].clone()).collect();
        let implicit = self.implicit().solve_many(field, parameters, &handed_over);
        let mut trajectories = std::mem::take(&mut explicit.trajectories);
        for (&p, trajectory) in stiff.iter().zip(&implicit.trajectories) {
            trajectories[p] = trajectory.clone();
        }
        Batch::new(
            trajectories,
            Box::new(Both { explicit: explicit.into_tape(), implicit: implicit.into_tape(), stiff }),
        )
    }

    fn problem(&self, dim: usize) -> Option<String> {
        if self.explicit_steps == 0 {
            return Some("`explicit_steps` must be at least 1, found 0".to_owned());
        }
        self.implicit().problem(dim)
    }
}

/// What each of the two methods solved.
struct Both {
    explicit: Box<dyn BatchTape>,
    implicit: Box<dyn BatchTape>,
    /// Which problems the implicit one solved, in its order.
    stiff: Vec<usize>,
}

impl BatchTape for Both {
    fn pullback(&self, field: &dyn VectorField, parameters: &[f64], cotangents: &[Vec<f64>]) -> BatchGradient {
        // to the explicit method these problems failed, and it ignores their cotangents
        let mut gradient = self.explicit.pullback(field, parameters, cotangents);
        let of_stiff: Vec<Vec<f64>> = self.stiff.iter().map(|&p| cotangents[p].clone()).collect();
        let implicit = self.implicit.pullback(field, parameters, &of_stiff);
        gradient.parameters.iter_mut().zip(&implicit.parameters).for_each(|(sum, g)| *sum += g);
        for (&p, y0) in self.stiff.iter().zip(implicit.y0) {
            gradient.y0[p] = y0;
        }
        gradient
    }
}
