//! Categorical distribution of one class of K, by its logits z.
//!
//! A target is the one-hot vector of its class: −log p(y) = ln Σⱼ e^{zⱼ} − Σₖ yₖ zₖ.
//!
//! With label smoothing ε the loss is the cross-entropy with (1 − ε)yₖ + ε/K (Szegedy et al. 2016,
//! sec. 7), which cannot fall below that target's entropy: 0.500288 nats at K = 10, ε = 0.1. The NLL
//! that is reported is that of the class itself.

use candle_core::{D, Result, Tensor};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use surprisal_core::rng::{self, Stream};

use super::{
    BernoulliMarginal, BlockValues, Coupling, Kind, Likelihood, LocationLink, Marginal, Natural, ParameterSpec,
    Standardization, TargetError,
};

/// Categorical distribution of the classes of a column.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Categorical {
    /// ε of the label smoothing, 0 ≤ ε < 1.
    #[serde(default)]
    pub label_smoothing: f64,
}

/// Whether ε is one; the setting, its domain and its value if not.
pub(super) fn smoothing_in_range(epsilon: f64) -> Option<(&'static str, &'static str, f64)> {
    if (0.0..1.0).contains(&epsilon) { None } else { Some(("label_smoothing", "in [0, 1)", epsilon)) }
}

/// ln Σⱼ e^{zⱼ} − Σₖ yₖ zₖ for targets that sum to 1, `[n, b]`.
fn cross_entropy(logits: &Tensor, y: &Tensor) -> Result<Tensor> {
    logits.log_sum_exp(D::Minus1)? - (y * logits)?.sum(D::Minus1)?
}

impl Likelihood for Categorical {
    fn kind(&self) -> Kind {
        Kind::Label
    }

    fn standardization(&self) -> Standardization {
        Standardization::None
    }

    fn coupling(&self) -> Option<Coupling> {
        Some(Coupling::Joint)
    }

    fn has_joint_form(&self, block_dim: usize) -> bool {
        block_dim == 1
    }

    fn parameters(&self, _: usize) -> Vec<ParameterSpec> {
        vec![]
    }

    fn location_link(&self) -> Option<LocationLink> {
        None
    }

    fn location(&self, raw: &[f64]) -> Vec<f64> {
        let largest = raw.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let powers: Vec<f64> = raw.iter().map(|z| (z - largest).exp()).collect();
        let sum: f64 = powers.iter().sum();
        powers.iter().map(|p| p / sum).collect()
    }

    fn mean(&self, p: &Natural) -> Result<Tensor> {
        p.location.broadcast_sub(&p.location.log_sum_exp(D::Minus1)?.unsqueeze(D::Minus1)?)?.exp()
    }

    fn nll(&self, p: &Natural, y: &Tensor) -> Result<Tensor> {
        cross_entropy(&p.location, y)
    }

    fn regularizer(&self, p: &Natural, y: &Tensor) -> Result<Option<Tensor>> {
        if self.label_smoothing == 0.0 {
            return Ok(None);
        }
        let smoothed = y.affine(1.0 - self.label_smoothing, self.label_smoothing / p.block_dim as f64)?;
        (cross_entropy(&p.location, &smoothed)? - self.nll(p, y)?).map(Some)
    }

    fn check_target(&self, y: f64) -> std::result::Result<(), TargetError> {
        if y == 0.0 || y == 1.0 {
            return Ok(());
        }
        let hint = "name the column of classes: target = { column = \"…\" }";
        Err(TargetError { likelihood: "categorical", domain: "classes", value: y, hint })
    }

    fn check_settings(&self) -> Option<(&'static str, &'static str, f64)> {
        smoothing_in_range(self.label_smoothing)
    }

    fn marginal(&self, block: &BlockValues<'_>, component: usize) -> Box<dyn Marginal> {
        Box::new(BernoulliMarginal { probability: block.location[component] })
    }

    fn sample(&self, block: &BlockValues<'_>, stream: &mut Stream) -> Vec<f64> {
        let mut left = rng::uniform(stream);
        let last = block.block_dim - 1;
        let class = block.location.iter().position(|p| {
            left -= p;
            left < 0.0
        });
        let class = class.unwrap_or(last);
        (0..block.block_dim).map(|k| f64::from(u8::from(k == class))).collect()
    }
}
