//! Where training starts from: segments' starts, and the fit of slopes.

use candle_core::{DType, Device, Tensor};
use surprisal_core::Role;

use super::OdePredictor;
use super::group::{Joint, SeriesGroup};
use super::matching::{self, GradientMatching, Slopes, Smooth};
use super::solving::Bars;
use crate::TrainError;
use crate::optimizer::{AdamW, StepRule as _};

/// A hidden state farther from its scale than this is not what a solve with the first parameters is
/// believed to tell.
const FAR: f64 = 1e3;

/// What the starts of segments are called.
pub(super) const STARTS: &str = "segments.start";

impl OdePredictor {
    /// How much of state i there is per unit of the column that measures it.
    fn per_column(&self, state: usize, column: usize) -> f64 {
        self.scaling.column[column] / self.model.state_scales()[state]
    }

    /// Cuts the training trajectories and gives every segment a start: on the line between the
    /// observations around it; where a state is hidden, where a first solve has it, or else its scale.
    pub(super) fn add_segments(&mut self, train: &[SeriesGroup]) -> Result<(), TrainError> {
        let Some(shooting) = &self.shooting else { return Ok(()) };
        let mut n_rows = 0;
        let mut joint = |at| {
            n_rows += 1;
            Joint { at, row: n_rows - 1 }
        };
        self.joints =
            train.iter().map(|group| shooting.cuts(group.times.len()).into_iter().map(&mut joint).collect()).collect();
        if n_rows == 0 {
            return Ok(());
        }
        let n = self.model.state_scales().len();
        let mut values = vec![1.0; n_rows * n];
        for (group, joints) in train.iter().zip(&self.joints) {
            let hidden = self.measured.iter().any(Option::is_none);
            let solved = if hidden && !joints.is_empty() { self.solved_states(group) } else { None };
            for i in 0..n {
                let series = self.measured[i].map(|column| group.series(i, column, self.per_column(i, column)));
                for joint in joints {
                    values[joint.row * n + i] = match &series {
                        Some((times, values)) if !times.is_empty() => interpolate(times, values, group.times[joint.at]),
                        _ => {
                            let state = solved.as_ref().map(|states| states[joint.at * self.model.field().dim() + i]);
                            state.filter(|z| z.abs() < FAR).unwrap_or(1.0)
                        }
                    };
                }
            }
        }
        self.parameters.add_values(STARTS, Role::Bias, values, &[n_rows, n], DType::F64, &Device::Cpu)?;
        self.segments = self.parameters.get(STARTS).map(|p| p.var.clone());
        Ok(())
    }

    /// The states of a trajectory with the present parameters, if it can be solved.
    fn solved_states(&self, group: &SeriesGroup) -> Option<Vec<f64>> {
        let (_, tape) = self.solve(&[group], &[]).ok()?;
        tape.into_states()
    }

    /// Fits slopes, and moves the starts that are trained onto the smoothed data. Says what came of it.
    pub(super) fn match_gradients(
        &self,
        config: &GradientMatching,
        groups: &[&SeriesGroup],
    ) -> Result<String, TrainError> {
        let slopes = self.slopes(groups)?;
        self.start_on(groups, &slopes.smooths)?;
        let rule =
            AdamW { learning_rate: config.learning_rate, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weight_decay: 0.0 };
        let parameters: Vec<_> = self.parameters.iter().cloned().collect();
        let mut memory = rule.start(&parameters)?;
        let (first, _) = self.slope_misfit(groups, &slopes)?;
        for step in 1..=config.epochs {
            let (_, gradient) = self.slope_misfit(groups, &slopes)?;
            rule.step(&parameters, &gradient, &mut memory, config.learning_rate, step as u64)?;
        }
        let (last, _) = self.slope_misfit(groups, &slopes)?;
        Ok(format!(
            "gradient matching: the right-hand side misses {:.1} % of the slopes' mean square after {} epochs ({:.1} % before)",
            100.0 * last,
            config.epochs,
            100.0 * first
        ))
    }

    /// The columns that measure the states, all of them.
    pub(super) fn all_measured(&self) -> Result<Vec<usize>, TrainError> {
        self.measured.iter().copied().collect::<Option<Vec<usize>>>().ok_or_else(|| TrainError::Unfit {
            message: "`gradient_matching` needs a slope of every state, and one of them is hidden".into(),
            hint: "leave `[model.ode.gradient_matching]` out, or measure every state itself".into(),
        })
    }

    /// Starts that are trained, on the smooth.
    fn start_on(&self, groups: &[&SeriesGroup], smooths: &[Smooth]) -> Result<(), TrainError> {
        let n = self.measured.len();
        for own in self.own.iter().filter(|own| own.state < n) {
            let mut raw = own.raw()?;
            for (group, smooth) in groups.iter().zip(smooths) {
                if let Some(member) = group.member {
                    raw[member] = own.transform.raw(smooth.states[own.state]);
                }
            }
            let shape = raw.len();
            own.var.set(&Tensor::from_vec(raw, shape, &Device::Cpu)?)?;
        }
        if let Some(starts) = &self.segments {
            let mut values = starts.flatten_all()?.to_vec1::<f64>()?;
            for (group, smooth) in groups.iter().zip(smooths) {
                for joint in group.member.iter().flat_map(|&member| &self.joints[member]) {
                    values[joint.row * n..][..n].copy_from_slice(&smooth.states[joint.at * n..][..n]);
                }
            }
            starts.set(&Tensor::from_vec(values, starts.dims(), &Device::Cpu)?)?;
        }
        Ok(())
    }

    /// The smoothed data of these groups.
    pub fn slopes(&self, groups: &[&SeriesGroup]) -> Result<Slopes, TrainError> {
        let measured = self.all_measured()?;
        let scales: Vec<f64> = measured.iter().enumerate().map(|(i, &c)| self.per_column(i, c)).collect();
        let smooths: Vec<Smooth> =
            groups.iter().map(|group| Smooth::new(group, &measured, &scales)).collect::<Result<_, _>>()?;
        let sizes = matching::sizes(&smooths, measured.len());
        Ok(Slopes { smooths, sizes })
    }

    /// What gradient matching minimises, the mean square of the slopes' errors in units of theirs, and
    /// its gradient in the order of [`crate::Predictor::parameters`].
    pub fn slope_misfit(&self, groups: &[&SeriesGroup], slopes: &Slopes) -> Result<(f64, Vec<Tensor>), TrainError> {
        let Slopes { smooths, sizes } = slopes;
        let (weights, field, n) = (self.weights()?, self.model.field(), sizes.len());
        let mut bars = Bars::zeros(&weights);
        let mut sum = 0.0;
        for (group, smooth) in groups.iter().zip(smooths) {
            let mut z = group.z0.clone();
            for (own, raw) in self.own.iter().zip(&weights.own).filter(|(own, _)| own.state >= n) {
                z[own.state] = own.value(raw, group.member, f64::NAN);
            }
            let (part, resting_bar) = matching::misfit(field, &weights.field, smooth, &z[n..], sizes, &mut bars.field);
            sum += part;
            for ((own, raw), bar) in self.own.iter().zip(&weights.own).zip(&mut bars.own) {
                if let Some(k) = own.state.checked_sub(n) {
                    own.pull_back(raw, group.member, f64::NAN, resting_bar[k], bar);
                }
            }
        }
        let n_terms = (n * smooths.iter().map(|s| s.times.len()).sum::<usize>()).max(1) as f64;
        bars.field.iter_mut().zip(&weights.slopes).for_each(|(bar, slope)| *bar *= slope / n_terms);
        bars.own.iter_mut().flatten().for_each(|bar| *bar /= n_terms);
        Ok((sum / n_terms, self.tensors(bars)?))
    }
}

/// On the line between the points around t; constant beyond them.
fn interpolate(times: &[f64], values: &[f64], t: f64) -> f64 {
    let behind = times.partition_point(|s| *s <= t);
    match (behind.checked_sub(1), times.get(behind)) {
        (Some(k), Some(next)) => {
            let share = (t - times[k]) / (next - times[k]);
            values[k] + share * (values[behind] - values[k])
        }
        (Some(k), None) => values[k],
        (None, _) => values[0],
    }
}

#[cfg(test)]
mod tests {
    use super::interpolate;

    #[test]
    fn between_points_on_the_line_and_beyond_them_constant() {
        let (times, values) = ([1.0, 2.0, 4.0], [3.0, 5.0, 1.0]);
        for (t, value) in [(0.0, 3.0), (1.0, 3.0), (1.5, 4.0), (2.0, 5.0), (3.0, 3.0), (4.0, 1.0), (9.0, 1.0)] {
            assert!((interpolate(&times, &values, t) - value).abs() < 1e-15, "{t}");
        }
    }
}
