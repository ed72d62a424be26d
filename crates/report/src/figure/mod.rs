//! Figures of a run: each a file, each drawn once and written as SVG, PNG and the CSV behind it.

mod accuracy_gap;
mod axes;
pub mod bitmap;
pub mod canvas;
mod class_reliability;
pub(crate) mod compared;
mod density;
mod epistemic;
mod error_vs_sigma;
mod font;
mod function;
mod learned_term;
mod learning_curves;
mod parity;
mod phase_portrait;
mod pit;
mod pit_insets;
mod profile;
mod recalibration;
mod regularization_path;
mod reliability;
mod residuals;
mod sharpness;
mod sparsification;
mod svg;
mod ticks;
mod trajectories;

use std::fmt::Write;

pub use canvas::Canvas;

use surprisal_objective::likelihood::Kind;

use crate::run_data::{RunData, SplitData};
use canvas::{Color, PALETTE};

pub(crate) use font::css as font_css;
pub(crate) use svg::{escape, inline as inline_svg};
pub(crate) use ticks::{minus, power_of_ten};

/// One kind of figure.
pub trait Figure {
    /// File name without its ending.
    fn name(&self) -> &'static str;
    /// A short title.
    fn title(&self) -> &'static str;
    /// How to read it, in a few sentences.
    fn caption(&self, run: &RunData) -> String;
    /// The drawing and its data; `None` where the run has nothing to show in it.
    fn draw(&self, run: &RunData) -> Option<Drawing>;
}

/// A drawing and the numbers in it.
#[derive(Debug, Clone)]
pub struct Drawing {
    /// The marks.
    pub canvas: Canvas,
    /// The numbers.
    pub table: Table,
}

/// Every figure, in the order of the report.
pub const FIGURES: [&(dyn Figure + Sync); 17] = [
    &learning_curves::LearningCurves {},
    &function::Function {},
    &trajectories::Trajectories {},
    &phase_portrait::PhasePortrait {},
    &learned_term::LearnedTerms {},
    &residuals::Residuals {},
    &profile::Profile {},
    &parity::Parity {},
    &error_vs_sigma::ErrorVsSigma {},
    &reliability::Reliability {},
    &pit::Pit {},
    &class_reliability::ClassReliability {},
    &sharpness::Sharpness {},
    &sparsification::Sparsification {},
    &recalibration::Recalibration {},
    &epistemic::Epistemic {},
    &regularization_path::RegularizationPath {},
];

/// Rows of numbers with named columns; text columns come first.
#[derive(Debug, Clone, PartialEq)]
pub struct Table {
    header: String,
    rows: String,
}

impl Table {
    /// A table with these columns.
    pub fn new(columns: &[&str]) -> Self {
        Self { header: columns.join(","), rows: String::new() }
    }

    /// Adds a row: a name, then numbers; those that are not finite are left empty.
    pub fn row(&mut self, name: &str, numbers: &[f64]) {
        self.labelled_row(&[name], numbers);
    }

    /// Adds a row with several names.
    pub fn labelled_row(&mut self, names: &[&str], numbers: &[f64]) {
        let quoted = names.iter().map(|name| {
            if name.contains([',', '"', '\n']) {
                format!("\"{}\"", name.replace('"', "\"\""))
            } else {
                (*name).to_owned()
            }
        });
        self.rows.push_str(&quoted.collect::<Vec<_>>().join(","));
        for number in numbers {
            self.rows.push(',');
            if number.is_finite() {
                // Writing to a String cannot fail.
                let _ = write!(self.rows, "{number}");
            }
        }
        self.rows.push('\n');
    }

    /// The file.
    pub fn csv(&self) -> String {
        format!("{}\n{}", self.header, self.rows)
    }
}

/// The three files of a figure: (ending, bytes).
pub fn files(drawing: &Drawing, title: &str) -> Result<[(&'static str, Vec<u8>); 3], bitmap::BitmapError> {
    Ok([
        ("svg", svg::file(&drawing.canvas, title).into_bytes()),
        ("png", bitmap::png(&drawing.canvas)?),
        ("csv", drawing.table.csv().into_bytes()),
    ])
}

/// Whether the target is a number, so that errors and intervals make sense.
pub(crate) fn shows_numbers(run: &RunData) -> bool {
    match run.kind {
        Kind::Real | Kind::Count | Kind::Angle => true,
        Kind::Label => false,
    }
}

/// Whether uncertainties tell samples apart: those of one constant do not.
pub(crate) fn tell_apart<'v>(uncertainties: impl Iterator<Item = &'v f64>) -> bool {
    let known = uncertainties.filter(|v| v.is_finite());
    let (low, high) = known.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), &v| (v.min(low), v.max(high)));
    high - low > 1e-9 * high.abs()
}

/// Splits that hold predictions, each with its colour: the reference first, then the shifted ones,
/// then validation and training data, so that a split keeps its colour through all figures.
pub(crate) fn coloured(run: &RunData) -> Vec<(&SplitData, Color)> {
    let mut splits: Vec<&SplitData> = run.reference().into_iter().chain(run.shifted()).collect();
    for name in ["valid", "train"] {
        splits.extend(run.splits.iter().filter(|s| s.name == name && run.reference().is_some_and(|r| r.name != name)));
    }
    splits.into_iter().filter(|s| s.n_samples() > 0).zip(PALETTE.iter().copied().cycle()).collect()
}
