//! Gamma distribution of a positive value, by the logarithm η of its mean and its shape k: the
//! coefficient of variation is 1/√k.
//!
//! −log p = lnΓ(k) − k·ln k + k·η − (k − 1)·ln y + k·y·e^{−η}
//!        = δ(k) + ½ln(2π/k) + ln y + k·(e^u − 1 − u), u = ln y − η,
//!
//! δ being Stirling's remainder: for large k nothing cancels (McCullagh & Nelder 1989, ch. 8).

use candle_core::{Result, Tensor};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use surprisal_ops::special::Pointwise;

use super::{
    BlockValues, Dispersion, GammaMarginal, Likelihood, Link, LocationLink, Marginal, Natural, ParameterSpec, Source,
    Standardization, TargetError,
};

/// Gamma distribution of positive values.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Gamma {
    /// Shape k > 0: "network", "constant", or a number; 1 is the exponential distribution.
    #[serde(default)]
    pub shape: Source,
}

impl Likelihood for Gamma {
    fn standardization(&self) -> Standardization {
        Standardization::Scale
    }

    fn placeholder(&self) -> f64 {
        1.0
    }

    fn has_joint_form(&self, block_dim: usize) -> bool {
        block_dim == 1
    }

    fn parameters(&self, _: usize) -> Vec<ParameterSpec> {
        vec![ParameterSpec::scalar("shape", self.shape, Link::Exponential, 0)]
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
        let [shape] = p.parameters.as_slice() else { candle_core::bail!("gamma has one parameter") };
        let log_y = y.squeeze(2)?.log()?;
        let u = (&log_y - p.location.squeeze(2)?)?;
        let excess = (Pointwise::Expm1.apply(&u)? - &u)?;
        let spread = shape.log()?.affine(-0.5, 0.5 * std::f64::consts::TAU.ln())?;
        ((Pointwise::StirlingRemainder.apply(shape)? + spread)? + log_y)? + (shape * excess)?
    }

    fn check_target(&self, y: f64) -> std::result::Result<(), TargetError> {
        check_positive("gamma", y)
    }

    fn dispersion(&self) -> Option<Dispersion> {
        Some(Dispersion { parameter: 0, power: -2.0, raw_location: |mean| vec![mean.ln()] })
    }

    fn marginal(&self, block: &BlockValues<'_>, component: usize) -> Box<dyn Marginal> {
        Box::new(GammaMarginal { mean: block.location[component], shape: block.parameters[0] })
    }
}

/// `y` itself if it is a finite number above 0.
pub(super) fn check_positive(likelihood: &'static str, y: f64) -> std::result::Result<(), TargetError> {
    if y > 0.0 && y.is_finite() {
        return Ok(());
    }
    let hint = "use `poisson` or `negative_binomial` for counts, `gaussian` or `student_t` for real-valued targets";
    Err(TargetError { likelihood, domain: "values above 0", value: y, hint })
}
