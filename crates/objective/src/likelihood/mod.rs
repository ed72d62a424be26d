//! Predictive distributions: negative log-likelihoods and their parameters.
//!
//! A family is a location and some parameters, each on its [`Link`] to an unconstrained number and
//! each from a [`Source`]: predicted, trained, or fixed. The components of a sample are cut into
//! [`Blocks`] with one set of parameters each. All values are true nats: normalising constants are
//! kept, so that families can be compared on the same data.

mod blocks;
mod gaussian;
mod laplace;
mod link;
mod marginal;
mod marginals;
mod normal_inverse_gamma;
mod source;
mod student_t;

use candle_core::{Result, Tensor};
use surprisal_core::registry;

pub use blocks::{Blocks, Coupling, Natural};
pub use gaussian::Gaussian;
pub use laplace::Laplace;
pub use link::Link;
pub use marginal::Marginal;
pub use marginals::{
    BernoulliMarginal, BetaMarginal, GammaMarginal, GaussianMixtureMarginal, LaplaceMarginal, LogNormalMarginal,
    NegativeBinomialMarginal, NormalMarginal, PoissonMarginal, RadialLaplaceMarginal, StudentTMarginal,
    VonMisesMarginal,
};
pub use normal_inverse_gamma::{NormalInverseGamma, Regularizer};
pub use source::Source;
pub use student_t::StudentT;

/// One parameter of a family beside its location.
#[derive(Debug, Clone)]
pub struct ParameterSpec {
    /// Name in the configuration and in result files.
    pub name: &'static str,
    /// Where its value comes from.
    pub source: Source,
    /// From an unconstrained number to its domain.
    pub link: Link,
    /// It scales with the target's unit to this power: 1 for a scale, 2 for a variance, 0 for a
    /// shape.
    pub unit_power: i32,
}

/// A value that the family cannot produce.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("likelihood `{likelihood}` needs {domain}, found {value}")]
pub struct TargetError {
    /// Name of the likelihood.
    pub likelihood: &'static str,
    /// Its support in words.
    pub domain: &'static str,
    /// The value found.
    pub value: f64,
}

impl TargetError {
    /// What to do about it.
    pub fn hint(&self) -> &'static str {
        "correct or remove the value, or use a likelihood whose support contains it"
    }
}

/// A parametric family of predictive distributions. Its struct is its configuration.
///
/// `n` samples have `b` blocks of `m` components; see [`Blocks`].
pub trait Likelihood {
    /// The parameters beside the location, in the order of every array of parameters.
    fn parameters(&self) -> Vec<ParameterSpec>;

    /// −log p(y), nats, joint over the components of a block: `[n, b, m]` → `[n, b]`.
    fn nll(&self, p: &Natural, y: &Tensor) -> Result<Tensor>;

    /// What is added to the loss but is no part of the likelihood, `[n, b]`.
    fn regularizer(&self, _p: &Natural, _y: &Tensor) -> Result<Option<Tensor>> {
        Ok(None)
    }

    /// Whether the family can produce the value.
    fn check_target(&self, y: f64) -> std::result::Result<(), TargetError>;

    /// Whether targets may be shifted and scaled before training.
    fn standardizable(&self) -> bool {
        true
    }

    /// Whether there is a joint density of this many components.
    fn has_joint_form(&self, _block_dim: usize) -> bool {
        true
    }

    /// Numbers of the configuration that lie outside their domain: setting, domain, value.
    fn check_settings(&self) -> Option<(&'static str, &'static str, f64)> {
        None
    }

    /// The distribution of one component. `natural` is its location and then the parameters of its
    /// block of `block_dim` components, all in the data's own units.
    fn marginal(&self, natural: &[f64], block_dim: usize) -> Box<dyn Marginal>;

    /// Named uncertainties of one component, each like a standard deviation in the data's own units
    /// (unless its name says otherwise); arguments as for [`Likelihood::marginal`].
    fn uncertainties(&self, natural: &[f64], block_dim: usize) -> Vec<(&'static str, f64)>;
}

registry! {
    /// Every family of predictive distributions.
    pub enum LikelihoodConfig: dyn Likelihood {
        "gaussian" => Gaussian,
        "laplace" => Laplace,
        "student_t" => StudentT,
        "normal_inverse_gamma" => NormalInverseGamma,
    }
}

/// `y` itself if it is a real number.
fn check_real(likelihood: &'static str, value: f64) -> std::result::Result<(), TargetError> {
    if value.is_finite() { Ok(()) } else { Err(TargetError { likelihood, domain: "finite values", value }) }
}
