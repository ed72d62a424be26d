//! Predicted against observed, one colour per split; components of vectors share the axes. Where
//! points crowd, they are gathered in cells whose opacity grows with their number.

use std::collections::BTreeMap;

use super::axes::{Axis, Frame, Key, Legend};
use super::ticks::Scale;
use super::{Drawing, Figure, Table, coloured, shows_numbers};
use crate::run_data::RunData;

/// Cells along each axis.
const CELLS: f64 = 150.0;

#[derive(Debug)]
pub(crate) struct Parity {}

impl Figure for Parity {
    fn name(&self) -> &'static str {
        "parity"
    }

    fn title(&self) -> &'static str {
        "Predicted against observed"
    }

    fn caption(&self, run: &RunData) -> String {
        let what = if run.splits.iter().any(|s| s.dim > 1) { "component" } else { "value" };
        format!(
            "Predicted mean against the observed {what}; the dashed line is perfect agreement. Opacity grows with \
             the number of points in one place."
        )
    }

    fn draw(&self, run: &RunData) -> Option<Drawing> {
        if !shows_numbers(run) {
            return None;
        }
        let splits = coloured(run);
        let values: Vec<f64> = splits.iter().flat_map(|(s, _)| s.target.iter().chain(&s.mean)).copied().collect();
        if !values.iter().any(|v| v.is_finite()) {
            return None;
        }
        let scale = Scale::linear(values);
        let mut legend = Legend::default();
        splits.iter().for_each(|(s, color)| legend.add(Key::Dot, *color, s.name.clone()));
        let (mut canvas, top) = legend.canvas(222.0);
        let name = match run.target_names.as_slice() {
            [one] => one.as_str(),
            _ => "value",
        };
        let x = Axis::new(run.with_unit(&format!("Observed {name}")), scale);
        let y = Axis::new(run.with_unit(&format!("Predicted {name}")), scale);
        let height = canvas.height;
        let frame = Frame::fit(&canvas, &x, &y, None, (top, height - 3.0));
        let mut table = Table::new(&["split", "observed", "predicted", "count"]);
        // The largest split lies at the back.
        let mut by_size = splits.clone();
        by_size.sort_by_key(|(s, _)| std::cmp::Reverse(s.target.len()));
        for (split, color) in by_size {
            let mut cells: BTreeMap<(i64, i64), (f64, f64, f64)> = BTreeMap::new();
            for (&y, &m) in split.target.iter().zip(&split.mean).filter(|(y, m)| y.is_finite() && m.is_finite()) {
                let cell = |v: f64| (scale.fraction(v) * CELLS) as i64;
                let sums = cells.entry((cell(y), cell(m))).or_insert((0.0, 0.0, 0.0));
                *sums = (sums.0 + y, sums.1 + m, sums.2 + 1.0);
            }
            for (y, m, n) in cells.into_values() {
                let alpha = (0.35 + 0.2 * n.ln()).min(0.9);
                canvas.disc(frame.at(y / n, m / n), 1.0, color.alpha(alpha));
                table.row(&split.name, &[y / n, m / n, n]);
            }
        }
        if let Scale::Linear(low, high) = scale {
            frame.guide(&mut canvas, &[(low, low), (high, high)]);
        }
        frame.draw(&mut canvas, &x, &y);
        Some(Drawing { canvas, table })
    }
}
