//! A batch solved on a device: the method of [`crate::group`] with all its samples at once.
//!
//! Every sample has its own t, h and error, and accepts or rejects on its own. The host decides, from one transfer
//! of B errors per attempt; states, slopes and evaluations stay on the device. A sample that has finished is
//! dropped from the tensors, so that the work is that of the samples under way.

use candle_core::{Device, Result, Tensor};

use super::field::{TensorField, bytes, select};
use super::progress::{Outcome, Progress};
use super::record::{Attempt, Inside, Kept, Record};
use super::samples::index;
use super::stages::{Origin, Stages, Weights};
use crate::batch::{Problem, Trajectory};
use crate::controller::{first_guess, first_step, scaled_norm};
use crate::error::OdeError;
use crate::field::lanes::Row;
use crate::memory;
use crate::solve::Statistics;
use crate::tableau::{N_STAGES, interpolant};
use crate::tsit5::Tsit5;

/// What is solved, and how.
pub(super) struct Setting<'a> {
    pub(super) field: &'a dyn TensorField,
    pub(super) n: usize,
    /// States under error control.
    pub(super) n_controlled: usize,
    /// Of the field, relative to its slopes.
    pub(super) rounding: f64,
    pub(super) config: &'a Tsit5,
    pub(super) problems: &'a [Problem],
    pub(super) device: &'a Device,
    pub(super) weights: Weights,
}

/// The samples under way; row i of the tensors is that of entry i.
struct Active {
    samples: Vec<Progress>,
    /// `[B, n]`.
    y: Tensor,
    slope: Tensor,
}

/// States at recorded data times, by attempt.
struct States {
    tensors: Vec<Tensor>,
}

impl Setting<'_> {
    /// Integrates those problems whose numbers are in `queue` (ascending, checked, with two times or more); the
    /// others keep their place in `results`.
    pub(super) fn solve(
        &self,
        queue: &[usize],
        results: &mut [std::result::Result<Trajectory, OdeError>],
    ) -> Result<Record> {
        let mut record = Record {
            device: self.device.clone(),
            n: self.n,
            began: vec![],
            first: vec![],
            attempts: vec![],
            outputs: vec![],
            failed: vec![false; self.problems.len()],
        };
        if queue.is_empty() {
            return Ok(record);
        }
        let mut states = States { tensors: vec![] };
        let mut failures: Vec<(usize, OdeError)> = vec![];
        let mut finished: Vec<(usize, Statistics)> = vec![];
        let mut active = self.start(queue, &mut record, &mut failures)?;
        while !active.samples.is_empty() {
            self.plan(&mut active, &mut failures)?;
            if !active.samples.is_empty() {
                self.attempt(&mut active, &mut record, &mut states, &mut finished)?;
            }
        }
        let mut reached = self.collect(&record, &states)?;
        for (problem, statistics) in finished {
            results[problem] = Ok(Trajectory { states: std::mem::take(&mut reached[problem]), statistics });
        }
        for (problem, error) in failures {
            record.failed[problem] = true;
            results[problem] = Err(error.with_partial(std::mem::take(&mut reached[problem])));
        }
        Ok(record)
    }

    /// First slopes and steps.
    fn start(&self, queue: &[usize], record: &mut Record, failures: &mut Vec<(usize, OdeError)>) -> Result<Active> {
        let y0: Vec<f64> = queue.iter().flat_map(|&p| self.problems[p].y0.iter().copied()).collect();
        let y = Tensor::from_vec(y0, (queue.len(), self.n), self.device)?;
        let t0: Vec<f64> = queue.iter().map(|&p| self.problems[p].times[0]).collect();
        let (slope, evaluation) = self.field.rhs(&Tensor::new(t0.as_slice(), self.device)?, &y)?;
        let slopes = slope.to_vec2::<f64>()?;
        let norm = |values: &mut dyn Iterator<Item = f64>, p: usize| {
            let sizes = self.problems[p].y0.iter().map(|y| y.abs());
            scaled_norm(self.config, values, sizes, self.n_controlled)
        };
        let guesses: Vec<(f64, f64)> = queue
            .iter()
            .zip(&slopes)
            .map(|(&p, slope)| {
                let slope_norm = norm(&mut slope.iter().copied(), p);
                (first_guess(norm(&mut self.problems[p].y0.iter().copied(), p), slope_norm), slope_norm)
            })
            .collect();
        let h0: Vec<f64> = guesses.iter().map(|(h0, _)| *h0).collect();
        let ahead_times: Vec<f64> = t0.iter().zip(&h0).map(|(t, h)| t + h).collect();
        let h0 = Tensor::from_vec(h0, (queue.len(), 1), self.device)?;
        let ahead = (&y + slope.broadcast_mul(&h0)?)?;
        let (ahead, _) = self.field.rhs(&Tensor::new(ahead_times.as_slice(), self.device)?, &ahead)?;

        let (mut samples, mut rows) = (vec![], vec![]);
        for (row, (((&p, slope), ahead), (h0, slope_norm))) in
            queue.iter().zip(&slopes).zip(ahead.to_vec2::<f64>()?).zip(guesses).enumerate()
        {
            let times = &self.problems[p].times;
            if slope.iter().all(|k| k.is_finite()) {
                let change = norm(&mut ahead.iter().zip(slope).map(|(a, k)| a - k), p);
                samples.push(Progress::new(p, times[0], first_step(h0, slope_norm, change)));
                rows.push(row);
            } else {
                let t_end = times[times.len() - 1];
                failures.push((p, OdeError::FieldNotFinite { t: times[0], t_end, partial: vec![] }));
            }
        }
        record.began = samples.iter().map(|sample| sample.problem).collect();
        record.first = self.only(&evaluation, &rows, queue.len())?;
        Ok(Active { samples, y: self.rows(&y, &rows)?, slope: self.rows(&slope, &rows)? })
    }

    /// Settles the next step of every sample and drops those that have none.
    fn plan(&self, active: &mut Active, failures: &mut Vec<(usize, OdeError)>) -> Result<()> {
        let mut rows = vec![];
        for (row, sample) in active.samples.iter_mut().enumerate() {
            match sample.plan(&self.problems[sample.problem].times, self.config.max_steps) {
                Ok(()) => rows.push(row),
                Err(error) => failures.push((sample.problem, error)),
            }
        }
        if rows.len() < active.samples.len() {
            active.y = self.rows(&active.y, &rows)?;
            active.slope = self.rows(&active.slope, &rows)?;
            active.keep(&rows);
        }
        Ok(())
    }

    /// One attempted step of every sample.
    fn attempt(
        &self,
        active: &mut Active,
        record: &mut Record,
        states: &mut States,
        finished: &mut Vec<(usize, Statistics)>,
    ) -> Result<()> {
        let b = active.samples.len();
        let t: Vec<f64> = active.samples.iter().map(|sample| sample.t).collect();
        let steps: Vec<f64> = active.samples.iter().map(|sample| sample.h).collect();
        let origin = Origin {
            t: Tensor::from_vec(t, b, self.device)?,
            h: Tensor::from_slice(&steps, (b, 1), self.device)?,
            y: active.y.clone(),
            slope: active.slope.clone(),
        };
        let stages = self.weights.evaluate(self.field, &origin)?;
        let errors = self.weights.error_norms(self.config, self.n_controlled, self.rounding, &origin, &stages)?;

        let (mut accepted, mut going_on, mut next) = (vec![], vec![], vec![]);
        // rows among those that accepted, with the weights of their data times
        let (mut inside, mut inside_weights) = (vec![], vec![]);
        // rows among all, for the states of now
        let mut inside_rows = vec![];
        for (row, sample) in active.samples.iter_mut().enumerate() {
            let times = &self.problems[sample.problem].times;
            let outcome = sample.judge(errors[row], times, N_STAGES - 1);
            let (passed, ends) = match outcome {
                Outcome::Rejected => {
                    going_on.push(row);
                    next.push(row);
                    continue;
                }
                Outcome::Accepted(passed) => (passed, false),
                Outcome::Finished(passed) => (passed, true),
            };
            for (time, theta) in passed {
                record.outputs.push((sample.problem, time));
                inside.push(accepted.len());
                inside_rows.push(row);
                inside_weights.extend(interpolant(theta).map(|weight| steps[row] * weight));
                inside_weights.push(1.0);
            }
            accepted.push(row);
            if ends {
                finished.push((sample.problem, sample.statistics));
            } else {
                going_on.push(row);
                next.push(b + row);
            }
        }
        if !accepted.is_empty() {
            let inside = if inside.is_empty() {
                None
            } else {
                let weights = Tensor::from_vec(inside_weights, (inside.len(), N_STAGES + 1), self.device)?;
                let now = Inside { rows: inside_rows, weights };
                states.tensors.push(now.states(&stages.slopes, &active.y)?);
                Some(Inside { rows: inside, weights: now.weights })
            };
            let problems = accepted.iter().map(|&row| active.samples[row].problem).collect();
            let h = self.rows(&origin.h, &accepted)?;
            let evaluations = self.kept(&origin, &stages, &accepted)?;
            record.attempts.push(Attempt { problems, h, evaluations, inside });
        }
        // from the end of the step where it was accepted, else from its start
        let end_slope = stages.slopes.get(N_STAGES - 1)?;
        active.y = self.rows(&Tensor::cat(&[&active.y, &stages.end], 0)?, &next)?;
        active.slope = self.rows(&Tensor::cat(&[&active.slope, &end_slope], 0)?, &next)?;
        active.keep(&going_on);
        Ok(())
    }

    /// What the reverse pass needs of a step of those who accepted it.
    fn kept(&self, origin: &Origin, stages: &Stages, accepted: &[usize]) -> Result<Kept> {
        let b = origin.y.dim(0)?;
        let n_bytes: usize = stages.evaluations.iter().map(|e| bytes(e)).sum();
        let n_rows = (n_bytes / b * accepted.len()).div_ceil(size_of::<Row>());
        if !memory::has_room(n_rows, self.config.memory_limit_mib) {
            let t = origin.t.index_select(&index(accepted, self.device)?, 0)?;
            let [h, y, slope] = [&origin.h, &origin.y, &origin.slope].map(|tensor| self.rows(tensor, accepted));
            return Ok(Kept::Origin(Box::new(Origin { t, h: h?, y: y?, slope: slope? })));
        }
        let evaluations = stages.evaluations.iter().map(|e| self.only(e, accepted, b)).collect::<Result<_>>()?;
        memory::hold(n_rows);
        Ok(Kept::Whole(evaluations, n_rows))
    }

    /// The states of all problems, as far as they were reached.
    fn collect(&self, record: &Record, states: &States) -> Result<Vec<Vec<f64>>> {
        let mut reached: Vec<Vec<f64>> = self.problems.iter().map(|problem| problem.y0.clone()).collect();
        if states.tensors.is_empty() {
            return Ok(reached);
        }
        let rows = Tensor::cat(&states.tensors, 0)?.to_vec2::<f64>()?;
        for (&(problem, _), row) in record.outputs.iter().zip(rows) {
            reached[problem].extend(row);
        }
        Ok(reached)
    }

    /// Rows of a matrix, in ascending order; the matrix itself where they are all. It is not looked at where they are
    /// none, and not every device can hold nothing.
    fn rows(&self, matrix: &Tensor, rows: &[usize]) -> Result<Tensor> {
        if rows.is_empty() || rows.len() == matrix.dim(0)? {
            return Ok(matrix.clone());
        }
        matrix.index_select(&index(rows, self.device)?, 0)
    }

    /// Samples of an evaluation of `b`, in ascending order, as [`Self::rows`].
    fn only(&self, evaluation: &[Tensor], samples: &[usize], b: usize) -> Result<Vec<Tensor>> {
        if samples.is_empty() || samples.len() == b {
            return Ok(evaluation.to_vec());
        }
        select(evaluation, &index(samples, self.device)?)
    }
}

impl Active {
    /// Keeps the samples of these rows; the tensors are theirs already.
    fn keep(&mut self, rows: &[usize]) {
        let mut row = 0;
        self.samples.retain(|_| {
            row += 1;
            rows.binary_search(&(row - 1)).is_ok()
        });
    }
}
