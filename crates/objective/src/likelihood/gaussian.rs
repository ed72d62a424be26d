//! Normal distribution of a block of m components with one variance.
//!
//! −log p = m/2·ln(2πσ²) + r²/(2σ²), r² = ‖y − location‖².
//!
//! With fixed σ this is the squared error: its gradient is that of r² divided by 2σ². A predicted σ
//! (Nix & Weigend 1994) can be inflated early in training at the expense of the location, which then
//! gets small gradients. Three remedies change the loss and never the NLL that is reported:
//!
//! - `beta_nll`: each sample's NLL is weighted by σ^{2β}, taken as a constant (Seitzer et al. 2022,
//!   On the pitfalls of heteroscedastic uncertainty estimation, eq. 5): β = 0 is the NLL, β = 1 gives
//!   the location the gradient of the squared error;
//! - `faithful`: ½r² for the location plus the NLL of a location taken as a constant for the scale
//!   (Stirn et al. 2023, Faithful heteroscedastic regression, eq. 7; the network's trunk is shared);
//! - `mean_warmup_epochs`: so many epochs of ½r² alone, in units of the target scale.

use candle_core::{Result, Tensor};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    BlockValues, Likelihood, Link, Marginal, Natural, NormalMarginal, ParameterSpec, Progress, Source, TargetError,
    check_real,
};

/// Normal distribution.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Gaussian {
    /// Standard deviation σ: "network", "constant", or a number in the data's own units.
    #[serde(default)]
    pub scale: Source,
    /// β of the β-NLL, in [0, 1]; 0 is the NLL itself.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub beta_nll: f64,
    /// The location is fitted by the squared error, the scale by the NLL.
    #[serde(default, skip_serializing_if = "is_false")]
    pub faithful: bool,
    /// Epochs in which the location alone is fitted, by the squared error.
    #[serde(default, skip_serializing_if = "is_none")]
    pub mean_warmup_epochs: usize,
}

fn is_zero(beta: &f64) -> bool {
    *beta == 0.0
}

fn is_false(faithful: &bool) -> bool {
    !faithful
}

fn is_none(epochs: &usize) -> bool {
    *epochs == 0
}

impl Likelihood for Gaussian {
    fn parameters(&self, _: usize) -> Vec<ParameterSpec> {
        vec![ParameterSpec::scalar("scale", self.scale, Link::Exponential, 1)]
    }

    fn nll(&self, p: &Natural, y: &Tensor) -> Result<Tensor> {
        let [scale] = p.parameters.as_slice() else { candle_core::bail!("gaussian has one parameter") };
        let m = p.block_dim as f64;
        let quadratic = (p.squared_distance(y)? / scale.sqr()?)?;
        (quadratic * 0.5)? + ((scale.log()? * m)? + 0.5 * m * std::f64::consts::TAU.ln())?
    }

    fn surrogate(&self, p: &Natural, y: &Tensor, progress: Progress) -> Result<Option<Tensor>> {
        let half_square = || p.squared_distance(y)? * 0.5;
        if progress.epoch < self.mean_warmup_epochs {
            return half_square().map(Some);
        }
        if self.faithful {
            let fixed = Natural { location: p.location.detach(), ..p.clone() };
            return (half_square()? + self.nll(&fixed, y)?).map(Some);
        }
        if self.beta_nll > 0.0 {
            let [scale] = p.parameters.as_slice() else { candle_core::bail!("gaussian has one parameter") };
            let weight = scale.detach().powf(2.0 * self.beta_nll)?;
            return (self.nll(p, y)? * weight).map(Some);
        }
        Ok(None)
    }

    fn check_settings(&self) -> Option<(&'static str, &'static str, f64)> {
        if self.faithful && self.beta_nll != 0.0 {
            return Some(("beta_nll", "0 where `faithful` is set", self.beta_nll));
        }
        let valid = (0.0..=1.0).contains(&self.beta_nll);
        if valid { None } else { Some(("beta_nll", "in [0, 1]", self.beta_nll)) }
    }

    fn check_target(&self, y: f64) -> std::result::Result<(), TargetError> {
        check_real("gaussian", y)
    }

    fn marginal(&self, block: &BlockValues<'_>, component: usize) -> Box<dyn Marginal> {
        Box::new(NormalMarginal { loc: block.location[component], scale: block.parameters[0] })
    }
}
