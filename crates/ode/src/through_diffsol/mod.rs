//! Stiff methods of the library diffsol: `bdf` and `esdirk34`, with the adjoint of their steps.
//!
//! `bdf` is the backward differentiation formula of order 1 to 5 in Nordsieck-like differences (L. F.
//! Shampine, M. W. Reichelt, SIAM J. Sci. Comput. 18 (1997) 1); `esdirk34` an L-stable, singly diagonally
//! implicit Runge–Kutta pair of order 3 with an embedded 4 (R. Jørgensen, P. G. Thomsen, arXiv:1803.01613
//! (2018)). Both reuse a Jacobian over many steps, where [`Esdirk3`](crate::Esdirk3) takes a new one for
//! each iteration.
//!
//! What is ours is everything around a step: states at the data times, which steps end at (the library's
//! own loop panics when its last step ends one rounding short), the step limit, fields that are not
//! finite (the library may call them solved), and one try with the other method where one fails.
//!
//! Gradients are those of the steps taken, to the tolerance of iterated linear solves that we choose: the
//! library's own gives gradients that are wrong by factors.

mod equations;
mod forward;
mod reverse;

use diffsol::{BdfState, DiffsolError, NalgebraLU, NalgebraMat, NalgebraVec};
use diffsol::{OdeSolverMethod, OdeSolverProblem, OdeSolverState, RkState, StepVjp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use self::equations::{Implicit, Moving};
use self::forward::{Reached, integrate};
use crate::batch::{Batch, BatchGradient, BatchTape, Problem, Trajectory};
use crate::error::OdeError;
use crate::field::VectorField;
use crate::solve::{Statistics, check};
use crate::solver::Solver;
use crate::tolerance::Tolerance;
use crate::tsit5::Tsit5;

type Matrix = NalgebraMat<f64>;
type Vector = NalgebraVec<f64>;
type Factors = NalgebraLU<f64>;

/// Backward differentiation of variable order 1 to 5 (Shampine & Reichelt 1997), for stiff problems
/// with long smooth stretches.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Bdf {
    /// Relative tolerance of the local error.
    pub rtol: f64,
    /// Absolute tolerance of the local error, in the units of the states: a number, or a list with
    /// one for each state.
    pub atol: Tolerance,
    /// Most steps per trajectory, rejected ones included.
    #[serde(default = "default_max_steps")]
    pub max_steps: usize,
}

/// L-stable ESDIRK of order 3(4) (Jørgensen & Thomsen 2018), for stiff problems.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Esdirk34 {
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

impl Bdf {
    /// A solver of these tolerances.
    pub fn new(rtol: f64, atol: impl Into<Tolerance>) -> Self {
        Self { rtol, atol: atol.into(), max_steps: default_max_steps() }
    }

    fn limits(&self) -> Tsit5 {
        Tsit5 { max_steps: self.max_steps, ..Tsit5::new(self.rtol, self.atol.clone()) }
    }
}

impl Esdirk34 {
    /// A solver of these tolerances.
    pub fn new(rtol: f64, atol: impl Into<Tolerance>) -> Self {
        Self { rtol, atol: atol.into(), max_steps: default_max_steps() }
    }

    fn limits(&self) -> Tsit5 {
        Tsit5 { max_steps: self.max_steps, ..Tsit5::new(self.rtol, self.atol.clone()) }
    }
}

impl Solver for Bdf {
    fn solve_many(&self, field: &dyn VectorField, parameters: &[f64], problems: &[Problem]) -> Batch {
        solve_many::<BdfMethod, Esdirk34Method>(&self.limits(), field, parameters, problems)
    }

    fn problem(&self, dim: usize) -> Option<String> {
        self.limits().problem(dim)
    }
}

impl Solver for Esdirk34 {
    fn solve_many(&self, field: &dyn VectorField, parameters: &[f64], problems: &[Problem]) -> Batch {
        solve_many::<Esdirk34Method, BdfMethod>(&self.limits(), field, parameters, problems)
    }

    fn problem(&self, dim: usize) -> Option<String> {
        self.limits().problem(dim)
    }
}

/// A method of the library.
trait Method {
    /// Where it is after a step.
    type State: OdeSolverState<Vector> + Send + Sync + 'static;

    /// It, at the start of a problem.
    fn start<'a, E: Implicit + 'a>(
        problem: &'a OdeSolverProblem<E>,
    ) -> Result<impl OdeSolverMethod<'a, E, State = Self::State> + StepVjp<'a, E>, DiffsolError>;
}

struct BdfMethod;
struct Esdirk34Method;

impl Method for BdfMethod {
    type State = BdfState<Vector>;

    fn start<'a, E: Implicit + 'a>(
        problem: &'a OdeSolverProblem<E>,
    ) -> Result<impl OdeSolverMethod<'a, E, State = Self::State> + StepVjp<'a, E>, DiffsolError> {
        problem.bdf::<Factors>()
    }
}

impl Method for Esdirk34Method {
    type State = RkState<Vector>;

    fn start<'a, E: Implicit + 'a>(
        problem: &'a OdeSolverProblem<E>,
    ) -> Result<impl OdeSolverMethod<'a, E, State = Self::State> + StepVjp<'a, E>, DiffsolError> {
        problem.esdirk34::<Factors>()
    }
}

/// A solved problem, whatever the method.
struct Solved {
    trajectory: Trajectory,
    tape: Box<dyn Reverse>,
}

/// The reverse pass over one trajectory.
trait Reverse: Send + Sync {
    /// Returns ∂/∂y₀ and adds ∂/∂θ to `parameter_bar`.
    fn accumulate(
        &self,
        field: &dyn VectorField,
        parameters: &[f64],
        cotangent: &[f64],
        parameter_bar: &mut [f64],
    ) -> Vec<f64>;
}

/// The steps of a method through one problem.
struct Steps<M: Method> {
    problem: Problem,
    limits: Tsit5,
    /// Where each step ended.
    ends: Vec<M::State>,
    /// `[n_times − 1]`: the number of steps up to each data time after the first.
    n_steps: Vec<usize>,
}

fn solve_many<First: Method + 'static, Second: Method + 'static>(
    limits: &Tsit5,
    field: &dyn VectorField,
    parameters: &[f64],
    problems: &[Problem],
) -> Batch {
    let mut tapes = Vec::with_capacity(problems.len());
    let mut trajectories = Vec::with_capacity(problems.len());
    for problem in problems {
        let solved = admit(limits, field, parameters, problem).and_then(|()| {
            let first = solve_one::<First>(limits, field, parameters, problem);
            // the error of the method that was asked for is the one to report
            first.or_else(|error| solve_one::<Second>(limits, field, parameters, problem).map_err(|_| error))
        });
        match solved {
            Ok(Solved { trajectory, tape }) => {
                trajectories.push(Ok(trajectory));
                tapes.push(Some(tape));
            }
            Err(error) => {
                trajectories.push(Err(error));
                tapes.push(None);
            }
        }
    }
    Batch::new(trajectories, Box::new(Tapes(tapes)))
}

/// Checks what no method could integrate.
fn admit(limits: &Tsit5, field: &dyn VectorField, parameters: &[f64], problem: &Problem) -> Result<(), OdeError> {
    limits.check(field.dim() - field.n_resting())?;
    check(field, parameters, &problem.y0, &problem.times).map(|_| ())
}

fn solve_one<M: Method + 'static>(
    limits: &Tsit5,
    field: &dyn VectorField,
    parameters: &[f64],
    problem: &Problem,
) -> Result<Solved, OdeError> {
    let moving = Moving::new(field, &problem.y0);
    let (reached, states, counts) = integrate::<M>(&moving, parameters, limits, problem)?;
    let statistics = Statistics { n_evaluations: moving.n_evaluations(), ..counts };
    let Reached { ends, n_steps } = reached;
    let steps = Steps::<M> { problem: problem.clone(), limits: limits.clone(), ends, n_steps };
    Ok(Solved { trajectory: Trajectory { states, statistics }, tape: Box::new(steps) })
}

/// One tape per problem; `None` where it failed.
struct Tapes(Vec<Option<Box<dyn Reverse>>>);

impl BatchTape for Tapes {
    fn pullback(&self, field: &dyn VectorField, parameters: &[f64], cotangents: &[Vec<f64>]) -> BatchGradient {
        let mut parameter_bar = vec![0.0; parameters.len()];
        let pull = |(tape, cotangent): (&Option<Box<dyn Reverse>>, &Vec<f64>)| match tape {
            Some(tape) => tape.accumulate(field, parameters, cotangent, &mut parameter_bar),
            None => vec![0.0; field.dim()],
        };
        let y0 = self.0.iter().zip(cotangents).map(pull).collect();
        BatchGradient { y0, parameters: parameter_bar }
    }
}
