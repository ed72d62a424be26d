//! What the networks within equations have learned: every output along the solutions, against every input. Shaded is
//! where the training data were; beyond it the network says what nobody taught it. Thin and dark is what an output is
//! compared with, where something is (`reference` of the network).

use super::axes::{Axis, Frame, Key, Legend};
use super::canvas::{COLUMN_WIDTH, Canvas, Color, GREY, INK, TEXT_SIZE};
use super::ticks::Scale;
use super::{Drawing, Figure, Table, coloured};
use crate::run_data::{LearnedPoint, LearnedTerm, RunData, SplitData};

/// Inputs that have a column, and outputs that have a row, at most.
const MOST: usize = 3;
const PANEL: f64 = 96.0;

#[derive(Debug)]
pub(crate) struct LearnedTerms {}

/// What one panel shows: an output of a network against an input.
#[derive(Clone, Copy)]
struct Pair<'a> {
    network: &'a LearnedTerm,
    input: usize,
    output: usize,
}

impl Figure for LearnedTerms {
    fn name(&self) -> &'static str {
        "learned_term"
    }

    fn title(&self) -> &'static str {
        "Learned terms"
    }

    fn caption(&self, run: &RunData) -> String {
        let several = terms(run).iter().any(|term| term.curves.iter().any(|curve| curve.model > 0));
        let members = if several { " One line per member of the ensemble." } else { "" };
        let reference = if compared(run) { " Thin and dark is the reference." } else { "" };
        format!(
            "Outputs of the networks in the equations, in the equations' units, along the solutions, against their \
             inputs. Shaded is the range of an input over the training measurements.{members}{reference} With several inputs an output \
             is no function of one of them."
        )
    }

    fn draw(&self, run: &RunData) -> Option<Drawing> {
        let parts: Vec<(&SplitData, Color)> =
            coloured(run).into_iter().filter(|(s, _)| !s.learned.is_empty()).collect();
        let terms = terms(run);
        let mut rows: Vec<Vec<Pair<'_>>> = vec![];
        for network in &terms {
            for output in 0..network.outputs.len() {
                let pair = |input| Pair { network, input, output };
                rows.push((0..network.inputs.len().min(MOST)).map(pair).collect());
            }
        }
        let mut table =
            Table::new(&["part", "output", "input", "trajectory", "model", "input value", "output value", "reference"]);
        rows.first()?;
        for (split, _) in &parts {
            for pair in rows.iter().flatten() {
                for (trajectory, model, points) in pair.of(split).into_iter().flat_map(LearnedTerm::curves_of) {
                    for (at, value, reference) in pair.points(points) {
                        let numbers = [(trajectory + 1) as f64, (model + 1) as f64, at, value, reference];
                        table.labelled_row(&[&split.name, &pair.output_name(), pair.input_name()], &numbers);
                    }
                }
            }
        }
        let rows = &rows[..rows.len().min(MOST)];
        let mut legend = Legend::default();
        parts.iter().for_each(|(s, color)| legend.add(Key::Solid, *color, s.name.clone()));
        legend.add(Key::Band, GREY.alpha(0.3), "training data");
        if compared(run) {
            legend.add(Key::Solid, INK, "reference");
        }
        let (mut canvas, top) = legend.canvas(15.0 + PANEL * rows.len() as f64);
        for (r, pairs) in rows.iter().enumerate() {
            let bounds = (top + PANEL * r as f64, top + PANEL * (r + 1) as f64 - 4.0);
            row(&mut canvas, bounds, pairs, &parts);
        }
        Some(Drawing { canvas, table })
    }
}

/// Whether any output has a reference.
fn compared(run: &RunData) -> bool {
    terms(run).iter().any(|term| (0..term.outputs.len()).any(|o| term.error(o).is_some()))
}

/// The networks of the first part that has them: all have the same.
fn terms(run: &RunData) -> Vec<LearnedTerm> {
    run.splits.iter().find(|s| !s.learned.is_empty()).map(|s| s.learned.clone()).unwrap_or_default()
}

impl Pair<'_> {
    fn of<'s>(&self, split: &'s SplitData) -> Option<&'s LearnedTerm> {
        split.learned.iter().find(|term| term.name == self.network.name)
    }

    fn input_name(&self) -> &str {
        &self.network.inputs[self.input]
    }

    fn output_name(&self) -> String {
        format!("{}.{}", self.network.name, self.network.outputs[self.output])
    }

    /// (input, output, reference) along a curve; NaN without a reference.
    fn points<'p>(&self, points: &'p [LearnedPoint]) -> impl Iterator<Item = (f64, f64, f64)> + 'p {
        let (input, output) = (self.input, self.output);
        let reference = move |point: &LearnedPoint| point.reference.get(output).copied().unwrap_or(f64::NAN);
        points.iter().map(move |point| (point.input[input], point.output[output], reference(point)))
    }
}

fn row(canvas: &mut Canvas, (top, end): (f64, f64), pairs: &[Pair<'_>], parts: &[(&SplitData, Color)]) {
    let all = |pair: Pair<'_>| -> Vec<(f64, f64, f64)> {
        let curves = parts.iter().filter_map(|(split, _)| pair.of(split)).flat_map(LearnedTerm::curves_of);
        curves.flat_map(|(_, _, points)| pair.points(points).collect::<Vec<_>>()).collect()
    };
    let y = Axis::new(
        pairs[0].output_name(),
        Scale::linear(all(pairs[0]).into_iter().flat_map(|(_, u, reference)| [u, reference])),
    );
    let bottom = end - 2.0 * TEXT_SIZE - 9.0;
    let left = Frame::fit(canvas, &Axis::new("x", Scale::Linear(0.0, 1.0)), &y, None, (top, end)).left;
    let gap = 10.0;
    let width = (COLUMN_WIDTH - 9.0 - left + gap) / pairs.len() as f64 - gap;
    for (k, &pair) in pairs.iter().enumerate() {
        let x = Axis::new(pair.input_name().to_owned(), Scale::linear(all(pair).into_iter().map(|(x, ..)| x)));
        let from = left + k as f64 * (width + gap);
        let frame = Frame { left: from, right: from + width, top, bottom, x: x.scale, y: y.scale };
        let trained = parts.iter().find(|(split, _)| split.name == "train").and_then(|(split, _)| pair.of(split));
        if let Some((low, high)) = trained.and_then(|term| term.measured.get(pair.input).copied().flatten()) {
            canvas.rectangle((frame.x_at(low), top), (frame.x_at(high), bottom), GREY.alpha(0.18));
        }
        // the reference lies on top
        for (split, color) in parts.iter().rev() {
            for (_, model, points) in pair.of(split).into_iter().flat_map(LearnedTerm::curves_of) {
                let width = if model > 0 { 0.5 } else { 0.9 };
                frame.curve(canvas, &pair.points(points).map(|(x, u, _)| (x, u)).collect::<Vec<_>>(), width, *color);
            }
        }
        for (_, model, points) in parts.iter().filter_map(|(s, _)| pair.of(s)).flat_map(LearnedTerm::curves_of) {
            let known: Vec<(f64, f64)> =
                pair.points(points).map(|(x, _, u)| (x, u)).filter(|(_, u)| !u.is_nan()).collect();
            if model == 0 && !known.is_empty() {
                // dashes of one solution would fill the gaps of another's
                frame.curve(canvas, &known, 0.5, INK);
            }
        }
        let hidden = Axis { label: String::new(), ..y.clone() };
        frame.draw(canvas, &x, if k == 0 { &y } else { &hidden });
    }
}
