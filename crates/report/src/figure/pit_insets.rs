//! Two small histograms of the probability integral transform below the learning curves: at the
//! minimum of the validation NLL and at the end. What was flat and became a bowl lost its calibration
//! in between.

use super::axes::{Axis, Frame};
use super::canvas::{Anchor, Canvas, Color, INK, TEXT_SIZE};
use super::ticks::Scale;
use crate::run_data::SplitCurves;

/// Height of the histograms with their titles and numbers.
pub(super) const HEIGHT: f64 = 84.0;

/// Densities above this are cut: a bowl's rims must not flatten everything else.
const CEILING: f64 = 5.0;

/// Whether there is anything to draw.
pub(super) fn recorded(curves: &SplitCurves) -> bool {
    curves.pit.iter().any(|density| density.iter().any(|d| d.is_finite() && *d > 0.0))
}

/// Draws the histograms of the evaluations `best` and the last, side by side between `left` and the
/// canvas's right edge, from `top` down.
pub(super) fn draw(canvas: &mut Canvas, curves: &SplitCurves, epoch: &[f64], best: usize, top: f64, color: Color) {
    let last = curves.pit.len() - 1;
    let mut shown = vec![(best, "NLL min.")];
    if best < last {
        shown.push((last, "end"));
    }
    let finite = shown.iter().flat_map(|(t, _)| &curves.pit[*t]).copied().filter(|d| d.is_finite());
    let highest = finite.fold(1.5, f64::max).min(CEILING);
    let y = Axis::new("Density", Scale::Linear(0.0, 1.08 * highest));
    let bare = Axis { label: String::new(), ..y.clone() };
    let (top, bottom) = (top + 1.5 * TEXT_SIZE, top + HEIGHT);
    let middle = 0.5 * canvas.width;
    for (i, (evaluation, title)) in shown.into_iter().enumerate() {
        let density: Vec<f64> = curves.pit[evaluation].iter().map(|d| d.min(1.08 * highest)).collect();
        let x = Axis::new("F(observed)", Scale::Linear(0.0, 1.0));
        let fitted = Frame::fit(canvas, &x, &y, None, (top, bottom));
        let (frame, y) = if i == 0 {
            (Frame { right: middle - 4.0, ..fitted }, &y)
        } else {
            let shift = middle + 2.0 - TEXT_SIZE;
            (Frame { left: fitted.left + shift, ..fitted }, &bare)
        };
        let edges: Vec<f64> = (0..=density.len()).map(|bin| bin as f64 / density.len() as f64).collect();
        frame.steps(canvas, &edges, &density, color);
        frame.guide(canvas, &[(0.0, 1.0), (1.0, 1.0)]);
        frame.draw(canvas, &x, y);
        let title = format!("{title}, epoch {}", epoch[evaluation]);
        canvas.text((0.5 * (frame.left + frame.right), frame.top - 0.45 * TEXT_SIZE), title, Anchor::Middle, INK);
    }
}
