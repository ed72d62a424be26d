//! A trajectory, prepared: when it starts and where, and what of it is a sample.

use surprisal_core::records::Trajectory;
use surprisal_ode::equations::Start;

use crate::TrainError;

/// A trajectory in the units of the predictor.
#[derive(Debug, Clone)]
pub struct SeriesGroup {
    pub(super) id: String,
    /// `[n]`: the solver's start, as far as the data tells it; NaN for what it does not.
    pub(super) z0: Vec<f64>,
    /// t₀ in the data's unit.
    pub(super) t0: f64,
    /// The first is t₀.
    pub(super) times: Vec<f64>,
    /// The first time that is a sample: 0 where the start is one too.
    pub(super) first_sample: usize,
    /// Its place among the trajectories trained on.
    pub(super) member: Option<usize>,
    /// Row-major over the samples; 0 where missing.
    pub(super) values: Vec<f64>,
    /// 1 or 0.
    pub(super) observed: Vec<f64>,
    /// States that a start consists of; the solver's others rest.
    pub(super) n_moving: usize,
    /// Where training cuts it into segments.
    pub(super) joints: Vec<Joint>,
}

/// Where a segment begins, but for the first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Joint {
    /// Place of the time.
    pub(super) at: usize,
    /// Its row among the starts of all segments.
    pub(super) row: usize,
}

/// What a group is made of, beside the trajectory.
pub(super) struct Preparation<'a> {
    /// How the physical states start.
    pub(super) starts: &'a [Start],
    /// Scales of the physical states, and of the columns.
    pub(super) state_scales: &'a [f64],
    pub(super) column_scales: &'a [f64],
    /// Times as the solver counts them.
    pub(super) time: &'a dyn Fn(f64) -> f64,
    /// States of the solver.
    pub(super) dim: usize,
    pub(super) member: Option<usize>,
}

impl SeriesGroup {
    /// A trajectory with at least two times whose starting values are known where they must be.
    pub(super) fn new(trajectory: &Trajectory, with: &Preparation<'_>) -> Result<Self, TrainError> {
        let id = trajectory.id.clone();
        let (Some(first), true) = (trajectory.observed.first(), trajectory.times.len() > 1) else {
            return Err(TrainError::Unfit {
                message: format!(
                    "trajectory `{id}` has {} observed times; a neural ODE needs two or more",
                    trajectory.times.len()
                ),
                hint: "leave the trajectory out, or give it more rows".into(),
            });
        };
        let mut z0 = vec![f64::NAN; with.dim];
        // columns whose first value is the start itself and therefore no sample
        let mut inputs = vec![false; first.len()];
        for (i, start) in with.starts.iter().enumerate() {
            z0[i] = match *start {
                Start::Observed(column) => {
                    inputs[column] = true;
                    first[column] / with.state_scales[i]
                }
                Start::Free(Some(column)) => first[column] / with.state_scales[i],
                Start::Slope(column) => slope(trajectory, column, with),
                Start::Number(value) => value / with.state_scales[i],
                Start::Free(None) | Start::Expression(_) => f64::NAN,
            };
            if matches!(start, Start::Observed(_)) && !z0[i].is_finite() {
                return Err(TrainError::Unfit {
                    message: format!(
                        "trajectory `{id}` starts (line {}) with a state that was not observed",
                        trajectory.lines[0]
                    ),
                    hint: "a trajectory starts at its first observation: begin it where all states are known, or say \
                           `initial = \"free\"` in equations"
                        .into(),
                });
            }
        }
        let first_sample = trajectory.n_given.max(usize::from(inputs.iter().all(|input| *input)));
        let (mut values, mut observed) = (vec![], vec![]);
        for (k, y) in trajectory.observed.iter().enumerate().skip(first_sample) {
            for (c, (&y, scale)) in y.iter().zip(with.column_scales).enumerate() {
                let seen = y.is_finite() && !(k == 0 && inputs[c]);
                values.push(if seen { y / scale } else { 0.0 });
                observed.push(f64::from(u8::from(seen)));
            }
        }
        Ok(Self {
            id,
            z0,
            t0: trajectory.times[0],
            times: trajectory.times.iter().map(|&t| (with.time)(t)).collect(),
            first_sample,
            member: with.member,
            values,
            observed,
            n_moving: with.starts.len(),
            joints: vec![],
        })
    }

    /// The first `n` times alone.
    pub(super) fn first(&self, n: usize, n_columns: usize) -> Self {
        let n_samples = n.saturating_sub(self.first_sample) * n_columns;
        Self {
            times: self.times[..n].to_vec(),
            values: self.values[..n_samples].to_vec(),
            observed: self.observed[..n_samples].to_vec(),
            joints: self.joints.iter().copied().filter(|joint| joint.at + 1 < n).collect(),
            ..self.clone()
        }
    }

    /// Times up to the first observation that is a sample, and never fewer than two.
    pub(super) fn n_least(&self, n_columns: usize) -> usize {
        let rows = self.observed.chunks_exact(n_columns);
        let unseen = rows.take_while(|row| !row.contains(&1.0)).count();
        (self.first_sample + unseen + 1).clamp(2, self.times.len())
    }

    /// Times and values of state `state`, which is `scale` times what column `column` holds.
    pub(super) fn series(&self, state: usize, column: usize, scale: f64) -> (Vec<f64>, Vec<f64>) {
        let n_columns = self.values.len() / (self.times.len() - self.first_sample).max(1);
        let start = (self.first_sample > 0 && self.z0[state].is_finite()).then(|| (self.times[0], self.z0[state]));
        let of_start = |k: usize| k == 0 && self.first_sample == 0 && self.observed[column] == 0.0;
        let samples = (self.first_sample..self.times.len()).filter_map(|k| {
            let i = (k - self.first_sample) * n_columns + column;
            match self.observed[i] {
                1.0 => Some((self.times[k], scale * self.values[i])),
                // a start that is an input stands among the samples where another column's does not
                _ if of_start(k) && self.z0[state].is_finite() => Some((self.times[k], self.z0[state])),
                _ => None,
            }
        });
        start.into_iter().chain(samples).unzip()
    }

    /// The same with each interval of time cut into so many equal parts, every time a sample and nothing
    /// observed.
    pub(super) fn refined(&self, parts: &[usize], n_columns: usize) -> Self {
        let times = refine(&self.times, parts);
        let n = times.len() * n_columns;
        let empty = vec![0.0; n];
        Self { times, first_sample: 0, values: empty.clone(), observed: empty, joints: vec![], ..self.clone() }
    }

    /// Times with at least one observation among the samples.
    pub(super) fn n_observed_samples(&self, n_columns: usize) -> usize {
        self.observed.chunks_exact(n_columns).filter(|row| row.contains(&1.0)).count()
    }
}

/// The slope between the first two observations in a column, in the units of the solver; NaN where there
/// are no two.
fn slope(trajectory: &Trajectory, column: usize, with: &Preparation<'_>) -> f64 {
    let seen = trajectory.times.iter().zip(&trajectory.observed).map(|(&t, y)| ((with.time)(t), y[column]));
    let mut seen = seen.filter(|(_, y)| y.is_finite());
    match (seen.next(), seen.next()) {
        (Some((t0, y0)), Some((t1, y1))) => (y1 - y0) / with.column_scales[column] / (t1 - t0),
        _ => f64::NAN,
    }
}

/// Times with each of their intervals cut into so many equal parts.
pub fn refine(times: &[f64], parts: &[usize]) -> Vec<f64> {
    let intervals = times.windows(2).zip(parts);
    let inside = intervals.flat_map(|(ends, &n)| {
        let (from, step) = (ends[0], (ends[1] - ends[0]) / n as f64);
        (0..n).map(move |k| from + k as f64 * step)
    });
    inside.chain(times.last().copied()).collect()
}

#[cfg(test)]
mod tests {
    use super::refine;

    #[test]
    fn every_time_stays_and_intervals_are_cut_evenly() {
        assert_eq!(refine(&[0.0, 1.0, 4.0], &[2, 3]), [0.0, 0.5, 1.0, 2.0, 3.0, 4.0]);
        assert_eq!(refine(&[2.0], &[]), [2.0]);
    }
}
