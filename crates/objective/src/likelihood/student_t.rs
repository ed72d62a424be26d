//! Student-t distribution of a block of m components with one scale.
//!
//! −log p = lnΓ(ν/2) − lnΓ((ν+m)/2) + m/2·ln(νπs²) + (ν+m)/2·ln(1 + r²/(νs²)),
//! r² = ‖y − location‖², ν the degrees of freedom, s the scale.
//!
//! The difference of log-gammas is taken in one piece and the logarithm as log1p, so the normal limit
//! ν → ∞ is reached without cancellation.

use candle_core::{Result, Tensor};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use surprisal_core::rng::{self, Stream};
use surprisal_ops::special::Pointwise;

use super::multivariate_student_t::stretch;
use super::{
    BlockValues, Likelihood, Link, Marginal, Natural, ParameterSpec, Source, StudentTMarginal, TargetError, check_real,
};

/// Student-t distribution: power-law tails, robust against outliers.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StudentT {
    /// Scale s (not the standard deviation): "network", "constant", or a number in the data's own
    /// units.
    #[serde(default)]
    pub scale: Source,
    /// Degrees of freedom ν > 0: "network", "constant", or a number. The variance is finite for
    /// ν > 2, the mean for ν > 1.
    #[serde(default)]
    pub df: Source,
}

/// One draw of a t vector with the same scale in every direction.
pub(super) fn draw_t(location: &[f64], scale: f64, df: f64, stream: &mut Stream) -> Vec<f64> {
    let stretch = scale * stretch(df, stream);
    location.iter().map(|l| l + stretch * rng::standard_normal(stream)).collect()
}

impl Likelihood for StudentT {
    fn parameters(&self, _: usize) -> Vec<ParameterSpec> {
        vec![
            ParameterSpec::scalar("scale", self.scale, Link::Exponential, 1),
            ParameterSpec::scalar("df", self.df, Link::Softplus { lower: 0.0, start: 5.0 }, 0),
        ]
    }

    fn nll(&self, p: &Natural, y: &Tensor) -> Result<Tensor> {
        let [scale, df] = p.parameters.as_slice() else { candle_core::bail!("student_t has two parameters") };
        let m = p.block_dim;
        let half = m as f64 / 2.0;
        let width = (scale.sqr()? * df)?;
        let normalizer = Pointwise::LgammaDifference { half_steps: m as u32 }.apply(&(df * 0.5)?)?;
        let log_width = (width.log()? + std::f64::consts::PI.ln())?;
        let tail = Pointwise::Log1p.apply(&(p.squared_distance(y)? / width)?)?;
        ((log_width * half)? - normalizer)? + (((df * 0.5)? + half)? * tail)?
    }

    fn check_target(&self, y: f64) -> std::result::Result<(), TargetError> {
        check_real("student_t", y)
    }

    fn sample(&self, block: &BlockValues<'_>, stream: &mut Stream) -> Vec<f64> {
        draw_t(block.location, block.parameters[0], block.parameters[1], stream)
    }

    fn marginal(&self, block: &BlockValues<'_>, component: usize) -> Box<dyn Marginal> {
        Box::new(StudentTMarginal {
            loc: block.location[component],
            scale: block.parameters[0],
            df: block.parameters[1],
        })
    }
}
