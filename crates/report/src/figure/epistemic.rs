//! Densities of the epistemic uncertainty per split, with the AUROC of telling each shifted split
//! from the reference by it.

use surprisal_objective::calibration::auroc::auroc;

use super::axes::{Axis, Frame, Key, Legend};
use super::density::LogDensity;
use super::ticks::Scale;
use super::{Drawing, Figure, Table, coloured, tell_apart};
use crate::run_data::RunData;

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
        if !tell_apart(splits.iter().flat_map(|(_, _, values)| values)) {
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
        let values: Vec<&[f64]> = splits.iter().map(|(_, _, v)| v.as_slice()).collect();
        let density = LogDensity::of(&values, [])?;
        let name = match reference.knowledge().0 {
            "total" => "Predicted σ".to_owned(),
            name => format!("{} uncertainty", capitalised(&name.replace('_', " "))),
        };
        let x = Axis::new(run.with_unit(&name), density.scale);
        let y = Axis::new("Density per decade", Scale::Linear(0.0, 1.06 * density.highest()));
        let height = canvas.height;
        let frame = Frame::fit(&canvas, &x, &y, None, (top, height - 3.0));
        let mut table = Table::new(&["split", "from", "to", "density_per_decade"]);
        for ((split, color, _), heights) in splits.iter().zip(&density.heights) {
            frame.steps(&mut canvas, &density.edges, heights, *color);
            for (edge, &height) in density.edges.windows(2).zip(heights) {
                table.row(&split.name, &[edge[0], edge[1], height]);
            }
        }
        frame.draw(&mut canvas, &x, &y);
        Some(Drawing { canvas, table })
    }
}

fn capitalised(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or(String::new(), |first| first.to_uppercase().chain(letters).collect())
}
