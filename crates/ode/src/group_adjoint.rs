//! The discrete adjoint of a group: [`crate::adjoint`] over eight lanes.
//!
//! Attempts are walked backwards as they were made. A lane whose attempt was rejected, or was idle,
//! passes its cotangents through unchanged, which a mask of 0 and 1 says without a branch.

use pulp::{Arch, Simd, WithSimd};

use crate::field::lanes::{LANES, LaneField, Row};
use crate::group::{blank, evaluate_stages};
use crate::memory;
use crate::tableau::{A, N_STAGES, interpolant};

/// First evaluations of up to eight problems.
pub(crate) struct Start {
    pub(crate) problems: Vec<usize>,
    pub(crate) tape: Vec<Row>,
}

/// One attempted step of every lane.
pub(crate) struct Attempt {
    /// Whose step it was; `None` for an idle lane.
    pub(crate) problems: [Option<usize>; LANES],
    pub(crate) h: Row,
    /// 1 or 0.
    pub(crate) accepted: Row,
    pub(crate) reached: Vec<Reached>,
    /// `[N_STAGES − 1, tape_rows]`; empty where `start` stands for it.
    pub(crate) tape: Vec<Row>,
    /// From where it is computed again.
    pub(crate) start: Option<Restart>,
}

/// Where an attempt began.
pub(crate) struct Restart {
    pub(crate) t: Row,
    /// `[n]`: the states.
    pub(crate) y: Vec<Row>,
    /// `[n]`: their slopes.
    pub(crate) slope: Vec<Row>,
}

/// A data time within a lane's step.
pub(crate) struct Reached {
    pub(crate) lane: usize,
    /// Index of the data time.
    pub(crate) index: usize,
    pub(crate) theta: f64,
}

/// The record of all trajectories of a group.
pub(crate) struct GroupTape {
    pub(crate) n: usize,
    pub(crate) problems: usize,
    pub(crate) starts: Vec<Start>,
    pub(crate) attempts: Vec<Attempt>,
    pub(crate) failed: Vec<bool>,
}

impl Drop for GroupTape {
    fn drop(&mut self) {
        for attempt in self.attempts.drain(..) {
            memory::release(attempt.tape.len());
            memory::give_back(attempt.tape);
        }
    }
}

/// Cotangents in the making.
struct Sweep {
    /// Whose cotangents the lanes hold.
    current: [Option<usize>; LANES],
    /// `[n]`: of the state at the start of the step above.
    y_bar: Vec<Row>,
    /// `[N_STAGES, n]`: of its slopes.
    k_bar: Vec<Row>,
    /// `[2, n]`: what lanes without a step keep of both.
    kept: Vec<Row>,
    /// `[n]`: of the end of a step, and of where a stage was evaluated.
    end_bar: Vec<Row>,
    stage_bar: Vec<Row>,
    /// `[n_problems][n]`: of y₀, and of the first slope, once a lane is through.
    y0_bar: Vec<Vec<f64>>,
    slope_bar: Vec<Vec<f64>>,
}

impl GroupTape {
    /// ∂/∂y₀ of every problem, zeros where it was not integrated; ∂/∂θ is left in `field`.
    pub(crate) fn pullback(&self, field: &mut dyn LaneField, cotangents: &[Vec<f64>]) -> Vec<Vec<f64>> {
        let n = self.n;
        let mut sweep = Sweep {
            current: [None; LANES],
            y_bar: vec![Row::ZERO; n],
            k_bar: vec![Row::ZERO; N_STAGES * n],
            kept: vec![Row::ZERO; 2 * n],
            end_bar: vec![Row::ZERO; n],
            stage_bar: vec![Row::ZERO; n],
            y0_bar: vec![vec![0.0; n]; self.problems],
            slope_bar: vec![vec![0.0; n]; self.problems],
        };
        let arch = Arch::new();
        let (mut again, mut scratch) = (vec![], vec![Row::ZERO; (N_STAGES + 1) * n]);
        for attempt in self.attempts.iter().rev() {
            for l in 0..LANES {
                sweep.turn_to(l, attempt.problems[l]);
            }
            let tape = match &attempt.start {
                None => &attempt.tape,
                Some(start) => {
                    again.resize((N_STAGES - 1) * field.tape_rows(), Row::ZERO);
                    start.evaluate(field, &attempt.h, &mut scratch, &mut again);
                    blank(&mut again, attempt.accepted.0.map(|accepted| accepted != 0.0));
                    &again
                }
            };
            arch.dispatch(Reverse { group: self, attempt, tape, field, cotangents, sweep: &mut sweep });
        }
        for l in 0..LANES {
            sweep.turn_to(l, None);
        }
        let (mut cotangent, mut y_bar) = (vec![Row::ZERO; n], vec![Row::ZERO; n]);
        for start in &self.starts {
            cotangent.fill(Row::ZERO);
            for (l, &p) in start.problems.iter().enumerate().filter(|&(_, &p)| !self.failed[p]) {
                cotangent.iter_mut().zip(&sweep.slope_bar[p]).for_each(|(row, &k)| row.0[l] = k);
            }
            field.vjp(&start.tape, &cotangent, &mut y_bar);
            for (l, &p) in start.problems.iter().enumerate().filter(|&(_, &p)| !self.failed[p]) {
                for (i, y0_bar) in sweep.y0_bar[p].iter_mut().enumerate() {
                    *y0_bar += y_bar[i].0[l] + cotangents[p][i];
                }
            }
        }
        sweep.y0_bar
    }

    /// Takes the cotangents of all lanes through one attempt.
    #[inline(always)]
    fn reverse(
        &self,
        attempt: &Attempt,
        tapes: &[Row],
        field: &mut dyn LaneField,
        cotangents: &[Vec<f64>],
        sweep: &mut Sweep,
    ) {
        let n = self.n;
        let live = Row(std::array::from_fn(|l| match attempt.problems[l] {
            Some(p) if !self.failed[p] => attempt.accepted.0[l],
            _ => 0.0,
        }));
        let mut h = Row::ZERO;
        h.add_product(&live, &attempt.h);
        let Sweep { k_bar, y_bar, kept, end_bar, stage_bar, .. } = sweep;
        let rest = Row(live.0.map(|live| 1.0 - live));
        for (kept, row) in kept.iter_mut().zip(y_bar.iter().chain(&k_bar[..n])) {
            *kept = masked(&rest, row);
        }
        end_bar.iter_mut().zip(&*y_bar).for_each(|(end, row)| *end = masked(&live, row));
        for i in 0..n {
            k_bar[(N_STAGES - 1) * n + i] = masked(&live, &k_bar[i]);
        }
        k_bar[..(N_STAGES - 1) * n].fill(Row::ZERO);
        y_bar.fill(Row::ZERO);

        for &Reached { lane, index, theta } in &attempt.reached {
            let Some(p) = attempt.problems[lane].filter(|&p| !self.failed[p]) else { continue };
            let g = &cotangents[p][index * n..][..n];
            for (i, &g) in g.iter().enumerate() {
                y_bar[i].0[lane] += g;
                for (stage, weight) in interpolant(theta).iter().enumerate() {
                    k_bar[stage * n + i].0[lane] += h.0[lane] * weight * g;
                }
            }
        }
        let rows = field.tape_rows();
        for stage in (1..N_STAGES).rev() {
            let tape = &tapes[(stage - 1) * rows..][..rows];
            let (before, this) = k_bar.split_at_mut(stage * n);
            field.vjp(tape, &this[..n], stage_bar);
            for (i, bar) in stage_bar.iter_mut().enumerate() {
                // y₁ is where the last stage was evaluated: its cotangent enters there, once
                bar.add_scaled(1.0, &std::mem::replace(&mut end_bar[i], Row::ZERO));
                y_bar[i].add_scaled(1.0, bar);
                let scaled = masked(&h, bar);
                for (&a, k) in A[stage].iter().zip(before.chunks_exact_mut(n)) {
                    k[i].add_scaled(a, &scaled);
                }
            }
        }
        y_bar.iter_mut().chain(&mut k_bar[..n]).zip(&*kept).for_each(|(row, kept)| row.add_scaled(1.0, kept));
    }
}

/// [`GroupTape::reverse`] in the widest vectors there are.
struct Reverse<'a> {
    group: &'a GroupTape,
    attempt: &'a Attempt,
    tape: &'a [Row],
    field: &'a mut dyn LaneField,
    cotangents: &'a [Vec<f64>],
    sweep: &'a mut Sweep,
}

impl WithSimd for Reverse<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        self.group.reverse(self.attempt, self.tape, self.field, self.cotangents, self.sweep);
    }
}

impl Restart {
    /// The tapes of all stages, once more. `scratch` is `[N_STAGES + 1, n]`.
    fn evaluate(&self, field: &mut dyn LaneField, h: &Row, scratch: &mut [Row], tape: &mut [Row]) {
        let (end, slopes) = scratch.split_at_mut(self.y.len());
        slopes[..self.slope.len()].copy_from_slice(&self.slope);
        Arch::new().dispatch(Again { start: self, field, h, slopes, end, tape });
    }
}

/// [`Restart::evaluate`] in the widest vectors there are.
struct Again<'a> {
    start: &'a Restart,
    field: &'a mut dyn LaneField,
    h: &'a Row,
    slopes: &'a mut [Row],
    end: &'a mut [Row],
    tape: &'a mut [Row],
}

impl WithSimd for Again<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        evaluate_stages(self.field, &self.start.t, self.h, &self.start.y, self.slopes, self.end, self.tape);
    }
}

impl Sweep {
    /// Makes lane `l` hold the cotangents of `problem`, and stores those of another.
    fn turn_to(&mut self, l: usize, problem: Option<usize>) {
        if self.current[l] == problem {
            return;
        }
        let n = self.y_bar.len();
        if let Some(p) = self.current[l] {
            for i in 0..n {
                self.y0_bar[p][i] = self.y_bar[i].0[l];
                self.slope_bar[p][i] = self.k_bar[i].0[l];
            }
        }
        self.y_bar.iter_mut().chain(&mut self.k_bar).for_each(|row| row.0[l] = 0.0);
        self.current[l] = problem;
    }
}

/// a b.
fn masked(a: &Row, b: &Row) -> Row {
    let mut product = Row::ZERO;
    product.add_product(a, b);
    product
}
