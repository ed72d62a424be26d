//! From unconstrained numbers to the domains of parameters.

use candle_core::{Result, Tensor};
use surprisal_ops::special::{Pointwise, softplus, softplus_inverse};

/// A smooth, strictly increasing map from a raw number to a parameter's domain. For finite raw
/// values the result is strictly inside the domain; there are no clamps, so no dead gradients.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Link {
    /// (−∞, ∞): the raw number itself.
    Identity,
    /// (0, ∞): exp(15·tanh(raw/15)), between 3.1e-7 and 3.3e6; 1 at raw = 0. For scales, in
    /// standardised units.
    Exponential,
    /// (lower, ∞): lower + 1e-8 + softplus(raw + c), with c such that raw = 0 gives `start`.
    Softplus {
        /// Exclusive lower end of the domain.
        lower: f64,
        /// The value at raw = 0.
        start: f64,
    },
}

/// Bound of the logarithm of a scale.
const LOG_BOUND: f64 = 15.0;

/// Keeps a softplus off its limit, which it reaches in floating point near raw = −37.
const FLOOR: f64 = 1e-8;

impl Link {
    /// Exclusive lower end of the domain.
    pub fn lower(&self) -> f64 {
        match self {
            Self::Identity => f64::NEG_INFINITY,
            Self::Exponential => 0.0,
            Self::Softplus { lower, .. } => *lower,
        }
    }

    /// Raw to natural, elementwise.
    pub fn apply(&self, raw: &Tensor) -> Result<Tensor> {
        match *self {
            Self::Identity => Ok(raw.clone()),
            Self::Exponential => ((raw / LOG_BOUND)?.tanh()? * LOG_BOUND)?.exp(),
            Self::Softplus { lower, start } => {
                Pointwise::Softplus.apply(&(raw + offset(lower, start))?)? + (lower + FLOOR)
            }
        }
    }

    /// Raw to natural.
    pub fn value(&self, raw: f64) -> f64 {
        match *self {
            Self::Identity => raw,
            Self::Exponential => ((raw / LOG_BOUND).tanh() * LOG_BOUND).exp(),
            Self::Softplus { lower, start } => softplus(raw + offset(lower, start)) + (lower + FLOOR),
        }
    }

    /// Natural to raw; NaN outside the range of [`Link::value`].
    pub fn inverse(&self, natural: f64) -> f64 {
        match *self {
            Self::Identity => natural,
            Self::Exponential => (natural.ln() / LOG_BOUND).atanh() * LOG_BOUND,
            Self::Softplus { lower, start } => softplus_inverse(natural - (lower + FLOOR)) - offset(lower, start),
        }
    }
}

fn offset(lower: f64, start: f64) -> f64 {
    softplus_inverse(start - lower - FLOOR)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINKS: [Link; 3] =
        [Link::Exponential, Link::Softplus { lower: 0.0, start: 5.0 }, Link::Softplus { lower: 1.0, start: 1.7 }];

    #[test]
    fn values_stay_inside_the_domain_and_inverses_invert() {
        for link in LINKS {
            for raw in [-50.0, -5.0, -0.3, 0.0, 0.7, 4.0, 50.0] {
                let natural = link.value(raw);
                assert!(natural > link.lower() && natural.is_finite(), "{link:?} {raw}: {natural}");
                if raw.abs() < 10.0 {
                    assert!((link.inverse(natural) - raw).abs() < 1e-6, "{link:?} {raw}");
                }
            }
        }
        assert_eq!(LINKS[0].value(0.0), 1.0);
        assert!((LINKS[1].value(0.0) - 5.0).abs() < 1e-12);
    }

    #[test]
    fn tensors_and_numbers_agree() -> Result<()> {
        for link in LINKS {
            let raw = [-50.0, -5.0, 0.0, 0.7, 50.0];
            let natural = link.apply(&Tensor::new(&raw, &candle_core::Device::Cpu)?)?.to_vec1::<f64>()?;
            for (raw, natural) in raw.iter().zip(natural) {
                assert!((link.value(*raw) / natural - 1.0).abs() < 1e-13);
            }
        }
        Ok(())
    }
}
