//! Bernoulli distribution of a label y ∈ {0, 1}, by its logit z = ln(p/(1−p)).
//!
//! −log p(y) = y·ln(1 + e^{−z}) + (1 − y)·ln(1 + e^{z}), finite for every z.
//!
//! With label smoothing ε the loss is the cross-entropy with the target (1 − ε)y + ε/2 (Szegedy et al.
//! 2016, sec. 7, with K = 2), which cannot fall below that target's entropy; the NLL that is reported
//! is that of the label itself.

use candle_core::{Result, Tensor};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use surprisal_ops::special::{Pointwise, sigmoid};

use super::categorical::smoothing_in_range;
use super::{
    BernoulliMarginal, BlockValues, Kind, Likelihood, LocationLink, Marginal, Natural, ParameterSpec, Standardization,
    TargetError,
};

/// Bernoulli distribution of 0 and 1.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Bernoulli {
    /// ε of the label smoothing, 0 ≤ ε < 1.
    #[serde(default)]
    pub label_smoothing: f64,
}

/// Cross-entropy of the logits `[n, b, 1]` with the targets.
fn cross_entropy(logits: &Tensor, y: &Tensor) -> Result<Tensor> {
    let positive = (y * Pointwise::Softplus.apply(&logits.neg()?)?)?;
    let negative = (y.affine(-1.0, 1.0)? * Pointwise::Softplus.apply(logits)?)?;
    (positive + negative)?.squeeze(2)
}

impl Likelihood for Bernoulli {
    fn kind(&self) -> Kind {
        Kind::Label
    }

    fn standardization(&self) -> Standardization {
        Standardization::None
    }

    fn has_joint_form(&self, block_dim: usize) -> bool {
        block_dim == 1
    }

    fn parameters(&self, _: usize) -> Vec<ParameterSpec> {
        vec![]
    }

    fn location_link(&self) -> Option<LocationLink> {
        Some(LocationLink::Logit)
    }

    fn location(&self, raw: &[f64]) -> Vec<f64> {
        vec![sigmoid(raw[0])]
    }

    fn mean(&self, p: &Natural) -> Result<Tensor> {
        probability(&p.location)
    }

    fn nll(&self, p: &Natural, y: &Tensor) -> Result<Tensor> {
        cross_entropy(&p.location, y)
    }

    fn regularizer(&self, p: &Natural, y: &Tensor) -> Result<Option<Tensor>> {
        if self.label_smoothing == 0.0 {
            return Ok(None);
        }
        let smoothed = y.affine(1.0 - self.label_smoothing, 0.5 * self.label_smoothing)?;
        (cross_entropy(&p.location, &smoothed)? - self.nll(p, y)?).map(Some)
    }

    fn check_target(&self, y: f64) -> std::result::Result<(), TargetError> {
        if y == 0.0 || y == 1.0 {
            return Ok(());
        }
        let hint = "name the label that counts as 1: target = { column = \"…\", positive = \"…\" }";
        Err(TargetError { likelihood: "bernoulli", domain: "labels 0 and 1", value: y, hint })
    }

    fn check_settings(&self) -> Option<(&'static str, &'static str, f64)> {
        smoothing_in_range(self.label_smoothing)
    }

    fn marginal(&self, block: &BlockValues<'_>, component: usize) -> Box<dyn Marginal> {
        Box::new(BernoulliMarginal { probability: block.location[component] })
    }
}

/// σ(z) = ½(1 + tanh(z/2)), which neither overflows nor has a wrong gradient.
pub(super) fn probability(logits: &Tensor) -> Result<Tensor> {
    (logits * 0.5)?.tanh()?.affine(0.5, 0.5)
}
