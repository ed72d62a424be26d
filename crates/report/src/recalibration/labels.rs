//! Recalibration of predicted class probabilities, and sets of classes in their place.

use surprisal_core::rng;
use surprisal_objective::calibration::GroupBootstrap;
use surprisal_objective::calibration::classification::log_losses;
use surprisal_objective::calibration::coverage::LEVELS;
use surprisal_objective::calibration::recalibration::prediction_set::{Score, judge};
use surprisal_objective::calibration::recalibration::{Conformal, Factor, temperature};

use super::{FITTED_ON, Judged, Method, Predictions, Recalibrated, Recalibration};
use crate::labels::Labels;
use crate::metrics::{LEVEL, N_RESAMPLES};

pub(super) fn fit(seed: u64, valid: &Predictions<'_>, tests: &[Predictions<'_>]) -> Option<Recalibration> {
    let known = Labels::of(valid.split);
    if known.label.is_empty() {
        return None;
    }
    let group: Vec<u64> = known.sample.iter().map(|&i| valid.split.group[i]).collect();
    let scaled = |labels: &Labels, t: f64| temperature::apply(&labels.probabilities, labels.n_classes, t);
    let nll = |t: f64| log_losses(&scaled(&known, t), known.n_classes, &known.label);
    let factor = Factor::fit(nll, &GroupBootstrap::new(&group, N_RESAMPLES, seed), LEVEL)?;
    let fitted = [(Method::Sets, Score::Probability), (Method::AdaptiveSets, Score::Adaptive)];
    let fitted = fitted.map(|(method, score)| {
        let scores = scores(score, &known, &valid.split.name, seed);
        let of_label = known.label.iter().enumerate().map(|(i, label)| scores[i * known.n_classes + label]);
        (method, score, Conformal::fit(&of_label.collect::<Vec<f64>>()))
    });
    let splits = tests
        .iter()
        .map(|test| {
            let labels = Labels::of(test.split);
            let repaired = labels.with(scaled(&labels, factor.value));
            let mut methods = vec![(Method::Temperature, Judged::Probabilities(repaired))];
            for (method, score, conformal) in &fitted {
                let scores = scores(*score, &labels, &test.split.name, seed);
                let of = |level| judge(&scores, labels.n_classes, &labels.label, conformal.quantile(level));
                methods.push((*method, sets(&labels, of)));
            }
            Recalibrated { name: test.split.name.clone(), methods }
        })
        .collect();
    Some(Recalibration { fitted_on: FITTED_ON.into(), factors: vec![(Method::Temperature, factor)], splits })
}

/// The scores of every class of every forecast, with a random share of each forecast's own.
fn scores(score: Score, labels: &Labels, split: &str, seed: u64) -> Vec<f64> {
    let mut stream = rng::stream(seed, &format!("prediction_set.{split}"), 0);
    let share: Vec<f64> = labels.label.iter().map(|_| rng::uniform(&mut stream)).collect();
    score.of(&labels.probabilities, labels.n_classes, &share)
}

/// The sets of every level, judged by `of`: whether they hold the label, and their sizes.
pub(crate) fn sets(labels: &Labels, of: impl Fn(f64) -> (Vec<bool>, Vec<usize>)) -> Judged {
    let (covered, size) = LEVELS
        .into_iter()
        .map(|level| {
            let (held, size) = of(level);
            let held = held.into_iter().map(|held| f64::from(u8::from(held))).collect::<Vec<f64>>();
            (held, size.into_iter().map(|n| n as f64).collect::<Vec<f64>>())
        })
        .unzip();
    Judged::Sets { sample: labels.sample.clone(), covered, size }
}
