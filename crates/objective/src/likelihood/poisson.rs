//! Poisson distribution of counts, by the logarithm η of its rate.
//!
//! −log p(y) = e^η − y·η + lnΓ(y + 1).

use candle_core::{Result, Tensor};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use surprisal_ops::special::Pointwise;

use super::{
    BlockValues, Kind, Likelihood, LocationLink, Marginal, Natural, ParameterSpec, PoissonMarginal, Standardization,
    TargetError,
};

/// Poisson distribution of counts: the variance is the mean.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Poisson {}

impl Likelihood for Poisson {
    fn kind(&self) -> Kind {
        Kind::Count
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
        Some(LocationLink::Log)
    }

    fn location(&self, raw: &[f64]) -> Vec<f64> {
        vec![raw[0].exp()]
    }

    fn mean(&self, p: &Natural) -> Result<Tensor> {
        p.location.exp()
    }

    fn nll(&self, p: &Natural, y: &Tensor) -> Result<Tensor> {
        let log_factorial = Pointwise::Lgamma.apply(&(y + 1.0)?)?;
        ((p.location.exp()? - (y * &p.location)?)? + log_factorial)?.squeeze(2)
    }

    fn check_target(&self, y: f64) -> std::result::Result<(), TargetError> {
        check_count("poisson", y)
    }

    fn marginal(&self, block: &BlockValues<'_>, component: usize) -> Box<dyn Marginal> {
        Box::new(PoissonMarginal { rate: block.location[component] })
    }
}

/// `y` itself if it is a whole number ≥ 0.
pub(super) fn check_count(likelihood: &'static str, y: f64) -> std::result::Result<(), TargetError> {
    if y >= 0.0 && y.is_finite() && y.fract() == 0.0 {
        return Ok(());
    }
    let hint = if y >= 0.0 {
        "use `gamma` or `log_normal` for positive values that are not counts"
    } else {
        "use `gaussian`, `laplace` or `student_t` for real-valued targets"
    };
    Err(TargetError { likelihood, domain: "counts (whole numbers ≥ 0)", value: y, hint })
}
