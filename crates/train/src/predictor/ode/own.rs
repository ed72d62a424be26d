//! Numbers that each trajectory has of its own: parameters, and starts that are not known.
//!
//! A trajectory that is trained on has its entry of the tensor `[n_trained]`. Any other has the mean of
//! all entries, before the transform; a start begins at the first observation, where there is one.

use candle_core::Var;
use surprisal_ode::equations::Transform;

/// One number of each trajectory.
#[derive(Debug)]
pub(super) struct OwnNumber {
    /// Which state of the solver it is the start of.
    pub(super) state: usize,
    pub(super) transform: Transform,
    /// `[n_trained]`: what is trained.
    pub(super) var: Var,
    /// Whether the data suggests a value for trajectories that were not trained on.
    pub(super) suggested: bool,
}

impl OwnNumber {
    /// What is trained, as it is now.
    pub(super) fn raw(&self) -> candle_core::Result<Vec<f64>> {
        self.var.as_tensor().to_vec1()
    }

    /// The number of a trajectory; `suggestion` is what its data says, or NaN.
    pub(super) fn value(&self, raw: &[f64], member: Option<usize>, suggestion: f64) -> f64 {
        match member {
            Some(m) => self.transform.value(raw[m]),
            None if self.suggested && suggestion.is_finite() => suggestion,
            None => self.transform.value(mean(raw)),
        }
    }

    /// Adds the cotangent of [`OwnNumber::value`].
    pub(super) fn pull_back(
        &self,
        raw: &[f64],
        member: Option<usize>,
        suggestion: f64,
        value_bar: f64,
        bar: &mut [f64],
    ) {
        match member {
            Some(m) => bar[m] += value_bar * self.transform.slope(raw[m]),
            None if self.suggested && suggestion.is_finite() => {}
            None => {
                let share = value_bar * self.transform.slope(mean(raw)) / raw.len() as f64;
                bar.iter_mut().for_each(|bar| *bar += share);
            }
        }
    }
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len().max(1) as f64
}
