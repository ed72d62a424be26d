//! How wide predictions are, per split, with the error they should account for.

use super::axes::{Axis, Frame, Key, Legend};
use super::canvas::INK;
use super::density::LogDensity;
use super::ticks::Scale;
use super::{Drawing, Figure, Table, coloured, shows_numbers};
use crate::run_data::{RunData, root_mean_square};

#[derive(Debug)]
pub(crate) struct Sharpness {}

impl Figure for Sharpness {
    fn name(&self) -> &'static str {
        "sharpness"
    }

    fn title(&self) -> &'static str {
        "Sharpness"
    }

    fn caption(&self, _run: &RunData) -> String {
        "Distribution of the predicted standard deviation of each component. Filled triangles mark the \
         root-mean-square σ, open ones the RMSE: where they lie together the model is calibrated on average; the \
         further left both lie, the sharper it is. A narrow distribution means that the model is about equally sure \
         of everything."
            .into()
    }

    fn draw(&self, run: &RunData) -> Option<Drawing> {
        if !shows_numbers(run) {
            return None;
        }
        let splits: Vec<_> = coloured(run)
            .into_iter()
            .map(|(split, color)| {
                let finite: Vec<f64> = split.sigma.iter().copied().filter(|s| s.is_finite()).collect();
                (split, color, root_mean_square(&finite), root_mean_square(&split.error()))
            })
            .filter(|(_, _, sharpness, _)| *sharpness > 0.0)
            .collect();
        let sigmas: Vec<&[f64]> = splits.iter().map(|(split, ..)| split.sigma.as_slice()).collect();
        let marks = splits.iter().flat_map(|(_, _, sharpness, rmse)| [*sharpness, *rmse]);
        let density = LogDensity::of(&sigmas, marks)?;
        let mut legend = Legend::default();
        splits.iter().for_each(|(split, color, ..)| legend.add(Key::Solid, *color, split.name.clone()));
        legend.add(Key::Down, INK, "RMS σ");
        legend.add(Key::OpenDown, INK, "RMSE");
        let (mut canvas, top) = legend.canvas(186.0);
        let x = Axis::new(run.with_unit("Predicted σ"), density.scale);
        let y = Axis::new("Density per decade", Scale::Linear(0.0, 1.22 * density.highest()));
        let height = canvas.height;
        let frame = Frame::fit(&canvas, &x, &y, None, (top, height - 3.0));
        let mut table = Table::new(&["split", "from", "to", "density_per_decade", "rms_sigma", "rmse"]);
        for ((split, color, sharpness, rmse), heights) in splits.iter().zip(&density.heights) {
            frame.steps(&mut canvas, &density.edges, heights, *color);
            for (edge, &height) in density.edges.windows(2).zip(heights) {
                table.row(&split.name, &[edge[0], edge[1], height, *sharpness, *rmse]);
            }
        }
        // Above all densities, one row per split, so that marks of equal place stay apart.
        let row = 0.16 * (frame.bottom - frame.top) / splits.len() as f64;
        for (i, (_, color, sharpness, rmse)) in splits.iter().enumerate() {
            let at = frame.top + 3.0 + (i as f64 + 0.5) * row;
            let (from, to) = (frame.x_at(*sharpness), frame.x_at(*rmse));
            if from.is_finite() && to.is_finite() {
                canvas.line(vec![(from, at), (to, at)], 0.6, color.alpha(0.6));
            }
            for (x, open) in [(from, false), (to, true)] {
                if x.is_finite() {
                    if open { canvas.open_triangle((x, at), *color) } else { canvas.triangle((x, at), *color) }
                }
            }
        }
        frame.draw(&mut canvas, &x, &y);
        Some(Drawing { canvas, table })
    }
}
