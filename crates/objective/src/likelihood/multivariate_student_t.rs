//! Student-t distribution of d components with a full scale matrix Σ = LLᵀ and ν degrees of freedom.
//!
//! −log p = lnΓ(ν/2) − lnΓ((ν+d)/2) + d/2·ln(νπ) + ln det L + (ν+d)/2·ln(1 + ‖z‖²/ν),
//! z = L⁻¹(y − location), L as in [`super::cholesky`] (Kotz & Nadarajah 2004, eq. 1.1).

use candle_core::{Result, Tensor};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use surprisal_core::rng::{self, Stream};
use surprisal_ops::special::Pointwise;

use super::cholesky::{Factor, specs, whiten};
use super::{
    BlockValues, Coupling, Likelihood, Link, Marginal, Natural, ParameterSpec, Source, StudentTMarginal, TargetError,
    check_real,
};

/// Student-t distribution of several targets together, robust against outliers.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MultivariateStudentT {
    /// Conditional scales s: "network", "constant", or one number in the data's own units.
    #[serde(default)]
    pub scale: Source,
    /// Entries of U below the diagonal: "network", "constant", or a number (0: no correlation).
    #[serde(default)]
    pub mixing: Source,
    /// Degrees of freedom ν > 0: "network", "constant", or a number.
    #[serde(default)]
    pub df: Source,
}

/// −log p of a t vector, `[n, b]`, from ‖z‖², ln det L and ν.
pub(super) fn nll_of([square, log_det]: [Tensor; 2], df: &Tensor, d: usize) -> Result<Tensor> {
    let half = d as f64 / 2.0;
    let normalizer = Pointwise::LgammaDifference { half_steps: d as u32 }.apply(&(df * 0.5)?)?;
    let width = (df.log()?.affine(half, half * std::f64::consts::PI.ln())? + log_det)?;
    let tail = Pointwise::Log1p.apply(&(square / df)?)?;
    (width - normalizer)? + (df.affine(0.5, half)? * tail)?
}

/// √(ν/χ²_ν): what turns a normal draw into one of a t.
pub(super) fn stretch(df: f64, stream: &mut Stream) -> f64 {
    (0.5 * df / rng::gamma(stream, 0.5 * df)).sqrt()
}

impl Likelihood for MultivariateStudentT {
    fn coupling(&self) -> Option<Coupling> {
        Some(Coupling::Joint)
    }

    fn has_joint_form(&self, block_dim: usize) -> bool {
        block_dim == 1
    }

    fn parameters(&self, block_dim: usize) -> Vec<ParameterSpec> {
        let df = ParameterSpec::scalar("df", self.df, Link::Softplus { lower: 0.0, start: 5.0 }, 0);
        specs(self.scale, self.mixing, block_dim).into_iter().chain([df]).collect()
    }

    fn nll(&self, p: &Natural, y: &Tensor) -> Result<Tensor> {
        let [scale, mixing, df] = p.parameters.as_slice() else { candle_core::bail!("three parameters are needed") };
        nll_of(whiten(p, y, scale, mixing)?, df, p.block_dim)
    }

    fn check_target(&self, y: f64) -> std::result::Result<(), TargetError> {
        check_real("multivariate_student_t", y)
    }

    fn marginal(&self, block: &BlockValues<'_>, component: usize) -> Box<dyn Marginal> {
        let (df, factor) = split_df(block);
        let scale = Factor::of(factor, block).deviation(component);
        Box::new(StudentTMarginal { loc: block.location[component], scale, df })
    }

    fn sample(&self, block: &BlockValues<'_>, stream: &mut Stream) -> Vec<f64> {
        let (df, factor) = split_df(block);
        let stretch = stretch(df, stream);
        let draw = Factor::of(factor, block).draw(stream);
        block.location.iter().zip(draw).map(|(l, d)| l + stretch * d).collect()
    }
}

/// The last parameter and those before it.
pub(super) fn split_df<'a>(block: &BlockValues<'a>) -> (f64, &'a [f64]) {
    let n = block.parameters.len() - 1;
    (block.parameters[n], &block.parameters[..n])
}
