//! External inputs on a device: [`super::signals`] for a whole batch.
//!
//! All signals lie in one matrix, a row each, padded with times of +∞ that no time is behind. The number of a
//! signal's times up to t is the place of the point after t; points are then selected by their place.

use candle_core::{DType, Device, Result, Tensor};

use super::signals::{Signal, Signals};

/// Every signal of every trajectory.
pub(super) struct SignalTable {
    n_inputs: usize,
    /// Points per row.
    n_points: usize,
    /// `[n_trajectories * n_inputs, n_points]`.
    times: Tensor,
    /// `[n_trajectories * n_inputs * n_points]`: the same in one row, and the values.
    flat_times: Tensor,
    flat_values: Tensor,
    /// `[n_trajectories * n_inputs]`: the place of the last point of each.
    last: Tensor,
}

impl SignalTable {
    /// The table of these signals, `n_inputs` of each trajectory.
    pub(super) fn new(signals: &Signals, n_inputs: usize, device: &Device) -> Result<Self> {
        let all: Vec<&Signal> = signals.of_trajectory.iter().flatten().collect();
        let n_points = all.iter().map(|signal| signal.points().0.len()).max().unwrap_or(1);
        let padded = |points: &[f64], with: f64| {
            points.iter().copied().chain(std::iter::repeat(with)).take(n_points).collect::<Vec<f64>>()
        };
        let times: Vec<f64> = all.iter().flat_map(|signal| padded(signal.points().0, f64::INFINITY)).collect();
        let values: Vec<f64> = all.iter().flat_map(|signal| padded(signal.points().1, 0.0)).collect();
        let last: Vec<f64> = all.iter().map(|signal| (signal.points().0.len() - 1) as f64).collect();
        let times = Tensor::from_vec(times, (all.len(), n_points), device)?;
        Ok(Self {
            n_inputs,
            n_points,
            flat_times: times.flatten_all()?,
            times,
            flat_values: Tensor::from_vec(values, all.len() * n_points, device)?,
            last: Tensor::from_vec(last, all.len(), device)?,
        })
    }

    /// Every input at the samples' times.
    ///
    /// # Shapes
    /// `trajectory` and `t` `[B]`; returns `[n_inputs]` tensors of shape `[B]`.
    pub(super) fn at(&self, trajectory: &Tensor, t: &Tensor) -> Result<Vec<Tensor>> {
        (0..self.n_inputs).map(|i| self.input_at(&trajectory.affine(self.n_inputs as f64, i as f64)?, t)).collect()
    }

    /// The signals of these rows, `[B]`.
    fn input_at(&self, row: &Tensor, t: &Tensor) -> Result<Tensor> {
        let index = row.to_dtype(DType::U32)?;
        let passed = self.times.index_select(&index, 0)?.broadcast_le(&t.unsqueeze(1)?)?;
        let after = passed.to_dtype(DType::F64)?.sum(1)?;
        let last = self.last.index_select(&index, 0)?;
        let first_place = row.affine(self.n_points as f64, 0.0)?;
        let point = |place: &Tensor| (place + &first_place)?.to_dtype(DType::U32);
        // beyond an end, both points are the end
        let left = point(&after.affine(1.0, -1.0)?.maximum(&after.zeros_like()?)?)?;
        let right = point(&after.minimum(&last)?)?;
        let (t0, t1) = (self.flat_times.index_select(&left, 0)?, self.flat_times.index_select(&right, 0)?);
        let (v0, v1) = (self.flat_values.index_select(&left, 0)?, self.flat_values.index_select(&right, 0)?);
        let share = ((t - &t0)? / (&t1 - &t0)?)?;
        let share = t1.eq(&t0)?.where_cond(&share.zeros_like()?, &share)?;
        (v0 * share.affine(-1.0, 1.0)?)? + (v1 * share)?
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_signal_is_what_it_is_alone() {
        let signal = |times: &[f64], values: &[f64]| Signal::new(times.to_vec(), values.to_vec());
        let signals = Signals {
            of_trajectory: vec![
                vec![signal(&[1.0, 2.0, 4.0], &[10.0, 20.0, 0.0]), signal(&[0.0], &[7.0])],
                vec![signal(&[-1.0, 0.5], &[3.0, -1.0]), signal(&[0.0, 0.1, 0.2, 5.0], &[1.0, 2.0, 3.0, 4.0])],
            ],
        };
        let table = SignalTable::new(&signals, 2, &Device::Cpu).unwrap();
        let times = [-2.0, -1.0, 0.0, 0.05, 0.1, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 9.0];
        let points: Vec<(f64, f64)> = times.iter().flat_map(|&t| [(0.0, t), (1.0, t)]).collect();
        let (trajectory, t): (Vec<f64>, Vec<f64>) = points.iter().copied().unzip();
        let n = points.len();
        let tensor = |values: Vec<f64>| Tensor::from_vec(values, n, &Device::Cpu).unwrap();
        let inputs = table.at(&tensor(trajectory), &tensor(t)).unwrap();
        for (i, input) in inputs.iter().enumerate() {
            for (&(p, t), value) in points.iter().zip(input.to_vec1::<f64>().unwrap()) {
                assert_eq!(value, signals.of_trajectory[p as usize][i].at(t), "input {i} of {p} at {t}");
            }
        }
    }
}
