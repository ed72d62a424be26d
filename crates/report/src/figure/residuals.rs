//! Residuals of trajectories against time, and their distribution: quantile residuals r = Φ⁻¹(F(y)) (Dunn & Smyth
//! 1996, Randomized quantile residuals, eq. 1), which are standard normal and independent where the model is
//! right, whatever the likelihood; for a Gaussian they are the standardised ones, (y − μ)/σ.

use surprisal_objective::likelihood::{Marginal as _, NormalMarginal};

use super::axes::{Axis, Frame, Key, Legend};
use super::canvas::{COLUMN_WIDTH, GREY, INK, TEXT_SIZE};
use super::ticks::Scale;
use super::{Drawing, Figure, Table, coloured};
use crate::run_data::{RunData, SplitData};

/// Quantities that have a row, at most.
const ROWS: usize = 4;
const PANEL: f64 = 78.0;
/// Of the standard normal.
const QUANTILE: f64 = 1.959_963_984_540_054;
/// Residuals farther out are drawn at the edge.
const FARTHEST: f64 = 6.0;
const BIN: f64 = 0.5;

#[derive(Debug)]
pub(crate) struct Residuals {}

impl Figure for Residuals {
    fn name(&self) -> &'static str {
        "residuals"
    }

    fn title(&self) -> &'static str {
        "Residuals"
    }

    fn caption(&self, _: &RunData) -> String {
        "Standardised residuals of the measurements against time, and their histogram beside the standard normal \
         (dashed). Where the model is right, 95 % lie between the dashed lines and neighbours know nothing of each \
         other: runs of one sign say that the equations miss something. (Quantile residuals, which are normal for every \
         likelihood.)"
            .into()
    }

    fn draw(&self, run: &RunData) -> Option<Drawing> {
        let parts: Vec<_> = coloured(run).into_iter().filter(|(s, _)| !s.trajectories.is_empty()).collect();
        let found: Vec<_> =
            parts.iter().map(|(split, color)| (&split.name, *color, residuals(split, run.seed))).collect();
        let all = || found.iter().flat_map(|(_, _, rows)| rows);
        all().next()?;
        let mut table = Table::new(&["part", "quantity", "trajectory", "time", "residual"]);
        for (name, _, rows) in &found {
            for r in rows {
                let labels = [name.as_str(), run.target_names.get(r.component).map_or("", String::as_str)];
                table.labelled_row(&labels, &[(r.trajectory + 1) as f64, r.time, r.value]);
            }
        }
        let n_rows = run.target_names.len().min(ROWS);
        let mut legend = Legend::default();
        found.iter().for_each(|(name, color, _)| legend.add(Key::Dot, *color, (*name).clone()));
        let foot = 2.0 * TEXT_SIZE + 8.0;
        let (mut canvas, top) = legend.canvas(15.0 + PANEL * n_rows as f64 + foot);
        let largest = all().map(|r| r.value.abs()).fold(3.0, f64::max).min(FARTHEST) + 0.2;
        let scale = Scale::Linear(-largest, largest);
        let x = Axis::new(run.time_label.clone(), Scale::linear(all().map(|r| r.time)));
        let left = 4.0 + 2.0 * TEXT_SIZE + 12.0;
        let side = 48.0;
        let middle = COLUMN_WIDTH - 9.0 - side;
        let radius = if all().count() > 60 * n_rows { 0.8 } else { 1.2 };
        let of_row = |rows: &[Residual], c: usize| -> Vec<(f64, f64)> {
            let inside = |r: &Residual| (r.time, r.value.clamp(-largest, largest));
            rows.iter().filter(|r| r.component == c).map(inside).collect()
        };
        // areas compare between the rows too
        let bins = |c: usize| found.iter().flat_map(move |(_, _, rows)| histogram(&of_row(rows, c)));
        let highest = (0..n_rows).flat_map(bins).map(|(_, d)| d).fold(0.45, f64::max);
        for c in 0..n_rows {
            let bounds = (top + PANEL * c as f64, top + PANEL * (c + 1) as f64 - 6.0);
            let y = Axis::new(format!("z of {}", run.target_names[c]), scale);
            let frame = Frame { left, right: middle - 15.0, top: bounds.0, bottom: bounds.1, x: x.scale, y: scale };
            let Scale::Linear(from, to) = x.scale else { return None };
            frame.curve(&mut canvas, &[(from, 0.0), (to, 0.0)], 0.5, GREY);
            [-QUANTILE, QUANTILE].iter().for_each(|q| frame.guide(&mut canvas, &[(from, *q), (to, *q)]));
            for (_, color, rows) in found.iter().rev() {
                of_row(rows, c).iter().for_each(|(t, r)| canvas.disc(frame.at(*t, *r), radius, color.alpha(0.85)));
            }
            let hidden = |axis: &Axis| Axis { label: String::new(), ..axis.clone() };
            frame.draw(&mut canvas, &if c + 1 == n_rows { x.clone() } else { hidden(&x) }, &y);

            let density = |r: f64| (-0.5 * r * r).exp() / (2.0 * std::f64::consts::PI).sqrt();
            let across = Axis::new("Density", Scale::Linear(0.0, 1.08 * highest));
            let frame = Frame { left: middle, right: middle + side, x: across.scale, ..frame };
            for (_, color, rows) in found.iter().rev() {
                let mut outline = vec![];
                for (from, d) in histogram(&of_row(rows, c)) {
                    outline.extend([(0.0, from), (d, from), (d, from + BIN), (0.0, from + BIN)]);
                }
                let y = |(x, y): (f64, f64)| (x, y.clamp(frame.top, frame.bottom));
                let outline: Vec<(f64, f64)> = outline.into_iter().map(|(d, r)| y(frame.at(d, r))).collect();
                canvas.polygon(outline.clone(), color.alpha(0.15));
                canvas.line(outline, 0.9, *color);
            }
            let normal: Vec<(f64, f64)> = (-60..=60).map(|k| 0.1 * f64::from(k)).map(|r| (density(r), r)).collect();
            frame.dashed(&mut canvas, &normal, INK);
            frame.draw(&mut canvas, &if c + 1 == n_rows { across.clone() } else { hidden(&across) }, &hidden(&y));
        }
        Some(Drawing { canvas, table })
    }
}

/// One measurement's.
struct Residual {
    component: usize,
    trajectory: usize,
    time: f64,
    value: f64,
}

/// Of every measurement of a split.
fn residuals(split: &SplitData, seed: u64) -> Vec<Residual> {
    let normal = NormalMarginal { loc: 0.0, scale: 1.0 };
    let transform = split.pit_of_each(seed);
    let mut n_left = vec![0usize; split.trajectories.len()];
    for &group in &split.group {
        if let Some(n) = usize::try_from(group).ok().and_then(|g| n_left.get_mut(g)) {
            *n += 1;
        }
    }
    let mut found = vec![];
    for (&group, of_sample) in split.group.iter().zip(transform.chunks_exact(split.dim.max(1))) {
        let trajectory = usize::try_from(group).unwrap_or(usize::MAX);
        let Some(times) = split.trajectories.get(trajectory).map(|t| &t.time) else { continue };
        // the samples are the last times of a trajectory
        let time = times.len().checked_sub(n_left[trajectory]).and_then(|k| times.get(k).copied());
        n_left[trajectory] -= 1;
        let Some(time) = time else { continue };
        for (component, u) in of_sample.iter().enumerate().filter(|(_, u)| u.is_finite()) {
            // F rounds to 0 or 1 beyond eight standard deviations
            let value = normal.quantile(u.clamp(1e-16, 1.0 - 1e-16)).clamp(-FARTHEST - 2.3, FARTHEST + 2.3);
            found.push(Residual { component, trajectory, time, value });
        }
    }
    found
}

/// (lower edge, density) of bins of width [`BIN`] that hold anything.
fn histogram(points: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let mut counts = std::collections::BTreeMap::new();
    for (_, r) in points {
        *counts.entry((r / BIN).floor() as i64).or_insert(0usize) += 1;
    }
    let n = points.len() as f64;
    counts.into_iter().map(|(bin, count)| (BIN * bin as f64, count as f64 / (n * BIN))).collect()
}
