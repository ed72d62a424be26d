//! Reliability before and after recalibration, a panel for each test.

use surprisal_objective::calibration::classification::{Binning, bins, expected_calibration_error};
use surprisal_objective::calibration::reliability;

use super::axes::{Axis, Frame, Key, Legend};
use super::canvas::{Anchor, Canvas, Color, INK, PALETTE, TEXT_SIZE};
use super::class_reliability::FEWEST;
use super::ticks::Scale;
use super::{Drawing, Figure, Table};
use crate::labels::Labels;
use crate::recalibration::{Judged, Method, Recalibrated, Recalibration as Fitted};
use crate::run_data::{RunData, SplitData};

/// Panels that fit.
const PANELS: usize = 4;
/// Height of a panel.
const PANEL: f64 = 104.0;

#[derive(Debug)]
pub(crate) struct Recalibration {}

impl Figure for Recalibration {
    fn name(&self) -> &'static str {
        "recalibration"
    }

    fn title(&self) -> &'static str {
        "Before and after recalibration"
    }

    fn caption(&self, run: &RunData) -> String {
        let fitted = run.recalibration.as_ref().map_or("valid", |r| r.fitted_on.as_str());
        let (what, number) = match first(run) {
            Some(Judged::Probabilities(_)) => ("Observed frequency against predicted probability", "ECE"),
            _ => ("Fraction of observations inside intervals against their level", "area from the diagonal"),
        };
        format!(
            "{what}, as predicted and after repairs that were fitted on {fitted}, which was also used to choose the \
             epoch. The numbers in each panel are the {number}, before and after. On tests unlike {fitted} a repair \
             need not hold."
        )
    }

    fn draw(&self, run: &RunData) -> Option<Drawing> {
        let recalibration = run.recalibration.as_ref()?;
        let panels: Vec<Panel> = recalibration.splits.iter().filter_map(|s| Panel::of(run, s)).take(PANELS).collect();
        let widest = panels.first()?;
        let mut legend = Legend::default();
        for curve in &widest.curves {
            legend.add(curve.key(), curve.color, curve.title);
        }
        let n_columns = panels.len().min(2);
        let n_rows = panels.len().div_ceil(n_columns);
        let single = n_columns == 1;
        let height = if single { 196.0 } else { 24.0 + PANEL * n_rows as f64 + 22.0 };
        let (mut canvas, top) = legend.canvas(height);
        let (x_label, y_label) = match first(run) {
            Some(Judged::Probabilities(labels)) if labels.n_classes > 2 => ("Confidence", "Accuracy"),
            Some(Judged::Probabilities(_)) => ("Predicted probability", "Observed frequency"),
            _ => ("Expected coverage", "Observed coverage"),
        };
        let unit = Scale::Linear(0.0, 1.0);
        let (x, y) = (Axis::new(x_label, unit), Axis::new(y_label, unit));
        let bare = Axis::new("", unit);
        let outer = Frame::fit(&canvas, &x, &y, None, (top, canvas.height - 3.0));
        // Wide enough for the numbers at neighbouring ends of two axes.
        const BESIDE: f64 = 20.0;
        const BELOW: f64 = 10.0;
        let width = (outer.right - outer.left - BESIDE * (n_columns - 1) as f64) / n_columns as f64;
        let room = (outer.bottom - outer.top - BELOW * (n_rows - 1) as f64) / n_rows as f64;
        let mut table = Table::new(&["split", "method", "expected", "observed"]);
        for (i, panel) in panels.iter().enumerate() {
            let (row, column) = (i / n_columns, i % n_columns);
            let (left, top) = (outer.left + column as f64 * (width + BESIDE), outer.top + row as f64 * (room + BELOW));
            let frame = Frame { left, right: left + width, top, bottom: top + room, ..outer };
            frame.guide(&mut canvas, &[(0.0, 0.0), (1.0, 1.0)]);
            panel.draw(&frame, &mut canvas, &mut table);
            // A panel below which there is none carries the label and numbers of x.
            let lowest = i + n_columns >= panels.len();
            frame.draw(&mut canvas, if lowest { &x } else { &bare }, &bare_unless(column == 0, &y, &bare));
        }
        Some(Drawing { canvas, table })
    }
}

fn bare_unless(labelled: bool, y: &Axis, bare: &Axis) -> Axis {
    if labelled { y.clone() } else { bare.clone() }
}

fn first(run: &RunData) -> Option<&Judged> {
    let splits: &[Recalibrated] = run.recalibration.as_ref().map_or(&[], |r: &Fitted| &r.splits);
    splits.first()?.methods.first().map(|(_, judged)| judged)
}

struct Curve {
    title: &'static str,
    name: &'static str,
    color: Color,
    points: Vec<(f64, f64)>,
    /// What is written in the panel.
    number: f64,
}

impl Curve {
    fn key(&self) -> Key {
        if self.name == "before" { Key::Dashed } else { Key::Solid }
    }
}

struct Panel {
    name: String,
    curves: Vec<Curve>,
}

impl Panel {
    fn of(run: &RunData, after: &Recalibrated) -> Option<Self> {
        let split = run.splits.iter().find(|s| s.name == after.name)?;
        let color = |method: Method| match method {
            Method::SigmaScaling | Method::DispersionScaling | Method::Temperature => PALETTE[0],
            Method::Isotonic => PALETTE[1],
            Method::Conformal | Method::Sets => PALETTE[2],
            Method::ConformalNormalized | Method::AdaptiveSets => PALETTE[3],
        };
        let before = match after.methods.first()?.1 {
            Judged::Intervals { .. } => of_values(split.pit(run.seed).into_iter().map(reliability::reached).collect()),
            Judged::Probabilities(_) | Judged::Sets { .. } => of_labels(&Labels::of(split)),
        };
        let mut curves = vec![curve("before", "before", INK, before)];
        for (method, judged) in &after.methods {
            let found = match judged {
                Judged::Intervals { reached, .. } => {
                    of_values(reached.iter().copied().filter(|r| !r.is_nan()).collect())
                }
                Judged::Probabilities(labels) => of_labels(labels),
                // Sets have no probabilities to be drawn.
                Judged::Sets { .. } => continue,
            };
            curves.push(curve(method.title(), method.name(), color(*method), found));
        }
        has_data(split).then(|| Self { name: after.name.clone(), curves })
    }

    fn draw(&self, frame: &Frame, canvas: &mut Canvas, table: &mut Table) {
        // The dashed curve of what was predicted stays visible on top.
        for (i, curve) in self.curves.iter().enumerate().rev() {
            match curve.key() {
                Key::Dashed => frame.dashed(canvas, &curve.points, curve.color),
                // Broader towards the back, so that curves that coincide are all seen.
                _ => frame.curve(canvas, &curve.points, 0.5 + 0.5 * i as f64, curve.color),
            }
        }
        for curve in &self.curves {
            for &(expected, observed) in &curve.points {
                table.labelled_row(&[&self.name, curve.name], &[expected, observed]);
            }
        }
        canvas.text((frame.left + 4.0, frame.top + 3.0 + TEXT_SIZE), self.name.clone(), Anchor::Start, INK);
        for (i, curve) in self.curves.iter().enumerate() {
            let from_bottom = (self.curves.len() - 1 - i) as f64 * (TEXT_SIZE + 0.5);
            let at = (frame.right - 4.0, frame.bottom - 4.0 - from_bottom);
            canvas.text(at, format!("{:.3}", curve.number), Anchor::End, curve.color);
        }
    }
}

fn has_data(split: &SplitData) -> bool {
    split.target.iter().any(|y| y.is_finite())
}

fn curve(title: &'static str, name: &'static str, color: Color, (points, number): (Vec<(f64, f64)>, f64)) -> Curve {
    Curve { title, name, color, points, number }
}

/// Coverage curve and miscalibration area.
fn of_values(reached: Vec<f64>) -> (Vec<(f64, f64)>, f64) {
    let curve = reliability::curve_of_reached(&reached, 100);
    let area = reliability::area(&curve);
    (curve, area)
}

/// Reliability diagram and expected calibration error.
fn of_labels(labels: &Labels) -> (Vec<(f64, f64)>, f64) {
    let (p, o) = labels.shown();
    let bins = bins(&p, &o, labels.n_bins(), Binning::EqualWidth);
    let shown = bins.iter().filter(|b| b.n >= FEWEST);
    (shown.map(|b| (b.probability, b.frequency)).collect(), expected_calibration_error(&bins))
}
