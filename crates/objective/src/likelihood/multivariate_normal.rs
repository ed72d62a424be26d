//! Normal distribution of d components with a full covariance Σ = LLᵀ.
//!
//! −log p = d/2·ln 2π + ln det L + ½‖L⁻¹(y − location)‖², L as in [`super::cholesky`] (Dorta et al.
//! 2018, Structured uncertainty prediction networks).

use candle_core::{Result, Tensor};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use surprisal_core::rng::Stream;

use super::cholesky::{Factor, specs, whiten};
use super::{
    BlockValues, Coupling, Likelihood, Marginal, Natural, NormalMarginal, ParameterSpec, Source, TargetError,
    check_real,
};

/// Normal distribution of several targets together, with their covariance.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MultivariateNormal {
    /// Conditional standard deviations s: "network", "constant", or one number in the data's own units.
    #[serde(default)]
    pub scale: Source,
    /// Entries of U below the diagonal: "network", "constant", or a number (0: no correlation).
    #[serde(default)]
    pub mixing: Source,
}

impl Likelihood for MultivariateNormal {
    fn coupling(&self) -> Option<Coupling> {
        Some(Coupling::Joint)
    }

    fn has_joint_form(&self, block_dim: usize) -> bool {
        block_dim == 1
    }

    fn parameters(&self, block_dim: usize) -> Vec<ParameterSpec> {
        specs(self.scale, self.mixing, block_dim).to_vec()
    }

    fn nll(&self, p: &Natural, y: &Tensor) -> Result<Tensor> {
        let [scale, mixing] = p.parameters.as_slice() else { candle_core::bail!("two parameters are needed") };
        let [square, log_det] = whiten(p, y, scale, mixing)?;
        (square * 0.5)? + (log_det + 0.5 * p.block_dim as f64 * std::f64::consts::TAU.ln())?
    }

    fn check_target(&self, y: f64) -> std::result::Result<(), TargetError> {
        check_real("multivariate_normal", y)
    }

    fn marginal(&self, block: &BlockValues<'_>, component: usize) -> Box<dyn Marginal> {
        let scale = Factor::of(block.parameters, block).deviation(component);
        Box::new(NormalMarginal { loc: block.location[component], scale })
    }

    fn sample(&self, block: &BlockValues<'_>, stream: &mut Stream) -> Vec<f64> {
        let draw = Factor::of(block.parameters, block).draw(stream);
        block.location.iter().zip(draw).map(|(l, d)| l + d).collect()
    }
}
