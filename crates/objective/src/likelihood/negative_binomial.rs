//! Negative binomial distribution of counts (NB2), by the logarithm η of its mean µ and its
//! dispersion α: the variance is µ + αµ².
//!
//! −log p(y) = lnΓ(y + 1) − Σ_{j<y} ln(1 + αj) − y·η + (y + 1/α)·ln(1 + αµ)
//!
//! (Cameron & Trivedi 2013, Regression analysis of count data, eq. 3.26, with Γ(y + 1/α)/Γ(1/α)
//! written as a rising product). Every term has its Poisson limit at α → 0: nothing cancels.

use candle_core::{Result, Tensor};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use surprisal_ops::special::{Pointwise, rising_log1p};

use super::poisson::check_count;
use super::{
    BlockValues, Dispersion, Kind, Likelihood, Link, LocationLink, Marginal, Natural, NegativeBinomialMarginal,
    ParameterSpec, Source, Standardization, TargetError,
};

/// Negative binomial distribution of counts that vary more than Poisson's.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NegativeBinomial {
    /// Dispersion α > 0 (the variance is µ + αµ²): "network", "constant", or a number.
    #[serde(default)]
    pub dispersion: Source,
}

impl Likelihood for NegativeBinomial {
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
        vec![ParameterSpec::scalar("dispersion", self.dispersion, Link::Exponential, 0)]
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
        let [alpha] = p.parameters.as_slice() else { candle_core::bail!("negative_binomial has one parameter") };
        let (eta, y) = (p.location.squeeze(2)?, y.squeeze(2)?);
        let log_factorial = Pointwise::Lgamma.apply(&(&y + 1.0)?)?;
        let rising = rising_log1p(alpha, &y)?;
        let mean = eta.exp()?;
        let excess = (alpha * &mean)?;
        // ln(1 + αµ)/α is µ times a smooth function of αµ: its derivative would cancel in any other form
        let at_zero = (mean * Pointwise::Log1pRatio.apply(&excess)?)?;
        ((log_factorial - rising)? - (&y * &eta)?)? + ((&y * Pointwise::Log1p.apply(&excess)?)? + at_zero)?
    }

    fn check_target(&self, y: f64) -> std::result::Result<(), TargetError> {
        check_count("negative_binomial", y)
    }

    fn dispersion(&self) -> Option<Dispersion> {
        Some(Dispersion { parameter: 0, power: 2.0, raw_location: |mean| vec![mean.ln()] })
    }

    fn marginal(&self, block: &BlockValues<'_>, component: usize) -> Box<dyn Marginal> {
        Box::new(NegativeBinomialMarginal { mean: block.location[component], dispersion: block.parameters[0] })
    }
}
