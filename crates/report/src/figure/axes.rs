//! A rectangle with axes, a legend above it, and data inside it.

use super::canvas::{Anchor, COLUMN_WIDTH, Canvas, Color, GREY, INK, TEXT_SIZE};
use super::font;
use super::ticks::{Scale, Tick};

const AXIS_WIDTH: f64 = 0.6;
const TICK: f64 = 2.5;
/// Distance between neighbouring texts.
const GAP: f64 = 2.5;

/// One axis: what it shows, from where to where.
#[derive(Debug, Clone)]
pub(crate) struct Axis {
    pub(crate) label: String,
    pub(crate) scale: Scale,
    /// Colour of label and numbers.
    pub(crate) color: Color,
}

impl Axis {
    pub(crate) fn new(label: impl Into<String>, scale: Scale) -> Self {
        Self { label: label.into(), scale, color: INK }
    }

    pub(crate) fn color(self, color: Color) -> Self {
        Self { color, ..self }
    }
}

/// How an entry of a legend is drawn.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Key {
    Solid,
    Dashed,
    Dot,
    /// A filled band.
    Band,
    /// A filled triangle that points down.
    Down,
    /// An open one.
    OpenDown,
}

/// A legend's entries, set in rows above the axes, where they cannot cover data.
#[derive(Debug, Clone, Default)]
pub(crate) struct Legend {
    entries: Vec<(Key, Color, String)>,
}

impl Legend {
    pub(crate) fn add(&mut self, key: Key, color: Color, text: impl Into<String>) {
        self.entries.push((key, color, text.into()));
    }

    /// A canvas with the legend at its top, and the y below the legend. `height` is for a legend of
    /// one row; more rows make the canvas higher, not the axes smaller.
    pub(crate) fn canvas(&self, height: f64) -> (Canvas, f64) {
        const KEY: f64 = 12.0;
        const LEFT: f64 = 14.0;
        const TOP: f64 = 5.0;
        let row_height = TEXT_SIZE + 3.0;
        let available = COLUMN_WIDTH - LEFT - 6.0;
        let width = |text: &str| KEY + 3.0 + font::width(text, TEXT_SIZE) + 8.0;
        let columns = |n: usize| -> Vec<f64> {
            let column = |c| self.entries.iter().skip(c).step_by(n).map(|e| width(&e.2)).fold(0.0, f64::max);
            (0..n).map(column).collect()
        };
        let n_entries = self.entries.len().max(1);
        let n_columns = (1..=n_entries).rev().find(|&n| columns(n).iter().sum::<f64>() <= available + 8.0).unwrap_or(1);
        let columns = columns(n_columns);
        let n_rows = n_entries.div_ceil(n_columns);
        let mut canvas = Canvas::new(height + (n_rows - 1) as f64 * row_height);
        // Centred, as a block.
        let left = LEFT + 0.5 * (available + 8.0 - columns.iter().sum::<f64>()).max(0.0);
        for (i, (key, color, text)) in self.entries.iter().enumerate() {
            let x = left + columns[..i % n_columns].iter().sum::<f64>();
            let middle = TOP + (i / n_columns) as f64 * row_height + 0.5 * TEXT_SIZE;
            match key {
                Key::Solid => canvas.line(vec![(x, middle), (x + KEY, middle)], 1.4, *color),
                Key::Dashed => canvas.dashed(vec![(x, middle), (x + KEY, middle)], 1.0, *color),
                Key::Down => canvas.triangle((x + 0.5 * KEY, middle), *color),
                Key::OpenDown => canvas.open_triangle((x + 0.5 * KEY, middle), *color),
                Key::Band => canvas.rectangle((x, middle - 3.0), (x + KEY, middle + 3.0), *color),
                Key::Dot => canvas.disc((x + 0.5 * KEY, middle), 2.0, *color),
            }
            canvas.text((x + KEY + 3.0, middle + 0.36 * TEXT_SIZE), text.clone(), Anchor::Start, INK);
        }
        (canvas, TOP + n_rows as f64 * row_height + 2.0)
    }
}

/// The rectangle the data is drawn in, and the way from data to points.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Frame {
    pub(crate) left: f64,
    pub(crate) top: f64,
    pub(crate) right: f64,
    pub(crate) bottom: f64,
    pub(crate) x: Scale,
    pub(crate) y: Scale,
}

impl Frame {
    /// Margins that hold the numbers and labels of the axes given, between `top` and `bottom`.
    pub(crate) fn fit(canvas: &Canvas, x: &Axis, y: &Axis, twin: Option<&Axis>, (top, bottom): (f64, f64)) -> Self {
        let bottom = bottom - if x.label.is_empty() { 4.0 } else { 2.0 * TEXT_SIZE + TICK + 2.0 * GAP };
        let numbers = |axis: &Axis| {
            let ticks = axis.scale.ticks(bottom - top, false);
            ticks.iter().flat_map(|t| &t.label).map(|l| font::width(l, TEXT_SIZE)).fold(0.0, f64::max)
        };
        let side = |axis: &Axis| 4.0 + TEXT_SIZE + GAP + numbers(axis) + GAP + TICK;
        let right = canvas.width - twin.map_or(9.0, side);
        Self { left: side(y), top, right, bottom, x: x.scale, y: y.scale }
    }

    pub(crate) fn at(&self, x: f64, y: f64) -> (f64, f64) {
        (self.x_at(x), self.bottom - self.y.fraction(y) * (self.bottom - self.top))
    }

    pub(crate) fn x_at(&self, x: f64) -> f64 {
        self.left + self.x.fraction(x) * (self.right - self.left)
    }

    /// The same rectangle with another vertical scale.
    pub(crate) fn with_y(&self, y: Scale) -> Self {
        Self { y, ..*self }
    }

    /// Box, ticks, numbers and labels of the lower and the left axis.
    pub(crate) fn draw(&self, canvas: &mut Canvas, x: &Axis, y: &Axis) {
        let corners = [
            (self.left, self.top),
            (self.right, self.top),
            (self.right, self.bottom),
            (self.left, self.bottom),
            (self.left, self.top),
            (self.right, self.top),
        ];
        canvas.line(corners.to_vec(), AXIS_WIDTH, INK);
        for Tick { value, label } in self.x.ticks(self.right - self.left, true) {
            let at = self.x_at(value);
            let length = if label.is_some() { TICK } else { 0.6 * TICK };
            canvas.line(vec![(at, self.bottom), (at, self.bottom + length)], AXIS_WIDTH, INK);
            if let Some(label) = label.filter(|_| !x.label.is_empty()) {
                canvas.text((at, self.bottom + TICK + GAP + 0.75 * TEXT_SIZE), label, Anchor::Middle, x.color);
            }
        }
        let middle = 0.5 * (self.left + self.right);
        let under = self.bottom + TICK + 2.0 * GAP + 1.7 * TEXT_SIZE;
        canvas.text((middle, under), x.label.clone(), Anchor::Middle, x.color);
        self.draw_side(canvas, y, self.left, -1.0);
    }

    /// Ticks, numbers and label of an axis on the right.
    pub(crate) fn draw_right(&self, canvas: &mut Canvas, y: &Axis) {
        self.with_y(y.scale).draw_side(canvas, y, self.right, 1.0);
    }

    fn draw_side(&self, canvas: &mut Canvas, y: &Axis, x: f64, outward: f64) {
        let mut widest = 0.0f64;
        for Tick { value, label } in self.y.ticks(self.bottom - self.top, false) {
            let (_, at) = self.at(0.0, value);
            let length = outward * if label.is_some() { TICK } else { 0.6 * TICK };
            canvas.line(vec![(x, at), (x + length, at)], AXIS_WIDTH, INK);
            if let Some(label) = label.filter(|_| !y.label.is_empty()) {
                widest = widest.max(font::width(&label, TEXT_SIZE));
                let anchor = if outward < 0.0 { Anchor::End } else { Anchor::Start };
                canvas.text((x + outward * (TICK + GAP), at + 0.36 * TEXT_SIZE), label, anchor, y.color);
            }
        }
        let away = TICK + 2.0 * GAP + widest + if outward > 0.0 { 0.8 * TEXT_SIZE } else { 0.2 * TEXT_SIZE };
        let middle = 0.5 * (self.top + self.bottom);
        canvas.upward_text((x + outward * away, middle), y.label.clone(), Anchor::Middle, y.color);
    }

    /// A curve through data points, cut at the frame and at values that are not finite.
    pub(crate) fn curve(&self, canvas: &mut Canvas, data: &[(f64, f64)], width: f64, color: Color) {
        for stroke in self.clipped(data) {
            canvas.line(stroke, width, color);
        }
    }

    /// The same, dashed.
    pub(crate) fn dashed(&self, canvas: &mut Canvas, data: &[(f64, f64)], color: Color) {
        for stroke in self.clipped(data) {
            canvas.dashed(stroke, 0.9, color);
        }
    }

    /// A dashed grey guide.
    pub(crate) fn guide(&self, canvas: &mut Canvas, data: &[(f64, f64)]) {
        self.dashed(canvas, data, GREY);
    }

    /// A steps curve over bins: `edges` has one more entry than `heights`.
    pub(crate) fn steps(&self, canvas: &mut Canvas, edges: &[f64], heights: &[f64], color: Color) {
        let mut outline = vec![(edges[0], 0.0)];
        for (pair, &height) in edges.windows(2).zip(heights) {
            outline.push((pair[0], height));
            outline.push((pair[1], height));
        }
        outline.push((edges[edges.len() - 1], 0.0));
        self.curve(canvas, &outline, 1.1, color);
        let inside = outline.iter().map(|&(x, y)| self.at(x, y)).collect();
        canvas.polygon(inside, color.alpha(0.12));
    }

    fn clipped(&self, data: &[(f64, f64)]) -> Vec<Vec<(f64, f64)>> {
        let mut strokes: Vec<Vec<(f64, f64)>> = vec![];
        let mut open = false;
        for pair in data.windows(2) {
            let (a, b) = (self.at(pair[0].0, pair[0].1), self.at(pair[1].0, pair[1].1));
            match self.clip(a, b) {
                Some((from, to)) => {
                    match strokes.last_mut() {
                        Some(stroke) if open && from == a => stroke.push(to),
                        _ => strokes.push(vec![from, to]),
                    }
                    open = to == b;
                }
                None => open = false,
            }
        }
        strokes
    }

    /// The part of a segment inside the frame (Liang & Barsky 1984).
    fn clip(&self, a: (f64, f64), b: (f64, f64)) -> Option<((f64, f64), (f64, f64))> {
        if ![a.0, a.1, b.0, b.1].iter().all(|v| v.is_finite()) {
            return None;
        }
        let (dx, dy) = (b.0 - a.0, b.1 - a.1);
        let (mut from, mut to) = (0.0f64, 1.0f64);
        let slack = 1e-6;
        let sides = [
            (-dx, a.0 - self.left + slack),
            (dx, self.right - a.0 + slack),
            (-dy, a.1 - self.top + slack),
            (dy, self.bottom - a.1 + slack),
        ];
        for (towards, distance) in sides {
            if towards == 0.0 {
                if distance < 0.0 {
                    return None;
                }
            } else if towards < 0.0 {
                from = from.max(distance / towards);
            } else {
                to = to.min(distance / towards);
            }
        }
        let at = |s: f64| {
            if s == 0.0 {
                a
            } else if s == 1.0 {
                b
            } else {
                (a.0 + s * dx, a.1 + s * dy)
            }
        };
        (from <= to).then(|| (at(from), at(to)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn curves_end_at_the_frame_and_skip_gaps() {
        let unit = Scale::Linear(0.0, 1.0);
        let frame = Frame { left: 0.0, top: 0.0, right: 100.0, bottom: 100.0, x: unit, y: unit };
        let strokes = frame.clipped(&[(0.0, 0.5), (0.5, 1.5), (1.0, 0.5)]);
        assert_eq!(strokes.len(), 2);
        assert!((strokes[0][1].0 - 25.0).abs() < 1e-3 && strokes[0][1].1.abs() < 1e-3);
        let strokes = frame.clipped(&[(0.0, 0.5), (0.3, 0.5), (0.5, f64::NAN), (0.6, 0.5), (1.0, 0.5)]);
        assert_eq!(strokes.iter().map(Vec::len).collect::<Vec<_>>(), [2, 2]);
    }
}
