//! The registry of solvers.

use surprisal_core::registry;

use crate::auto::Auto;
use crate::batch::{Batch, BatchGradient, BatchTape, Problem, Trajectory};
use crate::field::VectorField;
use crate::field::lanes::LaneField;
use crate::group::solve_group;
use crate::group_adjoint::GroupTape;
use crate::leapfrog::Leapfrog;
use crate::rk4::Rk4;
use crate::solve::{Solution, Statistics, check, solve};
use crate::stiff::{Esdirk3, Kvaerno5};
use crate::tape::Tape;
use crate::through_diffsol::{Bdf, Esdirk34};
use crate::tsit5::Tsit5;

/// A way to integrate a field, with the gradient of what it computed.
pub trait Solver: Send + Sync {
    /// Integrates every problem on its own; a failure of one leaves the others alone.
    fn solve_many(&self, field: &dyn VectorField, parameters: &[f64], problems: &[Problem]) -> Batch;

    /// The first value of its configuration that is impossible for `dim` states, in words that begin
    /// with the key in backticks.
    fn problem(&self, dim: usize) -> Option<String>;
}

registry! {
    /// Every solver.
    pub enum SolverConfig: dyn Solver {
        "tsit5" => Tsit5,
        "rk4" => Rk4,
        "leapfrog" => Leapfrog,
        "esdirk3" => Esdirk3,
        "kvaerno5" => Kvaerno5,
        "auto" => Auto,
        "bdf" => Bdf,
        "esdirk34" => Esdirk34,
    }
}

impl Solver for Tsit5 {
    fn solve_many(&self, field: &dyn VectorField, parameters: &[f64], problems: &[Problem]) -> Batch {
        match field.lanes(parameters).filter(|_| parameters.len() == field.n_parameters()) {
            Some(lanes) => solve_in_lanes(self, field, lanes, parameters, problems),
            None => solve_one_by_one(self, field, parameters, problems),
        }
    }

    fn problem(&self, dim: usize) -> Option<String> {
        if self.max_steps == 0 {
            return Some("`max_steps` must be at least 1, found 0".to_owned());
        }
        self.check(dim).err().map(|error| error.to_string())
    }
}

fn solve_in_lanes(
    config: &Tsit5,
    field: &dyn VectorField,
    mut lanes: Box<dyn LaneField + '_>,
    parameters: &[f64],
    problems: &[Problem],
) -> Batch {
    let mut queue = Vec::with_capacity(problems.len());
    let mut trajectories: Vec<_> = problems
        .iter()
        .enumerate()
        .map(|(index, Problem { y0, times })| {
            config.check(field.dim() - field.n_resting())?;
            let (t0, t_end) = check(field, parameters, y0, times)?;
            if t0 < t_end {
                queue.push(index);
            }
            Ok(Trajectory { states: y0.clone(), statistics: Statistics::default() })
        })
        .collect();
    let tape = solve_group(lanes.as_mut(), field, problems, &queue, config, &mut trajectories);
    let single = trajectories
        .iter()
        .enumerate()
        .filter(|(_, t)| matches!(t, Ok(t) if t.states.len() == field.dim()))
        .map(|(p, _)| p)
        .collect();
    Batch::new(trajectories, Box::new(Lanes { group: tape, single }))
}

/// The record of problems solved in lanes.
struct Lanes {
    group: GroupTape,
    /// Problems of a single time, whose states are their y₀.
    single: Vec<usize>,
}

impl BatchTape for Lanes {
    fn pullback(&self, field: &dyn VectorField, parameters: &[f64], cotangents: &[Vec<f64>]) -> BatchGradient {
        let mut parameter_bar = vec![0.0; parameters.len()];
        let mut y0 = vec![];
        if let Some(mut lanes) = field.lanes(parameters) {
            y0 = self.group.pullback(lanes.as_mut(), cotangents);
            lanes.take_gradient(&mut parameter_bar);
        }
        for &p in &self.single {
            y0[p].copy_from_slice(&cotangents[p]);
        }
        BatchGradient { y0, parameters: parameter_bar }
    }
}

fn solve_one_by_one(config: &Tsit5, field: &dyn VectorField, parameters: &[f64], problems: &[Problem]) -> Batch {
    let mut tapes = Vec::with_capacity(problems.len());
    let trajectories = problems
        .iter()
        .map(|Problem { y0, times }| match solve(field, parameters, y0, times, config) {
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
