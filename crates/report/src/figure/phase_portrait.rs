//! The first two measured quantities of a differential equation against each other: solutions as curves,
//! measurements as dots.

use super::axes::{Axis, Frame, Key, Legend};
use super::canvas::INK;
use super::ticks::Scale;
use super::{Drawing, Figure, Table, coloured};
use crate::run_data::{RunData, Trajectory};

/// Trajectories of a part that are drawn, at most.
const MOST: usize = 12;

#[derive(Debug)]
pub(crate) struct PhasePortrait {}

impl Figure for PhasePortrait {
    fn name(&self) -> &'static str {
        "phase_portrait"
    }

    fn title(&self) -> &'static str {
        "Phase portrait"
    }

    fn caption(&self, _: &RunData) -> String {
        format!(
            "The first two quantities against each other: solutions of the differential equation (lines) and \
             measurements (dots), up to {MOST} trajectories of each part."
        )
    }

    fn draw(&self, run: &RunData) -> Option<Drawing> {
        let [first, second, ..] = run.target_names.as_slice() else { return None };
        let dim = run.target_names.len();
        let parts: Vec<_> = coloured(run).into_iter().filter(|(s, _)| !s.trajectories.is_empty()).collect();
        let all = || parts.iter().flat_map(|(s, _)| s.trajectories.iter().take(MOST));
        all().next()?;
        let values =
            |c: usize| all().flat_map(move |t| t.state.iter().chain(&t.observed).skip(c).step_by(dim)).copied();
        let x = Axis::new(first.clone(), Scale::linear(values(0)));
        let y = Axis::new(second.clone(), Scale::linear(values(1)));
        let mut legend = Legend::default();
        parts.iter().for_each(|(s, color)| legend.add(Key::Solid, *color, s.name.clone()));
        legend.add(Key::Dot, INK, "measured");
        let (mut canvas, top) = legend.canvas(212.0);
        let height = canvas.height;
        let frame = Frame::fit(&canvas, &x, &y, None, (top, height - 3.0));
        let mut table = Table::new(&["part", "quantity", "trajectory", "first", "second"]);
        let pairs = |values: &[f64]| -> Vec<(f64, f64)> { values.chunks_exact(dim).map(|v| (v[0], v[1])).collect() };
        // later parts go over the ground of the training again: the reference lies on top
        for (split, color) in parts.iter().rev() {
            let rows: Vec<&Trajectory> = split.trajectories.iter().take(MOST).collect();
            for (k, trajectory) in rows.into_iter().enumerate() {
                frame.curve(&mut canvas, &pairs(&trajectory.state), 1.0, *color);
                let seen = pairs(&trajectory.observed).into_iter().filter(|(a, b)| a.is_finite() && b.is_finite());
                let seen: Vec<(f64, f64)> = seen.collect();
                seen.iter().for_each(|(a, b)| canvas.disc(frame.at(*a, *b), 0.9, INK.alpha(0.7)));
                for (quantity, points) in [("solution", pairs(&trajectory.state)), ("measured", seen)] {
                    for (a, b) in points {
                        table.labelled_row(&[&split.name, quantity], &[(k + 1) as f64, a, b]);
                    }
                }
            }
        }
        frame.draw(&mut canvas, &x, &y);
        Some(Drawing { canvas, table })
    }
}
