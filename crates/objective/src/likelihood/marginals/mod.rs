//! Distributions of one real component: CDF, quantile and CRPS in closed form.
//!
//! CRPS formulas: Jordan, Krüger & Lerch 2019 (Evaluating probabilistic forecasts with scoringRules),
//! appendix A. With z = (y − loc)/scale, F and f of the standard distribution:
//! CRPS = scale·(E|Z − z| − ½·E|Z − Z′|).

mod bernoulli;
mod beta;
mod gamma;
mod gaussian_mixture;
mod invert;
mod laplace;
mod log_normal;
mod mixture;
mod negative_binomial;
mod normal;
mod poisson;
mod radial_laplace;
mod student_t;
mod von_mises;

pub use bernoulli::BernoulliMarginal;
pub use beta::BetaMarginal;
pub use gamma::GammaMarginal;
pub use gaussian_mixture::GaussianMixtureMarginal;
pub use laplace::LaplaceMarginal;
pub use log_normal::LogNormalMarginal;
pub use mixture::MixtureMarginal;
pub use negative_binomial::NegativeBinomialMarginal;
pub use normal::NormalMarginal;
pub use poisson::PoissonMarginal;
pub use radial_laplace::RadialLaplaceMarginal;
pub use student_t::StudentTMarginal;
pub use von_mises::VonMisesMarginal;

/// Standard normal density.
fn normal_density(z: f64) -> f64 {
    (-0.5 * z * z).exp() / std::f64::consts::TAU.sqrt()
}

/// P(Z > z) of the standard normal, accurate in the upper tail.
fn normal_tail(z: f64) -> f64 {
    0.5 * libm::erfc(z * std::f64::consts::FRAC_1_SQRT_2)
}

/// The z > 0 whose normal tail is `tail`, 0 < `tail` ≤ ½.
fn normal_tail_quantile(tail: f64) -> f64 {
    let mut z = std::f64::consts::SQRT_2 * statrs::function::erf::erfc_inv(2.0 * tail);
    for _ in 0..3 {
        let found = normal_tail(z);
        // Newton on the logarithm, which is nearly linear in the tail
        z += found / normal_density(z) * (found / tail).ln();
    }
    z
}

/// The quantile of a symmetric standard distribution whose tail quantile is given.
fn symmetric_quantile(p: f64, tail_quantile: impl Fn(f64) -> f64) -> f64 {
    if p == 0.5 {
        0.0
    } else if p < 0.5 {
        -tail_quantile(p)
    } else {
        tail_quantile(1.0 - p)
    }
}

/// The CDF of a symmetric standard distribution whose upper tail (z ≥ 0) is given.
fn symmetric_cdf(z: f64, tail: impl Fn(f64) -> f64) -> f64 {
    if z < 0.0 { tail(-z) } else { 1.0 - tail(z) }
}
