//! A trajectory among the problems of a batch: one problem, or one per segment.
//!
//! Segment k has the times from its start up to the start of the next one, which is the end it is to
//! meet. The states of the trajectory are those of the segments that begin at or before them.

use surprisal_ode::{Batch, OdeError, Problem};

use super::group::{Joint, SeriesGroup};
use super::timeline::{Timeline, gather};

/// A trajectory and where its problems are.
pub(super) struct Course {
    pub(super) timeline: Timeline,
    /// The first of the data's times that is a sample.
    pub(super) first_sample: usize,
    /// Its place among the trajectories trained on.
    pub(super) member: Option<usize>,
    /// `[n]`: its start as the data tells it.
    pub(super) suggestion: Vec<f64>,
    /// `[n]`: where it does start.
    pub(super) y0: Vec<f64>,
    joints: Vec<Joint>,
    first_problem: usize,
    /// States of the solver, and how many of them a segment's start consists of; the others rest.
    dim: usize,
    n_moving: usize,
}

impl Course {
    /// The course of a group that starts at `y0` and is solved at the times of `timeline`. Its problems are added to `problems`; rows of
    /// `starts` `[n_rows * n_moving]` are where segments begin.
    pub(super) fn new(
        group: &SeriesGroup,
        timeline: Timeline,
        y0: Vec<f64>,
        starts: &[f64],
        problems: &mut Vec<Problem>,
    ) -> Self {
        let n_moving = group.n_moving;
        // joints are data times, which have other places among all times
        let joints = group.joints.iter().map(|joint| Joint { at: timeline.of_data()[joint.at], ..*joint }).collect();
        let course = Self {
            timeline,
            first_sample: group.first_sample,
            member: group.member,
            suggestion: group.z0.clone(),
            joints,
            first_problem: problems.len(),
            dim: y0.len(),
            n_moving,
            y0,
        };
        for k in 0..course.n_problems() {
            let (from, to) = course.bounds(k);
            let end = (to + 1).min(course.timeline.times.len());
            let mut y0 = course.y0.clone();
            if k > 0 {
                let row = course.joints[k - 1].row;
                y0[..n_moving].copy_from_slice(&starts[row * n_moving..][..n_moving]);
            }
            problems.push(Problem { y0, times: course.timeline.times[from..end].to_vec() });
        }
        course
    }

    /// Places of the samples among all times.
    pub(super) fn samples(&self) -> &[usize] {
        &self.timeline.of_data()[self.first_sample..]
    }

    /// Times and states of the samples.
    pub(super) fn at_samples(&self, states: &[f64], dim: usize) -> (Vec<f64>, Vec<f64>) {
        (gather(&self.timeline.times, self.samples(), 1), gather(states, self.samples(), dim))
    }

    pub(super) fn n_problems(&self) -> usize {
        self.joints.len() + 1
    }

    /// The times that are segment k's alone: the first, and the first that is not.
    fn bounds(&self, k: usize) -> (usize, usize) {
        let from = k.checked_sub(1).map_or(0, |j| self.joints[j].at);
        (from, self.joints.get(k).map_or(self.timeline.times.len(), |joint| joint.at))
    }

    /// `[n_times * n]`: the states at all times.
    pub(super) fn states(&self, batch: &Batch) -> Result<Vec<f64>, OdeError> {
        let mut states = Vec::with_capacity(self.timeline.times.len() * self.dim);
        for k in 0..self.n_problems() {
            let (from, to) = self.bounds(k);
            let solved = batch.trajectories[self.first_problem + k].as_ref().map_err(Clone::clone)?;
            states.extend_from_slice(&solved.states[..(to - from) * self.dim]);
        }
        Ok(states)
    }

    /// `[n_joints * n_moving]`: where segments end, less where the next ones begin.
    pub(super) fn gaps(&self, batch: &Batch, starts: &[f64]) -> Vec<f64> {
        let mut gaps = vec![];
        for (k, joint) in self.joints.iter().enumerate() {
            if let Ok(solved) = &batch.trajectories[self.first_problem + k] {
                let end = &solved.states[solved.states.len() - self.dim..][..self.n_moving];
                let start = &starts[joint.row * self.n_moving..][..self.n_moving];
                gaps.extend(end.iter().zip(start).map(|(end, start)| end - start));
            }
        }
        gaps
    }

    /// Cotangents of the problems' states, from those of the trajectory's states and of the gaps.
    pub(super) fn cotangents(&self, states_bar: &[f64], gaps_bar: &[f64]) -> Vec<Vec<f64>> {
        (0..self.n_problems())
            .map(|k| {
                let (from, to) = self.bounds(k);
                let mut bar = states_bar[from * self.dim..to * self.dim].to_vec();
                if k < self.joints.len() {
                    bar.extend_from_slice(&gaps_bar[k * self.n_moving..][..self.n_moving]);
                    bar.resize(bar.len() + self.dim - self.n_moving, 0.0);
                }
                bar
            })
            .collect()
    }

    /// The cotangent of the trajectory's start, from those of all problems; adds to `starts_bar`.
    pub(super) fn start_cotangent(&self, y0_bars: &[Vec<f64>], gaps_bar: &[f64], starts_bar: &mut [f64]) -> Vec<f64> {
        let own = &y0_bars[self.first_problem..][..self.n_problems()];
        let mut z_bar = own[0].clone();
        for ((joint, bar), gap_bar) in self.joints.iter().zip(&own[1..]).zip(gaps_bar.chunks_exact(self.n_moving)) {
            let row = &mut starts_bar[joint.row * self.n_moving..][..self.n_moving];
            row.iter_mut().zip(bar).zip(gap_bar).for_each(|((sum, bar), gap)| *sum += bar - gap);
            // what rests is the trajectory's, whichever segment reads it
            z_bar[self.n_moving..].iter_mut().zip(&bar[self.n_moving..]).for_each(|(sum, bar)| *sum += bar);
        }
        z_bar
    }
}
