//! Units of the encoder's inputs, of the latent time and of the targets.

use surprisal_core::records::Trajectory;
use surprisal_objective::Standardization;

use super::config::Context;
use super::group::{self, Seen};
use crate::TrainError;
use crate::predictor::ode::SeriesScaling;
use crate::predictor::standardize::Standardizer;

/// Units the predictor works in.
#[derive(Debug, Clone, PartialEq)]
pub struct LatentScaling {
    /// Of what the encoder reads: mean 0 and standard deviation 1 over all training observations.
    pub input: Standardizer,
    /// Of the targets, as the likelihood wants them.
    pub target: Standardizer,
    /// T: the latent time is (t − t₀)/T.
    pub time: f64,
    /// D: the encoder reads (t − t₀)/D, from −1 to 0 over the longest training context.
    pub reach: f64,
    /// Observations the encoder has room for: the most of any training context.
    pub slots: usize,
}

impl LatentScaling {
    /// From the training trajectories.
    pub fn fit(train: &[Trajectory], context: Context, targets: Standardization) -> Result<Self, TrainError> {
        let n = train.first().and_then(|t| t.observed.first()).map_or(0, Vec::len);
        let moments: Vec<Moments> = (0..n).map(|column| Moments::of(train, column)).collect();
        let standardizer = |of: fn(&Moments) -> (f64, f64)| {
            let (shift, scale) = moments.iter().map(of).unzip();
            Standardizer { shift, scale }
        };
        let input = standardizer(|m| (m.mean, m.deviation));
        let target = match targets {
            Standardization::ShiftAndScale => input.clone(),
            Standardization::Scale => standardizer(|m| (0.0, m.root_mean_square)),
            Standardization::None => Standardizer::identity(n),
        };
        let (mut reach, mut slots) = (0.0_f64, 0);
        for trajectory in train {
            let Seen { rows, t0, .. } = group::seen(trajectory, context)?;
            reach = rows.first().map_or(reach, |&k| reach.max(t0 - trajectory.times[k]));
            slots = slots.max(rows.len());
        }
        let reach = if reach > 0.0 { reach } else { 1.0 };
        Ok(Self { input, target, time: SeriesScaling::fit(train).time, reach, slots })
    }
}

/// Of one column over all observations; 1 where there would be a scale of 0.
struct Moments {
    mean: f64,
    deviation: f64,
    root_mean_square: f64,
}

impl Moments {
    fn of(train: &[Trajectory], column: usize) -> Self {
        let values = || train.iter().flat_map(|t| &t.observed).map(|y| y[column]).filter(|y| y.is_finite());
        let n = values().count().max(1) as f64;
        let mean = values().sum::<f64>() / n;
        let deviation = (values().map(|y| (y - mean).powi(2)).sum::<f64>() / n).sqrt();
        let root_mean_square = (values().map(|y| y * y).sum::<f64>() / n).sqrt();
        Self {
            mean,
            deviation: if deviation > 1e-12 * mean.abs() { deviation } else { 1.0 },
            root_mean_square: if root_mean_square > 0.0 { root_mean_square } else { 1.0 },
        }
    }
}
