//! Observed against expected coverage of central intervals (Kuleshov, Fenner & Ermon 2018, ICML).

use surprisal_objective::calibration::reliability;

use super::axes::{Axis, Frame, Key, Legend};
use super::ticks::{Scale, minus};
use super::{Drawing, Figure, Table, coloured, shows_numbers};
use crate::run_data::RunData;

#[derive(Debug)]
pub(crate) struct Reliability {}

impl Figure for Reliability {
    fn name(&self) -> &'static str {
        "reliability"
    }

    fn title(&self) -> &'static str {
        "Coverage of prediction intervals"
    }

    fn caption(&self, _run: &RunData) -> String {
        "Fraction of observations inside the central prediction interval against the interval's level. Below the \
         dashed line intervals are too narrow (over-confident), above it too wide. In brackets the area between \
         curve and diagonal: 0 is calibrated, 0.5 the worst."
            .into()
    }

    fn draw(&self, run: &RunData) -> Option<Drawing> {
        if !shows_numbers(run) {
            return None;
        }
        let curves: Vec<_> = coloured(run)
            .into_iter()
            .map(|(split, color)| (split, color, reliability::curve(&split.pit(run.seed), 100)))
            .collect();
        if curves.is_empty() {
            return None;
        }
        let mut legend = Legend::default();
        for (split, color, curve) in &curves {
            let area = minus(&format!("{:.3}", reliability::area(curve)));
            legend.add(Key::Solid, *color, format!("{} ({area})", split.name));
        }
        let (mut canvas, top) = legend.canvas(212.0);
        let unit = Scale::Linear(0.0, 1.0);
        let (x, y) = (Axis::new("Expected coverage", unit), Axis::new("Observed coverage", unit));
        let height = canvas.height;
        let frame = Frame::fit(&canvas, &x, &y, None, (top, height - 3.0));
        frame.guide(&mut canvas, &[(0.0, 0.0), (1.0, 1.0)]);
        let mut table = Table::new(&["split", "expected", "observed"]);
        for (split, color, curve) in &curves {
            frame.curve(&mut canvas, curve, 1.3, *color);
            curve.iter().for_each(|&(expected, observed)| table.row(&split.name, &[expected, observed]));
        }
        frame.draw(&mut canvas, &x, &y);
        Some(Drawing { canvas, table })
    }
}
