//! Profiles of the likelihood: how far its logarithm falls as one parameter is held away from the best fit and all
//! others are fitted again, beside the parabola of its second derivative.

use super::axes::{Axis, Frame, Key, Legend};
use super::canvas::{Anchor, COLUMN_WIDTH, Canvas, GREY, INK, PALETTE, TEXT_SIZE};
use super::ticks::Scale;
use super::{Drawing, Figure, Table};
use crate::run_data::RunData;

/// ½χ²₁(0.95), nats.
const THRESHOLD: f64 = 1.920_729_410_347_062;
/// Top of the panels, nats.
const HIGHEST: f64 = 3.0;
const COLUMNS: usize = 2;
/// Panels, at most.
const MOST: usize = 8;
const PANEL: f64 = 92.0;
/// Between neighbouring points of a profile.
const PARTS: usize = 12;
/// Where ends differ by more than this the axis is logarithmic.
const WIDE: f64 = 30.0;

#[derive(Debug)]
pub(crate) struct Profile {}

/// One number's profile.
struct Shown<'a> {
    label: String,
    ends: [f64; 2],
    points: &'a [[f64; 3]],
}

impl Figure for Profile {
    fn name(&self) -> &'static str {
        "profile"
    }

    fn title(&self) -> &'static str {
        "Profile likelihood"
    }

    fn caption(&self, run: &RunData) -> String {
        let all = shown(run);
        let which = match all.len() {
            n if n <= MOST => String::new(),
            n => format!(" The first {MOST} of {n}."),
        };
        let open = all.iter().any(|s| s.ends.iter().any(|end| end.is_infinite()));
        let open =
            if open { " A curve that stays below the line leaves the parameter without a bound there." } else { "" };
        format!(
            "Fall of the log-likelihood with one parameter held and all others fitted again (line, dots where it was \
             fitted), and with its second derivative alone (dashed). The 95 % interval ends where the profile passes \
             the grey line, at 1.92.{open}{which}"
        )
    }

    fn draw(&self, run: &RunData) -> Option<Drawing> {
        let all = shown(run);
        all.first()?;
        let mut table = Table::new(&["parameter", "value", "fall", "parabola", "lower", "upper"]);
        for one in &all {
            for [at, fall, parabola] in one.points {
                table.row(&one.label, &[*at, *fall, *parabola, one.ends[0], one.ends[1]]);
            }
        }
        let panels = &all[..all.len().min(MOST)];
        let n_columns = panels.len().min(COLUMNS);
        let n_rows = panels.len().div_ceil(n_columns);
        let mut legend = Legend::default();
        legend.add(Key::Solid, PALETTE[0], "profile");
        legend.add(Key::Dashed, PALETTE[1], "second derivative");
        legend.add(Key::Dashed, GREY, "95 %");
        let (mut canvas, top) = legend.canvas(15.0 + PANEL * n_rows as f64);
        let y = Axis::new("−Δ log L (nat)", Scale::Linear(0.0, HIGHEST));
        let left = 4.0 + 2.0 * TEXT_SIZE + 10.0;
        let gap = 12.0;
        let width = (COLUMN_WIDTH - 9.0 - left + gap) / n_columns as f64 - gap;
        for (k, one) in panels.iter().enumerate() {
            let (row, column) = (k / n_columns, k % n_columns);
            let x = Axis::new(one.label.clone(), value_scale(one));
            let from = left + column as f64 * (width + gap);
            let above = top + PANEL * row as f64;
            let bottom = above + PANEL - 2.0 * TEXT_SIZE - 14.0;
            let frame = Frame { left: from, right: from + width, top: above, bottom, x: x.scale, y: y.scale };
            panel(&mut canvas, &frame, one);
            let hidden = Axis { label: String::new(), ..y.clone() };
            frame.draw(&mut canvas, &x, if column == 0 { &y } else { &hidden });
        }
        Some(Drawing { canvas, table })
    }
}

fn shown(run: &RunData) -> Vec<Shown<'_>> {
    let of = |profile: &'_ surprisal_data::run_file::ParameterProfile, i: usize| match profile.ends.len() {
        1 => profile.name.clone(),
        _ => format!("{} {}", profile.name, i + 1),
    };
    let each = run.solution.profiles.iter().flat_map(|profile| {
        let ends = profile.ends.iter().zip(&profile.points).enumerate();
        ends.map(move |(i, (&ends, points))| Shown { label: of(profile, i), ends, points })
    });
    each.filter(|one| one.points.len() > 2).collect()
}

/// Holds what is not far above the threshold.
fn value_scale(one: &Shown<'_>) -> Scale {
    let near = || one.points.iter().filter(|p| p[1] <= HIGHEST).map(|p| p[0]);
    let (low, high) = near().fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), v| (low.min(v), high.max(v)));
    if low > 0.0 && high > WIDE * low { Scale::log(near()) } else { Scale::linear(near()) }
}

fn panel(canvas: &mut Canvas, frame: &Frame, one: &Shown<'_>) {
    let (Scale::Linear(low, high) | Scale::Log(low, high)) = frame.x;
    frame.guide(canvas, &[(low, THRESHOLD), (high, THRESHOLD)]);
    frame.dashed(canvas, &curve(one.points, 2, frame.x), PALETTE[1]);
    frame.curve(canvas, &curve(one.points, 1, frame.x), 1.1, PALETTE[0]);
    for [at, fall, _] in one.points.iter().filter(|p| p[1] <= HIGHEST && (0.0..=1.0).contains(&frame.x.fraction(p[0])))
    {
        canvas.disc(frame.at(*at, fall.max(0.0)), 1.1, PALETTE[0]);
    }
    for end in one.ends.iter().filter(|end| end.is_finite()) {
        let at = frame.x_at(*end);
        canvas.line(vec![(at, frame.bottom), (at, frame.at(*end, THRESHOLD).1)], 0.7, INK.alpha(0.6));
    }
    for (end, at, anchor) in
        [(one.ends[0], frame.left + 3.0, Anchor::Start), (one.ends[1], frame.right - 3.0, Anchor::End)]
    {
        if end.is_infinite() {
            canvas.text((at, frame.top + TEXT_SIZE + 1.0), "open", anchor, GREY);
        }
    }
}

/// A curve through the points that is straight in the signed root ±√D, as a parabola is.
fn curve(points: &[[f64; 3]], column: usize, scale: Scale) -> Vec<(f64, f64)> {
    let lowest = points.iter().enumerate().min_by(|a, b| a.1[1].total_cmp(&b.1[1])).map_or(0, |(i, _)| i);
    let signed = |i: usize| points[i][column].max(0.0).sqrt() * if i < lowest { -1.0 } else { 1.0 };
    let logarithmic = matches!(scale, Scale::Log(..));
    let mut all = vec![];
    for i in 0..points.len() - 1 {
        let ((a, b), (from, to)) = ((points[i][0], points[i + 1][0]), (signed(i), signed(i + 1)));
        for k in 0..=PARTS {
            let share = k as f64 / PARTS as f64;
            let at = if logarithmic { a * (b / a).powf(share) } else { a + share * (b - a) };
            let root = from + share * (to - from);
            all.push((at, root * root));
        }
    }
    all
}
