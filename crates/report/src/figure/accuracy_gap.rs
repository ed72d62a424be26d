//! What equal treatment costs: accuracy (of numbers: RMSE) against the gap between the groups of an
//! attribute, a point for each run, joined in the order of the penalty's weight. Above the gap of
//! demographic parity, below that of equalised odds (labels only).

use serde_json::Value;
use surprisal_objective::likelihood::Kind;

use super::axes::{Axis, Frame, Key, Legend};
use super::canvas::{Anchor, Canvas, Color, INK, PALETTE, TEXT_SIZE};
use super::compared::Shown;
use super::ticks::Scale;
use super::{Drawing, Table, font};
use crate::comparison::Compared;
use crate::solution::AttributePenalty;

/// Height of a panel, points.
const PANEL: f64 = 132.0;

/// A number with its interval.
#[derive(Debug, Clone, Copy)]
struct Number {
    value: f64,
    low: f64,
    high: f64,
}

impl Number {
    /// From the same path below `section` and below its `intervals`.
    fn at(section: &Value, path: &str) -> Option<Self> {
        let interval = section["intervals"].pointer(path)?;
        let ends = interval[0].as_f64().zip(interval[1].as_f64());
        let value = section.pointer(path)?.as_f64()?;
        let (low, high) = ends.unwrap_or((value, value));
        Some(Self { value, low, high })
    }

    fn all(self) -> [f64; 3] {
        [self.value, self.low, self.high]
    }
}

/// One run.
struct Point {
    run: String,
    /// `None` where the run has no price on the attribute.
    penalty: Option<AttributePenalty>,
    /// Accuracy or RMSE.
    quality: Number,
    /// Of each panel.
    gaps: Vec<Number>,
}

/// The figure of the first attribute that two runs or more report for their reference split.
pub(super) fn figure(runs: &[Compared]) -> Option<Shown> {
    let attribute = runs.iter().flat_map(|run| &run.run.table.attributes).map(|a| a.name.clone()).next()?;
    let label = runs[0].run.kind == Kind::Label;
    let points: Vec<Point> = runs.iter().filter_map(|run| point(run, &attribute, label)).collect();
    if points.len() < 2 {
        return None;
    }
    let quality = if label { "Accuracy".to_owned() } else { runs[0].run.with_unit("RMSE") };
    let mut panels = vec![format!("Gap of mean predictions ({attribute})")];
    if label {
        panels.push(format!("Gap of equalised odds ({attribute})"));
    }
    let caption = format!(
        "{} against the gap between the groups of {attribute} on the reference split of each run. Numbers beside the \
         points: weight of the penalty, as far as there is room. Bars: 95 % intervals of each run alone; all are judged \
         on the same rows, so that differences between runs are known better than the bars say.",
        if label { "Accuracy" } else { "RMSE" }
    );
    Some(Shown {
        name: "accuracy_gap",
        title: "What equal treatment costs",
        caption,
        drawing: draw(&points, &quality, &panels),
    })
}

fn point(run: &Compared, attribute: &str, label: bool) -> Option<Point> {
    let split = &run.metrics.value()["splits"][&run.run.reference()?.name];
    let section = &split["fairness"][attribute];
    let gaps: &[&str] =
        if label { &["/gaps/mean_prediction", "/gaps/equalized_odds"] } else { &["/gaps/mean_prediction"] };
    Some(Point {
        run: run.label.clone(),
        penalty: run.run.solution.attribute_penalties.iter().find(|p| p.attribute == attribute).cloned(),
        quality: Number::at(split, if label { "/accuracy" } else { "/rmse" })?,
        gaps: gaps.iter().map(|path| Number::at(section, path)).collect::<Option<_>>()?,
    })
}

/// The points of one penalty, and those without any price, by increasing weight.
fn series<'a>(points: &'a [Point], penalty: &str) -> Vec<&'a Point> {
    let weight = |point: &Point| point.penalty.as_ref().map_or(0.0, |p| p.weight);
    let belongs = |point: &&Point| weight(point) == 0.0 || point.penalty.as_ref().is_some_and(|p| p.name == penalty);
    let mut series: Vec<&Point> = points.iter().filter(belongs).collect();
    series.sort_by(|a, b| weight(a).total_cmp(&weight(b)));
    series
}

fn draw(points: &[Point], quality: &str, panels: &[String]) -> Drawing {
    let mut names: Vec<&str> = vec![];
    for penalty in points.iter().filter_map(|p| p.penalty.as_ref()).filter(|p| p.weight > 0.0) {
        if !names.contains(&penalty.name.as_str()) {
            names.push(&penalty.name);
        }
    }
    let mut legend = Legend::default();
    for (name, color) in names.iter().zip(PALETTE.iter().cycle()) {
        legend.add(Key::Solid, *color, name.replace('_', " ").replace("equalized", "equalised"));
    }
    let (mut canvas, top) = legend.canvas(22.0 + PANEL * panels.len() as f64);
    let y = Axis::new(quality, Scale::linear(points.iter().flat_map(|p| p.quality.all())));
    let axes: Vec<Axis> = panels
        .iter()
        .enumerate()
        .map(|(k, label)| Axis::new(label.clone(), Scale::linear(points.iter().flat_map(|p| p.gaps[k].all()))))
        .collect();
    let room = (canvas.height - 3.0 - top) / panels.len() as f64;
    for (k, x) in axes.iter().enumerate() {
        let above = top + room * k as f64;
        let frame = Frame::fit(&canvas, x, &y, None, (above + if k == 0 { 0.0 } else { 4.0 }, above + room));
        for (name, color) in names.iter().zip(PALETTE.iter().cycle()) {
            let line: Vec<(f64, f64)> =
                series(points, name).iter().map(|p| (p.gaps[k].value, p.quality.value)).collect();
            frame.curve(&mut canvas, &line, 1.0, *color);
        }
        let mut colored = vec![];
        for point in points {
            let of = |p: &AttributePenalty| names.iter().position(|name| *name == p.name && p.weight > 0.0);
            let color = point.penalty.as_ref().and_then(of).map_or(INK, |i| PALETTE[i % PALETTE.len()]);
            mark(&mut canvas, &frame, point, k, color);
            colored.push((point, color));
        }
        name(&mut canvas, &frame, &colored, k);
        frame.draw(&mut canvas, x, &y);
    }
    let mut table = Table::new(&[
        "run",
        "penalty",
        "weight",
        "quality",
        "quality_low",
        "quality_high",
        "mean_prediction_gap",
        "mean_prediction_gap_low",
        "mean_prediction_gap_high",
        "equalized_odds_gap",
        "equalized_odds_gap_low",
        "equalized_odds_gap_high",
    ]);
    for point in points {
        let mut numbers = vec![point.penalty.as_ref().map_or(0.0, |p| p.weight)];
        numbers.extend(point.quality.all());
        numbers.extend(point.gaps.iter().flat_map(|gap| gap.all()));
        // numbers have no second gap: the columns stay empty
        numbers.resize(10, f64::NAN);
        table.labelled_row(&[&point.run, point.penalty.as_ref().map_or("", |p| &p.name)], &numbers);
    }
    Drawing { canvas, table }
}

/// A point with its bars.
fn mark(canvas: &mut Canvas, frame: &Frame, point: &Point, panel: usize, color: Color) {
    let (gap, quality) = (point.gaps[panel], point.quality);
    let bar = color.alpha(0.4);
    canvas.line(vec![frame.at(gap.low, quality.value), frame.at(gap.high, quality.value)], 0.5, bar);
    canvas.line(vec![frame.at(gap.value, quality.low), frame.at(gap.value, quality.high)], 0.5, bar);
    canvas.disc(frame.at(gap.value, quality.value), 1.8, color);
}

/// The weight beside every point, where it covers neither a point nor another weight; left out where
/// there is no such place.
fn name(canvas: &mut Canvas, frame: &Frame, points: &[(&Point, Color)], panel: usize) {
    let center = |point: &Point| frame.at(point.gaps[panel].value, point.quality.value);
    // corners of what is taken: left, top, right, bottom
    let mut taken: Vec<[f64; 4]> =
        points.iter().map(|(point, _)| center(point)).map(|(x, y)| [x - 1.8, y - 1.8, x + 1.8, y + 1.8]).collect();
    for (point, color) in points {
        let text = format!("{}", point.penalty.as_ref().map_or(0.0, |p| p.weight));
        let ((x, y), width) = (center(point), font::width(&text, TEXT_SIZE));
        let height = 0.75 * TEXT_SIZE;
        let places = [3.0, 9.0].into_iter().flat_map(|away| {
            [(away, away), (away, -away - height), (-away - width, away), (-away - width, -away - height)]
        });
        let free = places
            .map(|(dx, dy)| [x + dx, y + dy, x + dx + width, y + dy + height])
            .filter(|r| r[0] > frame.left && r[1] > frame.top && r[2] < frame.right && r[3] < frame.bottom)
            .find(|r| taken.iter().all(|t| r[2] < t[0] || t[2] < r[0] || r[3] < t[1] || t[3] < r[1]));
        if let Some(place) = free {
            canvas.text((place[0], place[3]), text, Anchor::Start, *color);
            taken.push(place);
        }
    }
}
