//! Gradient matching (Varah 1982, A spline least squares method for numerical parameter estimation in
//! differential equations): before training, the right-hand side is fitted to slopes of the smoothed
//! data. Nothing is solved, so that neither a long series nor chaos is in the way:
//!
//! min over θ of (1/N) Σᵢ Σₖ ((fᵢ(tₖ, ẑ(tₖ); θ) − ẑᵢ′(tₖ))/mᵢ)²,
//!
//! ẑ being the smooth of [`super::smoothing`] and mᵢ the root mean square of the slopes ẑᵢ′. What it finds
//! is biased by the smoothing, and a start for the fit and no more.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use surprisal_ode::VectorField;

use super::group::SeriesGroup;
use super::smoothing::Smoothing;
use crate::TrainError;

/// A stage before training in which slopes of the smoothed data are fitted. Every state must be measured.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GradientMatching {
    /// Steps of Adam, each on all times of all training trajectories.
    pub epochs: usize,
    /// Their learning rate, 0.01 by default.
    #[serde(default = "learning_rate")]
    pub learning_rate: f64,
}

fn learning_rate() -> f64 {
    0.01
}

impl GradientMatching {
    /// The first impossible value, in words that begin with the key in backticks.
    pub fn problem(&self) -> Option<String> {
        if self.epochs == 0 {
            return Some("`epochs` must be at least 1, found 0".into());
        }
        let rate = self.learning_rate;
        (!(rate > 0.0 && rate.is_finite())).then(|| format!("`learning_rate` must be positive, found {rate}"))
    }
}

/// Smoothed data, and the size of its slopes.
pub struct Slopes {
    pub(super) smooths: Vec<Smooth>,
    /// `[n_moving]`: root mean squares.
    pub(super) sizes: Vec<f64>,
}

/// A trajectory smoothed: states and slopes in the solver's units.
pub(super) struct Smooth {
    /// `[n_times]`.
    pub(super) times: Vec<f64>,
    /// `[n_times * n_moving]`.
    pub(super) states: Vec<f64>,
    /// `[n_times * n_moving]`: dẑ/dt.
    pub(super) slopes: Vec<f64>,
}

impl Smooth {
    /// Of a group whose state i is column `measured[i]`; `state_per_column` turns the column into the state.
    pub(super) fn new(group: &SeriesGroup, measured: &[usize], state_per_column: &[f64]) -> Result<Self, TrainError> {
        let (n, n_times) = (measured.len(), group.times.len());
        let (mut states, mut slopes) = (vec![0.0; n_times * n], vec![0.0; n_times * n]);
        for (i, (&column, scale)) in measured.iter().zip(state_per_column).enumerate() {
            let (times, values) = group.series(i, column, *scale);
            let Some(smoothing) = Smoothing::new(&times, &values) else {
                return Err(TrainError::Unfit {
                    message: format!(
                        "trajectory `{}` has {} observations of state {}: too few for the slopes that \
                         `gradient_matching` fits",
                        group.id,
                        times.len(),
                        i + 1
                    ),
                    hint: "leave `[model.ode.gradient_matching]` out, or the trajectory; five observations are the \
                           least"
                        .into(),
                });
            };
            for (k, &t) in group.times.iter().enumerate() {
                (states[k * n + i], slopes[k * n + i]) = smoothing.at(t);
            }
        }
        Ok(Self { times: group.times.clone(), states, slopes })
    }
}

/// The root mean square of each state's slopes, `[n_moving]`.
pub(super) fn sizes(smooths: &[Smooth], n: usize) -> Vec<f64> {
    let n_rows: usize = smooths.iter().map(|s| s.times.len()).sum();
    let mut sizes = vec![0.0; n];
    for row in smooths.iter().flat_map(|s| s.slopes.chunks_exact(n)) {
        sizes.iter_mut().zip(row).for_each(|(sum, slope)| *sum += slope * slope);
    }
    // a state that does not change is to stay where it is
    sizes.iter().map(|sum| if *sum > 0.0 { (sum / n_rows as f64).sqrt() } else { 1.0 }).collect()
}

/// The sum of squares of one trajectory and its gradient with respect to what rests in its state.
///
/// # Shapes
/// `resting` `[n_resting]`; `parameters` and `parameter_bar` `[p]`, which is added to.
pub(super) fn misfit(
    field: &dyn VectorField,
    parameters: &[f64],
    smooth: &Smooth,
    resting: &[f64],
    sizes: &[f64],
    parameter_bar: &mut [f64],
) -> (f64, Vec<f64>) {
    let (dim, n) = (field.dim(), sizes.len());
    let mut z = vec![0.0; dim];
    z[n..].copy_from_slice(resting);
    let (mut dz, mut bar, mut z_bar) = (vec![0.0; dim], vec![0.0; dim], vec![0.0; dim]);
    let mut tape = vec![0.0; field.tape_len()];
    let (mut sum, mut resting_bar) = (0.0, vec![0.0; dim - n]);
    let rows = smooth.states.chunks_exact(n).zip(smooth.slopes.chunks_exact(n));
    for (&t, (state, slope)) in smooth.times.iter().zip(rows) {
        z[..n].copy_from_slice(state);
        field.rhs(parameters, t, &z, &mut dz, &mut tape);
        for i in 0..n {
            let residual = (dz[i] - slope[i]) / sizes[i];
            sum += residual * residual;
            bar[i] = 2.0 * residual / sizes[i];
        }
        field.vjp(parameters, t, &z, &tape, &bar, &mut z_bar, parameter_bar);
        resting_bar.iter_mut().zip(&z_bar[n..]).for_each(|(sum, bar)| *sum += bar);
    }
    (sum, resting_bar)
}
