//! A model of one input as a function of it: the observations, the predicted mean, and bands of one, two
//! and three predicted standard deviations around it.

use surprisal_objective::likelihood::Kind;

use super::axes::{Axis, Frame, Key, Legend};
use super::canvas::{INK, PALETTE};
use super::ticks::Scale;
use super::{Drawing, Figure, Table};
use crate::run_data::{RunData, SplitData};

/// Widths of the bands in standard deviations, the widest first.
const BANDS: [f64; 3] = [3.0, 2.0, 1.0];
/// Dots of one split, at most; more hide each other.
const MOST_DOTS: usize = 1000;

#[derive(Debug)]
pub(crate) struct Function {}

/// The input of each sample of a split.
fn inputs<'a>(run: &'a RunData, split: &SplitData) -> Option<&'a [f64]> {
    let input = run.table.input.as_ref()?;
    let (_, values) = input.values.iter().find(|(name, _)| *name == split.name)?;
    (values.len() == split.n_samples() && split.dim == 1).then_some(values.as_slice())
}

impl Figure for Function {
    fn name(&self) -> &'static str {
        "function"
    }

    fn title(&self) -> &'static str {
        "Prediction against the input"
    }

    fn caption(&self, _run: &RunData) -> String {
        "Observations, the predicted mean (line), and bands of one, two and three predicted standard deviations \
         around it. Dashed lines, where there are any, bound the inputs that the model was trained on: beyond them bands \
         should widen."
            .into()
    }

    fn draw(&self, run: &RunData) -> Option<Drawing> {
        let input = run.table.input.as_ref().filter(|_| run.kind != Kind::Label)?;
        let splits: Vec<(&SplitData, &[f64])> =
            run.splits.iter().filter_map(|split| Some((split, inputs(run, split)?))).collect();
        // A prediction depends on the input alone, so that every split draws the same curve.
        let mut curve: Vec<(f64, f64, f64)> = splits
            .iter()
            .flat_map(|(split, x)| x.iter().zip(split.mean.iter().zip(&split.sigma)))
            .map(|(&x, (&mean, &sigma))| (x, mean, sigma))
            .filter(|(x, mean, _)| x.is_finite() && mean.is_finite())
            .collect();
        curve.sort_by(|a, b| a.0.total_cmp(&b.0));
        curve.dedup_by(|a, b| a.0 == b.0);
        if curve.len() < 2 {
            return None;
        }
        let shown: Vec<_> = splits.iter().filter(|(split, _)| split.name != "valid").collect();
        let color = |split: &SplitData, i: usize| {
            if split.name == "train" { INK.alpha(0.5) } else { PALETTE[1 + i % (PALETTE.len() - 1)].alpha(0.6) }
        };
        let mut legend = Legend::default();
        for (i, (split, _)) in shown.iter().enumerate() {
            legend.add(Key::Dot, color(split, i.saturating_sub(1)).alpha(1.0), split.name.clone());
        }
        legend.add(Key::Solid, PALETTE[0], "mean ± 1, 2, 3 σ");
        let (mut canvas, top) = legend.canvas(190.0);
        let targets = || shown.iter().flat_map(|(split, _)| split.target.iter().copied());
        let y_scale = Scale::linear(targets().chain(curve.iter().map(|c| c.1)));
        let Scale::Linear(low, high) = y_scale else { return None };
        let x = Axis::new(input.name.clone(), Scale::linear(curve.iter().map(|c| c.0)));
        let name = run.target_names.first().map_or("target", String::as_str);
        let y = Axis::new(run.with_unit(name), y_scale);
        let height = canvas.height;
        let frame = Frame::fit(&canvas, &x, &y, None, (top, height - 3.0));
        for width in BANDS {
            // An infinite σ fills the frame.
            let edge = |sign: f64| {
                move |&(x, mean, sigma): &(f64, f64, f64)| (x, (mean + sign * width * sigma).clamp(low, high))
            };
            let outline = curve.iter().map(edge(1.0)).chain(curve.iter().rev().map(edge(-1.0)));
            canvas.polygon(outline.map(|(x, y)| frame.at(x, y)).collect(), PALETTE[0].alpha(0.16));
        }
        let mut table = Table::new(&["split", "input", "target", "mean", "sigma"]);
        for (i, (split, x)) in shown.iter().enumerate() {
            let every = x.len().div_ceil(MOST_DOTS);
            for (&x, &y) in x.iter().zip(&split.target).step_by(every).filter(|(_, y)| y.is_finite()) {
                canvas.disc(frame.at(x, y), 0.9, color(split, i.saturating_sub(1)));
            }
        }
        for (split, x) in &splits {
            for (i, &x) in x.iter().enumerate() {
                table.row(&split.name, &[x, split.target[i], split.mean[i], split.sigma[i]]);
            }
        }
        if let Some((_, trained)) = splits.iter().find(|(split, _)| split.name == "train") {
            let bound = |pick: fn(f64, f64) -> f64, start: f64| trained.iter().copied().fold(start, pick);
            let (first, last) = (bound(f64::min, f64::INFINITY), bound(f64::max, f64::NEG_INFINITY));
            for x in [first, last].into_iter().filter(|_| curve.iter().any(|c| c.0 < first || c.0 > last)) {
                frame.guide(&mut canvas, &[(x, low), (x, high)]);
            }
        }
        let mean: Vec<(f64, f64)> = curve.iter().map(|c| (c.0, c.1)).collect();
        frame.curve(&mut canvas, &mean, 1.3, PALETTE[0]);
        frame.draw(&mut canvas, &x, &y);
        Some(Drawing { canvas, table })
    }
}
