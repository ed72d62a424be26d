//! Solutions of a differential equation over time: what was measured, the fitted curve, and the central 90 %
//! interval of measurements around it; one panel per state, the first trajectories in columns. Where a part of the
//! data comes later than the training, it goes on in the same panels; where a model reads the first part of a
//! trajectory and predicts the rest, that part is grey.

use super::axes::{Axis, Frame, Key, Legend};
use super::canvas::{Anchor, COLUMN_WIDTH, Canvas, GREY, INK, PALETTE, TEXT_SIZE};
use super::ticks::Scale;
use super::{Drawing, Figure, Table};
use crate::run_data::{RunData, Spread, Trajectory};

/// Trajectories that have a column, at most.
const COLUMNS: usize = 3;
/// States that have a row, at most.
const ROWS: usize = 4;
/// Height of a panel.
const PANEL: f64 = 74.0;
/// A later part of the training trajectories.
const LATER: &str = "later";
/// Times that span more than this are laid out by their logarithm.
const WIDE: f64 = 1e3;
/// Half the width of a central 90 % interval, in standard deviations of a normal.
const QUANTILE: f64 = 1.644_853_626_951_472_2;

#[derive(Debug)]
pub(crate) struct Trajectories {}

/// What one column shows.
struct Shown<'a> {
    title: String,
    now: &'a Trajectory,
    later: Option<&'a Trajectory>,
}

impl Figure for Trajectories {
    fn name(&self) -> &'static str {
        "trajectories"
    }

    fn title(&self) -> &'static str {
        "Trajectories"
    }

    fn caption(&self, run: &RunData) -> String {
        let Some((split, total, columns)) = shown(run) else { return "The run has no trajectories.".into() };
        let which = match columns.len() {
            n if n == total => String::new(),
            n => format!(" The first {n} of {total} trajectories of `{split}`."),
        };
        let later = match columns.iter().any(|c| c.later.is_some()) {
            true => " Right of the dashed line nothing was trained on.",
            false => "",
        };
        let band = match spread(&columns) {
            None => {
                "the interval that 90 % of measurements should fall into (band: noise alone, the solution taken as known)"
            }
            Some(Spread::Parameters) => {
                "90 % intervals of the solution (dark band: its parameters are uncertain, to first order) and of \
                 measurements (light band: both that and the noise)"
            }
            Some(Spread::Members) if run.model == "latent_ode" => {
                "90 % intervals of the solution (dark band: the predictions that are mixed differ) and of measurements \
                 (light band: the mixture, noise included)"
            }
            Some(Spread::Members) => {
                "90 % intervals of the solution (dark band: the members of the ensemble differ) and of measurements \
                 (light band: the mixture of all members, noise included)"
            }
        };
        let context = match columns.iter().any(|c| n_context(c.now) > 0) {
            true => " Grey measurements are the context, which the model reads; what comes after it is predicted.",
            false => "",
        };
        format!(
            "Measurements (dots), the solution of the differential equation (line), and {band}.{context}{later}{which}"
        )
    }

    fn draw(&self, run: &RunData) -> Option<Drawing> {
        let (split, _, columns) = shown(run)?;
        let dim = run.target_names.len();
        let n_rows = dim.min(ROWS);
        let mut legend = Legend::default();
        legend.add(Key::Dot, INK, "measured");
        if columns.iter().any(|c| n_context(c.now) > 0) {
            legend.add(Key::Dot, GREY, "context");
        }
        legend.add(Key::Solid, PALETTE[0], format!("fitted, {split}"));
        if columns.iter().any(|c| c.later.is_some()) {
            legend.add(Key::Solid, PALETTE[1], "predicted, later");
        }
        if spread(&columns).is_some() {
            legend.add(Key::Band, PALETTE[0].alpha(0.5), "solution, 90 %");
            legend.add(Key::Band, PALETTE[0].alpha(0.2), "data, 90 %");
        }
        let titles = if columns.len() > 1 { 1.4 * TEXT_SIZE } else { 0.0 };
        let foot = 2.0 * TEXT_SIZE + 8.0;
        let (mut canvas, top) = legend.canvas(19.0 + titles + PANEL * n_rows as f64 + foot);
        let x = Axis::new(run.time_label.clone(), time_scale(&columns));
        let mut table = Table::new(&["part", "quantity", "trajectory", "time", "value", "lower", "upper"]);
        let scales: Vec<Scale> = (0..n_rows).map(|c| value_scale(&columns, c, dim)).collect();
        // every panel begins where the widest numbers end
        let label = |c: usize| Axis::new(run.target_names[c].clone(), scales[c]);
        // without room for numbers below, which all panels but the last have none of
        let bare = Axis::new(String::new(), x.scale);
        let fitted = |c: usize| Frame::fit(&canvas, &bare, &label(c), None, (0.0, PANEL - 2.0)).left;
        let left = (0..n_rows).map(fitted).fold(0.0, f64::max);
        let gap = 7.0;
        let width = (COLUMN_WIDTH - 9.0 - left + gap) / columns.len() as f64 - gap;
        for (k, column) in columns.iter().enumerate() {
            let from = left + k as f64 * (width + gap);
            for (c, &scale) in scales.iter().enumerate() {
                let above = top + titles + PANEL * c as f64;
                let bounds = (above, above + PANEL - 6.0);
                let frame =
                    Frame { left: from, right: from + width, top: bounds.0, bottom: bounds.1, x: x.scale, y: scale };
                panel(&mut canvas, &frame, column, (c, dim));
                let hidden = |axis: &Axis| Axis { label: String::new(), ..axis.clone() };
                let x = if c + 1 == n_rows { x.clone() } else { hidden(&x) };
                let y = if k == 0 { label(c) } else { hidden(&label(c)) };
                frame.draw(&mut canvas, &x, &y);
                rows(&mut table, split, column.now, (&run.target_names[c], k, c, dim));
                if let Some(later) = column.later {
                    rows(&mut table, LATER, later, (&run.target_names[c], k, c, dim));
                }
            }
            if columns.len() > 1 {
                let middle = from + 0.5 * width;
                canvas.text((middle, top + 0.7 * TEXT_SIZE), column.title.clone(), Anchor::Middle, INK);
            }
        }
        Some(Drawing { canvas, table })
    }
}

/// The part that is shown, how many trajectories it has, and the first of them.
fn shown(run: &RunData) -> Option<(&str, usize, Vec<Shown<'_>>)> {
    let named = |name: &str| run.splits.iter().find(|s| s.name == name && !s.trajectories.is_empty());
    let later = named(LATER);
    // what was not trained on is worth more to see
    let split = match later {
        Some(_) => named("train"),
        None => run.reference().filter(|s| !s.trajectories.is_empty()),
    }?;
    let rest = later.filter(|later| later.trajectories.len() == split.trajectories.len());
    let columns = split.trajectories.iter().enumerate().take(COLUMNS).map(|(i, now)| Shown {
        title: format!("{} {}", split.name, i + 1),
        now,
        later: rest.map(|rest| &rest.trajectories[i]),
    });
    Some((&split.name, split.trajectories.len(), columns.collect()))
}

/// Where the uncertainty of the solutions is from; `None` where it is not known.
fn spread(columns: &[Shown<'_>]) -> Option<Spread> {
    parts(columns).find(|t| t.sd.iter().any(|sd| *sd > 0.0)).map(|t| t.spread)
}

fn parts<'a>(columns: &'a [Shown<'_>]) -> impl Iterator<Item = &'a Trajectory> {
    columns.iter().flat_map(|column| std::iter::once(column.now).chain(column.later))
}

fn time_scale(columns: &[Shown<'_>]) -> Scale {
    let times = || parts(columns).flat_map(|t| &t.time).copied();
    let positive = || times().filter(|t| *t > 0.0);
    let (low, high) = positive().fold((f64::INFINITY, 0.0f64), |(low, high), t| (low.min(t), high.max(t)));
    // a start at 0 lies outside of a logarithmic axis
    let nearly_all = positive().count() + columns.len() >= times().count();
    let median = {
        let mut sorted: Vec<f64> = positive().collect();
        sorted.sort_by(f64::total_cmp);
        sorted.get(sorted.len() / 2).copied().unwrap_or(high)
    };
    if nearly_all && high > WIDE * low && high > 10.0 * median {
        Scale::log(positive())
    } else {
        Scale::linear(times())
    }
}

/// Holds measurements and curve, and of the band what lies near them.
fn value_scale(columns: &[Shown<'_>], c: usize, dim: usize) -> Scale {
    let of = |values: &[f64]| -> Vec<f64> { values.iter().skip(c).step_by(dim).copied().collect() };
    let values: Vec<f64> = parts(columns).flat_map(|t| [of(&t.observed), of(&t.state)]).flatten().collect();
    let finite = || values.iter().copied().filter(|v| v.is_finite());
    let (low, high) = finite().fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), v| (low.min(v), high.max(v)));
    let air = 0.25 * (high - low);
    let ends = parts(columns).flat_map(|t| t.interval.iter().skip(c).step_by(dim)).flat_map(|(a, b)| [*a, *b]);
    Scale::linear(finite().chain(ends.filter(|v| v.is_finite()).map(|v| v.clamp(low - air, high + air))))
}

fn panel(canvas: &mut Canvas, frame: &Frame, column: &Shown<'_>, (c, dim): (usize, usize)) {
    let end = column.now.time.last().copied().unwrap_or(f64::NEG_INFINITY);
    let curves = [(column.now, PALETTE[0], f64::NEG_INFINITY)];
    let after = column.later.map(|later| (later, PALETTE[1], end));
    for (trajectory, color, from) in curves.into_iter().chain(after) {
        let curve: Vec<(f64, f64)> = trajectory
            .dense_time
            .iter()
            .zip(trajectory.state.iter().skip(c).step_by(dim))
            .map(|(t, y)| (*t, *y))
            // there is no solution before the end of a context
            .filter(|(t, y)| *t >= from && y.is_finite())
            .collect();
        let band = band(trajectory, &curve, (c, dim));
        let inside = |(t, y): (f64, f64)| {
            let (x, y) = frame.at(t, y);
            (x.clamp(frame.left, frame.right), y.clamp(frame.top, frame.bottom))
        };
        let solution: Vec<(f64, f64, f64)> = curve
            .iter()
            .map(|&(t, y)| (t, y, QUANTILE * sd(trajectory, t, (c, dim))))
            .filter(|(_, _, half)| half.is_finite())
            .map(|(t, y, half)| (t, y - half, y + half))
            .collect();
        for (band, alpha) in [(band, 0.2), (solution, 0.4)] {
            let outline = band.iter().map(|b| inside((b.0, b.2))).chain(band.iter().rev().map(|b| inside((b.0, b.1))));
            canvas.polygon(outline.collect(), color.alpha(alpha));
        }
        frame.curve(canvas, &curve, 1.1, color);
    }
    if column.later.is_some() {
        let at = frame.x_at(end);
        canvas.dashed(vec![(at, frame.top), (at, frame.bottom)], 0.9, GREY);
    }
    let measured = |t: &Trajectory, skip: usize| -> Vec<(f64, f64)> {
        t.time.iter().zip(t.observed.iter().skip(c).step_by(dim)).skip(skip).map(|(t, y)| (*t, *y)).collect()
    };
    let n_dots = column.now.time.len() + column.later.map_or(0, |l| l.time.len());
    let radius = if n_dots > 60 { 0.8 } else { 1.3 };
    let context = n_context(column.now);
    let colours = std::iter::repeat_n(GREY, context).chain(std::iter::repeat(INK.alpha(0.8)));
    let dots = measured(column.now, 0).into_iter();
    let dots = dots.chain(column.later.into_iter().flat_map(|l| measured(l, n_given(l, dim)))).zip(colours);
    for ((x, y), colour) in dots.filter(|((t, y), _)| y.is_finite() && (0.0..=1.0).contains(&frame.x.fraction(*t))) {
        canvas.disc(frame.at(x, y), radius, colour);
    }
}

/// First times of which nothing is predicted.
fn n_given(t: &Trajectory, dim: usize) -> usize {
    t.interval.chunks_exact(dim).take_while(|row| row.iter().all(|(low, _)| low.is_nan())).count()
}

/// The same where they are more than a start.
fn n_context(t: &Trajectory) -> usize {
    let dim = t.observed.len() / t.time.len().max(1);
    let n = n_given(t, dim.max(1));
    if n > 1 { n } else { 0 }
}

/// Standard deviation of the solution at a time of its curve; NaN where not known.
fn sd(trajectory: &Trajectory, time: f64, (c, dim): (usize, usize)) -> f64 {
    let k = trajectory.dense_time.partition_point(|t| *t < time);
    trajectory.sd.get(k * dim + c).copied().unwrap_or(f64::NAN)
}

/// (time, lower end, upper end) along a curve: the distances between curve and ends at the measured times, linear
/// in between; and, where the parameters' uncertainty is known, squares of both added, as for normal errors.
fn band(trajectory: &Trajectory, curve: &[(f64, f64)], (c, dim): (usize, usize)) -> Vec<(f64, f64, f64)> {
    let at = |time: f64| {
        let k = trajectory.dense_time.partition_point(|t| *t < time).min(trajectory.dense_time.len() - 1);
        trajectory.state[k * dim + c]
    };
    let ends = trajectory.time.iter().zip(trajectory.interval.iter().skip(c).step_by(dim));
    let known: Vec<(f64, f64, f64)> = ends
        .filter(|(_, (low, high))| low.is_finite() && high.is_finite())
        .map(|(&t, (low, high))| (t, low - at(t), high - at(t)))
        .collect();
    let (Some(first), Some(last)) = (known.first(), known.last()) else { return vec![] };
    let distance = |time: f64| {
        let after = known.partition_point(|k| k.0 <= time);
        if after == 0 {
            return (first.1, first.2);
        }
        if after == known.len() {
            return (last.1, last.2);
        }
        let (a, b) = (known[after - 1], known[after]);
        let share = (time - a.0) / (b.0 - a.0);
        (a.1 + share * (b.1 - a.1), a.2 + share * (b.2 - a.2))
    };
    let ends = |&(t, y): &(f64, f64)| {
        let (low, high) = distance(t);
        let of_solution = match trajectory.spread {
            Spread::Parameters => QUANTILE * sd(trajectory, t, (c, dim)),
            Spread::Members => 0.0,
        };
        let both = |noise: f64| if of_solution > 0.0 { noise.hypot(of_solution).copysign(noise) } else { noise };
        (t, y + both(low), y + both(high))
    };
    curve.iter().map(ends).collect()
}

fn rows(table: &mut Table, part: &str, t: &Trajectory, (name, k, c, dim): (&str, usize, usize, usize)) {
    let trajectory = (k + 1) as f64;
    for (i, time) in t.time.iter().enumerate() {
        let (low, high) = t.interval.get(i * dim + c).copied().unwrap_or((f64::NAN, f64::NAN));
        table.labelled_row(
            &[part, &format!("measured {name}")],
            &[trajectory, *time, t.observed[i * dim + c], low, high],
        );
    }
    for (i, time) in t.dense_time.iter().enumerate().filter(|(i, _)| t.state[i * dim + c].is_finite()) {
        let (state, half) = (t.state[i * dim + c], QUANTILE * sd(t, *time, (c, dim)));
        table.labelled_row(
            &[part, &format!("solution {name}")],
            &[trajectory, *time, state, state - half, state + half],
        );
    }
    let curve: Vec<(f64, f64)> =
        t.dense_time.iter().enumerate().map(|(i, time)| (*time, t.state[i * dim + c])).collect();
    let curve: Vec<(f64, f64)> = curve.into_iter().filter(|(_, y)| y.is_finite()).collect();
    for ((time, low, high), (_, state)) in band(t, &curve, (c, dim)).into_iter().zip(&curve) {
        table.labelled_row(&[part, &format!("predicted {name}")], &[trajectory, time, *state, low, high]);
    }
}
