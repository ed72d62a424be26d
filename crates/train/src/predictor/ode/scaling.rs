//! Typical sizes of what was measured, and of time.

use surprisal_core::records::Trajectory;

/// Units the predictor works in.
#[derive(Debug, Clone, PartialEq)]
pub struct SeriesScaling {
    /// Root mean square of each column over the training data.
    pub state: Vec<f64>,
    /// Data units per unit of a target: the same, but 1 where a likelihood takes its data as it is.
    pub column: Vec<f64>,
    /// T, in the data's time unit.
    pub time: f64,
}

impl SeriesScaling {
    /// From the training trajectories.
    pub fn fit(train: &[Trajectory]) -> Self {
        let dim = train.first().and_then(|t| t.observed.first()).map_or(0, Vec::len);
        let state: Vec<f64> = (0..dim)
            .map(|i| {
                let values: Vec<f64> =
                    train.iter().flat_map(|t| &t.observed).map(|y| y[i]).filter(|y| y.is_finite()).collect();
                let rms = (values.iter().map(|y| y * y).sum::<f64>() / values.len().max(1) as f64).sqrt();
                if rms > 0.0 { rms } else { 1.0 }
            })
            .collect();
        let mut rates: Vec<f64> = train
            .iter()
            .flat_map(|t| t.times.windows(2).zip(t.observed.windows(2)))
            .flat_map(|(times, y)| {
                let dt = times[1] - times[0];
                (0..dim).map(|i| ((y[1][i] - y[0][i]) / state[i] / dt).abs()).collect::<Vec<_>>()
            })
            .filter(|rate| rate.is_finite() && *rate > 0.0)
            .collect();
        rates.sort_by(f64::total_cmp);
        let time = rates.get(rates.len() / 2).map_or(1.0, |rate| 1.0 / rate);
        Self { column: state.clone(), state, time }
    }

    /// The same for targets in the data's own units: counts, shares, angles.
    pub fn unscaled(self) -> Self {
        Self { column: vec![1.0; self.state.len()], ..self }
    }
}
