//! Batches on a candle device: `tsit5` over `[B, n]` tensors with t and h of each sample's own.
//!
//! For CUDA devices, where it pays for many trajectories; on the CPU the lanes of [`crate::LaneField`] are several
//! times faster, and this path is there to be tested. Both take the same steps and have the same gradient to
//! rounding. The products of the Jacobian are written out in tensor operations ([`TensorField`]); candle's own
//! differentiation has no part in it.
//!
//! What is kept for the reverse pass is counted against `memory_limit_mib` as that of the lanes is; steps beyond
//! it are computed again from where they began.

mod field;
mod progress;
mod record;
mod samples;
mod solve;
mod stages;

use candle_core::Device;

use crate::batch::{Batch, BatchGradient, BatchTape, Problem, Trajectory};
use crate::error::OdeError;
use crate::field::VectorField;
use crate::solve::{Statistics, check};
use crate::solver::Solver;
use crate::tsit5::Tsit5;
use record::Record;
use solve::Setting;
use stages::Weights;

pub use field::{Evaluation, TensorField};
pub(crate) use field::{columns, from_columns};

/// The solver `tsit5` on a device.
#[derive(Debug, Clone)]
pub struct OnDevice {
    /// Tolerances and limits.
    pub solver: Tsit5,
    /// Where it computes.
    pub device: Device,
}

impl Solver for OnDevice {
    fn solve_many(&self, field: &dyn VectorField, parameters: &[f64], problems: &[Problem]) -> Batch {
        let mut queue = vec![];
        let mut trajectories: Vec<_> = problems
            .iter()
            .enumerate()
            .map(|(index, Problem { y0, times })| {
                self.solver.check(field.dim() - field.n_resting())?;
                let (t0, t_end) = check(field, parameters, y0, times)?;
                if t0 < t_end {
                    queue.push(index);
                }
                Ok(Trajectory { states: y0.clone(), statistics: Statistics::default() })
            })
            .collect();
        if queue.is_empty() && trajectories.iter().all(Result::is_err) {
            return Batch::failed(trajectories);
        }
        match self.solve_queue(field, parameters, problems, &queue, &mut trajectories) {
            Ok(record) => {
                let is_single = |p: &usize| trajectories[*p].is_ok() && problems[*p].times.len() == 1;
                let single = (0..problems.len()).filter(is_single).collect();
                Batch::new(trajectories, Box::new(Solved { record, single, device: self.device.clone() }))
            }
            Err(error) => {
                trajectories.iter_mut().filter(|t| t.is_ok()).for_each(|t| *t = Err(error.clone()));
                Batch::failed(trajectories)
            }
        }
    }

    fn problem(&self, dim: usize) -> Option<String> {
        self.solver.problem(dim)
    }
}

impl OnDevice {
    fn solve_queue(
        &self,
        field: &dyn VectorField,
        parameters: &[f64],
        problems: &[Problem],
        queue: &[usize],
        trajectories: &mut [Result<Trajectory, OdeError>],
    ) -> Result<Record, OdeError> {
        let tensors = field.tensors(parameters, &self.device).ok_or(OdeError::NoTensors)??;
        let setting = Setting {
            field: tensors.as_ref(),
            n: field.dim(),
            n_controlled: field.dim() - field.n_resting(),
            rounding: field.rounding(),
            config: &self.solver,
            problems,
            device: &self.device,
            weights: Weights::new(&self.device)?,
        };
        Ok(setting.solve(queue, trajectories)?)
    }
}

/// The record of solved problems.
struct Solved {
    record: Record,
    /// Problems of a single time, whose states are their y₀.
    single: Vec<usize>,
    device: Device,
}

impl BatchTape for Solved {
    fn pullback(&self, field: &dyn VectorField, parameters: &[f64], cotangents: &[Vec<f64>]) -> BatchGradient {
        match self.try_pullback(field, parameters, cotangents) {
            Ok(gradient) => gradient,
            Err(error) => panic!("{error}"),
        }
    }

    fn try_pullback(
        &self,
        field: &dyn VectorField,
        parameters: &[f64],
        cotangents: &[Vec<f64>],
    ) -> Result<BatchGradient, OdeError> {
        let mut parameter_bar = vec![0.0; parameters.len()];
        let mut tensors = field.tensors(parameters, &self.device).ok_or(OdeError::NoTensors)??;
        let mut y0 = self.record.pullback(tensors.as_mut(), cotangents)?;
        tensors.take_gradient(&mut parameter_bar)?;
        for &p in &self.single {
            y0[p].copy_from_slice(&cotangents[p]);
        }
        Ok(BatchGradient { y0, parameters: parameter_bar })
    }
}
