//! The record of a batch solved on a device, and its reverse: the discrete adjoint of [`crate::adjoint`].
//!
//! An attempt is recorded for those samples that accepted it; for the others it has no part in the result.
//! Going back, cotangents of state and slope are kept for the samples met so far, and zero for a sample that is
//! met for the first time, at its last step.

use candle_core::{DType, Device, Result, Tensor};

use super::field::{Evaluation, TensorField};
use super::samples::{carry, index, replace, union};
use super::stages::{Bars, Origin, Weights};
use crate::memory;
use crate::tableau::N_STAGES;

/// The record of all problems.
pub(super) struct Record {
    pub(super) device: Device,
    pub(super) n: usize,
    /// The first evaluation, f(t₀, y₀), of the problems that began.
    pub(super) began: Vec<usize>,
    pub(super) first: Evaluation,
    pub(super) attempts: Vec<Attempt>,
    /// Problem and index of every recorded data time, in the order of the attempts.
    pub(super) outputs: Vec<(usize, usize)>,
    /// `[n_problems]`.
    pub(super) failed: Vec<bool>,
}

/// One step of those who accepted it.
pub(super) struct Attempt {
    /// Whose step it was.
    pub(super) problems: Vec<usize>,
    /// `[B, 1]`.
    pub(super) h: Tensor,
    pub(super) evaluations: Kept,
    pub(super) inside: Option<Inside>,
}

/// The evaluations of a step.
pub(super) enum Kept {
    /// All of stages 2 to 7, and the rows of memory that they are counted as.
    Whole(Vec<Evaluation>, usize),
    /// From where they are computed again.
    Origin(Box<Origin>),
}

/// Data times inside a step.
pub(super) struct Inside {
    /// Row of each, ascending.
    pub(super) rows: Vec<usize>,
    /// `[R, 8]`: h·bᵢ(θ) for the slopes, 1 for y.
    pub(super) weights: Tensor,
}

impl Drop for Record {
    fn drop(&mut self) {
        for attempt in &self.attempts {
            if let Kept::Whole(_, n_rows) = attempt.evaluations {
                memory::release(n_rows);
            }
        }
    }
}

impl Record {
    /// ∂/∂y₀ of every problem that began; ∂/∂θ is left in `field`.
    ///
    /// # Shapes
    /// `cotangents` `[n_problems][n_times * n]`; returns `[n_problems][n]`, zeros where a problem failed or did not
    /// begin.
    pub(super) fn pullback(&self, field: &mut dyn TensorField, cotangents: &[Vec<f64>]) -> Result<Vec<Vec<f64>>> {
        let (n, device) = (self.n, &self.device);
        let mut y0_bar = vec![vec![0.0; n]; self.failed.len()];
        // without a step there is none that did not fail
        if self.attempts.is_empty() {
            return Ok(y0_bar);
        }
        let weights = Weights::new(device)?;
        // a row of its own for none, since not every device can hold nothing
        let none = std::iter::repeat_n(0.0, n);
        let of_outputs = self.outputs.iter().flat_map(|output| self.cotangent(*output, cotangents)).chain(none);
        let of_outputs = Tensor::from_vec(of_outputs.collect::<Vec<f64>>(), (self.outputs.len() + 1, n), device)?;
        let mut before = self.outputs.len();
        let (mut met, mut bars): (Vec<usize>, Option<Bars>) = (vec![], None);
        for attempt in self.attempts.iter().rev() {
            let problems = &attempt.problems;
            let end = match &bars {
                Some(bars) => Bars { y: carry(&bars.y, &met, problems)?, slope: carry(&bars.slope, &met, problems)? },
                None => {
                    let zeros = Tensor::zeros((problems.len(), n), DType::F64, device)?;
                    Bars { y: zeros.clone(), slope: zeros }
                }
            };
            let inside = match &attempt.inside {
                Some(inside) => {
                    before -= inside.rows.len();
                    let given = of_outputs.narrow(0, before, inside.rows.len())?;
                    Some(inside.pull_back(&given, problems.len())?)
                }
                None => None,
            };
            let again;
            let evaluations = match &attempt.evaluations {
                Kept::Whole(evaluations, _) => evaluations,
                Kept::Origin(origin) => {
                    again = weights.evaluate(&*field, origin)?.evaluations;
                    &again
                }
            };
            let start = weights.reverse(field, &attempt.h, evaluations, &end, inside.as_ref())?;
            if met.iter().all(|problem| problems.binary_search(problem).is_ok()) {
                (met, bars) = (problems.clone(), Some(start));
            } else if let Some(old) = bars.take() {
                let all = union(&met, problems);
                bars = Some(Bars {
                    y: replace(&start.y, problems, &old.y, &met, &all)?,
                    slope: replace(&start.slope, problems, &old.slope, &met, &all)?,
                });
                met = all;
            }
        }
        let Some(Bars { y, slope }) = bars else { return Ok(y0_bar) };
        let through_first = field.vjp(&self.first, &carry(&slope, &met, &self.began)?)?;
        let rows = (through_first + carry(&y, &met, &self.began)?)?.to_vec2::<f64>()?;
        for (&p, row) in self.began.iter().zip(&rows).filter(|&(&p, _)| !self.failed[p]) {
            for ((bar, of_state), of_first) in y0_bar[p].iter_mut().zip(row).zip(&cotangents[p]) {
                *bar = of_state + of_first;
            }
        }
        Ok(y0_bar)
    }

    /// The cotangent of one recorded data time, `[n]`.
    fn cotangent(&self, (problem, time): (usize, usize), cotangents: &[Vec<f64>]) -> Vec<f64> {
        if self.failed[problem] {
            return vec![0.0; self.n];
        }
        cotangents[problem][time * self.n..][..self.n].to_vec()
    }
}

impl Inside {
    /// States at these data times.
    ///
    /// # Shapes
    /// `slopes` `[7, B, n]`, `y` `[B, n]`; returns `[R, n]`.
    pub(super) fn states(&self, slopes: &Tensor, y: &Tensor) -> Result<Tensor> {
        let rows = index(&self.rows, y.device())?;
        let of_slopes = self.weights.narrow(1, 0, N_STAGES)?.t()?.contiguous()?.unsqueeze(2)?;
        let change = slopes.index_select(&rows, 1)?.broadcast_mul(&of_slopes)?.sum(0)?;
        y.index_select(&rows, 0)? + change
    }

    /// Cotangents of the slopes and of y, `[B, 8, n]`, from those of the states, `[R, n]`.
    ///
    /// The k-th data times of all rows are added at once: sums with every place once, which need no atomic
    /// operations.
    fn pull_back(&self, given: &Tensor, n_rows: usize) -> Result<Tensor> {
        let (r, n) = given.dims2()?;
        let all = self.weights.unsqueeze(2)?.broadcast_mul(&given.unsqueeze(1)?)?;
        let nothing = Tensor::zeros((1, N_STAGES + 1, n), given.dtype(), given.device())?;
        let all = Tensor::cat(&[&all, &nothing], 0)?;
        let mut first = vec![r; n_rows];
        let mut count = vec![0; n_rows];
        for (k, &row) in self.rows.iter().enumerate() {
            first[row] = first[row].min(k);
            count[row] += 1;
        }
        let place = |row: usize, k: usize| if k < count[row] { first[row] + k } else { r };
        let most = count.iter().copied().max().unwrap_or(0);
        let mut sum = None;
        for k in 0..most {
            let places: Vec<usize> = (0..n_rows).map(|row| place(row, k)).collect();
            let these = all.index_select(&index(&places, given.device())?, 0)?;
            sum = Some(match sum {
                Some(sum) => (sum + these)?,
                None => these,
            });
        }
        match sum {
            Some(sum) => Ok(sum),
            None => Tensor::zeros((n_rows, N_STAGES + 1, n), given.dtype(), given.device()),
        }
    }
}
