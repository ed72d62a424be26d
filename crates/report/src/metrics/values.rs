//! Measures of predicted numbers: real values, counts, angles.

use surprisal_objective::calibration::{
    Interval, coverage, ence, pit, rank, reliability, scores, sharpness, sparsification, zms,
};

use super::{LEVEL, Resampled, Section};
use crate::run_data::SplitData;

pub(super) fn measure(split: &SplitData, seed: u64, resampled: &Resampled, section: &mut Section<'_>) {
    scores_of(split, resampled, section);
    calibration_of(split, seed, resampled, section);
    ranking_of(split, resampled, section);
    uncertainties_of(split, resampled, section);
}

/// Which components were observed, `[n·d]`.
pub(super) fn observed(split: &SplitData) -> Vec<bool> {
    split.target.iter().map(|y| y.is_finite()).collect()
}

/// Means, which are resampled together.
fn scores_of(split: &SplitData, resampled: &Resampled, section: &mut Section<'_>) {
    let observed = observed(split);
    let pick = |values: &[f64]| -> Vec<f64> { values.iter().zip(&observed).filter(|p| *p.1).map(|p| *p.0).collect() };
    let error = split.error();
    let square: Vec<f64> = error.iter().map(|e| e * e).collect();
    let magnitude: Vec<f64> = error.iter().map(|e| e.abs()).collect();
    let variance: Vec<f64> = split.sigma.iter().map(|s| s * s).collect();
    let z = zms::squared_z(&error, &split.sigma);
    let covered: Vec<Vec<f64>> = coverage::LEVELS
        .iter()
        .map(|&level| {
            let inside = |(&below, &cdf): (&f64, &f64)| f64::from(u8::from(coverage::covers(level, below, cdf)));
            split.cdf_below.iter().zip(&split.cdf).map(inside).collect()
        })
        .collect();
    let mut columns: Vec<&[f64]> = vec![&square, &magnitude, &split.crps, &z, &variance];
    columns.extend(covered.iter().chain(&split.winkler).map(Vec::as_slice));
    let mut means = resampled.component_means(&columns, &observed).into_iter();
    let mut next = || means.next().unwrap_or_default();
    let rooted = |values: Vec<f64>| values.into_iter().map(f64::sqrt).collect();

    nll(split, &observed, resampled, section);
    let (error, sigma, crps) = (pick(&error), pick(&split.sigma), pick(&split.crps));
    section.measure(&["rmse"], scores::rmse(&error), rooted(next()));
    section.measure(&["mae"], scores::mae(&error), next());
    section.measure(&["crps"], scores::mean(&crps), next());
    section.measure(&["zms"], zms::zms(&error, &sigma), next());
    section.measure(&["sharpness"], sharpness::sharpness(&sigma), rooted(next()));
    for (level, covered) in coverage::LEVELS.iter().zip(&covered) {
        section.measure(&["coverage", &level.to_string()], scores::mean(&pick(covered)), next());
    }
    for (level, winkler) in coverage::LEVELS.iter().zip(&split.winkler) {
        section.measure(&["winkler", &level.to_string()], scores::mean(&pick(winkler)), next());
    }
}

/// NLL per sample and per observed component.
fn nll(split: &SplitData, observed: &[bool], resampled: &Resampled, section: &mut Section<'_>) {
    let nll = resampled.sampled(&split.nll);
    let count: Vec<f64> =
        observed.chunks_exact(split.dim.max(1)).map(|row| row.iter().filter(|o| **o).count() as f64).collect();
    let count = resampled.sampled(&count);
    let means = resampled.bootstrap.means(&[&nll, &count]);
    let per_component = means[0].iter().zip(&means[1]).map(|(nll, count)| nll / count).collect();
    section.measure(&["nll"], scores::mean(&nll), means[0].clone());
    section.measure(&["nll_per_component"], scores::mean(&nll) / scores::mean(&count), per_component);
}

/// How far stated probabilities and errors agree.
fn calibration_of(split: &SplitData, seed: u64, resampled: &Resampled, section: &mut Section<'_>) {
    let bootstrap = &resampled.bootstrap;
    let (transform, group) = resampled.known(&split.pit_of_each(seed));
    let reached: Vec<f64> = transform.iter().map(|&u| reliability::reached(u)).collect();
    let mut area = reliability::Presorted::new(&reached, &group);
    let value = reliability::miscalibration_area(&transform);
    section.distance(&["miscalibration_area"], value, bootstrap.each(|draw| area.of(draw)));

    let uniformity = pit::uniformity(&transform);
    let presorted = pit::Presorted::new(&transform, &group);
    let mut distances = bootstrap.each(|draw| presorted.of(draw));
    let distance =
        surprisal_objective::calibration::bootstrap::distance_interval(&mut distances, uniformity.distance, LEVEL);
    section.put(&["pit_ks"], uniformity.distance, distance);
    // The probability falls as the distance grows.
    let p = |distance: f64| pit::p_value(distance, transform.len());
    let interval = Interval { lower: p(distance.upper), upper: p(distance.lower) };
    section.put(&["pit_ks_p"], uniformity.p_value, interval);

    let (error, group) = resampled.known(&split.error());
    let observed = split.error().into_iter().zip(&split.sigma).filter(|(e, _)| !e.is_nan());
    let sigma: Vec<f64> = observed.map(|(_, s)| *s).collect();
    let n_bins = (error.len() / 20).clamp(3, 15);
    let presorted = ence::Presorted::new(&error, &sigma, &group, n_bins);
    section.distance(&["ence"], ence::ence(&error, &sigma, n_bins), bootstrap.each(|draw| presorted.of(draw)));
}

/// Mean over the samples of each named uncertainty.
fn uncertainties_of(split: &SplitData, resampled: &Resampled, section: &mut Section<'_>) {
    for (name, values) in &split.uncertainties {
        let known = resampled.sampled(values);
        section.measure(&["uncertainty", name], scores::mean(&known), resampled.bootstrap.means(&[&known]).remove(0));
    }
}

/// Whether uncertain samples are the wrong ones.
fn ranking_of(split: &SplitData, resampled: &Resampled, section: &mut Section<'_>) {
    let (error, sigma) = (split.sample_error(), split.sample_sigma());
    let known: Vec<usize> = (0..error.len()).filter(|&i| error[i].is_finite()).collect();
    let group: Vec<usize> = known.iter().filter_map(|&i| resampled.group(i)).collect();
    let pick = |values: &[f64]| -> Vec<f64> { known.iter().map(|&i| values[i]).collect() };
    let (error, sigma) = (pick(&error), pick(&sigma));
    let mut spearman = rank::Presorted::new(&error, &sigma, &group);
    let value = rank::spearman(&error, &sigma);
    section.measure(&["spearman"], value, resampled.bootstrap.each(|draw| spearman.of(draw)));
    let ause = sparsification::Presorted::new(&error, &sigma, &group);
    let value = sparsification::ause(&error, &sigma);
    section.measure(&["ause"], value, resampled.bootstrap.each(|draw| ause.of(draw)));
}
