//! Trajectories from event to event.
//!
//! All trajectories go on together, in rounds: each is solved to its next event, or to its end, as one
//! batch. Where the moments depend on the solution, each is solved on its own and watched.

use super::adjoint::{EventTape, Leg, Pieces, Round};
use super::jump::{Jump, evaluate};
use super::{Event, Trigger};
use crate::batch::{Batch, Problem, Trajectory};
use crate::equations::System;
use crate::error::OdeError;
use crate::guard::{Direction, Guards};
use crate::solve::{Statistics, check, solve_until};
use crate::solver::SolverConfig;
use crate::tsit5::Tsit5;

/// Events of one trajectory, at most.
const MAX_EVENTS: usize = 10_000;

/// Where a trajectory is.
struct Course {
    t: f64,
    z: Vec<f64>,
    states: Vec<f64>,
    statistics: Statistics,
    n_events: usize,
    /// The guard that has just passed zero.
    passed: Option<usize>,
    stopped: bool,
    error: Option<OdeError>,
}

/// A piece of a trajectory on its way.
struct Ahead {
    problem: usize,
    /// Data times in it.
    n_recorded: usize,
    /// Whether its end is one of them.
    ends_on_data: bool,
    sub: Problem,
}

pub(super) fn solve(system: &System, solver: &SolverConfig, parameters: &[f64], problems: &[Problem]) -> Batch {
    let mut courses: Vec<Course> = problems.iter().map(|problem| Course::new(system, parameters, problem)).collect();
    let mut rounds = vec![];
    let at_start =
        courses.iter_mut().enumerate().filter(|(_, course)| course.error.is_none()).map(|(problem, course)| {
            let jumps = course.happen(system, parameters, &scheduled_at(system, &course.z, course.t));
            Leg { problem, first_recorded: 1, n_recorded: 0, ends_on_data: false, jumps }
        });
    let legs: Vec<Leg> = at_start.filter(|leg| !leg.jumps.is_empty()).collect();
    rounds.push(Round { pieces: Pieces::None, legs });
    loop {
        let ahead: Vec<Ahead> = problems
            .iter()
            .zip(&courses)
            .enumerate()
            .filter_map(|(p, (problem, course))| course.ahead(system, p, problem))
            .collect();
        if ahead.is_empty() {
            break;
        }
        rounds.push(match solver {
            SolverConfig::Tsit5(config) if system.event_with_root().is_some() => {
                watched(system, config, parameters, ahead, &mut courses)
            }
            _ => unwatched(system, solver, parameters, ahead, &mut courses),
        });
    }
    let n = system.field().dim();
    let trajectories = courses
        .into_iter()
        .zip(problems)
        .map(|(mut course, problem)| match course.error.take() {
            Some(error) => Err(error.with_partial(course.states)),
            None => {
                // behind a stop
                while course.states.len() < problem.times.len() * n {
                    course.states.extend_from_slice(&course.z);
                }
                Ok(Trajectory { states: course.states, statistics: course.statistics })
            }
        })
        .collect();
    let lengths = problems.iter().map(|problem| problem.times.len()).collect();
    Batch::new(trajectories, Box::new(EventTape { system: system.clone(), rounds, lengths }))
}

impl Course {
    fn new(system: &System, parameters: &[f64], problem: &Problem) -> Self {
        Self {
            t: problem.times.first().copied().unwrap_or(f64::NAN),
            z: problem.y0.clone(),
            states: problem.y0.clone(),
            statistics: Statistics::default(),
            n_events: 0,
            passed: None,
            stopped: false,
            error: check(system.field(), parameters, &problem.y0, &problem.times).err(),
        }
    }

    /// The piece up to the next event whose time is known, or to the last data time.
    fn ahead(&self, system: &System, p: usize, problem: &Problem) -> Option<Ahead> {
        let next = self.states.len() / self.z.len();
        if self.error.is_some() || self.stopped || next == problem.times.len() {
            return None;
        }
        let t_end = problem.times[problem.times.len() - 1];
        let end = next_scheduled(system, &self.z, self.t).filter(|&time| time < t_end).unwrap_or(t_end);
        let inside = problem.times[next..].iter().copied().take_while(|&time| time <= end);
        let mut times: Vec<f64> = [self.t].into_iter().chain(inside).collect();
        let n_recorded = times.len() - 1;
        let ends_on_data = n_recorded > 0 && times[n_recorded] == end;
        if !ends_on_data {
            times.push(end);
        }
        Some(Ahead { problem: p, n_recorded, ends_on_data, sub: Problem { y0: self.z.clone(), times } })
    }

    /// Takes over what was solved of a piece: `states` at its times, the start included.
    fn advance(&mut self, t: f64, states: &[f64], n_recorded: usize, statistics: Statistics) {
        let n = self.z.len();
        self.states.extend_from_slice(&states[n..(1 + n_recorded) * n]);
        self.z.copy_from_slice(&states[states.len() - n..]);
        self.t = t;
        self.statistics.n_accepted += statistics.n_accepted;
        self.statistics.n_rejected += statistics.n_rejected;
        self.statistics.n_evaluations += statistics.n_evaluations;
    }

    fn happen(&mut self, system: &System, parameters: &[f64], events: &[usize]) -> Vec<Jump> {
        let mut jumps = vec![];
        for &event in events {
            jumps.push(Jump::apply(system, event, parameters, self.t, &mut self.z));
            self.n_events += 1;
            if system.events[event].stop {
                self.stopped = true;
                break;
            }
        }
        jumps
    }
}

/// One round by a solver of many problems.
fn unwatched(
    system: &System,
    solver: &SolverConfig,
    parameters: &[f64],
    ahead: Vec<Ahead>,
    courses: &mut [Course],
) -> Round {
    let subs: Vec<Problem> = ahead.iter().map(|piece| piece.sub.clone()).collect();
    let batch = solver.get().solve_many(system.field(), parameters, &subs);
    let mut legs = vec![];
    for (Ahead { problem, n_recorded, ends_on_data, sub }, solved) in ahead.into_iter().zip(&batch.trajectories) {
        let course = &mut courses[problem];
        let first_recorded = course.states.len() / course.z.len();
        let mut jumps = vec![];
        match solved {
            Ok(Trajectory { states, statistics }) => {
                course.advance(sub.times[sub.times.len() - 1], states, n_recorded, *statistics);
                jumps = course.happen(system, parameters, &scheduled_at(system, &course.z, course.t));
            }
            Err(error) => course.fail(error.clone()),
        }
        legs.push(Leg { problem, first_recorded, n_recorded, ends_on_data, jumps });
    }
    Round { pieces: Pieces::Batch(batch), legs }
}

/// One round in which every trajectory is watched.
fn watched(system: &System, config: &Tsit5, parameters: &[f64], ahead: Vec<Ahead>, courses: &mut [Course]) -> Round {
    let roots: Vec<(usize, &surprisal_expr::Program, Direction)> = system
        .events
        .iter()
        .enumerate()
        .filter_map(|(k, event)| match &event.trigger {
            Trigger::Root(guard, direction) => Some((k, guard, *direction)),
            _ => None,
        })
        .collect();
    let directions: Vec<Direction> = roots.iter().map(|&(.., direction)| direction).collect();
    let value = |t: f64, z: &[f64]| -> Vec<f64> {
        roots.iter().map(|(_, guard, _)| guard.output(0, &evaluate(system, guard, parameters, t, z))).collect()
    };
    let (mut tapes, mut legs) = (vec![], vec![]);
    for Ahead { problem, n_recorded, ends_on_data, sub } in ahead {
        let course = &mut courses[problem];
        let first_recorded = course.states.len() / course.z.len();
        let mut previous = value(course.t, &course.z);
        if let Some(passed) = course.passed.take() {
            previous[passed] = directions[passed].just_passed();
        }
        let guards = Guards { value: &value, directions: &directions, previous };
        let mut leg = Leg { problem, first_recorded, n_recorded, ends_on_data, jumps: vec![] };
        match solve_until(system.field(), parameters, &sub.y0, &sub.times, config, Some(guards)) {
            Ok((solution, crossing)) => {
                if let Some(crossing) = crossing {
                    leg.n_recorded = solution.states.len() / course.z.len() - 2;
                    leg.ends_on_data = false;
                    course.advance(crossing.t, &solution.states, leg.n_recorded, solution.statistics);
                    leg.jumps = course.happen(system, parameters, &[roots[crossing.guard].0]);
                    course.passed = Some(crossing.guard);
                } else {
                    course.advance(sub.times[sub.times.len() - 1], &solution.states, n_recorded, solution.statistics);
                    leg.jumps = course.happen(system, parameters, &scheduled_at(system, &course.z, course.t));
                }
                if course.n_events > MAX_EVENTS {
                    let (n_events, t, t_end) = (course.n_events, course.t, sub.times[sub.times.len() - 1]);
                    course.error = Some(OdeError::TooManyEvents { n_events, t, t_end, partial: vec![] });
                }
                tapes.push(Some(solution.tape));
            }
            Err(error) => {
                course.fail(error);
                tapes.push(None);
            }
        }
        legs.push(leg);
    }
    Round { pieces: Pieces::Watched(tapes), legs }
}

impl Course {
    /// Keeps an error of a piece, and the data times that were reached in it.
    fn fail(&mut self, error: OdeError) {
        let reached = error.partial();
        if reached.len() > self.z.len() {
            self.states.extend_from_slice(&reached[self.z.len()..]);
        }
        self.error = Some(error);
    }
}

/// Times of an event of this trajectory that are known beforehand.
fn times<'a>(system: &'a System, event: &'a Event, z: &[f64]) -> Box<dyn Iterator<Item = f64> + 'a> {
    match &event.trigger {
        Trigger::Times(times) => Box::new(times.iter().copied()),
        Trigger::Input(input) => Box::new(system.moments(z, *input)),
        Trigger::Root(..) => Box::new(std::iter::empty()),
    }
}

fn next_scheduled(system: &System, z: &[f64], after: f64) -> Option<f64> {
    let all = system.events.iter().flat_map(|event| times(system, event, z));
    all.filter(|&time| time > after).min_by(f64::total_cmp)
}

/// Events at exactly this time, in the order in which they are written.
fn scheduled_at(system: &System, z: &[f64], t: f64) -> Vec<usize> {
    let events = system.events.iter().enumerate();
    events.filter(|(_, event)| times(system, event, z).any(|time| time == t)).map(|(k, _)| k).collect()
}
