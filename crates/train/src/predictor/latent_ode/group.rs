//! A trajectory, prepared: its context as the encoder reads it, and the samples that come after it.
//!
//! The encoder has a fixed number of places, one per observation, the latest in the last one; places
//! that a short context leaves empty come first. A place holds
//!
//! ```text
//! (t − t₀)/D, then for each column: (y − mean)/deviation, 1    or 0, 0 where it was not observed
//! ```
//!
//! and zeros throughout where it is empty, so that an empty place and a missing value are told from an
//! observed mean.

use surprisal_core::records::Trajectory;

use super::config::Context;
use super::scaling::LatentScaling;
use crate::TrainError;
use crate::predictor::ode::refine;

/// A trajectory in the units of the predictor.
#[derive(Debug, Clone)]
pub struct LatentGroup {
    pub(super) id: String,
    /// `[n_inputs]`: what the encoder reads.
    pub(super) context: Vec<f64>,
    /// The end of the context, in the data's unit.
    pub(super) t0: f64,
    /// All times of the trajectory, in the data's unit.
    all_times: Vec<f64>,
    /// Rows before t₀, of which nothing is predicted: none but where it is refined.
    pub(super) n_before: usize,
    /// (t − t₀)/T of the other rows; not negative.
    pub(super) times: Vec<f64>,
    /// Row-major over the rows; 0 where missing.
    pub(super) values: Vec<f64>,
    /// 1 or 0.
    pub(super) observed: Vec<f64>,
}

/// A context by its rows.
pub(super) struct Seen {
    /// Rows in which anything was observed, in their order.
    pub(super) rows: Vec<usize>,
    pub(super) t0: f64,
    /// The first row that is a sample.
    pub(super) first_sample: usize,
}

/// A context as the encoder reads it, and where it ends.
#[derive(Debug, Clone)]
pub(super) struct Encoded {
    pub(super) inputs: Vec<f64>,
    pub(super) t0: f64,
}

/// The context of a trajectory that has one, and something observed behind it.
pub(super) fn seen(trajectory: &Trajectory, context: Context) -> Result<Seen, TrainError> {
    let observed = |k: &usize| trajectory.observed[*k].iter().any(|y| y.is_finite());
    let all: Vec<usize> = (0..trajectory.times.len()).filter(observed).collect();
    let place = match trajectory.lines.first() {
        Some(line) => format!("trajectory `{}` (from line {line})", trajectory.id),
        None => format!("trajectory `{}`", trajectory.id),
    };
    let (n, t0) = match context {
        Context::Observations(n) => (n, all.get(n.saturating_sub(1)).map(|&k| trajectory.times[k])),
        Context::Until(time) => (all.iter().filter(|&&k| trajectory.times[k] <= time).count(), Some(time)),
    };
    if n == 0 {
        return Err(TrainError::Unfit {
            message: format!("{place} has no observation up to t = {}, and the encoder reads at least one", shown(t0)),
            hint: "end the context later, use `context = { observations = … }`, or leave the trajectory out".into(),
        });
    }
    let (Some(t0), Some(_)) = (t0, all.get(n)) else {
        return Err(TrainError::Unfit {
            message: match context {
                Context::Observations(n) => {
                    format!("{place} has {} observations, and a context of {n} leaves none to predict", all.len())
                }
                Context::Until(time) => format!("{place} has no observation after the context's end, t = {time}"),
            },
            hint: "shorten the context, or leave the trajectory out".into(),
        });
    };
    // rows without any observation belong to what they follow
    let first_sample = trajectory.times.partition_point(|t| *t <= t0);
    Ok(Seen { rows: all[..n].to_vec(), t0, first_sample })
}

fn shown(time: Option<f64>) -> f64 {
    time.unwrap_or(f64::NAN)
}

impl Encoded {
    pub(super) fn new(trajectory: &Trajectory, seen: &Seen, scaling: &LatentScaling) -> Self {
        let width = place_width(scaling.input.shift.len());
        let mut inputs = vec![0.0; scaling.slots * width];
        // more than there is room for: the latest say most of what comes next
        for (place, &k) in inputs.rchunks_exact_mut(width).zip(seen.rows.iter().rev()) {
            place[0] = (trajectory.times[k] - seen.t0) / scaling.reach;
            let standardized = scaling.input.apply(&trajectory.observed[k]);
            for (pair, y) in place[1..].chunks_exact_mut(2).zip(standardized).filter(|(_, y)| y.is_finite()) {
                pair.copy_from_slice(&[y, 1.0]);
            }
        }
        Self { inputs, t0: seen.t0 }
    }
}

/// Numbers in a place of the encoder.
pub(super) fn place_width(n_columns: usize) -> usize {
    1 + 2 * n_columns
}

impl LatentGroup {
    /// The samples of a trajectory from row `first_sample` on, behind a context.
    pub(super) fn new(trajectory: &Trajectory, context: Encoded, first_sample: usize, scaling: &LatentScaling) -> Self {
        let Encoded { inputs, t0 } = context;
        let (mut values, mut observed) = (vec![], vec![]);
        for y in trajectory.observed[first_sample..].iter().map(|row| scaling.target.apply(row)) {
            values.extend(y.iter().map(|y| if y.is_finite() { *y } else { 0.0 }));
            observed.extend(y.iter().map(|y| f64::from(u8::from(y.is_finite()))));
        }
        Self {
            id: trajectory.id.clone(),
            context: inputs,
            t0,
            all_times: trajectory.times.clone(),
            n_before: 0,
            times: trajectory.times[first_sample..].iter().map(|t| (t - t0) / scaling.time).collect(),
            values,
            observed,
        }
    }

    /// Rows of the prediction.
    pub(super) fn n_rows(&self) -> usize {
        self.n_before + self.times.len()
    }

    /// Rows with at least one observation.
    pub(super) fn n_samples(&self, n_columns: usize) -> usize {
        self.observed.chunks_exact(n_columns).filter(|row| row.contains(&1.0)).count()
    }

    /// The whole trajectory with each interval of time cut into so many equal parts, every time a row and
    /// nothing observed.
    pub(super) fn refined(&self, parts: &[usize], scaling: &LatentScaling) -> Self {
        let all_times = refine(&self.all_times, parts);
        let n_before = all_times.partition_point(|t| *t < self.t0);
        let empty = vec![0.0; all_times.len() * scaling.target.shift.len()];
        Self {
            n_before,
            times: all_times[n_before..].iter().map(|t| (t - self.t0) / scaling.time).collect(),
            values: empty.clone(),
            observed: empty,
            all_times,
            ..self.clone()
        }
    }
}
