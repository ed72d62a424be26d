//! Many stiff trajectories, eight at a time.
//!
//! The method of [`super::solve`], one stage after the other, over the lanes of a [`LaneField`]: every lane has its
//! own t, h and error, accepts or rejects on its own, and takes up the next problem where it has finished. What is
//! shared is the moment of evaluation: a stage is iterated until Newton's method has converged or failed in every
//! lane, and a lane that is through waits. Each trajectory leaves the tape that it would leave alone.

use pulp::{Arch, Simd, WithSimd};

use super::convergence::{CHORDS, Convergence, FAST};
use super::lane_lu::LaneLu;
use super::newton::System;
use super::solve::{StiffSolution, next_size, step_factor};
use super::tableau::Tableau;
use super::tape::{Step, StiffTape};
use crate::batch::Problem;
use crate::controller::{first_guess, scaled_norm};
use crate::error::OdeError;
use crate::field::lanes::{LANES, LaneField, Row};
use crate::solve::{Statistics, underflows};
use crate::tsit5::Tsit5;

/// Iterations after which a stage has failed; a new Jacobian comes with each but the second and third.
const MAX_ITERATIONS: usize = 12;

/// What a busy lane is at.
struct Lane {
    problem: usize,
    t: f64,
    h: f64,
    /// Index of the data time ahead.
    next: usize,
    /// Whether the attempt under way ends there.
    last: bool,
    solution: StiffSolution,
}

struct Group<'a> {
    field: &'a mut dyn LaneField,
    tableau: &'static Tableau,
    config: &'a Tsit5,
    problems: &'a [Problem],
    n: usize,
    n_controlled: usize,
    lanes: [Option<Lane>; LANES],
    /// `[s][i]`
    predictors: Vec<Vec<f64>>,
    /// `[n]`: the state of every lane.
    y: Vec<Row>,
    /// Of the attempted step: `[s, n]`.
    stages: Vec<Row>,
    slopes: Vec<Row>,
    /// `[n]`
    known: Vec<Row>,
    update: Vec<Row>,
    slope: Vec<Row>,
    allowed: Vec<Row>,
    tape: Vec<Row>,
    /// `[n, n]`: the Jacobians in use, and new ones.
    jacobian: Vec<Row>,
    fresh: Vec<Row>,
    lu: LaneLu,
    arch: Arch,
}

/// Integrates those `problems` whose numbers are in `queue` (checked, with two times or more) and puts them in
/// `results`; `system` gives the first slopes.
pub(super) fn solve_group(
    field: &mut dyn LaneField,
    system: &mut System<'_>,
    tableau: &'static Tableau,
    config: &Tsit5,
    problems: &[Problem],
    queue: &[usize],
    results: &mut [Option<Result<StiffSolution, OdeError>>],
) {
    let n = system.n;
    let rows = |length: usize| vec![Row::ZERO; length];
    let tape = rows(field.tape_rows());
    let mut group = Group {
        field,
        tableau,
        config,
        problems,
        n,
        n_controlled: n - system.field.n_resting(),
        lanes: std::array::from_fn(|_| None),
        predictors: (0..tableau.n_stages()).map(|i| tableau.predictor(i)).collect(),
        y: rows(n),
        stages: rows(tableau.n_stages() * n),
        slopes: rows(tableau.n_stages() * n),
        known: rows(n),
        update: rows(n),
        slope: rows(n),
        allowed: rows(n),
        tape,
        jacobian: rows(n * n),
        fresh: rows(n * n),
        lu: LaneLu::new(n),
        arch: Arch::new(),
    };
    let mut waiting = queue.iter();
    loop {
        for l in 0..LANES {
            while group.lanes[l].is_none() {
                let Some(&problem) = waiting.next() else { break };
                if let Err(error) = group.load(l, problem, system) {
                    results[problem] = Some(Err(error));
                }
            }
        }
        if group.lanes.iter().all(Option::is_none) {
            return;
        }
        group.step(results);
    }
}

impl Group<'_> {
    /// Puts a problem on a free lane.
    fn load(&mut self, l: usize, problem: usize, system: &mut System<'_>) -> Result<(), OdeError> {
        let Problem { y0, times } = &self.problems[problem];
        system.evaluate(times[0], y0);
        if system.slope.iter().any(|k| !k.is_finite()) {
            let t_end = times[times.len() - 1];
            return Err(OdeError::FieldNotFinite { t: times[0], t_end, partial: y0.clone() });
        }
        let norm = |values: &[f64]| {
            scaled_norm(self.config, values.iter().copied(), y0.iter().map(|y| y.abs()), self.n_controlled)
        };
        let h = first_guess(norm(y0), norm(&system.slope));
        self.y.iter_mut().zip(y0).for_each(|(row, &y)| row.0[l] = y);
        let solution = StiffSolution {
            states: y0.clone(),
            tape: StiffTape { tableau: self.tableau, n: self.n, steps: vec![], stages: vec![] },
            statistics: Statistics { n_evaluations: 1, ..Statistics::default() },
        };
        self.lanes[l] = Some(Lane { problem, t: times[0], h, next: 1, last: false, solution });
        Ok(())
    }

    /// One attempted step of every busy lane.
    fn step(&mut self, results: &mut [Option<Result<StiffSolution, OdeError>>]) {
        // an idle lane stays where its last trajectory ended
        let (mut t, mut h) = (Row::ZERO, Row::ZERO);
        let mut open = [false; LANES];
        for l in 0..LANES {
            let Some(mut lane) = self.lanes[l].take() else { continue };
            match self.plan(&mut lane) {
                Ok(size) => {
                    (t.0[l], h.0[l], open[l]) = (lane.t, size, true);
                    self.lanes[l] = Some(lane);
                }
                Err(error) => results[lane.problem] = Some(Err(error)),
            }
        }
        let arch = self.arch;
        let Attempted { error, n_evaluations } = arch.dispatch(Attempt { group: self, t: &t, h: &h, open });
        for l in 0..LANES {
            let Some(mut lane) = self.lanes[l].take() else { continue };
            lane.solution.statistics.n_evaluations += n_evaluations[l];
            self.decide(l, &mut lane, h.0[l], error.0[l]);
            if lane.next == self.problems[lane.problem].times.len() {
                results[lane.problem] = Some(Ok(lane.solution));
            } else {
                self.lanes[l] = Some(lane);
            }
        }
    }

    /// The size of a lane's next attempt, or why there is none.
    fn plan(&self, lane: &mut Lane) -> Result<f64, OdeError> {
        let times = &self.problems[lane.problem].times;
        let (t, t_end, max_steps) = (lane.t, times[times.len() - 1], self.config.max_steps);
        let statistics = lane.solution.statistics;
        if statistics.n_accepted + statistics.n_rejected == max_steps {
            let partial = std::mem::take(&mut lane.solution.states);
            return Err(OdeError::MaxSteps { max_steps, t, t_end, partial });
        }
        let (size, last) = next_size(t, lane.h, times[lane.next]);
        if !last && underflows(t, size) {
            let partial = std::mem::take(&mut lane.solution.states);
            return Err(OdeError::StepUnderflow { t, h: size, t_end, partial });
        }
        lane.last = last;
        Ok(size)
    }

    /// Accepts or rejects the attempt of a lane, whose error is NaN where Newton's method failed.
    fn decide(&mut self, l: usize, lane: &mut Lane, size: f64, error: f64) {
        let statistics = &mut lane.solution.statistics;
        if !error.is_finite() {
            statistics.n_rejected += 1;
            lane.h = 0.25 * size;
            return;
        }
        let factor = step_factor(self.tableau, error);
        if error > 1.0 {
            statistics.n_rejected += 1;
            lane.h = size * factor.min(0.9);
            return;
        }
        statistics.n_accepted += 1;
        let StiffSolution { tape, states, .. } = &mut lane.solution;
        tape.stages.extend(self.stages.iter().map(|row| row.0[l]));
        tape.steps.push(Step { t: lane.t, h: size, is_output: lane.last });
        let end = &self.stages[self.stages.len() - self.n..];
        self.y.iter_mut().zip(end).for_each(|(y, end)| y.0[l] = end.0[l]);
        lane.t += size;
        // a step that a data time cut short says nothing against longer ones
        lane.h = if lane.last { lane.h.max(size * factor) } else { size * factor };
        if lane.last {
            states.extend(end.iter().map(|row| row.0[l]));
            lane.t = self.problems[lane.problem].times[lane.next];
            lane.next += 1;
        }
    }

    /// The stages and scaled errors of the `open` lanes' attempts.
    #[inline(always)]
    fn attempt(&mut self, t: &Row, h: &Row, mut open: [bool; LANES]) -> Attempted {
        let (n, tableau) = (self.n, self.tableau);
        let h_gamma = Row(h.0.map(|h| h * tableau.gamma));
        let mut n_evaluations = [1; LANES];
        self.allow(|y, _| y);
        self.stages[..n].copy_from_slice(&self.y);
        self.field.rhs(t, &self.y, &mut self.slopes[..n], &mut self.tape);
        for i in 1..tableau.n_stages() {
            let mut at = *t;
            at.add_scaled(tableau.c[i], h);
            self.guess(i, h, &h_gamma);
            self.stage(i, &at, &h_gamma, &mut open, &mut n_evaluations);
        }
        self.update.fill(Row::ZERO);
        for (&e, k) in tableau.error.iter().zip(self.slopes.chunks_exact(n)) {
            self.update.iter_mut().zip(k).for_each(|(error, k)| error.add_scaled(e, k));
        }
        for error in &mut self.update {
            (0..LANES).for_each(|l| error.0[l] *= h.0[l]);
        }
        self.lu.solve_rows(&mut self.update);
        self.allow(f64::max);
        let norm = self.norm();
        Attempted { error: Row(std::array::from_fn(|l| if open[l] { norm.0[l] } else { f64::NAN })), n_evaluations }
    }

    /// The known part of stage i, and a first guess of the stage.
    #[inline(always)]
    fn guess(&mut self, i: usize, h: &Row, h_gamma: &Row) {
        let n = self.n;
        let (before, this) = self.stages.split_at_mut(i * n);
        for (j, (known, guess)) in self.known.iter_mut().zip(this).enumerate() {
            let (mut sum, mut predicted) = (Row::ZERO, Row::ZERO);
            for (&a, k) in self.tableau.a[i].iter().zip(self.slopes.chunks_exact(n)) {
                sum.add_scaled(a, &k[j]);
            }
            for (&weight, stage) in self.predictors[i].iter().zip(before.chunks_exact(n)) {
                predicted.add_scaled(weight, &stage[j]);
            }
            *known = self.y[j];
            known.add_product(h, &sum);
            if i == 1 {
                // nothing but a slope to go by
                predicted = *known;
                predicted.add_product(h_gamma, &self.slopes[j]);
            }
            // a state at rest may be the number of a trajectory, which rounding must not touch
            *guess = if j < self.n_controlled { predicted } else { self.y[j] };
        }
    }

    /// Newton's method for stage i; closes the lanes where it fails.
    #[inline(always)]
    fn stage(
        &mut self,
        i: usize,
        t: &Row,
        h_gamma: &Row,
        open: &mut [bool; LANES],
        n_evaluations: &mut [usize; LANES],
    ) {
        let n = self.n;
        let mut convergence: [Convergence; LANES] = std::array::from_fn(|_| Convergence::default());
        // lanes that still iterate
        let mut busy = *open;
        for iteration in 1..=MAX_ITERATIONS {
            let state = &self.stages[i * n..][..n];
            self.field.rhs(t, state, &mut self.slope, &mut self.tape);
            let is_new: [bool; LANES] = std::array::from_fn(|l| {
                busy[l] && (iteration == 1 || iteration > CHORDS + 1 || convergence[l].rate > FAST)
            });
            if is_new.contains(&true) {
                self.field.jacobian(&self.tape, &mut self.fresh);
                // a lane's Jacobian does not depend on what the others need
                for (j, fresh) in self.jacobian.iter_mut().zip(&self.fresh) {
                    (0..LANES).for_each(|l| j.0[l] = if is_new[l] { fresh.0[l] } else { j.0[l] });
                }
                self.lu.factor(h_gamma, &self.jacobian);
            }
            for (j, update) in self.update.iter_mut().enumerate() {
                *update = self.known[j];
                update.add_product(h_gamma, &self.slope[j]);
                update.add_scaled(-1.0, &state[j]);
            }
            self.lu.solve_rows(&mut self.update);
            let mask = Row(busy.map(|busy| if busy { 1.0 } else { 0.0 }));
            for (state, update) in self.stages[i * n..].iter_mut().zip(&self.update) {
                (0..LANES).for_each(|l| state.0[l] += if mask.0[l] != 0.0 { update.0[l] } else { 0.0 });
            }
            let size = self.norm();
            let iterated = busy;
            for l in (0..LANES).filter(|&l| iterated[l]) {
                n_evaluations[l] += 1;
                match convergence[l].after(iteration, size.0[l], is_new[l]) {
                    None => (open[l], busy[l]) = (false, false),
                    Some(done) => busy[l] = !done,
                }
            }
            if !busy.contains(&true) {
                break;
            }
        }
        (0..LANES).filter(|&l| busy[l]).for_each(|l| open[l] = false);
        let (slopes, stages) = (&mut self.slopes[i * n..], &self.stages[i * n..]);
        for ((slope, state), known) in slopes.iter_mut().zip(stages).zip(&self.known) {
            // unlike f(Yᵢ), this does not multiply what is left of Newton's error by J
            (0..LANES).for_each(|l| slope.0[l] = (state.0[l] - known.0[l]) / h_gamma.0[l]);
        }
    }

    /// Errors that are allowed for the sizes that `of` makes of |y| where the step begins and ends.
    #[inline(always)]
    fn allow(&mut self, of: impl Fn(f64, f64) -> f64) {
        let end = &self.stages[self.stages.len() - self.n..];
        for (i, (allowed, y)) in self.allowed.iter_mut().zip(&self.y).enumerate().take(self.n_controlled) {
            let atol = self.config.atol.of(i);
            for l in 0..LANES {
                allowed.0[l] = atol + self.config.rtol * of(y.0[l].abs(), end[i].0[l].abs());
            }
        }
    }

    /// Scaled norms of `update`.
    #[inline(always)]
    fn norm(&self) -> Row {
        let mut sum = Row::ZERO;
        for (update, allowed) in self.update.iter().zip(&self.allowed).take(self.n_controlled) {
            for l in 0..LANES {
                let scaled = update.0[l] / allowed.0[l];
                sum.0[l] += scaled * scaled;
            }
        }
        Row(sum.0.map(|sum| (sum / self.n_controlled as f64).sqrt()))
    }
}

/// What came of an attempt.
struct Attempted {
    /// Scaled errors; NaN where Newton's method failed.
    error: Row,
    n_evaluations: [usize; LANES],
}

/// [`Group::attempt`] in the widest vectors there are.
struct Attempt<'g, 'a> {
    group: &'g mut Group<'a>,
    t: &'g Row,
    h: &'g Row,
    open: [bool; LANES],
}

impl WithSimd for Attempt<'_, '_> {
    type Output = Attempted;

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) -> Attempted {
        self.group.attempt(self.t, self.h, self.open)
    }
}

#[cfg(test)]
mod tests {
    use super::super::adjoint::pull_back_all;
    use super::super::{ESDIRK3, KVAERNO5};
    use super::*;
    use crate::equations::Equations;

    /// Trajectories of several µ, steps held fixed: a replay of each, which goes stage by stage without lanes, is
    /// the solve, and its differences are the gradient.
    #[test]
    fn the_gradient_of_every_lane_is_that_of_its_steps() {
        let equations = Equations {
            states: serde_json::from_str(r#"{ "x": { "rhs": "v" }, "v": { "rhs": "mu*((1 - x^2)*v) - k*x + nn.u" } }"#)
                .unwrap(),
            parameters: serde_json::from_str(
                r#"{ "mu": { "init": 1000, "per_trajectory": true }, "k": { "init": 1 } }"#,
            )
            .unwrap(),
            networks: serde_json::from_str(r#"{ "nn": { "inputs": ["x"], "outputs": ["u"], "hidden": [5] } }"#)
                .unwrap(),
            ..Equations::default()
        };
        let system = equations.compile(&["x", "v"].map(String::from), &[1.0, 1.0], &[]).unwrap();
        let field = system.field();
        let theta = field.initial_parameters(3);
        let problem = |p: usize| {
            let x = p as f64;
            Problem { y0: vec![2.0 - 0.01 * x, -0.001, 800.0 + 50.0 * x], times: vec![0.0, 20.0 + x, 200.0 + 10.0 * x] }
        };
        let problems: Vec<Problem> = (0..11).map(problem).collect();
        let queue: Vec<usize> = (0..11).filter(|&p| p != 4).collect();
        let config = Tsit5::new(1e-5, 1e-7);
        for tableau in [&ESDIRK3, &KVAERNO5] {
            let mut results: Vec<_> = problems.iter().map(|_| None).collect();
            let mut lanes = field.lanes(&theta).unwrap();
            let mut alone = System::new(field, &theta);
            solve_group(lanes.as_mut(), &mut alone, tableau, &config, &problems, &queue, &mut results);
            assert!(results[4].is_none());
            let solved = results.into_iter().enumerate().filter_map(|(p, result)| Some((p, result?.unwrap())));
            for (p, StiffSolution { states, tape, statistics }) in solved {
                let y0 = &problems[p].y0;
                assert_eq!((states.len(), tape.n_steps()), (9, statistics.n_accepted));
                let replayed = tape.replay(field, &theta, y0).unwrap();
                let apart = states.iter().zip(&replayed).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
                assert!(apart < 1e-12, "{p}: {apart:e}");
                let cotangent = [0.0, 0.0, 0.0, 0.3, 0.1, 0.0, 1.0, -0.2, 0.0];
                let mut gradient = vec![0.0; theta.len()];
                let y0_bar = pull_back_all(field, &theta, &[(Some(&tape), &cotangent)], &mut gradient).concat();
                let value = |theta: &[f64], y0: &[f64]| -> f64 {
                    tape.replay(field, theta, y0).unwrap().iter().zip(&cotangent).map(|(y, g)| y * g).sum()
                };
                let difference = |x: &[f64], i: usize, value: &dyn Fn(&[f64]) -> f64| {
                    let h = 1e-3 * (1e-3 + x[i].abs());
                    let moved = |m: f64| {
                        let mut x = x.to_vec();
                        x[i] += m * h;
                        value(&x)
                    };
                    let pair = |m: f64| moved(m) - moved(-m);
                    (3.0 / 4.0 * pair(1.0) - 3.0 / 20.0 * pair(2.0) + 1.0 / 60.0 * pair(3.0)) / h
                };
                let of_theta = |i: usize| {
                    let exact = difference(&theta, i, &|theta| value(theta, y0));
                    (theta[i] * gradient[i], theta[i] * exact)
                };
                let of_mu = difference(y0, 2, &|y0| value(&theta, y0));
                let mut pairs = vec![of_theta(0), of_theta(1), of_theta(theta.len() - 2)];
                pairs.push((y0[2] * y0_bar[2], y0[2] * of_mu));
                let size = pairs.iter().fold(0.0, |m: f64, (_, exact)| m.max(exact.abs()));
                for (ours, exact) in pairs {
                    assert!((ours - exact).abs() < 1e-8 * size, "{p}: {ours} against {exact} of {size}");
                }
            }
        }
    }
}
