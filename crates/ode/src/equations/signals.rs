//! External inputs: columns of the data as functions of time, one set per trajectory.
//!
//! Between its times a signal is linear, outside them it keeps its first or last value. Its kinks
//! cost the solver some rejected steps and no accuracy.

/// One column of one trajectory.
#[derive(Debug, Clone, PartialEq)]
pub struct Signal {
    /// Strictly increasing, at least one.
    times: Vec<f64>,
    values: Vec<f64>,
}

impl Signal {
    /// From points at increasing times.
    ///
    /// # Panics
    /// If there is no point, or as many times as there are not values.
    pub fn new(times: Vec<f64>, values: Vec<f64>) -> Self {
        assert!(!times.is_empty() && times.len() == values.len(), "a signal has points");
        Self { times, values }
    }

    /// Its times at which it is not 0.
    pub fn moments(&self) -> impl Iterator<Item = f64> + '_ {
        self.times.iter().zip(&self.values).filter(|(_, value)| **value != 0.0).map(|(&time, _)| time)
    }

    /// Times and values.
    pub(super) fn points(&self) -> (&[f64], &[f64]) {
        (&self.times, &self.values)
    }

    /// The value at t.
    pub fn at(&self, t: f64) -> f64 {
        let after = self.times.partition_point(|&time| time <= t);
        let last = self.times.len() - 1;
        if after == 0 {
            return self.values[0];
        }
        if after > last {
            return self.values[last];
        }
        let (t0, t1) = (self.times[after - 1], self.times[after]);
        let share = (t - t0) / (t1 - t0);
        self.values[after - 1] * (1.0 - share) + self.values[after] * share
    }
}

/// All columns of all trajectories.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Signals {
    /// `[n_trajectories][n_inputs]`.
    pub of_trajectory: Vec<Vec<Signal>>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signal_is_linear_between_its_points_and_constant_outside() {
        let signal = Signal::new(vec![1.0, 2.0, 4.0], vec![10.0, 20.0, 0.0]);
        for (t, expected) in [(0.0, 10.0), (1.0, 10.0), (1.5, 15.0), (2.0, 20.0), (3.0, 10.0), (4.0, 0.0), (9.0, 0.0)] {
            assert_eq!(signal.at(t), expected, "{t}");
        }
        assert_eq!(Signal::new(vec![0.0], vec![7.0]).at(-3.0), 7.0);
    }
}
