//! Predicted class probabilities of a split, whatever form the target has.
//!
//! A target of 0 or 1 per component is two classes; a vector with a single 1 whose probabilities sum
//! to 1 is one class of K. Several independent yes-or-no components are as many forecasts.

use crate::run_data::SplitData;

/// Forecasts of classes.
#[derive(Debug, Clone)]
pub struct Labels {
    /// K.
    pub n_classes: usize,
    /// `[n, K]`, row-major.
    pub probabilities: Vec<f64>,
    /// Which class happened, `[n]`.
    pub label: Vec<usize>,
    /// The sample that each forecast belongs to, `[n]`.
    pub sample: Vec<usize>,
}

/// Tolerance of a sum of probabilities.
const SUM: f64 = 1e-4;

impl Labels {
    /// The forecasts of the observed labels of a split with its own predicted probabilities.
    pub fn of(split: &SplitData) -> Self {
        let one_of_several = split.dim > 1
            && split.target.chunks_exact(split.dim).zip(split.mean.chunks_exact(split.dim)).all(|(y, p)| {
                let (y, p): (f64, f64) = (y.iter().sum(), p.iter().sum());
                // NaN: not observed, or no number.
                (y.is_nan() || y == 1.0) && (p.is_nan() || (p - 1.0).abs() < SUM)
            });
        if one_of_several { Self::one_of_several(split) } else { Self::yes_or_no(split) }
    }

    fn one_of_several(split: &SplitData) -> Self {
        let mut labels = Self { n_classes: split.dim, probabilities: vec![], label: vec![], sample: vec![] };
        let rows = split.target.chunks_exact(split.dim).zip(split.mean.chunks_exact(split.dim));
        for (sample, (y, p)) in rows.enumerate() {
            let Some(label) = y.iter().position(|&y| y == 1.0) else { continue };
            let sum: f64 = p.iter().sum();
            labels.probabilities.extend(p.iter().map(|p| p / sum));
            labels.label.push(label);
            labels.sample.push(sample);
        }
        labels
    }

    fn yes_or_no(split: &SplitData) -> Self {
        let mut labels = Self { n_classes: 2, probabilities: vec![], label: vec![], sample: vec![] };
        for (i, (&y, &p)) in split.target.iter().zip(&split.mean).enumerate().filter(|(_, (y, _))| y.is_finite()) {
            labels.probabilities.extend([1.0 - p, p]);
            labels.label.push(usize::from(y > 0.5));
            labels.sample.push(i / split.dim);
        }
        labels
    }

    /// The same forecasts with other probabilities, `[n, K]`.
    pub fn with(&self, probabilities: Vec<f64>) -> Self {
        Self { probabilities, ..self.clone() }
    }

    /// Probability of one class and whether it happened (1 or 0), `[n]` each.
    pub fn event(&self, class: usize) -> (Vec<f64>, Vec<f64>) {
        let probability = self.probabilities.iter().skip(class).step_by(self.n_classes).copied().collect();
        (probability, self.label.iter().map(|&l| f64::from(u8::from(l == class))).collect())
    }

    /// The event whose reliability is shown: the second of two classes, else the likeliest class being
    /// right. Its probability and outcome, `[n]` each.
    pub fn shown(&self) -> (Vec<f64>, Vec<f64>) {
        if self.n_classes == 2 {
            return self.event(1);
        }
        let top = surprisal_objective::calibration::classification::top_label(
            &self.probabilities,
            self.n_classes,
            &self.label,
        );
        (top.confidence, top.hit)
    }

    /// Bins of a reliability diagram: 10, fewer for few forecasts.
    pub fn n_bins(&self) -> usize {
        (self.label.len() / 20).clamp(3, 10)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(dim: usize, target: &[f64], mean: &[f64]) -> SplitData {
        SplitData { target: target.to_vec(), mean: mean.to_vec(), ..SplitData::new("test", dim) }
    }

    #[test]
    fn a_single_one_in_each_row_is_a_class() {
        let labels =
            Labels::of(&split(3, &[0.0, 1.0, 0.0, f64::NAN, f64::NAN, f64::NAN], &[0.2, 0.5, 0.3, 0.1, 0.1, 0.8]));
        assert_eq!((labels.n_classes, labels.label.as_slice()), (3, [1].as_slice()));
        assert_eq!(labels.shown(), (vec![0.5], vec![1.0]));
    }

    #[test]
    fn independent_components_are_forecasts_of_their_own() {
        let labels = Labels::of(&split(2, &[0.0, 1.0, 1.0, f64::NAN], &[0.2, 0.5, 0.9, 0.1]));
        assert_eq!((labels.n_classes, labels.label.as_slice()), (2, [0, 1, 1].as_slice()));
        assert_eq!(labels.sample, [0, 0, 1]);
        assert_eq!(labels.shown().0, [0.2, 0.5, 0.9]);
    }
}
