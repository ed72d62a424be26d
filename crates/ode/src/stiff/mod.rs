//! Stiff problems: implicit Runge–Kutta methods with their discrete adjoints.
//!
//! Dense Jacobians: for systems of up to some tens of states. What fills the lanes of a field is, in the forward
//! pass, the trajectories, or the stages of a step where there are few of them; in the reverse pass the stages of a
//! whole trajectory, which are all known, eight at a time.

mod adjoint;
mod convergence;
mod extrapolation;
mod group;
mod lane_adjoint;
mod lane_lu;
mod lu;
mod newton;
mod solve;
pub mod tableau;
mod tape;
mod together;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::batch::{Batch, BatchGradient, BatchTape, Problem, Trajectory};
use crate::error::OdeError;
use crate::field::VectorField;
use crate::solve::check;
use crate::solver::Solver;
use crate::tolerance::Tolerance;
use crate::tsit5::Tsit5;

pub use solve::{StiffSolution, solve_stiff};
pub use tableau::{ESDIRK3, KVAERNO5, Tableau};
pub use tape::StiffTape;

use adjoint::pull_back_all;
use group::solve_group;
use newton::System;
use solve::solve_with;

/// An implicit method with its settings.
pub trait Implicit {
    /// Its coefficients.
    fn tableau(&self) -> &'static Tableau;

    /// The same settings of the explicit method, which are checked in the same way.
    fn tolerances(&self) -> Tsit5;
}

fn default_max_steps() -> usize {
    10_000
}

/// An entry of the registry: the settings, and the coefficients they go with.
macro_rules! implicit {
    ($(#[$doc:meta])* $name:ident, $tableau:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
        #[serde(deny_unknown_fields)]
        pub struct $name {
            /// Relative tolerance of the local error.
            pub rtol: f64,
            /// Absolute tolerance of the local error, in the units of the states: a number, or a list
            /// with one for each state.
            pub atol: Tolerance,
            /// Most steps per trajectory, rejected ones included.
            #[serde(default = "default_max_steps")]
            pub max_steps: usize,
        }

        impl $name {
            /// A solver of these tolerances.
            pub fn new(rtol: f64, atol: impl Into<Tolerance>) -> Self {
                Self { rtol, atol: atol.into(), max_steps: default_max_steps() }
            }
        }

        impl Implicit for $name {
            fn tableau(&self) -> &'static Tableau {
                &$tableau
            }

            fn tolerances(&self) -> Tsit5 {
                Tsit5 { max_steps: self.max_steps, ..Tsit5::new(self.rtol, self.atol.clone()) }
            }
        }

        impl Solver for $name {
            fn solve_many(&self, field: &dyn VectorField, parameters: &[f64], problems: &[Problem]) -> Batch {
                solve_problems(self, field, parameters, problems)
            }

            fn problem(&self, dim: usize) -> Option<String> {
                self.tolerances().problem(dim)
            }
        }
    };
}

implicit! {
    /// L-stable ESDIRK of order 3(2) (Kennedy & Carpenter 2003), for stiff problems.
    Esdirk3, ESDIRK3
}

implicit! {
    /// L-stable ESDIRK of order 5(4) (Kværnø 2004), for stiff problems to tight tolerances.
    Kvaerno5, KVAERNO5
}

/// From so many problems on they are solved eight at a time; fewer leave lanes empty that the stages of a step would
/// fill.
const FEWEST_IN_LANES: usize = 4;

fn solve_problems(method: &impl Implicit, field: &dyn VectorField, parameters: &[f64], problems: &[Problem]) -> Batch {
    let (tableau, config) = (method.tableau(), method.tolerances());
    let runs = |Problem { y0, times }: &Problem| {
        config.check(field.dim() - field.n_resting()).is_ok()
            && check(field, parameters, y0, times).is_ok_and(|(t0, t_end)| t0 < t_end)
    };
    let queue: Vec<usize> = (0..problems.len()).filter(|&p| runs(&problems[p])).collect();
    let mut in_lanes: Vec<_> = problems.iter().map(|_| None).collect();
    if queue.len() >= FEWEST_IN_LANES
        && let Some(mut lanes) = field.lanes(parameters)
    {
        let mut system = System::new(field, parameters);
        solve_group(lanes.as_mut(), &mut system, tableau, &config, problems, &queue, &mut in_lanes);
    }
    let mut workspace = None;
    let solved = problems.iter().zip(in_lanes).map(|(p, solved)| {
        solved.unwrap_or_else(|| solve_with(&mut workspace, field, parameters, &p.y0, &p.times, method))
    });
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

/// One tape per problem; `None` where it failed.
struct Tapes(Vec<Option<StiffTape>>);

impl BatchTape for Tapes {
    fn pullback(&self, field: &dyn VectorField, parameters: &[f64], cotangents: &[Vec<f64>]) -> BatchGradient {
        let mut parameter_bar = vec![0.0; parameters.len()];
        let tapes: Vec<_> = self.0.iter().map(Option::as_ref).zip(cotangents.iter().map(Vec::as_slice)).collect();
        let y0 = pull_back_all(field, parameters, &tapes, &mut parameter_bar);
        BatchGradient { y0, parameters: parameter_bar }
    }
}
