//! Mixture of K normal distributions (Bishop 1994, Mixture density networks, eq. 22–23).
//!
//! −log p = −ln Σₖ πₖ·N(y; µₖ, σₖ), π = softmax(logits), as a log-sum-exp of its K terms. The scales
//! have a floor, in units of the target's standard deviation, below which a component would collapse
//! onto a single observation with unbounded likelihood. The centres start spread over the normal
//! quantiles, so that components differ from the first step.

use candle_core::{D, Result, Tensor};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    BlockValues, GaussianMixtureMarginal, Likelihood, Link, LocationLink, Marginal, Natural, NormalMarginal,
    ParameterSpec, Source, TargetError, check_real,
};

/// Mixture of normal distributions: several branches.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GaussianMixture {
    /// Number of components K.
    #[serde(default = "two")]
    pub n_components: usize,
    /// Logits of the weights: "network" or "constant" (or 0 for equal weights).
    #[serde(default)]
    pub logits: Source,
    /// Standard deviations: "network", "constant", or one number in the data's own units.
    #[serde(default)]
    pub scale: Source,
    /// Smallest standard deviation, in units of the target's own over the training data.
    #[serde(default = "scale_floor")]
    pub scale_floor: f64,
}

fn two() -> usize {
    2
}

fn scale_floor() -> f64 {
    1e-3
}

impl Default for GaussianMixture {
    fn default() -> Self {
        let (logits, scale) = (Source::default(), Source::default());
        Self { n_components: two(), logits, scale, scale_floor: scale_floor() }
    }
}

impl GaussianMixture {
    /// Where the centres start, standardised units.
    fn starts(&self) -> Vec<f64> {
        let standard = NormalMarginal { loc: 0.0, scale: 1.0 };
        let k = self.n_components;
        (0..k).map(|i| standard.quantile((i as f64 + 0.5) / k as f64)).collect()
    }

    /// `[n, b, K]` each: ln πₖ, µₖ, σₖ.
    fn parts(&self, p: &Natural) -> Result<[Tensor; 3]> {
        let [logits, scale] = p.parameters.as_slice() else {
            candle_core::bail!("gaussian_mixture has two parameters")
        };
        let dims = p.location.dims();
        let (logits, scale) = (logits.reshape(dims)?, scale.reshape(dims)?);
        let log_weight = logits.broadcast_sub(&logits.log_sum_exp(D::Minus1)?.unsqueeze(D::Minus1)?)?;
        let starts = Tensor::from_vec(self.starts(), (1, 1, self.n_components), p.location.device())?;
        Ok([log_weight, p.location.broadcast_add(&starts)?, scale])
    }
}

impl Likelihood for GaussianMixture {
    fn has_joint_form(&self, block_dim: usize) -> bool {
        block_dim == 1
    }

    fn parameters(&self, _: usize) -> Vec<ParameterSpec> {
        let floored = Link::Softplus { lower: self.scale_floor, start: self.scale_floor + 0.5 };
        vec![
            ParameterSpec {
                width: self.n_components,
                ..ParameterSpec::scalar("logits", self.logits, Link::Identity, 0)
            },
            ParameterSpec { width: self.n_components, ..ParameterSpec::scalar("scale", self.scale, floored, 1) },
        ]
    }

    fn location_width(&self, _: usize) -> usize {
        self.n_components
    }

    fn location_link(&self) -> Option<LocationLink> {
        None
    }

    fn location(&self, raw: &[f64]) -> Vec<f64> {
        raw.iter().zip(self.starts()).map(|(raw, start)| raw + start).collect()
    }

    fn mean(&self, p: &Natural) -> Result<Tensor> {
        let [log_weight, location, _] = self.parts(p)?;
        (log_weight.exp()? * location)?.sum_keepdim(D::Minus1)
    }

    fn nll(&self, p: &Natural, y: &Tensor) -> Result<Tensor> {
        let [log_weight, location, scale] = self.parts(p)?;
        let z = (location.broadcast_sub(y)? / &scale)?;
        let log_density = ((z.sqr()? * -0.5)? - scale.log()?)?;
        (log_weight + log_density)?.log_sum_exp(D::Minus1)?.affine(-1.0, 0.5 * std::f64::consts::TAU.ln())
    }

    fn check_target(&self, y: f64) -> std::result::Result<(), TargetError> {
        check_real("gaussian_mixture", y)
    }

    fn check_settings(&self) -> Option<(&'static str, &'static str, f64)> {
        if self.n_components < 1 {
            return Some(("n_components", "at least 1", self.n_components as f64));
        }
        let valid = self.scale_floor > 0.0 && self.scale_floor.is_finite();
        if valid { None } else { Some(("scale_floor", "a positive number", self.scale_floor)) }
    }

    fn marginal(&self, block: &BlockValues<'_>, _: usize) -> Box<dyn Marginal> {
        let (logits, scales) = block.parameters.split_at(self.n_components);
        let largest = logits.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let powers: Vec<f64> = logits.iter().map(|l| (l - largest).exp()).collect();
        let sum: f64 = powers.iter().sum();
        Box::new(GaussianMixtureMarginal {
            weights: powers.iter().map(|p| p / sum).collect(),
            locs: block.location.to_vec(),
            scales: scales.to_vec(),
        })
    }
}
