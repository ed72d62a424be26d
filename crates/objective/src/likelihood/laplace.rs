//! Laplace distribution, and its radial form for a vector of three components.
//!
//! m = 1: −log p = ln(2b) + |r|/b. With fixed b this is the absolute error.
//!
//! m = 3: p(y) = exp(−r/b)/(8πb³) with r = ‖y − location‖, the density that decays exponentially in
//! every direction and turns with the vector. (A product of three Laplace densities does not.) In
//! general −log p = r/b + m·ln b + ln(2π^{m/2}·Γ(m)/Γ(m/2)).

use candle_core::{Result, Tensor};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use surprisal_core::rng::{self, Stream};
use surprisal_ops::special::lgamma;

use super::{
    BlockValues, LaplaceMarginal, Likelihood, Link, Marginal, Natural, ParameterSpec, RadialLaplaceMarginal, Source,
    TargetError, check_real,
};

/// Laplace distribution: tails heavier than normal, the location a median.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Laplace {
    /// Scale b (mean absolute deviation of one component): "network", "constant", or a number in the
    /// data's own units.
    #[serde(default)]
    pub scale: Source,
}

impl Likelihood for Laplace {
    fn parameters(&self, _: usize) -> Vec<ParameterSpec> {
        vec![ParameterSpec::scalar("scale", self.scale, Link::Exponential, 1)]
    }

    fn nll(&self, p: &Natural, y: &Tensor) -> Result<Tensor> {
        let [scale] = p.parameters.as_slice() else { candle_core::bail!("laplace has one parameter") };
        let m = p.block_dim as f64;
        let log_volume = 2f64.ln() + 0.5 * m * std::f64::consts::PI.ln() + lgamma(m) - lgamma(0.5 * m);
        (p.distance(y)? / scale)? + ((scale.log()? * m)? + log_volume)?
    }

    fn check_target(&self, y: f64) -> std::result::Result<(), TargetError> {
        check_real("laplace", y)
    }

    fn has_joint_form(&self, block_dim: usize) -> bool {
        block_dim == 1 || block_dim == 3
    }

    fn sample(&self, block: &BlockValues<'_>, stream: &mut Stream) -> Vec<f64> {
        // the radius of the radial form has density ∝ r^{m−1}e^{−r/b}; its direction is uniform
        let radius = block.parameters[0] * rng::gamma(stream, block.block_dim as f64);
        let direction: Vec<f64> = block.location.iter().map(|_| rng::standard_normal(stream)).collect();
        let length = direction.iter().map(|d| d * d).sum::<f64>().sqrt();
        block.location.iter().zip(direction).map(|(l, d)| l + radius * d / length).collect()
    }

    fn marginal(&self, block: &BlockValues<'_>, component: usize) -> Box<dyn Marginal> {
        if block.block_dim == 1 {
            Box::new(LaplaceMarginal { loc: block.location[component], scale: block.parameters[0] })
        } else {
            Box::new(RadialLaplaceMarginal { loc: block.location[component], scale: block.parameters[0] })
        }
    }
}
