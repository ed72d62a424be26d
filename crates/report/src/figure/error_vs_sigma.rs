//! Root-mean-square error against predicted σ in bins of equal count: the reliability diagram of
//! regression (Levi et al. 2022, Sensors 22, 5540, Fig. 1; Pernot 2022, J. Chem. Phys. 157, 144103).

use surprisal_objective::calibration::ence;

use super::axes::{Axis, Frame, Key, Legend};
use super::ticks::Scale;
use super::{Drawing, Figure, Table, coloured, shows_numbers};
use crate::run_data::RunData;

#[derive(Debug)]
pub(crate) struct ErrorVsSigma {}

impl Figure for ErrorVsSigma {
    fn name(&self) -> &'static str {
        "error_vs_sigma"
    }

    fn title(&self) -> &'static str {
        "Error against predicted σ"
    }

    fn caption(&self, _run: &RunData) -> String {
        "Root-mean-square error in bins of equal count by predicted standard deviation, against the \
         root-mean-square of that σ. On the dashed line stated and actual error agree; above it the model is \
         over-confident, below it under-confident. A horizontal run of points means that σ does not tell good \
         from bad predictions."
            .into()
    }

    fn draw(&self, run: &RunData) -> Option<Drawing> {
        if !shows_numbers(run) {
            return None;
        }
        let splits: Vec<_> = coloured(run)
            .into_iter()
            .map(|(split, color)| {
                let n_bins = (split.target.len() / 20).clamp(3, 15);
                let bins = ence::bins(&split.error(), &split.sigma, n_bins);
                let shown: Vec<_> = bins.into_iter().filter(|b| b.rmv > 0.0 && b.rmse > 0.0).collect();
                (split, color, shown)
            })
            .filter(|(_, _, bins)| !bins.is_empty())
            .collect();
        if splits.is_empty() {
            return None;
        }
        let mut legend = Legend::default();
        splits.iter().for_each(|(s, color, _)| legend.add(Key::Dot, *color, s.name.clone()));
        let (mut canvas, top) = legend.canvas(200.0);
        let all = || splits.iter().flat_map(|(_, _, bins)| bins);
        let x = Axis::new(run.with_unit("Predicted σ"), Scale::log(all().map(|b| b.rmv)));
        let y = Axis::new(run.with_unit("RMSE"), Scale::log(all().map(|b| b.rmse)));
        let height = canvas.height;
        let frame = Frame::fit(&canvas, &x, &y, None, (top, height - 3.0));
        if let (Scale::Log(low, high), Scale::Log(bottom, ceiling)) = (x.scale, y.scale) {
            let (from, to) = (low.max(bottom), high.min(ceiling));
            if from < to {
                frame.guide(&mut canvas, &[(from, from), (to, to)]);
            }
        }
        let mut table = Table::new(&["split", "sigma", "rmse", "count"]);
        for (split, color, bins) in &splits {
            let points: Vec<(f64, f64)> = bins.iter().map(|b| (b.rmv, b.rmse)).collect();
            frame.curve(&mut canvas, &points, 0.8, color.alpha(0.7));
            for bin in bins {
                canvas.disc(frame.at(bin.rmv, bin.rmse), 1.9, *color);
                table.row(&split.name, &[bin.rmv, bin.rmse, bin.n as f64]);
            }
        }
        frame.draw(&mut canvas, &x, &y);
        Some(Drawing { canvas, table })
    }
}
