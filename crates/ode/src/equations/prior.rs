//! What is known about a parameter beforehand.
//!
//! | name | −log p(θ), up to nothing |
//! |---|---|
//! | `normal` | ½((θ − loc)/scale)² + ln scale + ½ ln 2π |
//! | `lognormal` | ½((ln θ − loc)/scale)² + ln θ + ln scale + ½ ln 2π |
//!
//! A density of the parameter itself, not of what is trained in its place: the fit is the mode of
//! likelihood × prior in θ, whatever the reparametrisation.

use std::f64::consts::TAU;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The distribution of a parameter before the data.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Prior {
    /// A normal.
    Normal(Moments),
    /// A normal of the logarithm, for positive parameters.
    Lognormal(Moments),
}

/// Location and scale.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Moments {
    /// Mean of the normal.
    pub loc: f64,
    /// Standard deviation of the normal.
    pub scale: f64,
}

impl Prior {
    /// Location and scale.
    pub fn moments(&self) -> Moments {
        match self {
            Self::Normal(moments) | Self::Lognormal(moments) => *moments,
        }
    }

    /// −log p(θ) and its derivative.
    pub fn nll(&self, theta: f64) -> (f64, f64) {
        let Moments { loc, scale } = self.moments();
        let constant = scale.ln() + 0.5 * TAU.ln();
        match self {
            Self::Normal(_) => {
                let z = (theta - loc) / scale;
                (0.5 * z * z + constant, z / scale)
            }
            Self::Lognormal(_) => {
                let z = (theta.ln() - loc) / scale;
                (0.5 * z * z + theta.ln() + constant, (z / scale + 1.0) / theta)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn densities_integrate_to_one_and_slopes_are_those_of_differences() {
        let moments = Moments { loc: 0.3, scale: 0.6 };
        for prior in [Prior::Normal(moments), Prior::Lognormal(moments)] {
            let (from, n, h) =
                if matches!(prior, Prior::Normal(_)) { (-6.0, 40_000, 3e-4) } else { (0.0, 200_000, 1e-3) };
            let sum: f64 = (0..n).map(|i| h * (-prior.nll(from + (f64::from(i) + 0.5) * h).0).exp()).sum();
            assert!((sum - 1.0).abs() < 1e-6, "{prior:?}: {sum}");
            for theta in [0.2, 1.0, 3.0] {
                let difference = (prior.nll(theta + 1e-6).0 - prior.nll(theta - 1e-6).0) / 2e-6;
                assert!((difference - prior.nll(theta).1).abs() < 1e-7, "{prior:?} at {theta}");
            }
        }
    }
}
