//! NLL and MSE of the validation split against the epoch, on twin axes in real units, with both
//! minima, the band between them and the miscalibration onset (after Guo, Pleiss, Sun & Weinberger
//! 2017, ICML, Fig. 3); below, where it was recorded, the root-mean-square z-score.

use surprisal_objective::calibration::Verdict;

use super::axes::{Axis, Frame, Key, Legend};
use super::canvas::{Anchor, INK, PALETTE, TEXT_SIZE};
use super::ticks::Scale;
use super::{Drawing, Figure, Table, pit_insets};
use crate::run_data::{RunData, SplitCurves};

#[derive(Debug)]
pub(crate) struct LearningCurves {}

impl Figure for LearningCurves {
    fn name(&self) -> &'static str {
        "learning_curves"
    }

    fn title(&self) -> &'static str {
        "Learning curves"
    }

    fn caption(&self, run: &RunData) -> String {
        let name = shown(run).map_or("validation", |s| s.name.as_str());
        let mut caption = format!(
            "Negative log-likelihood (left axis) and mean squared error (right axis) of the {name} split. Dashed \
             lines mark the minimum of each. Where the error goes on falling in the shaded band while the NLL \
             rises, the model still improves its predictions but no longer knows how wrong they are."
        );
        if matches!(run.onset.as_ref().map(|o| o.verdict), Some(Verdict::Onset { .. })) {
            caption.push_str(" The triangle marks the detected onset of miscalibration.");
        }
        if shown(run).is_some_and(|s| s.zms.is_some()) {
            caption.push_str(" Below: root-mean-square z-score, 1 when calibrated, above 1 over-confident.");
        }
        if shown(run).is_some_and(pit_insets::recorded) {
            caption.push_str(
                " At the bottom: where the observations fall in their predicted distributions (probability integral \
                 transform), at the NLL's minimum and at the end. Calibrated predictions are flat; a bowl says \
                 over-confident, a hump under-confident.",
            );
        }
        caption
    }

    fn draw(&self, run: &RunData) -> Option<Drawing> {
        let curves = shown(run)?;
        let epoch = &run.curves.epoch;
        if epoch.len() < 2 || !curves.nll.iter().chain(&curves.mse).any(|v| v.is_finite()) {
            return None;
        }
        let (blue, red) = (PALETTE[0], PALETTE[1]);
        let z_rms: Option<Vec<f64>> = curves.zms.as_ref().map(|z| z.iter().map(|z| z.sqrt()).collect());
        let mut legend = Legend::default();
        legend.add(Key::Solid, blue, format!("NLL ({})", curves.name));
        legend.add(Key::Solid, red, format!("MSE ({})", curves.name));
        legend.add(Key::Dashed, super::canvas::GREY, "minimum");
        let insets = if pit_insets::recorded(curves) { pit_insets::HEIGHT } else { 0.0 };
        let (mut canvas, top) = legend.canvas(insets + if z_rms.is_some() { 222.0 } else { 180.0 });

        let x = Axis::new("Epoch", Scale::Linear(epoch[0], epoch[epoch.len() - 1]));
        let nll = Axis::new("NLL (nat/sample)", after_transient(&curves.nll)).color(blue);
        let squared = if run.unit.is_empty() { "MSE".into() } else { format!("MSE ({})", squared(&run.unit)) };
        let mse = Axis::new(squared, after_transient(&curves.mse)).color(red);
        let strip = z_rms.as_ref().map(|z| {
            Axis::new(
                "z-RMS",
                match after_transient(z) {
                    Scale::Linear(low, high) => Scale::Linear(low.min(0.9), high.max(1.1)),
                    log => log,
                },
            )
        });
        let hidden = Axis { label: String::new(), ..x.clone() };
        let height = canvas.height - insets;
        let (upper_x, bottom) = if strip.is_some() { (&hidden, height - 76.0) } else { (&x, height - 3.0) };
        let mut frame = Frame::fit(&canvas, upper_x, &nll, Some(&mse), (top + 7.0, bottom));

        let (best_nll, best_mse) = (argmin(&curves.nll), argmin(&curves.mse));
        let (from, to) = (frame.x_at(epoch[best_nll.min(best_mse)]), frame.x_at(epoch[best_nll.max(best_mse)]));
        canvas.rectangle((from, frame.top), (to, frame.bottom), INK.alpha(0.07));
        for (best, color) in [(best_nll, blue), (best_mse, red)] {
            let at = frame.x_at(epoch[best]);
            canvas.dashed(vec![(at, frame.top), (at, frame.bottom)], 0.9, color);
        }
        frame.with_y(mse.scale).curve(&mut canvas, &pairs(epoch, &curves.mse), 1.3, red);
        frame.curve(&mut canvas, &pairs(epoch, &curves.nll), 1.3, blue);
        frame.draw(&mut canvas, upper_x, &nll);
        frame.draw_right(&mut canvas, &mse);
        if let Some(Verdict::Onset { evaluation }) = run.onset.as_ref().map(|o| o.verdict) {
            let at = frame.x_at(epoch[evaluation]);
            canvas.polygon(vec![(at, frame.top), (at - 3.0, frame.top - 5.0), (at + 3.0, frame.top - 5.0)], INK);
            let (anchor, x) = if at > 0.7 * canvas.width { (Anchor::End, at - 5.0) } else { (Anchor::Start, at + 5.0) };
            canvas.text((x, frame.top - 0.1 * TEXT_SIZE - 1.0), "onset", anchor, INK);
        }
        if let (Some(strip), Some(z)) = (strip, &z_rms) {
            let (left, right) = (frame.left, frame.right);
            frame = Frame { left, right, ..Frame::fit(&canvas, &x, &strip, None, (height - 66.0, height - 3.0)) };
            frame.guide(&mut canvas, &[(epoch[0], 1.0), (epoch[epoch.len() - 1], 1.0)]);
            frame.curve(&mut canvas, &pairs(epoch, z), 1.2, PALETTE[2]);
            frame.draw(&mut canvas, &x, &strip);
        }
        if insets > 0.0 {
            pit_insets::draw(&mut canvas, curves, epoch, best_nll, height, PALETTE[4]);
        }

        let bins: Vec<String> = (0..n_bins(run)).map(|bin| format!("pit_{bin:02}")).collect();
        let mut columns = vec!["split", "evaluation", "epoch", "nll", "mse", "zms"];
        columns.extend(bins.iter().map(String::as_str));
        let mut table = Table::new(&columns);
        for split in &run.curves.splits {
            for (t, &epoch) in epoch.iter().enumerate() {
                let zms = split.zms.as_ref().map_or(f64::NAN, |z| z[t]);
                let mut numbers = vec![t as f64, epoch, split.nll[t], split.mse[t], zms];
                match split.pit.get(t) {
                    Some(density) => numbers.extend(density),
                    None => numbers.extend(std::iter::repeat_n(f64::NAN, bins.len())),
                }
                table.row(&split.name, &numbers);
            }
        }
        Some(Drawing { canvas, table })
    }
}

/// Bins of the recorded histograms.
fn n_bins(run: &RunData) -> usize {
    run.curves.splits.iter().flat_map(|s| s.pit.first()).map(Vec::len).max().unwrap_or(0)
}

/// The validation curves, else those of the first split that has any.
fn shown(run: &RunData) -> Option<&SplitCurves> {
    run.curves.splits.iter().find(|s| s.name == "valid").or_else(|| run.curves.splits.first())
}

fn pairs(x: &[f64], y: &[f64]) -> Vec<(f64, f64)> {
    x.iter().copied().zip(y.iter().copied()).collect()
}

/// A scale for all values, cut above where the fall at the start would squeeze the rest: at two and a
/// half times the span of the last two thirds.
fn after_transient(values: &[f64]) -> Scale {
    let finite = |values: &[f64]| -> Vec<f64> { values.iter().copied().filter(|v| v.is_finite()).collect() };
    let later = finite(&values[values.len() / 3..]);
    let low = later.iter().copied().fold(f64::INFINITY, f64::min);
    let high = later.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let ceiling = low + 2.5 * (high - low);
    let all = finite(values);
    if high > low { Scale::linear(all.into_iter().map(|v| v.min(ceiling))) } else { Scale::linear(all) }
}

fn argmin(values: &[f64]) -> usize {
    let numbers = values.iter().enumerate().filter(|(_, v)| v.is_finite());
    numbers.min_by(|a, b| a.1.total_cmp(b.1)).map_or(0, |(t, _)| t)
}

/// `eV/Å` → `eV²/Å²`.
fn squared(unit: &str) -> String {
    let simple = |part: &str| !part.is_empty() && part.chars().all(char::is_alphabetic);
    if unit.split('/').all(simple) {
        unit.split('/').map(|part| format!("{part}²")).collect::<Vec<_>>().join("/")
    } else {
        format!("({unit})²")
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn units_are_squared() {
        assert_eq!(super::squared("eV/Å"), "eV²/Å²");
        assert_eq!(super::squared("kJ mol⁻¹"), "(kJ mol⁻¹)²");
    }
}
