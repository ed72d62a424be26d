//! Smooth activation functions σ.
//!
//! | name | σ(z) | σ′(z) | σ″(z) |
//! |---|---|---|---|
//! | `tanh` | tanh z | 1 − σ² | −2σσ′ |
//! | `sigmoid` | s(z) = 1/(1 + e⁻ᶻ) | σ(1 − σ) | σ′(1 − 2σ) |
//! | `softplus` | ln(1 + eᶻ) | s(z) | s(1 − s) |
//! | `silu` | z·s(z) | s(z)(1 + z(1 − s(z))) | s(1 − s)(2 + z(1 − 2s)) |
//!
//! Only smooth ones: a kink in f costs an adaptive solver of order five a burst of rejected steps at
//! every crossing, and makes its error estimate wrong.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// An elementwise nonlinearity of a network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Activation {
    /// tanh z; bounded, so that a field of it grows at most linearly with its last layer.
    #[default]
    Tanh,
    /// 1/(1 + e⁻ᶻ).
    Sigmoid,
    /// ln(1 + eᶻ).
    Softplus,
    /// z/(1 + e⁻ᶻ).
    Silu,
}

impl Activation {
    /// Every activation.
    pub const ALL: [Self; 4] = [Self::Tanh, Self::Sigmoid, Self::Softplus, Self::Silu];

    /// σ(z).
    #[inline]
    pub fn value(self, z: f64) -> f64 {
        match self {
            Self::Tanh => z.tanh(),
            Self::Sigmoid => logistic(z),
            // NaN must stay NaN, which f64::max would hide: |z| carries it
            Self::Softplus => 0.5 * (z + z.abs()) + (-z.abs()).exp().ln_1p(),
            Self::Silu => z * logistic(z),
        }
    }

    /// σ′(z).
    #[inline]
    pub fn derivative(self, z: f64) -> f64 {
        match self {
            Self::Tanh => {
                let a = z.tanh();
                1.0 - a * a
            }
            Self::Sigmoid => {
                let a = logistic(z);
                a * (1.0 - a)
            }
            Self::Softplus => logistic(z),
            Self::Silu => {
                let s = logistic(z);
                s * (1.0 + z * (1.0 - s))
            }
        }
    }

    /// σ″(z).
    #[inline]
    pub fn second_derivative(self, z: f64) -> f64 {
        let s = logistic(z);
        match self {
            Self::Tanh => {
                let a = z.tanh();
                -2.0 * a * (1.0 - a * a)
            }
            Self::Sigmoid => s * (1.0 - s) * (1.0 - 2.0 * s),
            Self::Softplus => s * (1.0 - s),
            Self::Silu => s * (1.0 - s) * (2.0 + z * (1.0 - 2.0 * s)),
        }
    }

    /// Whether σ′ is a polynomial of σ, so that a tape which holds σ needs nothing else.
    #[inline]
    pub fn derivative_follows_from_value(self) -> bool {
        matches!(self, Self::Tanh | Self::Sigmoid)
    }

    /// σ′ as a function of a = σ(z); `None` where the tape must hold σ′ itself.
    #[inline]
    pub fn derivative_from_value(self, a: f64) -> Option<f64> {
        match self {
            Self::Tanh => Some(1.0 - a * a),
            Self::Sigmoid => Some(a * (1.0 - a)),
            Self::Softplus | Self::Silu => None,
        }
    }

    /// σ″ as a function of a = σ(z); `None` where it is none.
    #[inline]
    pub fn second_derivative_from_value(self, a: f64) -> Option<f64> {
        let slope = self.derivative_from_value(a)?;
        match self {
            Self::Tanh => Some(-2.0 * a * slope),
            Self::Sigmoid => Some((1.0 - 2.0 * a) * slope),
            Self::Softplus | Self::Silu => None,
        }
    }
}

/// 1/(1 + e⁻ᶻ); e⁻ᶻ overflows to infinity, which is harmless below a fraction line.
#[inline]
fn logistic(z: f64) -> f64 {
    1.0 / (1.0 + (-z).exp())
}

#[cfg(test)]
mod tests {
    use super::*;

    const POINTS: [f64; 9] = [-40.0, -3.0, -1.0, -0.1, 0.0, 0.2, 1.5, 4.0, 40.0];

    #[test]
    fn derivatives_match_central_differences() {
        for activation in Activation::ALL {
            for z in POINTS {
                let h = 1e-5 * (1.0 + z.abs());
                let difference = (activation.value(z + h) - activation.value(z - h)) / (2.0 * h);
                let derivative = activation.derivative(z);
                assert!(
                    (difference - derivative).abs() < 1e-8,
                    "{activation:?} at {z}: {derivative} against {difference}"
                );
                if let Some(from_value) = activation.derivative_from_value(activation.value(z)) {
                    assert!((from_value - derivative).abs() < 1e-15);
                }
                assert_eq!(activation.derivative_from_value(0.3).is_some(), activation.derivative_follows_from_value());
            }
        }
    }

    #[test]
    fn second_derivatives_match_central_differences() {
        for activation in Activation::ALL {
            for z in POINTS {
                let h = 1e-5 * (1.0 + z.abs());
                let difference = (activation.derivative(z + h) - activation.derivative(z - h)) / (2.0 * h);
                let second = activation.second_derivative(z);
                assert!((difference - second).abs() < 1e-8, "{activation:?} at {z}: {second} against {difference}");
            }
        }
    }

    #[test]
    fn extreme_arguments_stay_finite_and_nan_stays_nan() {
        for activation in Activation::ALL {
            for z in [-1e3, 1e3] {
                assert!(
                    activation.value(z).is_finite() && activation.derivative(z).is_finite(),
                    "{activation:?} at {z}"
                );
            }
            assert!(activation.value(f64::NAN).is_nan() && activation.derivative(f64::NAN).is_nan());
        }
    }
}
