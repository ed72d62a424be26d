//! Densities of the epistemic uncertainty per split, with the AUROC of telling each shifted split
//! from the reference by it.

use surprisal_objective::calibration::auroc::auroc;

use super::axes::{Axis, Frame, Key, Legend};
use super::ticks::Scale;
use super::{Drawing, Figure, Table, coloured};
use crate::run_data::RunData;

const BINS: usize = 40;

#[derive(Debug)]
pub(crate) struct Epistemic {}

impl Figure for Epistemic {
    fn name(&self) -> &'static str {
        "epistemic"
    }

    fn title(&self) -> &'static str {
        "Uncertainty off the training data"
    }

    fn caption(&self, run: &RunData) -> String {
        let (name, fallback) = match run.reference().map(|r| r.knowledge().0.to_owned()) {
            Some(name) if name != "total" => (format!("{} uncertainty", name.replace('_', " ")), ""),
            _ => ("total predicted σ".into(), " This likelihood has no epistemic part."),
        };
        let reference = run.reference().map_or("reference", |r| r.name.as_str());
        format!(
            "Distribution of the {name} of each sample. It should be larger on data unlike the training data: in \
             brackets the AUROC against {reference}, 0.5 if the uncertainty cannot tell the two apart, 1 if it \
             always does.{fallback}"
        )
    }

    fn draw(&self, run: &RunData) -> Option<Drawing> {
        let reference = run.reference()?;
        let familiar = reference.knowledge().1;
        let splits: Vec<_> = coloured(run)
            .into_iter()
            .map(|(split, color)| (split, color, split.knowledge().1))
            .filter(|(_, _, values)| values.iter().any(|v| v.is_finite() && *v > 0.0))
            .collect();
        if splits.is_empty() {
            return None;
        }
        let mut legend = Legend::default();
        for (split, color, values) in &splits {
            let text = if split.name == reference.name {
                split.name.clone()
            } else {
                format!("{} ({:.2})", split.name, auroc(&familiar, values))
            };
            legend.add(Key::Solid, *color, text);
        }
        let (mut canvas, top) = legend.canvas(180.0);
        let scale = Scale::log(splits.iter().flat_map(|(_, _, v)| central(v)));
        let Scale::Log(low, high) = scale else { return None };
        let edges: Vec<f64> = (0..=BINS).map(|i| low * (high / low).powf(i as f64 / BINS as f64)).collect();
        // Per decade, so that the areas on the logarithmic axis compare.
        let per_bin = BINS as f64 / (high / low).log10();
        let densities: Vec<_> = splits
            .iter()
            .map(|(split, color, values)| {
                let mut density = vec![0.0; BINS];
                for &value in values.iter().filter(|v| v.is_finite() && **v > 0.0) {
                    let bin = scale.fraction(value) * BINS as f64;
                    if (0.0..BINS as f64).contains(&bin) {
                        density[bin as usize] += per_bin / values.len() as f64;
                    }
                }
                (split, color, density)
            })
            .collect();
        let highest = densities.iter().flat_map(|(_, _, d)| d.iter().copied()).fold(0.0, f64::max);
        let name = match reference.knowledge().0 {
            "total" => "Predicted σ".to_owned(),
            name => format!("{} uncertainty", capitalised(&name.replace('_', " "))),
        };
        let x = Axis::new(run.with_unit(&name), scale);
        let y = Axis::new("Density per decade", Scale::Linear(0.0, 1.06 * highest.max(1e-3)));
        let height = canvas.height;
        let frame = Frame::fit(&canvas, &x, &y, None, (top, height - 3.0));
        let mut table = Table::new(&["split", "from", "to", "density_per_decade"]);
        for (split, color, density) in &densities {
            frame.steps(&mut canvas, &edges, density, **color);
            for (edge, &density) in edges.windows(2).zip(density) {
                table.row(&split.name, &[edge[0], edge[1], density]);
            }
        }
        frame.draw(&mut canvas, &x, &y);
        Some(Drawing { canvas, table })
    }
}

/// Values without the outermost thousandth on either side, so that one outlier does not set the axis.
fn central(values: &[f64]) -> Vec<f64> {
    let mut positive: Vec<f64> = values.iter().copied().filter(|v| v.is_finite() && *v > 0.0).collect();
    positive.sort_by(f64::total_cmp);
    let cut = positive.len() / 1000;
    positive[cut..positive.len() - cut].to_vec()
}

fn capitalised(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or(String::new(), |first| first.to_uppercase().chain(letters).collect())
}
