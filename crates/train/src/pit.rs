//! The histogram of the probability integral transform of a whole split.

use surprisal_core::{Prediction, Target};
use surprisal_data::run_file::PIT_BINS;
use surprisal_objective::Outcome;
use surprisal_objective::calibration::pit;

use crate::TrainError;

/// The same uniform numbers spread the jumps of discrete families at every evaluation, so that two
/// histograms differ by the model alone.
const SEED: u64 = 0;

/// Density of F(y) over the observed components in [`PIT_BINS`] equal bins of [0, 1]; zeros where
/// nothing was observed.
pub(crate) fn histogram(outcome: &Outcome, prediction: &Prediction, target: &Target) -> Result<Vec<f64>, TrainError> {
    let dim = outcome.layout().dim;
    let (data, columns) = (outcome.data_units(prediction)?, outcome.columns());
    let (mut below, mut cdf) = (vec![], vec![]);
    for (sample, observed) in outcome.target_in_data_units(target)?.chunks_exact(dim).enumerate() {
        let marginals = columns.marginals(&outcome.sample(&data, &columns, sample));
        for (y, marginal) in observed.iter().zip(&marginals).filter(|(y, _)| y.is_finite()) {
            let Some(marginal) = marginal else { continue };
            let y = marginal.represent(*y);
            below.push(marginal.cdf_below(y));
            cdf.push(marginal.cdf(y));
        }
    }
    let mut transform = pit::pit(&below, &cdf, SEED);
    transform.retain(|u| u.is_finite());
    Ok(pit::histogram(&transform, PIT_BINS))
}
