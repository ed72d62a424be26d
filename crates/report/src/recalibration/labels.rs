//! Recalibration of predicted class probabilities.

use surprisal_objective::calibration::GroupBootstrap;
use surprisal_objective::calibration::classification::log_losses;
use surprisal_objective::calibration::recalibration::{Factor, temperature};

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
    let splits = tests
        .iter()
        .map(|test| {
            let labels = Labels::of(test.split);
            let repaired = labels.with(scaled(&labels, factor.value));
            let methods = vec![(Method::Temperature, Judged::Probabilities(repaired))];
            Recalibrated { name: test.split.name.clone(), methods }
        })
        .collect();
    Some(Recalibration { fitted_on: FITTED_ON.into(), factors: vec![(Method::Temperature, factor)], splits })
}
