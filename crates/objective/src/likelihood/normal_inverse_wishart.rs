//! Evidential regression of d components: a normal with a normal-inverse-Wishart prior, integrated
//! out (Meinert & Lavin 2021, Multivariate deep evidential regression).
//!
//! With the prior's scale matrix Ψ = LLᵀ, evidence ν for the covariance and κ for the location the
//! predictive is a Student-t with ν − d + 1 degrees of freedom and scale matrix
//! Ψ(1 + κ)/(κ(ν − d + 1)). The likelihood does not tell κ from Ψ; as in the paper κ = ν, so that one
//! evidence stands for both. Uncertainties of a component: `aleatoric` √(E[Σ]ᵢᵢ) with
//! E[Σ] = Ψ/(ν − d − 1), `epistemic` √(E[Σ]ᵢᵢ/ν).

use candle_core::{Result, Tensor};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use surprisal_core::rng::Stream;

use super::cholesky::{Factor, specs, whiten};
use super::multivariate_student_t::{nll_of, split_df, stretch};
use super::{
    BlockValues, Coupling, Likelihood, Link, Marginal, Natural, ParameterSpec, Source, StudentTMarginal, TargetError,
    check_real,
};

/// Evidential regression of several targets together.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NormalInverseWishart {
    /// Diagonal scales of L: "network", "constant", or one number in the data's own units.
    #[serde(default)]
    pub scale: Source,
    /// Entries of U below the diagonal: "network", "constant", or a number (0: no correlation).
    #[serde(default)]
    pub mixing: Source,
    /// Evidence ν > d + 1: "network", "constant", or a number.
    #[serde(default)]
    pub nu: Source,
}

/// The factor by which Ψ becomes the predictive's scale matrix, and the degrees of freedom.
fn predictive(nu: f64, d: usize) -> (f64, f64) {
    let df = nu - d as f64 + 1.0;
    ((1.0 + nu) / (nu * df), df)
}

impl Likelihood for NormalInverseWishart {
    fn coupling(&self) -> Option<Coupling> {
        Some(Coupling::Joint)
    }

    fn has_joint_form(&self, block_dim: usize) -> bool {
        block_dim == 1
    }

    fn parameters(&self, block_dim: usize) -> Vec<ParameterSpec> {
        let lower = block_dim as f64 + 1.0;
        let nu = ParameterSpec::scalar("nu", self.nu, Link::Softplus { lower, start: lower + 3.0 }, 0);
        specs(self.scale, self.mixing, block_dim).into_iter().chain([nu]).collect()
    }

    fn nll(&self, p: &Natural, y: &Tensor) -> Result<Tensor> {
        let [scale, mixing, nu] = p.parameters.as_slice() else { candle_core::bail!("three parameters are needed") };
        let d = p.block_dim;
        let df = nu.affine(1.0, 1.0 - d as f64)?;
        let factor = ((nu + 1.0)? / (nu * &df)?)?;
        let [square, log_det] = whiten(p, y, scale, mixing)?;
        let scaled = [(square / &factor)?, (log_det + (factor.log()? * (0.5 * d as f64))?)?];
        nll_of(scaled, &df, d)
    }

    fn check_target(&self, y: f64) -> std::result::Result<(), TargetError> {
        check_real("normal_inverse_wishart", y)
    }

    fn marginal(&self, block: &BlockValues<'_>, component: usize) -> Box<dyn Marginal> {
        let (nu, factor) = split_df(block);
        let (scale2, df) = predictive(nu, block.block_dim);
        let scale = scale2.sqrt() * Factor::of(factor, block).deviation(component);
        Box::new(StudentTMarginal { loc: block.location[component], scale, df })
    }

    fn sample(&self, block: &BlockValues<'_>, stream: &mut Stream) -> Vec<f64> {
        let (nu, factor) = split_df(block);
        let (scale2, df) = predictive(nu, block.block_dim);
        let stretch = scale2.sqrt() * stretch(df, stream);
        let draw = Factor::of(factor, block).draw(stream);
        block.location.iter().zip(draw).map(|(l, d)| l + stretch * d).collect()
    }

    fn uncertainties(&self, block: &BlockValues<'_>, component: usize) -> Vec<(&'static str, f64)> {
        let (nu, factor) = split_df(block);
        let deviation = Factor::of(factor, block).deviation(component);
        let aleatoric = deviation / (nu - block.block_dim as f64 - 1.0).sqrt();
        vec![("aleatoric", aleatoric), ("epistemic", aleatoric / nu.sqrt())]
    }
}
