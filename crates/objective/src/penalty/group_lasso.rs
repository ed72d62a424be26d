//! The weights that leave one input feature, taken together (Yuan & Lin 2006, eq. 2.1, with groups of
//! equal size): weight·Σⱼ ‖W₁[:, j]‖₂ over the columns j of the first layer's matrix
//! `[n_units, n_features]`. A feature is used by the network or not at all. Each member of an ensemble
//! chooses its own features: the sum is over the first layers of all members.
//!
//! Proximal map for one step size η: the column v becomes v·max(1 − η·weight/‖v‖, 0). For step sizes
//! ηᵢ of its coordinates it is zero where ‖v/η‖ ≤ weight, and else wᵢ = vᵢ·r/(r + ηᵢ·weight) with the
//! length r = ‖w‖ that solves Σᵢ (vᵢ/(r + ηᵢ·weight))² = 1.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use surprisal_core::{Parameters, Role};

use super::{Kind, Penalty, ProximalPenalty, Stationarity};

/// Sum over the input features of the length of their weights in the first layer, with exact zeros
/// for whole features.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GroupLasso {
    /// Nats per unit of length.
    pub weight: f64,
}

impl Penalty for GroupLasso {
    fn kind(&self) -> Kind<'_> {
        Kind::Proximal(self)
    }

    fn weight(&self) -> f64 {
        self.weight
    }
}

impl ProximalPenalty for GroupLasso {
    /// The first matrix of every member of the model.
    fn targets(&self, model: &Parameters) -> Vec<usize> {
        let mut first: Vec<(usize, usize)> = vec![];
        for (i, parameter) in model.iter().enumerate() {
            let matrix = parameter.role == Role::Weight && parameter.var.dims().len() == 2;
            if matrix && first.iter().all(|(member, _)| *member != parameter.member()) {
                first.push((parameter.member(), i));
            }
        }
        first.into_iter().map(|(_, i)| i).collect()
    }

    fn value(&self, w: &[f64], shape: &[usize]) -> f64 {
        (0..shape[1]).map(|j| self.weight * length(column(w, shape, j))).sum()
    }

    fn proximal(&self, w: &mut [f64], shape: &[usize], steps: &[f64]) {
        let mut v = vec![0.0; shape[0]];
        let mut threshold = vec![0.0; shape[0]];
        for j in 0..shape[1] {
            v.iter_mut().zip(column(w, shape, j)).for_each(|(v, w)| *v = w);
            threshold.iter_mut().zip(column(steps, shape, j)).for_each(|(t, step)| *t = step * self.weight);
            let r = shrunk_length(&v, &threshold);
            for (i, (v, t)) in v.iter().zip(&threshold).enumerate() {
                w[i * shape[1] + j] = if r > 0.0 { v * r / (r + t) } else { 0.0 };
            }
        }
    }

    fn stationarity(&self, w: &[f64], shape: &[usize], gradient: &[f64]) -> Stationarity {
        (0..shape[1]).fold(Stationarity::default(), |found, j| {
            let size = length(column(w, shape, j));
            found.join(if size == 0.0 {
                Stationarity::zero(length(column(gradient, shape, j)) - self.weight)
            } else {
                let pairs = column(w, shape, j).zip(column(gradient, shape, j));
                Stationarity::nonzero(length(pairs.map(|(w, g)| g + self.weight * w / size)))
            })
        })
    }
}

fn column<'a>(w: &'a [f64], shape: &[usize], j: usize) -> impl Iterator<Item = f64> + use<'a> {
    w.iter().skip(j).step_by(shape[1]).copied()
}

fn length(values: impl Iterator<Item = f64>) -> f64 {
    values.map(|v| v * v).sum::<f64>().sqrt()
}

/// The r ≥ 0 with Σ (vᵢ/(r + tᵢ))² = 1; 0 where the sum is at most 1 at r = 0.
fn shrunk_length(v: &[f64], t: &[f64]) -> f64 {
    let excess = |r: f64| v.iter().zip(t).filter(|(v, _)| **v != 0.0).map(|(v, t)| (v / (r + t)).powi(2)).sum::<f64>();
    let upper = length(v.iter().copied());
    if !(upper > 0.0) || excess(0.0) <= 1.0 {
        return 0.0;
    }
    // The sum falls from above 1 at max(‖v‖ − max t, 0) to at most 1 at ‖v‖ − min t. Newton on
    // 1/√sum, which is concave and nearly linear in r (exactly so for equal t), from the left.
    let mut r = (upper - t.iter().copied().fold(0.0, f64::max)).max(0.0);
    for _ in 0..100 {
        let sum = excess(r);
        let slope = v.iter().zip(t).filter(|(v, _)| **v != 0.0).map(|(v, t)| v * v / (r + t).powi(3)).sum::<f64>();
        let next = r + (1.0 - sum.powf(-0.5)) * sum.powf(1.5) / slope;
        if !((next - r).abs() > 1e-15 * upper) {
            return next.max(0.0);
        }
        r = next.max(0.0);
    }
    r
}
