//! Error of what remains when the least certain samples are set aside, against the oracle that sets
//! aside the largest errors, and against chance (Ilg et al. 2018, ECCV, Fig. 3).

use surprisal_objective::calibration::sparsification;

use super::axes::{Axis, Frame, Key, Legend};
use super::canvas::GREY;
use super::ticks::Scale;
use super::{Drawing, Figure, Table, coloured, shows_numbers, tell_apart};
use crate::run_data::{RunData, SplitData};

/// Points of each curve that are kept.
const POINTS: usize = 200;

#[derive(Debug)]
pub(crate) struct Sparsification {}

impl Figure for Sparsification {
    fn name(&self) -> &'static str {
        "sparsification"
    }

    fn title(&self) -> &'static str {
        "Sparsification"
    }

    fn caption(&self, _run: &RunData) -> String {
        "RMSE of the samples that remain when those of largest predicted σ are set aside, relative to that of all \
         (solid), and when those of largest error are, which no σ can beat (dashed). The horizontal line is what \
         setting aside at random does. In brackets the area between solid and dashed curve (AUSE)."
            .into()
    }

    fn draw(&self, run: &RunData) -> Option<Drawing> {
        if !shows_numbers(run) {
            return None;
        }
        let sigmas: Vec<f64> = run.splits.iter().flat_map(SplitData::sample_sigma).collect();
        if !tell_apart(sigmas.iter()) {
            return None;
        }
        let curves: Vec<_> =
            coloured(run).into_iter().filter_map(|(split, color)| Some((split, color, Curves::of(split)?))).collect();
        if curves.is_empty() {
            return None;
        }
        let mut legend = Legend::default();
        for (split, color, curves) in &curves {
            legend.add(Key::Solid, *color, format!("{} ({:.2})", split.name, curves.ause));
        }
        legend.add(Key::Dashed, GREY, "oracle");
        let (mut canvas, top) = legend.canvas(196.0);
        let highest = curves.iter().flat_map(|(_, _, c)| &c.by_sigma).map(|p| p.1).fold(1.0, f64::max);
        let x = Axis::new("Fraction set aside", Scale::Linear(0.0, 1.0));
        let y = Axis::new("RMSE of the rest / RMSE of all", Scale::Linear(0.0, (1.08 * highest).min(2.0)));
        let height = canvas.height;
        let frame = Frame::fit(&canvas, &x, &y, None, (top, height - 3.0));
        frame.guide(&mut canvas, &[(0.0, 1.0), (1.0, 1.0)]);
        let mut table = Table::new(&["split", "fraction", "by_sigma", "oracle"]);
        for (split, color, curves) in &curves {
            frame.dashed(&mut canvas, &curves.oracle, color.alpha(0.8));
            frame.curve(&mut canvas, &curves.by_sigma, 1.3, *color);
            for (ranked, oracle) in curves.by_sigma.iter().zip(&curves.oracle) {
                table.row(&split.name, &[ranked.0, ranked.1, oracle.1]);
            }
        }
        frame.draw(&mut canvas, &x, &y);
        Some(Drawing { canvas, table })
    }
}

struct Curves {
    by_sigma: Vec<(f64, f64)>,
    oracle: Vec<(f64, f64)>,
    ause: f64,
}

impl Curves {
    /// `None` where there are too few samples or no errors to relate to.
    fn of(split: &SplitData) -> Option<Self> {
        let known = split.sample_error().into_iter().zip(split.sample_sigma());
        let (error, sigma): (Vec<f64>, Vec<f64>) = known.filter(|(e, s)| e.is_finite() && !s.is_nan()).unzip();
        let ause = sparsification::ause(&error, &sigma);
        if error.len() < 3 || !ause.is_finite() {
            return None;
        }
        let n = error.len();
        let thinned = |curve: &[f64]| -> Vec<(f64, f64)> {
            let step = n.div_ceil(POINTS);
            (0..n).filter(|i| i % step == 0 || i + 1 == n).map(|i| (i as f64 / n as f64, curve[i])).collect()
        };
        let by_sigma = thinned(&sparsification::curve(&error, &sigma));
        Some(Self { by_sigma, oracle: thinned(&sparsification::oracle(&error)), ause })
    }
}
