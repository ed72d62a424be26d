//! Many trajectories, eight at a time.
//!
//! The same method as [`crate::solve`], decision for decision, over the lanes of a
//! [`LaneField`]: every lane has its own t, h and error and accepts or rejects on its own; a lane
//! that has finished takes up the next problem. What is shared is the moment of evaluation. First
//! slopes and first steps of all problems are found beforehand, eight problems at a time.

use pulp::{Arch, Simd, WithSimd};

use crate::batch::{Problem, Trajectory};
use crate::controller::{Controller, first_guess, first_step, scaled_norm, without_rounding};
use crate::error::OdeError;
use crate::field::VectorField;
use crate::field::lanes::{LANES, LaneField, Row};
use crate::group_adjoint::{Attempt, GroupTape, Reached, Restart, Start};
use crate::memory;
use crate::solve::{Statistics, next_step, underflows};
use crate::tableau::{A, C, E, N_STAGES, interpolant};
use crate::tsit5::Tsit5;

/// A problem in the making.
struct Run {
    result: Result<Trajectory, OdeError>,
    /// First step and slope, `[n]`.
    h: f64,
    slope: Vec<f64>,
}

/// What a busy lane is at.
struct Lane {
    problem: usize,
    t: f64,
    h: f64,
    /// Of the attempt under way.
    last: bool,
    error: f64,
    controller: Controller,
    statistics: Statistics,
    states: Vec<f64>,
}

pub(crate) struct Group<'a> {
    field: &'a mut dyn LaneField,
    config: &'a Tsit5,
    problems: &'a [Problem],
    n: usize,
    /// States under error control.
    n_controlled: usize,
    /// Of the field, relative to its slopes.
    rounding: f64,
    lanes: [Option<Lane>; LANES],
    /// `[n]`: the state of every lane.
    y: Vec<Row>,
    /// `[N_STAGES, n]`: its slopes.
    k: Vec<Row>,
    /// `[n]`: where the attempt ends.
    end: Vec<Row>,
    /// Where an idle lane stands: at the end of its last trajectory.
    t: Row,
    tape: GroupTape,
    arch: Arch,
}

/// Integrates with the lanes of the field `of` those `problems` whose numbers are in `queue` (checked, with two times or more); the
/// others keep their place in `results`.
pub(crate) fn solve_group(
    field: &mut dyn LaneField,
    of: &dyn VectorField,
    problems: &[Problem],
    queue: &[usize],
    config: &Tsit5,
    results: &mut [Result<Trajectory, OdeError>],
) -> GroupTape {
    let n = of.dim();
    let mut group = Group {
        field,
        config,
        problems,
        n,
        n_controlled: n - of.n_resting(),
        rounding: of.rounding(),
        lanes: std::array::from_fn(|_| None),
        y: vec![Row::ZERO; n],
        k: vec![Row::ZERO; N_STAGES * n],
        end: vec![Row::ZERO; n],
        t: Row::ZERO,
        tape: GroupTape {
            n,
            problems: problems.len(),
            starts: Vec::new(),
            attempts: Vec::new(),
            failed: vec![false; problems.len()],
        },
        arch: Arch::new(),
    };
    let mut waiting: Vec<(usize, Run)> = Vec::with_capacity(queue.len());
    for chunk in queue.chunks(LANES) {
        waiting.extend(chunk.iter().copied().zip(group.start(chunk)));
    }
    // what looks longest goes first, so that the lanes end together
    let steps = |(problem, run): &(usize, Run)| {
        let times = &problems[*problem].times;
        (times[times.len() - 1] - times[0]) / run.h
    };
    waiting.sort_by(|a, b| steps(b).total_cmp(&steps(a)));
    let mut waiting = waiting.into_iter();
    loop {
        for l in 0..LANES {
            while group.lanes[l].is_none() {
                let Some((problem, run)) = waiting.next() else { break };
                match run.result {
                    Ok(trajectory) => group.load(l, problem, trajectory, run.h, &run.slope),
                    Err(error) => {
                        group.tape.failed[problem] = true;
                        results[problem] = Err(error);
                    }
                }
            }
        }
        let Some(busy) = group.lanes.iter().position(Option::is_some) else { return group.tape };
        if group.tape.attempts.is_empty() {
            group.fill_empty_lanes(busy);
        }
        group.step(results);
    }
}

impl Group<'_> {
    /// First slopes and steps of up to eight problems.
    fn start(&mut self, chunk: &[usize]) -> Vec<Run> {
        let (n, n_controlled) = (self.n, self.n_controlled);
        let mut t = Row::ZERO;
        let (mut y, mut slope, mut ahead_slope) = (vec![Row::ZERO; n], vec![Row::ZERO; n], vec![Row::ZERO; n]);
        let mut tape = vec![Row::ZERO; self.field.tape_rows()];
        // lanes without a problem do another's, so that nothing in them is undefined
        for (l, &p) in (0..LANES).zip(chunk.iter().cycle()) {
            t.0[l] = self.problems[p].times[0];
            y.iter_mut().zip(&self.problems[p].y0).for_each(|(row, &y)| row.0[l] = y);
        }
        self.field.rhs(&t, &y, &mut slope, &mut tape);

        let column = |rows: &[Row], l: usize| -> Vec<f64> { rows.iter().map(|row| row.0[l]).collect() };
        let mut ahead = y.clone();
        let mut guesses = [(0.0, 0.0); LANES];
        for (l, &p) in chunk.iter().enumerate() {
            let y0 = &self.problems[p].y0;
            let sizes = || y0.iter().map(|y| y.abs());
            let slope_norm = scaled_norm(self.config, column(&slope, l).into_iter(), sizes(), n_controlled);
            let h0 = first_guess(scaled_norm(self.config, y0.iter().copied(), sizes(), n_controlled), slope_norm);
            guesses[l] = (h0, slope_norm);
            ahead.iter_mut().zip(&slope).for_each(|(a, k)| a.0[l] += h0 * k.0[l]);
            t.0[l] += h0;
        }
        let mut unused = vec![Row::ZERO; tape.len()];
        self.field.rhs(&t, &ahead, &mut ahead_slope, &mut unused);

        let mut finite = [true; LANES];
        let runs = chunk.iter().enumerate().map(|(l, &p)| {
            let Problem { y0, times } = &self.problems[p];
            let slope = column(&slope, l);
            finite[l] = slope.iter().all(|k| k.is_finite());
            let change = ahead_slope.iter().zip(&slope).map(|(a, k)| a.0[l] - k);
            let (h0, slope_norm) = guesses[l];
            let sizes = y0.iter().map(|y| y.abs());
            let h = first_step(h0, slope_norm, scaled_norm(self.config, change, sizes, n_controlled));
            let result = if finite[l] {
                let statistics = Statistics { n_evaluations: 2, ..Statistics::default() };
                let mut states = Vec::with_capacity(times.len() * n);
                states.extend_from_slice(y0);
                Ok(Trajectory { states, statistics })
            } else {
                Err(OdeError::FieldNotFinite { t: times[0], t_end: times[times.len() - 1], partial: y0.clone() })
            };
            Run { result, h, slope }
        });
        let runs = runs.collect();
        (chunk.len()..LANES).for_each(|l| finite[l] = finite[l % chunk.len()]);
        blank(&mut tape, finite);
        self.tape.starts.push(Start { problems: chunk.to_vec(), tape });
        runs
    }

    /// Puts a problem on a free lane.
    fn load(&mut self, l: usize, problem: usize, trajectory: Trajectory, h: f64, slope: &[f64]) {
        let Problem { y0, times } = &self.problems[problem];
        self.y.iter_mut().zip(y0).for_each(|(row, &y)| row.0[l] = y);
        self.k.iter_mut().zip(slope).for_each(|(row, &k)| row.0[l] = k);
        self.lanes[l] = Some(Lane {
            problem,
            t: times[0],
            h,
            last: false,
            error: 0.0,
            controller: Controller::default(),
            statistics: trajectory.statistics,
            states: trajectory.states,
        });
    }

    /// Puts the state of lane `busy` on all idle ones.
    fn fill_empty_lanes(&mut self, busy: usize) {
        for l in (0..LANES).filter(|&l| self.lanes[l].is_none()) {
            self.t.0[l] = self.lanes[busy].as_ref().map_or(0.0, |lane| lane.t);
            self.y.iter_mut().chain(&mut self.k).for_each(|row| row.0[l] = row.0[busy]);
        }
    }

    /// One attempted step of every busy lane.
    fn step(&mut self, results: &mut [Result<Trajectory, OdeError>]) {
        // an idle lane evaluates the field where its last trajectory ended, or where another is
        let (mut t, mut h) = (self.t, Row::ZERO);
        let mut attempt = Attempt {
            problems: [None; LANES],
            h,
            accepted: Row::ZERO,
            reached: Vec::new(),
            tape: Vec::new(),
            start: None,
        };
        for l in 0..LANES {
            let Some(mut lane) = self.lanes[l].take() else { continue };
            let problem = lane.problem;
            match self.plan(&mut lane) {
                Ok(planned) => {
                    (t.0[l], h.0[l]) = (lane.t, planned);
                    attempt.problems[l] = Some(problem);
                    self.lanes[l] = Some(lane);
                }
                Err(error) => {
                    self.tape.failed[problem] = true;
                    results[problem] = Err(error);
                    self.t.0[l] = lane.t;
                }
            }
        }
        attempt.h = h;
        let rows = self.field.tape_rows();
        let n_rows = (N_STAGES - 1) * rows;
        let keep = memory::has_room(n_rows, self.config.memory_limit_mib);
        attempt.tape = memory::take(n_rows);
        attempt.start = (!keep).then(|| Restart { t, y: self.y.clone(), slope: self.k[..self.n].to_vec() });
        let arch = self.arch;
        let norm = arch.dispatch(Stages { group: self, t: &t, h: &h, tape: &mut attempt.tape });

        let mut finite = [true; LANES];
        for l in 0..LANES {
            let Some(mut lane) = self.lanes[l].take() else { continue };
            lane.statistics.n_evaluations += N_STAGES - 1;
            lane.error = norm.0[l];
            finite[l] = lane.error.is_finite();
            if lane.error > 1.0 || !finite[l] {
                lane.statistics.n_rejected += 1;
                lane.h = h.0[l] * lane.controller.reject(lane.error);
                self.lanes[l] = Some(lane);
                continue;
            }
            attempt.accepted.0[l] = 1.0;
            self.accept(l, &mut lane, h.0[l], &mut attempt.reached);
            for i in 0..self.n {
                self.y[i].0[l] = self.end[i].0[l];
                self.k[i].0[l] = self.k[(N_STAGES - 1) * self.n + i].0[l];
            }
            if lane.last {
                self.t.0[l] = lane.t;
                results[lane.problem] = Ok(Trajectory { states: lane.states, statistics: lane.statistics });
            } else {
                self.lanes[l] = Some(lane);
            }
        }
        if attempt.accepted != Row::ZERO {
            if keep {
                blank(&mut attempt.tape, finite);
                memory::hold(n_rows);
            } else {
                memory::give_back(std::mem::take(&mut attempt.tape));
            }
            self.tape.attempts.push(attempt);
        } else {
            memory::give_back(attempt.tape);
        }
    }

    /// The step size of a lane's next attempt, or why there is none.
    fn plan(&self, lane: &mut Lane) -> Result<f64, OdeError> {
        let times = &self.problems[lane.problem].times;
        let (t, t_end, max_steps) = (lane.t, times[times.len() - 1], self.config.max_steps);
        let mut partial = || std::mem::take(&mut lane.states);
        if lane.statistics.n_accepted + lane.statistics.n_rejected == max_steps {
            return Err(OdeError::MaxSteps { max_steps, t, t_end, partial: partial() });
        }
        let (step, last) = next_step(t, lane.h, t_end);
        if !last && underflows(t, lane.h) {
            let (h, partial) = (lane.h, partial());
            return Err(if lane.error.is_finite() {
                OdeError::StepUnderflow { t, h, t_end, partial }
            } else {
                OdeError::FieldNotFinite { t, t_end, partial }
            });
        }
        lane.last = last;
        Ok(step.h)
    }

    /// The scaled errors of the attempt; NaN where its end is not finite.
    #[inline(always)]
    fn error_norms(&self, h: &Row) -> Row {
        let errors = self.scaled_norms(|i| {
            let mut error = Row::ZERO;
            for (&e, k) in E.iter().zip(self.k.chunks_exact(self.n)) {
                error.add_scaled(e, &k[i]);
            }
            Row(std::array::from_fn(|l| h.0[l] * error.0[l]))
        });
        if self.rounding == 0.0 {
            return errors;
        }
        let slopes = self.scaled_norms(|i| self.k[i]);
        Row(std::array::from_fn(|l| without_rounding(errors.0[l], self.rounding, h.0[l], slopes.0[l])))
    }

    /// The norm of `of` each state, divided by what is allowed of it.
    #[inline(always)]
    fn scaled_norms(&self, of: impl Fn(usize) -> Row) -> Row {
        let mut sum = Row::ZERO;
        for (i, (y, y1)) in self.y.iter().zip(&self.end).enumerate().take(self.n_controlled) {
            let (value, atol) = (of(i), self.config.atol.of(i));
            for l in 0..LANES {
                let scale = atol + self.config.rtol * y.0[l].abs().max(y1.0[l].abs());
                let scaled = value.0[l] / scale;
                // 0·y₁ is NaN where y₁ is not finite
                sum.0[l] += scaled * scaled + 0.0 * y1.0[l];
            }
        }
        Row(sum.0.map(|sum| (sum / self.n_controlled as f64).sqrt()))
    }

    /// Moves a lane to the end of its step and records the data times passed.
    fn accept(&self, l: usize, lane: &mut Lane, h: f64, reached: &mut Vec<Reached>) {
        let n = self.n;
        let times = &self.problems[lane.problem].times;
        let t_next = if lane.last { times[times.len() - 1] } else { lane.t + h };
        let done = lane.states.len() / n;
        for (index, &time) in times.iter().enumerate().skip(done).take_while(|&(_, &time)| time <= t_next) {
            let theta = (time - lane.t) / h;
            let weights = interpolant(theta);
            for i in 0..n {
                let sum: f64 =
                    weights.iter().enumerate().map(|(stage, weight)| weight * self.k[stage * n + i].0[l]).sum();
                lane.states.push(self.y[i].0[l] + h * sum);
            }
            reached.push(Reached { lane: l, index, theta });
        }
        lane.t = t_next;
        lane.h = h * lane.controller.accept(lane.error);
        lane.statistics.n_accepted += 1;
    }
}

/// The arithmetic of one attempt, in the widest vectors there are; what the compiler makes of it
/// rounds the same in all of them.
struct Stages<'g, 'a> {
    group: &'g mut Group<'a>,
    t: &'g Row,
    h: &'g Row,
    tape: &'g mut [Row],
}

impl WithSimd for Stages<'_, '_> {
    type Output = Row;

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) -> Row {
        let Self { group, t, h, tape } = self;
        evaluate_stages(group.field, t, h, &group.y, &mut group.k, &mut group.end, tape);
        group.error_norms(h)
    }
}

/// Fills slopes 2 to 7, their tapes, and the states at the ends of the steps.
///
/// # Shapes
/// `y` `[n]`, `k` `[N_STAGES, n]`, the first of which is there, `state` `[n]`, `tape` `[N_STAGES − 1, tape_rows]`.
#[inline(always)]
pub(crate) fn evaluate_stages(
    field: &mut dyn LaneField,
    t: &Row,
    h: &Row,
    y: &[Row],
    k: &mut [Row],
    state: &mut [Row],
    tape: &mut [Row],
) {
    let n = y.len();
    for (stage, tape) in (1..N_STAGES).zip(tape.chunks_exact_mut(field.tape_rows())) {
        let (known, new) = k.split_at_mut(stage * n);
        for (i, state) in state.iter_mut().enumerate() {
            let mut sum = Row::ZERO;
            for (&a, k) in A[stage].iter().zip(known.chunks_exact(n)) {
                sum.add_scaled(a, &k[i]);
            }
            *state = y[i];
            state.add_product(h, &sum);
        }
        let mut time = *t;
        time.add_scaled(C[stage], h);
        field.rhs(&time, state, &mut new[..n], tape);
    }
}

/// Zeroes the columns of lanes that are not finite, whose products with a cotangent of zero would be
/// NaN.
pub(crate) fn blank(tape: &mut [Row], keep: [bool; LANES]) {
    for (l, _) in keep.iter().enumerate().filter(|(_, keep)| !**keep) {
        tape.iter_mut().for_each(|row| row.0[l] = 0.0);
    }
}
