//! Curves of several runs on common axes.

use surprisal_objective::calibration::classification::{Binning, bins};
use surprisal_objective::calibration::reliability;
use surprisal_objective::likelihood::Kind;

use super::axes::{Axis, Frame, Key, Legend};
use super::canvas::{Color, PALETTE};
use super::class_reliability::FEWEST;
use super::ticks::Scale;
use super::{Drawing, Table};
use crate::comparison::Compared;
use crate::labels::Labels;
use crate::run_data::{RunData, SplitCurves};

/// A figure of several runs.
pub(crate) struct Shown {
    /// File name without its ending.
    pub(crate) name: &'static str,
    pub(crate) title: &'static str,
    pub(crate) caption: String,
    pub(crate) drawing: Drawing,
}

/// Each figure that the runs have data for.
pub(crate) fn figures(runs: &[Compared]) -> Vec<Shown> {
    let curves = learning_curves(runs).map(|drawing| {
        let caption = "Negative log-likelihood (above) and mean squared error (below) of the validation split, or of \
                       the first split that was evaluated; steep falls at the start are cut off.";
        Shown { name: "learning_curves", title: "Learning curves", caption: caption.to_owned(), drawing }
    });
    let reliability = reliability_curves(runs).map(|drawing| {
        let what = match runs[0].run.kind {
            Kind::Label => "Observed frequency against predicted probability",
            _ => "Fraction of observations inside the central prediction interval against its level",
        };
        let caption = format!("{what}, on the reference split of each run; on the dashed line it is calibrated.");
        Shown { name: "reliability", title: "Reliability", caption, drawing }
    });
    curves.into_iter().chain(reliability).chain(super::accuracy_gap::figure(runs)).collect()
}

fn coloured(runs: &[Compared]) -> impl Iterator<Item = (&Compared, Color)> {
    runs.iter().zip(PALETTE.iter().copied().cycle())
}

fn legend<'a>(runs: impl Iterator<Item = (&'a Compared, Color)>) -> Legend {
    let mut legend = Legend::default();
    runs.for_each(|(run, color)| legend.add(Key::Solid, color, run.label.clone()));
    legend
}

fn learning_curves(runs: &[Compared]) -> Option<Drawing> {
    let shown: Vec<(&Compared, Color, &SplitCurves)> =
        coloured(runs).filter_map(|(run, color)| Some((run, color, curves(&run.run)?))).collect();
    let last = shown.iter().flat_map(|(r, ..)| &r.run.curves.epoch).copied().fold(f64::NEG_INFINITY, f64::max);
    let first = shown.iter().flat_map(|(r, ..)| &r.run.curves.epoch).copied().fold(f64::INFINITY, f64::min);
    if shown.is_empty() || last <= first {
        return None;
    }
    let (mut canvas, top) = legend(shown.iter().map(|(run, color, _)| (*run, *color))).canvas(266.0);
    let unit = &shown[0].0.run.unit;
    let x = Axis::new("Epoch", Scale::Linear(first, last));
    let hidden = Axis::new("", x.scale);
    let later =
        |of: fn(&SplitCurves) -> &Vec<f64>| ranges(&shown.iter().map(|s| of(s.2).as_slice()).collect::<Vec<_>>());
    let nll = Axis::new("NLL (nat/sample)", later(|c| &c.nll));
    let squared = if unit.is_empty() { "MSE".into() } else { format!("MSE (({unit})²)") };
    let mse = Axis::new(squared, later(|c| &c.mse));
    let height = canvas.height;
    let split = top + 0.5 * (height - top) - 10.0;
    let upper = Frame::fit(&canvas, &hidden, &nll, None, (top, split));
    let lower = Frame::fit(&canvas, &x, &mse, None, (split + 6.0, height - 3.0));
    let left = upper.left.max(lower.left);
    let (upper, lower) = (Frame { left, ..upper }, Frame { left, ..lower });
    let mut table = Table::new(&["run", "epoch", "nll", "mse"]);
    for (run, color, curves) in &shown {
        let pairs = |values: &[f64]| -> Vec<(f64, f64)> {
            run.run.curves.epoch.iter().copied().zip(values.iter().copied()).collect()
        };
        upper.curve(&mut canvas, &pairs(&curves.nll), 1.2, *color);
        lower.curve(&mut canvas, &pairs(&curves.mse), 1.2, *color);
        for (i, &epoch) in run.run.curves.epoch.iter().enumerate() {
            table.row(&run.label, &[epoch, curves.nll[i], curves.mse[i]]);
        }
    }
    upper.draw(&mut canvas, &hidden, &nll);
    lower.draw(&mut canvas, &x, &mse);
    Some(Drawing { canvas, table })
}

/// The validation curves, else those of the first split that has any.
fn curves(run: &RunData) -> Option<&SplitCurves> {
    let curves = run.curves.splits.iter().find(|s| s.name == "valid").or_else(|| run.curves.splits.first())?;
    curves.nll.iter().any(|v| v.is_finite()).then_some(curves)
}

/// A scale for the last two thirds of every curve, with room above for the end of the fall before.
fn ranges(curves: &[&[f64]]) -> Scale {
    let later: Vec<f64> = curves.iter().flat_map(|c| &c[c.len() / 3..]).copied().filter(|v| v.is_finite()).collect();
    let low = later.iter().copied().fold(f64::INFINITY, f64::min);
    let high = later.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    Scale::linear(later.into_iter().chain((high > low).then_some(high + 0.3 * (high - low))))
}

fn reliability_curves(runs: &[Compared]) -> Option<Drawing> {
    let shown: Vec<(&Compared, Color, Vec<(f64, f64)>)> =
        coloured(runs).filter_map(|(run, color)| Some((run, color, reliability_curve(&run.run)?))).collect();
    if shown.is_empty() {
        return None;
    }
    let (mut canvas, top) = legend(shown.iter().map(|(run, color, _)| (*run, *color))).canvas(212.0);
    let labels = match runs[0].run.kind {
        Kind::Label => ["Predicted probability", "Observed frequency"],
        _ => ["Expected coverage", "Observed coverage"],
    };
    let [x, y] = labels.map(|label| Axis::new(label, Scale::Linear(0.0, 1.0)));
    let height = canvas.height;
    let frame = Frame::fit(&canvas, &x, &y, None, (top, height - 3.0));
    frame.guide(&mut canvas, &[(0.0, 0.0), (1.0, 1.0)]);
    let mut table = Table::new(&["run", "expected", "observed"]);
    for (run, color, curve) in &shown {
        frame.curve(&mut canvas, curve, 1.2, *color);
        curve.iter().for_each(|&(expected, observed)| table.row(&run.label, &[expected, observed]));
    }
    frame.draw(&mut canvas, &x, &y);
    Some(Drawing { canvas, table })
}

fn reliability_curve(run: &RunData) -> Option<Vec<(f64, f64)>> {
    let split = run.reference()?;
    if run.kind == Kind::Label {
        let labels = Labels::of(split);
        let (p, o) = labels.shown();
        let bins = bins(&p, &o, labels.n_bins(), Binning::EqualWidth);
        return Some(bins.iter().filter(|b| b.n >= FEWEST).map(|b| (b.probability, b.frequency)).collect());
    }
    let transform = split.pit(run.seed);
    (!transform.is_empty()).then(|| reliability::curve(&transform, 100))
}
