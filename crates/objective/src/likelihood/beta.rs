//! Beta distribution of a share y ∈ (0, 1), by the logit η of its mean µ and its precision φ
//! (Ferrari & Cribari-Neto 2004, eq. 4): a = µφ, b = (1 − µ)φ, variance µ(1 − µ)/(1 + φ).
//!
//! −log p = lnΓ(a) + lnΓ(b) − lnΓ(φ) − (a − 1)·ln y − (b − 1)·ln(1 − y)
//!
//! With Stirling's remainder δ(x) = lnΓ(x) − (x − ½)ln x + x − ½ln 2π the large terms cancel on paper:
//!
//! −log p = δ(a) + δ(b) − δ(φ) + ½ln(2π/φ) + a·ln(µ/y) + b·ln((1−µ)/(1−y)) − ½ln(µ(1−µ)) + ln(y(1−y)).

use candle_core::{Result, Tensor};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use surprisal_ops::special::{Pointwise, sigmoid};

use super::bernoulli::probability;
use super::{
    BetaMarginal, BlockValues, Dispersion, Likelihood, Link, LocationLink, Marginal, Natural, ParameterSpec, Source,
    Standardization, TargetError,
};

/// Beta distribution of shares strictly between 0 and 1.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Beta {
    /// Precision φ > 0: "network", "constant", or a number.
    #[serde(default)]
    pub precision: Source,
}

impl Likelihood for Beta {
    fn standardization(&self) -> Standardization {
        Standardization::None
    }

    fn placeholder(&self) -> f64 {
        0.5
    }

    fn has_joint_form(&self, block_dim: usize) -> bool {
        block_dim == 1
    }

    fn parameters(&self, _: usize) -> Vec<ParameterSpec> {
        vec![ParameterSpec::scalar("precision", self.precision, Link::Exponential, 0)]
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
        let [phi] = p.parameters.as_slice() else { candle_core::bail!("beta has one parameter") };
        let (eta, y) = (p.location.squeeze(2)?, y.squeeze(2)?);
        // ln µ and ln(1 − µ), exact at both ends
        let (log_mean, log_rest) =
            (Pointwise::Softplus.apply(&eta.neg()?)?.neg()?, Pointwise::Softplus.apply(&eta)?.neg()?);
        let (a, b) = ((log_mean.exp()? * phi)?, (log_rest.exp()? * phi)?);
        let remainder = Pointwise::StirlingRemainder;
        let (log_y, log_not_y) = (y.log()?, Pointwise::Log1p.apply(&y.neg()?)?);
        let normalizer = ((remainder.apply(&a)? + remainder.apply(&b)?)? - remainder.apply(phi)?)?;
        let spread = (phi.log()?.affine(-0.5, 0.5 * std::f64::consts::TAU.ln())? - ((&log_mean + &log_rest)? * 0.5)?)?;
        let divergence = ((a * (log_mean - &log_y)?)? + (b * (log_rest - &log_not_y)?)?)?;
        ((normalizer + spread)? + divergence)? + (log_y + log_not_y)?
    }

    fn check_target(&self, y: f64) -> std::result::Result<(), TargetError> {
        if y > 0.0 && y < 1.0 {
            return Ok(());
        }
        let hint = if y == 0.0 || y == 1.0 {
            "set `data.csv.squeeze_target = true`, which replaces y by (y(n−1)+½)/n, or use `bernoulli` for labels"
        } else {
            "divide percentages by 100; use `gaussian` or `student_t` for other values"
        };
        Err(TargetError { likelihood: "beta", domain: "shares strictly between 0 and 1", value: y, hint })
    }

    fn dispersion(&self) -> Option<Dispersion> {
        Some(Dispersion { parameter: 0, power: -2.0, raw_location: |mean| vec![mean.ln() - (-mean).ln_1p()] })
    }

    fn marginal(&self, block: &BlockValues<'_>, component: usize) -> Box<dyn Marginal> {
        Box::new(BetaMarginal { mean: block.location[component], precision: block.parameters[0] })
    }
}
