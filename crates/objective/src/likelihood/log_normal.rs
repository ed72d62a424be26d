//! Log-normal distribution of a positive value: ln y is normal with mean η and standard deviation σ.
//!
//! −log p = ln y + ½ln(2πσ²) + (ln y − η)²/(2σ²). Reported are the median e^η and σ; the mean is
//! e^{η + σ²/2}.

use candle_core::{Result, Tensor};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::gamma::check_positive;
use super::{
    BlockValues, Dispersion, Likelihood, Link, LocationLink, LogNormalMarginal, Marginal, Natural, ParameterSpec,
    Source, Standardization, TargetError,
};

/// Log-normal distribution of positive values.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LogNormal {
    /// Standard deviation σ of ln y: "network", "constant", or a number.
    #[serde(default)]
    pub scale: Source,
}

impl Likelihood for LogNormal {
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
        vec![ParameterSpec::scalar("scale", self.scale, Link::Exponential, 0)]
    }

    fn location_link(&self) -> Option<LocationLink> {
        Some(LocationLink::Log)
    }

    fn location(&self, raw: &[f64]) -> Vec<f64> {
        vec![raw[0].exp()]
    }

    fn mean(&self, p: &Natural) -> Result<Tensor> {
        let [scale] = p.parameters.as_slice() else { candle_core::bail!("log_normal has one parameter") };
        (&p.location + (scale.sqr()? * 0.5)?.unsqueeze(2)?)?.exp()
    }

    fn nll(&self, p: &Natural, y: &Tensor) -> Result<Tensor> {
        let [scale] = p.parameters.as_slice() else { candle_core::bail!("log_normal has one parameter") };
        let log_y = y.squeeze(2)?.log()?;
        let z = ((&log_y - p.location.squeeze(2)?)? / scale)?;
        (log_y + (scale.log()? + 0.5 * std::f64::consts::TAU.ln())?)? + (z.sqr()? * 0.5)?
    }

    fn check_target(&self, y: f64) -> std::result::Result<(), TargetError> {
        check_positive("log_normal", y)
    }

    fn dispersion(&self) -> Option<Dispersion> {
        Some(Dispersion { parameter: 0, power: 1.0, raw_location: |median| vec![median.ln()] })
    }

    fn marginal(&self, block: &BlockValues<'_>, component: usize) -> Box<dyn Marginal> {
        Box::new(LogNormalMarginal { loc: block.location[component].ln(), scale: block.parameters[0] })
    }
}
