//! Predictive distributions: negative log-likelihoods and their parameters.
//!
//! A family is a location and some parameters, each on its [`Link`] to an unconstrained number and
//! each from a [`Source`]: predicted, trained, or fixed. The components of a sample are cut into
//! [`Blocks`] with one set of parameters each. All values are true nats: normalising constants are
//! kept, so that families can be compared on the same data.

mod bernoulli;
mod beta;
mod blocks;
mod categorical;
mod cholesky;
mod dispersion;
mod gamma;
mod gaussian;
mod gaussian_mixture;
mod laplace;
mod link;
mod location_link;
mod log_normal;
mod marginal;
mod marginals;
mod multivariate_normal;
mod multivariate_student_t;
mod negative_binomial;
mod normal_inverse_gamma;
mod normal_inverse_wishart;
mod poisson;
mod source;
mod student_t;
mod von_mises;

use candle_core::{Result, Tensor};
use serde::{Deserialize, Serialize};
use surprisal_core::registry;
use surprisal_core::rng::{self, Stream};

pub use bernoulli::Bernoulli;
pub use beta::Beta;
pub use blocks::{BlockValues, Blocks, Coupling, Natural};
pub use categorical::Categorical;
pub use dispersion::Dispersion;
pub use gamma::Gamma;
pub use gaussian::Gaussian;
pub use gaussian_mixture::GaussianMixture;
pub use laplace::Laplace;
pub use link::Link;
pub use location_link::LocationLink;
pub use log_normal::LogNormal;
pub use marginal::Marginal;
pub use marginals::{
    BernoulliMarginal, BetaMarginal, GammaMarginal, GaussianMixtureMarginal, LaplaceMarginal, LogNormalMarginal,
    MixtureMarginal, NegativeBinomialMarginal, NormalMarginal, PoissonMarginal, RadialLaplaceMarginal,
    StudentTMarginal, VonMisesMarginal,
};
pub use multivariate_normal::MultivariateNormal;
pub use multivariate_student_t::MultivariateStudentT;
pub use negative_binomial::NegativeBinomial;
pub use normal_inverse_gamma::{NormalInverseGamma, Regularizer};
pub use normal_inverse_wishart::NormalInverseWishart;
pub use poisson::Poisson;
pub use source::Source;
pub use student_t::StudentT;
pub use von_mises::VonMises;

/// What the observations of a family are: decides which measures and figures make sense.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Real numbers.
    Real,
    /// Whole numbers ≥ 0.
    Count,
    /// 0 or 1: one class of two, or one class of several as a vector with a single 1.
    Label,
    /// Angles, radians.
    Angle,
}

/// What may be done to targets before training. The likelihood is reported in the data's own units
/// whatever was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standardization {
    /// Shifted to mean 0 and scaled to standard deviation 1: families on the whole real line.
    ShiftAndScale,
    /// Scaled to root mean square 1: families on (0, ∞).
    Scale,
    /// Nothing: counts, shares, labels, angles.
    None,
}

/// What a parameter is multiplied by to reach the data's own units.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// The target scale of the block's first component to this power: 1 for a scale, 2 for a
    /// variance, 0 for a shape.
    Power(i32),
    /// Column j by the target scale of the block's component j.
    PerComponent,
}

/// One parameter of a family beside its location.
#[derive(Debug, Clone)]
pub struct ParameterSpec {
    /// Name in the configuration and in result files.
    pub name: &'static str,
    /// Where its value comes from.
    pub source: Source,
    /// From an unconstrained number to its domain.
    pub link: Link,
    /// Its unit.
    pub unit: Unit,
    /// Columns per block: 1 for a scalar, K for something of each of K mixture components.
    pub width: usize,
}

impl ParameterSpec {
    /// One number per block.
    pub fn scalar(name: &'static str, source: Source, link: Link, unit_power: i32) -> Self {
        Self { name, source, link, unit: Unit::Power(unit_power), width: 1 }
    }
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
    /// What to do about it.
    pub hint: &'static str,
}

/// A parametric family of predictive distributions. Its struct is its configuration.
///
/// `n` samples have `b` blocks of `m` components; see [`Blocks`]. A predictor gives each block
/// [`Likelihood::location_width`] unconstrained numbers; what they mean (a mean, the logarithm of a
/// rate, logits) is the family's affair, so that its NLL can be written in the form that is stable.
pub trait Likelihood {
    /// What it is a distribution of.
    fn kind(&self) -> Kind {
        Kind::Real
    }

    /// What may be done to targets before training.
    fn standardization(&self) -> Standardization {
        Standardization::ShiftAndScale
    }

    /// A standardised value of its support, which stands where nothing was observed.
    fn placeholder(&self) -> f64 {
        0.0
    }

    /// The only coupling it has; `None` where the data decides.
    fn coupling(&self) -> Option<Coupling> {
        None
    }

    /// Whether there is a joint density of this many components that turns with their vector.
    fn has_joint_form(&self, _block_dim: usize) -> bool {
        true
    }

    /// The parameters beside the location, in the order of every array of parameters.
    fn parameters(&self, block_dim: usize) -> Vec<ParameterSpec>;

    /// Unconstrained numbers per block that locate the distribution.
    fn location_width(&self, block_dim: usize) -> usize {
        block_dim
    }

    /// The location of a block as it is reported, in standardised units: a mean, a median, a rate, the
    /// probability of each class. `raw` are its unconstrained numbers. As many values as components,
    /// or any number of values of the one component.
    fn location(&self, raw: &[f64]) -> Vec<f64> {
        raw.to_vec()
    }

    /// How a value in the data's own space becomes the unconstrained numbers of a location, for models
    /// that predict such values (the states of a differential equation): the inverse of
    /// [`Likelihood::location`], component by component. `None` where one value does not make a location.
    fn location_link(&self) -> Option<LocationLink> {
        Some(LocationLink::Identity)
    }

    /// The expectation of each component in standardised units, `[n, b, m]`, differentiable: what
    /// penalties on predictions see. (The location where there is no expectation.)
    fn mean(&self, p: &Natural) -> Result<Tensor> {
        Ok(p.location.clone())
    }

    /// −log p(y), nats, joint over the components of a block: `[n, b, m]` → `[n, b]`.
    fn nll(&self, p: &Natural, y: &Tensor) -> Result<Tensor>;

    /// The loss to differentiate in the place of the NLL, `[n, b]`, where the two are not the same.
    fn surrogate(&self, _p: &Natural, _y: &Tensor, _progress: Progress) -> Result<Option<Tensor>> {
        Ok(None)
    }

    /// What is added to the loss but is no part of the likelihood, `[n, b]`.
    fn regularizer(&self, _p: &Natural, _y: &Tensor) -> Result<Option<Tensor>> {
        Ok(None)
    }

    /// Whether the family can produce the value, in the data's own units.
    fn check_target(&self, y: f64) -> std::result::Result<(), TargetError>;

    /// Numbers of the configuration that lie outside their domain: setting, domain, value.
    fn check_settings(&self) -> Option<(&'static str, &'static str, f64)> {
        None
    }

    /// The distribution of one component of a block in the data's own units.
    fn marginal(&self, block: &BlockValues<'_>, component: usize) -> Box<dyn Marginal>;

    /// One draw of all components of a block, `[m]`, in the data's own units.
    fn sample(&self, block: &BlockValues<'_>, stream: &mut Stream) -> Vec<f64> {
        (0..block.block_dim)
            .map(|component| self.marginal(block, component).sample(&mut || rng::uniform(stream)))
            .collect()
    }

    /// The parameter that says how far it spreads about its location; `None` for families of location
    /// and scale, which can be stretched, and for those that have no such parameter.
    fn dispersion(&self) -> Option<Dispersion> {
        None
    }

    /// Named uncertainties of one component, each like a standard deviation in the data's own units
    /// (unless its name says otherwise).
    fn uncertainties(&self, block: &BlockValues<'_>, component: usize) -> Vec<(&'static str, f64)> {
        vec![("aleatoric", self.marginal(block, component).variance().sqrt())]
    }
}

/// How far training has come, for losses that change on the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Progress {
    /// Epochs finished.
    pub epoch: usize,
}

registry! {
    /// Every family of predictive distributions.
    pub enum LikelihoodConfig: dyn Likelihood {
        "gaussian" => Gaussian,
        "laplace" => Laplace,
        "student_t" => StudentT,
        "normal_inverse_gamma" => NormalInverseGamma,
        "gaussian_mixture" => GaussianMixture,
        "poisson" => Poisson,
        "negative_binomial" => NegativeBinomial,
        "beta" => Beta,
        "gamma" => Gamma,
        "log_normal" => LogNormal,
        "von_mises" => VonMises,
        "bernoulli" => Bernoulli,
        "categorical" => Categorical,
        "multivariate_normal" => MultivariateNormal,
        "multivariate_student_t" => MultivariateStudentT,
        "normal_inverse_wishart" => NormalInverseWishart,
    }
}

/// `y` itself if it is a real number.
fn check_real(likelihood: &'static str, value: f64) -> std::result::Result<(), TargetError> {
    let hint = "correct or remove the value";
    if value.is_finite() { Ok(()) } else { Err(TargetError { likelihood, domain: "finite values", value, hint }) }
}
