//! Histogram of the probability integral transform (Dawid 1984; Gneiting et al. 2007).

use surprisal_objective::calibration::pit;

use super::axes::{Axis, Frame, Key, Legend};
use super::ticks::Scale;
use super::{Drawing, Figure, Table, coloured, shows_numbers};
use crate::run_data::RunData;

#[derive(Debug)]
pub(crate) struct Pit {}

impl Figure for Pit {
    fn name(&self) -> &'static str {
        "pit"
    }

    fn title(&self) -> &'static str {
        "Probability integral transform"
    }

    fn caption(&self, _run: &RunData) -> String {
        "Where the observations fall in their predicted distributions. Calibrated predictions give the flat dashed \
         line; a bowl says over-confident, a hump under-confident, a slope biased."
            .into()
    }

    fn draw(&self, run: &RunData) -> Option<Drawing> {
        if !shows_numbers(run) {
            return None;
        }
        let splits = coloured(run);
        let smallest = splits.iter().map(|(s, _)| s.target.len()).min()?;
        let n_bins = if smallest >= 400 { 20 } else { 10 };
        let densities: Vec<_> = splits
            .into_iter()
            .map(|(split, color)| (split, color, pit::histogram(&split.pit(run.seed), n_bins)))
            .collect();
        let mut legend = Legend::default();
        densities.iter().for_each(|(s, color, _)| legend.add(Key::Solid, *color, s.name.clone()));
        let (mut canvas, top) = legend.canvas(180.0);
        let highest = densities.iter().flat_map(|(_, _, d)| d.iter().copied()).fold(1.2, f64::max);
        let x = Axis::new("F(observed)", Scale::Linear(0.0, 1.0));
        let y = Axis::new("Density", Scale::Linear(0.0, 1.06 * highest));
        let height = canvas.height;
        let frame = Frame::fit(&canvas, &x, &y, None, (top, height - 3.0));
        let edges: Vec<f64> = (0..=n_bins).map(|i| i as f64 / n_bins as f64).collect();
        let mut table = Table::new(&["split", "from", "to", "density"]);
        for (split, color, density) in &densities {
            frame.steps(&mut canvas, &edges, density, *color);
            for (edge, &density) in edges.windows(2).zip(density) {
                table.row(&split.name, &[edge[0], edge[1], density]);
            }
        }
        frame.guide(&mut canvas, &[(0.0, 1.0), (1.0, 1.0)]);
        frame.draw(&mut canvas, &x, &y);
        Some(Drawing { canvas, table })
    }
}
