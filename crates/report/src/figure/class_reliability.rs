//! Frequency of a class against its predicted probability, above a histogram of the latter (Murphy &
//! Winkler 1977, Appl. Stat. 26, 41; as Guo et al. 2017, ICML, Fig. 1).

use surprisal_objective::calibration::classification::{Bin, Binning, bins, expected_calibration_error};
use surprisal_objective::likelihood::Kind;

use super::axes::{Axis, Frame, Key, Legend};
use super::ticks::Scale;
use super::{Drawing, Figure, Table, coloured};
use crate::labels::Labels;
use crate::run_data::RunData;

/// Bins of fewer forecasts are not drawn.
pub(super) const FEWEST: usize = 5;

#[derive(Debug)]
pub(crate) struct ClassReliability {}

impl Figure for ClassReliability {
    fn name(&self) -> &'static str {
        "class_reliability"
    }

    fn title(&self) -> &'static str {
        "Reliability of class probabilities"
    }

    fn caption(&self, run: &RunData) -> String {
        let event = if several(run) { "the likeliest class is right" } else { "the second class happens" };
        format!(
            "How often {event} against its predicted probability, in bins of equal width; the dashed line is perfect \
             calibration. Vertical bars span 95 % of what independent outcomes at the observed frequency would give \
             (Wilson interval); bins of fewer than {FEWEST} samples are left out. In brackets the expected calibration error. Below: share of the samples in each bin."
        )
    }

    fn draw(&self, run: &RunData) -> Option<Drawing> {
        if run.kind != Kind::Label {
            return None;
        }
        let splits: Vec<_> = coloured(run)
            .into_iter()
            .filter_map(|(split, color)| {
                let labels = Labels::of(split);
                let (p, o) = labels.shown();
                let sound = !p.is_empty() && p.iter().all(|p| p.is_finite());
                sound.then(|| (split, color, bins(&p, &o, labels.n_bins(), Binning::EqualWidth), labels.n_bins(), p))
            })
            .collect();
        if splits.is_empty() {
            return None;
        }
        let mut legend = Legend::default();
        for (split, color, bins, ..) in &splits {
            legend.add(Key::Dot, *color, format!("{} ({:.3})", split.name, expected_calibration_error(bins)));
        }
        let (mut canvas, top) = legend.canvas(258.0);
        let several = several(run);
        let lowest = if several { 1.0 / splits[0].0.dim as f64 } else { 0.0 };
        let unit = Scale::Linear(0.0, 1.0);
        let hidden = Axis::new("", Scale::Linear(lowest, 1.0));
        let x = Axis::new(if several { "Confidence" } else { "Predicted probability" }, hidden.scale);
        let y = Axis::new(if several { "Accuracy" } else { "Observed frequency" }, unit);
        let height = canvas.height;
        let upper = Frame::fit(&canvas, &hidden, &y, None, (top, height - 84.0));
        let shares: Vec<Vec<f64>> = splits.iter().map(|(.., n_bins, p)| shares(p, *n_bins)).collect();
        let most = shares.iter().flatten().copied().fold(0.0, f64::max);
        let share = Axis::new("Share", Scale::Linear(0.0, 1.1 * most));
        let fitted = Frame::fit(&canvas, &x, &share, None, (height - 76.0, height - 3.0));
        let left = upper.left.max(fitted.left);
        let (upper, lower) = (Frame { left, ..upper }, Frame { left, ..fitted });
        upper.guide(&mut canvas, &[(0.0, 0.0), (1.0, 1.0)]);
        let mut table = Table::new(&["split", "probability", "frequency", "lower", "upper", "count"]);
        for ((split, color, bins, n_bins, _), shares) in splits.iter().zip(&shares) {
            let shown = |b: &&Bin| b.n >= FEWEST;
            let points: Vec<(f64, f64)> = bins.iter().filter(shown).map(|b| (b.probability, b.frequency)).collect();
            upper.curve(&mut canvas, &points, 0.8, color.alpha(0.6));
            for bin in bins {
                let (low, high) = wilson(bin.frequency, bin.n);
                if bin.n >= FEWEST {
                    upper.curve(&mut canvas, &[(bin.probability, low), (bin.probability, high)], 0.7, *color);
                    canvas.disc(upper.at(bin.probability, bin.frequency), 1.9, *color);
                }
                table.row(&split.name, &[bin.probability, bin.frequency, low, high, bin.n as f64]);
            }
            let edges: Vec<f64> = (0..=*n_bins).map(|i| (i as f64 / *n_bins as f64).max(lowest)).collect();
            lower.steps(&mut canvas, &edges, shares, *color);
        }
        upper.draw(&mut canvas, &hidden, &y);
        lower.draw(&mut canvas, &x, &share);
        Some(Drawing { canvas, table })
    }
}

fn several(run: &RunData) -> bool {
    run.reference().is_some_and(|split| Labels::of(split).n_classes > 2)
}

/// Share of the probabilities in each bin of equal width.
fn shares(probability: &[f64], n_bins: usize) -> Vec<f64> {
    let mut shares = vec![0.0; n_bins];
    for p in probability {
        let bin = ((p * n_bins as f64).ceil() - 1.0).clamp(0.0, (n_bins - 1) as f64);
        shares[bin as usize] += 1.0 / probability.len() as f64;
    }
    shares
}

/// 95 % interval of a frequency among `n` (Wilson 1927, J. Am. Stat. Assoc. 22, 209).
fn wilson(frequency: f64, n: usize) -> (f64, f64) {
    const Z: f64 = 1.959_963_984_540_054;
    let (n, q) = (n as f64, Z * Z);
    let center = (frequency + 0.5 * q / n) / (1.0 + q / n);
    let half = Z * (frequency * (1.0 - frequency) / n + 0.25 * q / (n * n)).sqrt() / (1.0 + q / n);
    ((center - half).max(0.0), (center + half).min(1.0))
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_interval_of_three_of_ten_is_wilsons() {
        // statsmodels.stats.proportion.proportion_confint(3, 10, method="wilson")
        let (low, high) = super::wilson(0.3, 10);
        assert!((low - 0.107_791_3).abs() < 1e-6 && (high - 0.603_221_9).abs() < 1e-6, "{low} {high}");
    }
}
