//! Normal distribution of a block of m components with one variance.
//!
//! −log p = m/2·ln(2πσ²) + r²/(2σ²), r² = ‖y − location‖².
//!
//! With fixed σ this is the squared error: its gradient is that of r² divided by 2σ². A predicted σ
//! (Nix & Weigend 1994) can be inflated early in training at the expense of the location.

use candle_core::{Result, Tensor};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Likelihood, Link, Marginal, Natural, NormalMarginal, ParameterSpec, Source, TargetError, check_real};

/// Normal distribution.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Gaussian {
    /// Standard deviation σ: "network", "constant", or a number in the data's own units.
    #[serde(default)]
    pub scale: Source,
}

impl Likelihood for Gaussian {
    fn parameters(&self) -> Vec<ParameterSpec> {
        vec![ParameterSpec { name: "scale", source: self.scale, link: Link::Exponential, unit_power: 1 }]
    }

    fn nll(&self, p: &Natural, y: &Tensor) -> Result<Tensor> {
        let [scale] = p.parameters.as_slice() else { candle_core::bail!("gaussian has one parameter") };
        let m = p.block_dim()? as f64;
        let quadratic = (p.squared_distance(y)? / scale.sqr()?)?;
        (quadratic * 0.5)? + ((scale.log()? * m)? + 0.5 * m * std::f64::consts::TAU.ln())?
    }

    fn check_target(&self, y: f64) -> std::result::Result<(), TargetError> {
        check_real("gaussian", y)
    }

    fn marginal(&self, natural: &[f64], _: usize) -> Box<dyn Marginal> {
        Box::new(NormalMarginal { loc: natural[0], scale: natural[1] })
    }

    fn uncertainties(&self, natural: &[f64], _: usize) -> Vec<(&'static str, f64)> {
        vec![("aleatoric", natural[1])]
    }
}
