//! Measures of predicted class probabilities.
//!
//! The Brier score is the mean of (p − o)² for two classes and the sum of that over the classes for
//! more; its decomposition is over the bins of equal width of the reliability diagram, exact with the
//! two within-bin terms. ECE and MCE are of the second class where there are two, else of the likeliest
//! class; MCE is over bins of equal mass, because a bin of equal width that is nearly empty would decide
//! it alone. `per_class` holds each class against the rest. `set_coverage` and `set_size` are of the sets of the
//! likeliest classes whose probabilities first sum to the level.

use surprisal_objective::calibration::classification::{
    Bin, Binning, Murphy, Presorted, expected_calibration_error, log_losses, maximum_calibration_error, murphy,
    recalls, top_label,
};
use surprisal_objective::calibration::recalibration::prediction_set::judge_stated;
use surprisal_objective::calibration::{auroc, coverage, scores};

use super::{Resampled, Section};
use crate::labels::Labels;
use crate::recalibration::{self, Judged};
use crate::run_data::SplitData;

pub(super) fn measure(split: &SplitData, resampled: &Resampled, section: &mut Section<'_>) {
    let nll = resampled.sampled(&split.nll);
    section.measure(&["nll"], scores::mean(&nll), resampled.bootstrap.means(&[&nll]).remove(0));
    let labels = Labels::of(split);
    accuracy(&labels, resampled, section);
    probabilities(&labels, resampled, section);
    decomposition(&labels, resampled, section);
    discrimination(&labels, resampled, section);
    let stated = |level| judge_stated(&labels.probabilities, labels.n_classes, &labels.label, level);
    if let Judged::Sets { sample, covered, size } = recalibration::labels::sets(&labels, stated) {
        sets(&sample, &covered, &size, resampled, section);
    }
}

/// How often sets of classes hold the label, and how many classes they have.
pub(super) fn sets(
    sample: &[usize],
    covered: &[Vec<f64>],
    size: &[Vec<f64>],
    resampled: &Resampled,
    section: &mut Section<'_>,
) {
    let group: Vec<usize> = sample.iter().filter_map(|&i| resampled.group(i)).collect();
    for (name, columns) in [("set_coverage", covered), ("set_size", size)] {
        for (level, column) in coverage::LEVELS.iter().zip(columns) {
            section.measure(&[name, &level.to_string()], scores::mean(column), means(column, &group, resampled));
        }
    }
}

/// Groups of the forecasts as resamples number them.
fn groups(labels: &Labels, resampled: &Resampled) -> Vec<usize> {
    labels.sample.iter().filter_map(|&i| resampled.group(i)).collect()
}

/// Resampled means over forecasts.
fn means(values: &[f64], group: &[usize], resampled: &Resampled) -> Vec<f64> {
    resampled.bootstrap.each(|draw| {
        let (mut sum, mut n) = (0.0, 0.0);
        for (value, &group) in values.iter().zip(group).filter(|(_, group)| draw[**group] > 0) {
            sum += f64::from(draw[group]) * value;
            n += f64::from(draw[group]);
        }
        sum / n
    })
}

fn accuracy(labels: &Labels, resampled: &Resampled, section: &mut Section<'_>) {
    let group = groups(labels, resampled);
    let top = top_label(&labels.probabilities, labels.n_classes, &labels.label);
    section.measure(&["accuracy"], scores::mean(&top.hit), means(&top.hit, &group, resampled));
    // A class absent from a resample has no recall there; the mean is over those present.
    let balanced = |recalls: &[f64]| {
        let known: Vec<f64> = recalls.iter().copied().filter(|r| !r.is_nan()).collect();
        scores::mean(&known)
    };
    let drawn = resampled.bootstrap.each(|draw| {
        let (mut hits, mut n) = (vec![0.0; labels.n_classes], vec![0.0; labels.n_classes]);
        for ((&label, hit), &group) in labels.label.iter().zip(&top.hit).zip(&group) {
            hits[label] += f64::from(draw[group]) * hit;
            n[label] += f64::from(draw[group]);
        }
        hits.iter().zip(n).map(|(hits, n)| hits / n).collect::<Vec<f64>>()
    });
    let recalls = recalls(&top, labels.n_classes, &labels.label);
    section.measure(&["balanced_accuracy"], balanced(&recalls), drawn.iter().map(|r| balanced(r)).collect());
    if labels.n_classes > 2 {
        for (class, recall) in recalls.iter().enumerate().filter(|(_, r)| !r.is_nan()) {
            let known = drawn.iter().map(|r| r[class]).filter(|r| !r.is_nan()).collect();
            section.measure(&["per_class", &class.to_string(), "recall"], *recall, known);
        }
    }
}

/// Scores of probabilities: of a split, and of a split after repair.
pub(super) fn probabilities(labels: &Labels, resampled: &Resampled, section: &mut Section<'_>) {
    let group = groups(labels, resampled);
    let losses = log_losses(&labels.probabilities, labels.n_classes, &labels.label);
    section.measure(&["log_loss"], scores::mean(&losses), means(&losses, &group, resampled));
    let squares = squares(labels);
    section.measure(&["brier"], scores::mean(&squares), means(&squares, &group, resampled));
    let (p, o) = labels.shown();
    for (name, binning) in [("ece", Binning::EqualWidth), ("ece_equal_mass", Binning::EqualMass)] {
        let bins = Presorted::new(&p, &o, &group, labels.n_bins(), binning);
        distance(name, &bins, expected_calibration_error, resampled, section);
        if binning == Binning::EqualMass {
            distance("mce", &bins, maximum_calibration_error, resampled, section);
        }
    }
    if labels.n_classes > 2 {
        for class in 0..labels.n_classes {
            let (p, o) = labels.event(class);
            let bins = Presorted::new(&p, &o, &group, labels.n_bins(), Binning::EqualWidth);
            let drawn = resampled.bootstrap.each(|draw| expected_calibration_error(&bins.bins(draw)));
            let value = expected_calibration_error(&bins.bins(&every(resampled)));
            section.distance(&["per_class", &class.to_string(), "ece"], value, drawn);
        }
    }
}

/// A draw of every group once.
fn every(resampled: &Resampled) -> Vec<u16> {
    vec![1; resampled.bootstrap.n_groups()]
}

fn distance(name: &str, bins: &Presorted, of: fn(&[Bin]) -> f64, resampled: &Resampled, section: &mut Section<'_>) {
    let value = of(&bins.bins(&every(resampled)));
    section.distance(&[name], value, resampled.bootstrap.each(|draw| of(&bins.bins(draw))));
}

/// Brier score of each forecast.
fn squares(labels: &Labels) -> Vec<f64> {
    let k = labels.n_classes;
    let rows = labels.probabilities.chunks_exact(k).zip(&labels.label);
    let event = |(row, label): (&[f64], &usize)| -> f64 {
        row.iter().enumerate().map(|(class, p)| (p - f64::from(u8::from(class == *label))).powi(2)).sum()
    };
    // Both classes of two have the same square.
    let classes = if k == 2 { 2.0 } else { 1.0 };
    rows.map(|row| event(row) / classes).collect()
}

fn decomposition(labels: &Labels, resampled: &Resampled, section: &mut Section<'_>) {
    let group = groups(labels, resampled);
    let classes = if labels.n_classes == 2 { 1..2 } else { 0..labels.n_classes };
    let bins: Vec<Presorted> = classes
        .map(|class| {
            let (p, o) = labels.event(class);
            Presorted::new(&p, &o, &group, labels.n_bins(), Binning::EqualWidth)
        })
        .collect();
    let terms = |draw: &[u16]| Murphy::sum(bins.iter().map(|b| murphy(&b.bins(draw))));
    let (value, drawn) = (terms(&every(resampled)), resampled.bootstrap.each(terms));
    let parts: [(&str, fn(&Murphy) -> f64); 5] = [
        ("reliability", |m| m.reliability),
        ("resolution", |m| m.resolution),
        ("uncertainty", |m| m.uncertainty),
        ("within_bin_variance", |m| m.within_bin_variance),
        ("within_bin_covariance", |m| m.within_bin_covariance),
    ];
    for (name, part) in parts {
        let path = ["brier_decomposition", name];
        if ["reliability", "resolution"].contains(&name) {
            // Squared distances: their roots are distances.
            let roots = drawn.iter().map(|m| part(m).sqrt()).collect::<Vec<_>>();
            section.squared_distance(&path, part(&value), roots);
        } else {
            section.measure(&path, part(&value), drawn.iter().map(part).collect());
        }
    }
}

/// Whether the probability of a class tells its samples from the others: of the second class of two,
/// else of each, and their mean.
fn discrimination(labels: &Labels, resampled: &Resampled, section: &mut Section<'_>) {
    let group = groups(labels, resampled);
    let area = |class: usize| {
        let (p, o) = labels.event(class);
        let happened: Vec<bool> = o.iter().map(|o| *o == 1.0).collect();
        let presorted = auroc::Presorted::new(&p, &happened, &group);
        (presorted.of(&every(resampled)), resampled.bootstrap.each(|draw| presorted.of(draw)))
    };
    if labels.n_classes == 2 {
        let (value, drawn) = area(1);
        let known: Vec<f64> = drawn.into_iter().filter(|a| !a.is_nan()).collect();
        section.measure(&["auroc"], value, known);
        return;
    }
    // Of a class that never happened nothing can be told.
    let areas: Vec<_> = (0..labels.n_classes).map(|c| (c, area(c))).filter(|(_, (value, _))| !value.is_nan()).collect();
    let mean = |values: Vec<f64>| scores::mean(&values.into_iter().filter(|a| !a.is_nan()).collect::<Vec<_>>());
    let value = mean(areas.iter().map(|(_, (value, _))| *value).collect());
    let n = areas.iter().map(|(_, (_, drawn))| drawn.len()).min().unwrap_or(0);
    let drawn = (0..n).map(|r| mean(areas.iter().map(|(_, (_, drawn))| drawn[r]).collect())).collect();
    section.measure(&["auroc"], value, drawn);
    for (class, (value, drawn)) in areas {
        let known = drawn.into_iter().filter(|a| !a.is_nan()).collect();
        section.measure(&["per_class", &class.to_string(), "auroc"], value, known);
    }
}
