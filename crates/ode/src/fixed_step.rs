//! Steps of a fixed size, eight trajectories at a time, with their discrete adjoint.
//!
//! Every interval between data times is cut into the fewest equal steps no longer than `step`, so
//! that data times are ends of steps and nothing is interpolated. Cost and gradient are then a smooth
//! function of the parameters; the error is nobody's but the user's.

use crate::batch::{Batch, BatchGradient, BatchTape, Problem, Trajectory};
use crate::error::OdeError;
use crate::field::VectorField;
use crate::field::lanes::{LANES, LaneField, Row};
use crate::field::one_by_one::OneByOne;
use crate::solve::{Statistics, check};

/// Most steps of a trajectory: their tapes are kept.
const MAX_STEPS: usize = 1_000_000;

/// One step of a method, over lanes. A lane with h = 0 stays where it is.
pub(crate) trait Method: Send + Sync {
    /// Evaluations of the field in a step.
    const EVALUATIONS: usize;

    /// `y` moves from t to t + h; fills the tapes, `[EVALUATIONS, tape_rows]`.
    fn step(&self, field: &mut dyn LaneField, shape: Shape, t: &Row, h: &Row, y: &mut [Row], tape: &mut [Row]);

    /// `y_bar` turns from the cotangent of the step's end into that of its start.
    fn reverse(&self, field: &mut dyn LaneField, shape: Shape, h: &Row, tape: &[Row], y_bar: &mut [Row]);
}

/// Numbers of states.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shape {
    pub(crate) n: usize,
    /// Those that change.
    pub(crate) n_moving: usize,
}

/// One step of up to eight trajectories.
struct Step {
    h: Row,
    tape: Vec<Row>,
    /// Data times at its end: lane and index.
    ends: Vec<(usize, usize)>,
}

/// The steps of up to eight problems.
struct Chunk {
    problems: Vec<usize>,
    steps: Vec<Step>,
}

/// The record of a batch.
struct FixedTape<M> {
    method: M,
    chunks: Vec<Chunk>,
    failed: Vec<bool>,
}

/// Integrates every problem with steps of at most `step`.
pub(crate) fn solve_many<M: Method + Clone + 'static>(
    method: &M,
    step: f64,
    field: &dyn VectorField,
    parameters: &[f64],
    problems: &[Problem],
) -> Batch {
    let mut trajectories: Vec<Result<Trajectory, OdeError>> = problems
        .iter()
        .map(|Problem { y0, times }| {
            check_step(step)?;
            let (t0, t_end) = check(field, parameters, y0, times)?;
            if (t_end - t0) / step > MAX_STEPS as f64 {
                return Err(OdeError::MaxSteps { max_steps: MAX_STEPS, t: t0, t_end, partial: y0.clone() });
            }
            Ok(Trajectory { states: y0.clone(), statistics: Statistics::default() })
        })
        .collect();
    let ready: Vec<usize> = (0..problems.len()).filter(|&p| trajectories[p].is_ok()).collect();
    let mut chunks = vec![];
    if !ready.is_empty() {
        let mut lanes = lanes_of(field, parameters);
        let shape = Shape { n: field.dim(), n_moving: field.dim() - field.n_resting() };
        for problems_of_chunk in ready.chunks(LANES) {
            let mut forward =
                Forward { method, step, field: lanes.as_mut(), shape, problems, results: &mut trajectories };
            chunks.push(forward.run(problems_of_chunk));
        }
    }
    let failed = trajectories.iter().map(Result::is_err).collect();
    Batch::new(trajectories, Box::new(FixedTape { method: method.clone(), chunks, failed }))
}

/// Whether a step can be taken.
pub(crate) fn check_step(step: f64) -> Result<(), OdeError> {
    if step > 0.0 && step.is_finite() { Ok(()) } else { Err(OdeError::Tolerance { name: "step", value: step }) }
}

fn lanes_of<'a>(field: &'a dyn VectorField, parameters: &'a [f64]) -> Box<dyn LaneField + 'a> {
    field.lanes(parameters).unwrap_or_else(|| Box::new(OneByOne::new(field, parameters)))
}

struct Forward<'a, M> {
    method: &'a M,
    step: f64,
    field: &'a mut dyn LaneField,
    shape: Shape,
    problems: &'a [Problem],
    results: &'a mut [Result<Trajectory, OdeError>],
}

/// Where a lane is: towards data time `next`, with `left` steps of size `h` to go.
#[derive(Clone, Copy)]
struct Place {
    next: usize,
    left: usize,
    t: f64,
    h: f64,
}

impl<M: Method> Forward<'_, M> {
    fn run(&mut self, chunk: &[usize]) -> Chunk {
        let n = self.shape.n;
        let mut y = vec![Row::ZERO; n];
        let mut places: Vec<Option<Place>> = chunk.iter().map(|&p| self.towards(p, 1)).collect();
        for (l, &p) in chunk.iter().enumerate() {
            y.iter_mut().zip(&self.problems[p].y0).for_each(|(row, &y)| row.0[l] = y);
        }
        let rows = M::EVALUATIONS * self.field.tape_rows();
        let mut steps = vec![];
        while places.iter().any(Option::is_some) {
            let (mut t, mut h, mut ends) = (Row::ZERO, Row::ZERO, vec![]);
            for (l, place) in places.iter().enumerate() {
                match place {
                    Some(place) => (t.0[l], h.0[l]) = (place.t, place.h),
                    None => y.iter_mut().for_each(|row| row.0[l] = 0.0),
                }
            }
            let mut tape = vec![Row::ZERO; rows];
            self.method.step(self.field, self.shape, &t, &h, &mut y, &mut tape);
            for l in 0..LANES {
                let place = places.get(l).copied().flatten();
                let finite = y.iter().all(|row| row.0[l].is_finite());
                if place.is_none() || !finite {
                    // products of a cotangent of zero must stay zero
                    tape.iter_mut().for_each(|row| row.0[l] = 0.0);
                }
                if let Some(place) = place {
                    places[l] = self.advance(l, chunk[l], place, finite, &y, &mut ends);
                    if !finite {
                        h.0[l] = 0.0;
                    }
                }
            }
            steps.push(Step { h, tape, ends });
        }
        Chunk { problems: chunk.to_vec(), steps }
    }

    /// The way to a data time, if the problem has it.
    fn towards(&self, problem: usize, next: usize) -> Option<Place> {
        let times = &self.problems[problem].times;
        let interval = times.get(next)? - times[next - 1];
        // a hair of tolerance: 0.3 is three steps of 0.1
        let left = ((interval / self.step) * (1.0 - 1e-9)).ceil().max(1.0);
        Some(Place { next, left: left as usize, t: times[next - 1], h: interval / left })
    }

    fn advance(
        &mut self,
        l: usize,
        problem: usize,
        place: Place,
        finite: bool,
        y: &[Row],
        ends: &mut Vec<(usize, usize)>,
    ) -> Option<Place> {
        let times = &self.problems[problem].times;
        let result = &mut self.results[problem];
        let Ok(trajectory) = result else { return None };
        trajectory.statistics.n_evaluations += M::EVALUATIONS;
        if !finite {
            let partial = std::mem::take(&mut trajectory.states);
            *result = Err(OdeError::FieldNotFinite { t: place.t, t_end: times[times.len() - 1], partial });
            return None;
        }
        trajectory.statistics.n_accepted += 1;
        if place.left > 1 {
            return Some(Place {
                left: place.left - 1,
                t: times[place.next] - (place.left - 1) as f64 * place.h,
                ..place
            });
        }
        ends.push((l, place.next));
        trajectory.states.extend(y.iter().map(|row| row.0[l]));
        self.towards(problem, place.next + 1)
    }
}

impl<M: Method> BatchTape for FixedTape<M> {
    fn pullback(&self, field: &dyn VectorField, parameters: &[f64], cotangents: &[Vec<f64>]) -> BatchGradient {
        let shape = Shape { n: field.dim(), n_moving: field.dim() - field.n_resting() };
        let mut y0 = vec![vec![0.0; shape.n]; cotangents.len()];
        let mut gradient = vec![0.0; parameters.len()];
        if self.chunks.is_empty() {
            return BatchGradient { y0, parameters: gradient };
        }
        let mut lanes = lanes_of(field, parameters);
        for Chunk { problems, steps } in &self.chunks {
            let mut y_bar = vec![Row::ZERO; shape.n];
            let live = |l: usize| !self.failed[problems[l]];
            let add = |y_bar: &mut [Row], l: usize, index: usize| {
                let g = &cotangents[problems[l]][index * shape.n..][..shape.n];
                y_bar.iter_mut().zip(g).for_each(|(row, g)| row.0[l] += g);
            };
            for Step { h, tape, ends } in steps.iter().rev() {
                ends.iter().filter(|(l, _)| live(*l)).for_each(|&(l, index)| add(&mut y_bar, l, index));
                self.method.reverse(lanes.as_mut(), shape, h, tape, &mut y_bar);
            }
            for (l, &p) in problems.iter().enumerate().filter(|(l, _)| live(*l)) {
                add(&mut y_bar, l, 0);
                y0[p].iter_mut().zip(&y_bar).for_each(|(bar, row)| *bar = row.0[l]);
            }
        }
        lanes.take_gradient(&mut gradient);
        BatchGradient { y0, parameters: gradient }
    }
}
