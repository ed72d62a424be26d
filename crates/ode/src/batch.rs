//! Many trajectories of one field: what a training step solves and pulls back.

use crate::error::OdeError;
use crate::field::VectorField;
use crate::solve::Statistics;

/// An initial value problem and the times at which its solution is wanted.
#[derive(Debug, Clone, PartialEq)]
pub struct Problem {
    /// `[n]`: the state at the first time.
    pub y0: Vec<f64>,
    /// `[n_times]`, strictly increasing; the first is t₀.
    pub times: Vec<f64>,
}

/// The states of one solved problem.
#[derive(Debug, Clone, PartialEq)]
pub struct Trajectory {
    /// `[n_times * n]`: the states at the data times.
    pub states: Vec<f64>,
    /// What they cost.
    pub statistics: Statistics,
}

/// Solved problems with the record that their gradient needs.
pub struct Batch {
    /// One per problem, in their order; a failure of one leaves the others alone.
    pub trajectories: Vec<Result<Trajectory, OdeError>>,
    tape: Box<dyn BatchTape>,
}

/// ∂L/∂(all y₀, θ).
#[derive(Debug, Clone, PartialEq)]
pub struct BatchGradient {
    /// `[n_problems][n]`; zeros where the problem failed.
    pub y0: Vec<Vec<f64>>,
    /// `[p]`: the sum over the problems.
    pub parameters: Vec<f64>,
}

/// The reverse pass of a solver over what it solved.
pub trait BatchTape: Send + Sync {
    /// The gradient of Σ cotangent · states over all problems that did not fail.
    ///
    /// # Shapes
    /// `parameters` `[p]`; `cotangents` `[n_problems][n_times * n]`, ignored where a problem failed.
    fn pullback(&self, field: &dyn VectorField, parameters: &[f64], cotangents: &[Vec<f64>]) -> BatchGradient;

    /// The same, where the record lies on a device that may fail.
    fn try_pullback(
        &self,
        field: &dyn VectorField,
        parameters: &[f64],
        cotangents: &[Vec<f64>],
    ) -> Result<BatchGradient, OdeError> {
        Ok(self.pullback(field, parameters, cotangents))
    }
}

impl Batch {
    /// Puts together what a solver solved.
    pub fn new(trajectories: Vec<Result<Trajectory, OdeError>>, tape: Box<dyn BatchTape>) -> Self {
        Self { trajectories, tape }
    }

    /// Nothing that could be solved.
    pub(crate) fn failed(failures: Vec<Result<Trajectory, OdeError>>) -> Self {
        Self { trajectories: failures, tape: Box::new(Nothing) }
    }

    /// The gradient of Σ cotangent · states over all problems that did not fail.
    ///
    /// # Shapes
    /// `parameters` `[p]`, those of the solve; `cotangents` `[n_problems][n_times * n]`, ignored where
    /// a problem failed.
    ///
    /// # Panics
    /// If a cotangent has another shape than its states, or the device of the record fails, which
    /// [`Batch::try_pullback`] reports.
    pub fn pullback(&self, field: &dyn VectorField, parameters: &[f64], cotangents: &[Vec<f64>]) -> BatchGradient {
        assert_eq!(cotangents.len(), self.trajectories.len(), "one cotangent per problem");
        self.tape.pullback(field, parameters, cotangents)
    }

    /// [`Batch::pullback`], with the failure of a device as an error.
    pub fn try_pullback(
        &self,
        field: &dyn VectorField,
        parameters: &[f64],
        cotangents: &[Vec<f64>],
    ) -> Result<BatchGradient, OdeError> {
        assert_eq!(cotangents.len(), self.trajectories.len(), "one cotangent per problem");
        self.tape.try_pullback(field, parameters, cotangents)
    }

    /// The record alone, for a solver that solves in several ways.
    pub(crate) fn into_tape(self) -> Box<dyn BatchTape> {
        self.tape
    }
}

/// The reverse pass over nothing.
struct Nothing;

impl BatchTape for Nothing {
    fn pullback(&self, field: &dyn VectorField, parameters: &[f64], cotangents: &[Vec<f64>]) -> BatchGradient {
        BatchGradient { y0: vec![vec![0.0; field.dim()]; cotangents.len()], parameters: vec![0.0; parameters.len()] }
    }
}
