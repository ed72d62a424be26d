//! Coefficients against the weight of the L1 penalty, from strong to weak (Friedman, Hastie &
//! Tibshirani 2010, Fig. 1), each named where its curve ends; below, the NLL that chose the weight.

use surprisal_data::run_file::PathTable;

use super::axes::{Axis, Frame, Key, Legend};
use super::canvas::{Anchor, GREY, INK, PALETTE, TEXT_SIZE};
use super::ticks::Scale;
use super::{Drawing, Figure, Table, font};
use crate::run_data::RunData;

/// Curves with a name; the others are grey.
const NAMED: usize = 14;

#[derive(Debug)]
pub(crate) struct RegularizationPath {}

/// The curves of the figure.
struct Curves {
    /// `[n]` each, with a name.
    curves: Vec<(String, Vec<f64>)>,
    /// What they are.
    label: &'static str,
}

impl Figure for RegularizationPath {
    fn name(&self) -> &'static str {
        "regularization_path"
    }

    fn title(&self) -> &'static str {
        "Regularisation path"
    }

    fn caption(&self, run: &RunData) -> String {
        let Some(path) = &run.solution.path else { return "The run has no regularisation path.".into() };
        let chosen = if path.valid_nll[path.selected].is_finite() {
            "the one with the best validation NLL"
        } else {
            "the last one, because nothing is held out"
        };
        format!(
            "{} of the model at every weight λ of the L1 penalty, from strong to weak. A curve leaves zero where its \
             input enters the model. The triangle and the dashed line mark the chosen λ, {chosen}: {} of its weights are not zero. \
             Below: mean NLL.",
            curves(run, path).label,
            path.n_nonzero[path.selected]
        )
    }

    fn draw(&self, run: &RunData) -> Option<Drawing> {
        let path = run.solution.path.as_ref().filter(|path| path.weight.len() > 1)?;
        let Curves { curves, label } = curves(run, path);
        if curves.is_empty() {
            return None;
        }
        let n = path.weight.len();
        let last = |curve: &(String, Vec<f64>)| curve.1[n - 1];
        let mut order: Vec<usize> = (0..curves.len()).collect();
        order.sort_by(|&a, &b| last(&curves[b]).abs().total_cmp(&last(&curves[a]).abs()));
        let named: Vec<usize> = order.iter().copied().take(NAMED).collect();

        let held_out = path.valid_nll.iter().any(|v| v.is_finite());
        let mut legend = Legend::default();
        legend.add(Key::Solid, GREY, "NLL (train)");
        if held_out {
            legend.add(Key::Solid, INK, "NLL (valid)");
        }
        legend.add(Key::Dashed, GREY, "chosen λ");
        let (mut canvas, top) = legend.canvas(258.0);
        let height = canvas.height;
        // read from left to right as the penalty gets weaker
        let x = Axis::new("Penalty weight λ", Scale::Log(path.weight[0], path.weight[n - 1]));
        let y = Axis::new(label, Scale::linear(curves.iter().flat_map(|(_, c)| c.iter().copied())));
        let nll = Axis::new("NLL (nat)", Scale::linear(path.valid_nll.iter().chain(&path.train_nll).copied()));
        let hidden = Axis { label: String::new(), ..x.clone() };
        let margin = named.iter().map(|&i| font::width(&curves[i].0, TEXT_SIZE)).fold(0.0, f64::max) + 18.0;
        let right = canvas.width - margin;
        let upper = Frame::fit(&canvas, &hidden, &y, None, (top + 4.0, height - 98.0));
        let lower = Frame::fit(&canvas, &x, &nll, None, (height - 88.0, height - 3.0));
        let left = upper.left.max(lower.left);
        let (upper, lower) = (Frame { left, right, ..upper }, Frame { left, right, ..lower });

        let chosen = upper.x_at(path.weight[path.selected]);
        for frame in [&upper, &lower] {
            canvas.dashed(vec![(chosen, frame.top), (chosen, frame.bottom)], 0.9, GREY);
        }
        let top = upper.top;
        canvas.polygon(vec![(chosen, top), (chosen - 3.0, top - 5.0), (chosen + 3.0, top - 5.0)], INK);
        upper.guide(&mut canvas, &[(path.weight[0], 0.0), (path.weight[n - 1], 0.0)]);
        let pairs = |values: &[f64]| path.weight.iter().copied().zip(values.iter().copied()).collect::<Vec<_>>();
        for &i in order.iter().skip(NAMED) {
            upper.curve(&mut canvas, &pairs(&curves[i].1), 0.8, GREY.alpha(0.6));
        }
        let ends: Vec<f64> = named.iter().map(|&i| upper.at(path.weight[n - 1], last(&curves[i])).1).collect();
        let places = spread(&ends, TEXT_SIZE + 0.5, (upper.top - 2.0, upper.bottom + 2.0));
        for (k, (&i, (end, place))) in named.iter().zip(ends.iter().zip(&places)).enumerate() {
            let color = PALETTE[k % PALETTE.len()];
            upper.curve(&mut canvas, &pairs(&curves[i].1), 1.2, color);
            canvas.line(vec![(right + 1.5, *end), (right + 11.0, *place)], 0.6, color);
            canvas.text((right + 13.0, place + 0.36 * TEXT_SIZE), curves[i].0.clone(), Anchor::Start, color);
        }
        upper.draw(&mut canvas, &hidden, &y);
        lower.curve(&mut canvas, &pairs(&path.train_nll), 1.2, GREY);
        lower.curve(&mut canvas, &pairs(&path.valid_nll), 1.2, INK);
        lower.draw(&mut canvas, &x, &nll);

        let mut table = Table::new(&["quantity", "weight", "value"]);
        let named_columns = [
            ("objective", &path.objective),
            ("train_nll", &path.train_nll),
            ("valid_nll", &path.valid_nll),
            ("n_nonzero", &path.n_nonzero),
        ];
        for (name, values) in
            named_columns.into_iter().chain(curves.iter().map(|(name, values)| (name.as_str(), values)))
        {
            path.weight.iter().zip(values).for_each(|(weight, value)| table.row(name, &[*weight, *value]));
        }
        Some(Drawing { canvas, table })
    }
}

/// The location's coefficients of a linear model; of a network, the length of all weights that leave
/// an input.
fn curves(run: &RunData, path: &PathTable) -> Curves {
    let matrices: Vec<_> =
        path.parameters.iter().filter(|(name, shape, _)| name.ends_with(".weight") && shape.len() == 2).collect();
    let Some((_, shape, values)) = matrices.first().map(|p| (&p.0, &p.1, &p.2)) else {
        return Curves { curves: vec![], label: "" };
    };
    let (n_units, n_inputs) = (shape[0], shape[1]);
    let linear = matrices.len() == 1;
    let curve = |j: usize| -> Vec<f64> {
        values
            .chunks_exact(n_units * n_inputs)
            .map(|w| match linear {
                true => w[j],
                false => w.iter().skip(j).step_by(n_inputs).map(|w| w * w).sum::<f64>().sqrt(),
            })
            .collect()
    };
    let name = |j: usize| run.solution.input_names.get(j).cloned().unwrap_or_else(|| format!("input {}", j + 1));
    Curves {
        curves: (0..n_inputs).map(|j| (name(j), curve(j))).collect(),
        label: if linear { "Coefficients" } else { "Lengths of input weights" },
    }
}

/// Places as near to `ends` as can be with `gap` between neighbours, inside the limits if they fit.
fn spread(ends: &[f64], gap: f64, (low, high): (f64, f64)) -> Vec<f64> {
    let mut order: Vec<usize> = (0..ends.len()).collect();
    order.sort_by(|&a, &b| ends[a].total_cmp(&ends[b]));
    // neighbours that touch form a block around the mean of its ends, as isotonic regression does
    let mut blocks: Vec<(f64, usize)> = vec![];
    for (k, &i) in order.iter().enumerate() {
        blocks.push((ends[i] - gap * k as f64, 1));
        while let [.., (a, n), (b, m)] = blocks[..]
            && b < a
        {
            let joined = ((a * n as f64 + b * m as f64) / (n + m) as f64, n + m);
            blocks.truncate(blocks.len() - 2);
            blocks.push(joined);
        }
    }
    let mut places = vec![0.0; ends.len()];
    let mut k = 0;
    for (start, n) in blocks {
        for _ in 0..n {
            let highest = high - gap * (ends.len() - 1) as f64;
            places[order[k]] = start.clamp(low.min(highest), highest.max(low)) + gap * k as f64;
            k += 1;
        }
    }
    places
}

#[cfg(test)]
mod tests {
    use super::spread;

    #[test]
    fn labels_keep_their_order_and_their_distance() {
        assert_eq!(spread(&[10.0, 50.0, 90.0], 8.0, (0.0, 100.0)), [10.0, 50.0, 90.0]);
        assert_eq!(spread(&[52.0, 48.0, 50.0], 8.0, (0.0, 100.0)), [58.0, 42.0, 50.0]);
        let at_the_end = spread(&[99.0, 98.0], 8.0, (0.0, 100.0));
        assert_eq!(at_the_end, [100.0, 92.0]);
    }
}
