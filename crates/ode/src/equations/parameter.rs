//! Trained numbers, and what is trained in their place.
//!
//! With θ the parameter and r the unconstrained number that the optimiser moves:
//!
//! | bounds | θ(r) |
//! |---|---|
//! | none | s·r, with s = \|init\| (or 1): a step of r is relative to the size of θ |
//! | lower a | a + eʳ |
//! | upper b | b − eʳ |
//! | both | a + (b − a)/(1 + e⁻ʳ) |

use super::prior::Prior;

/// The map from what is trained to the parameter.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Transform {
    /// s·r.
    Scaled(f64),
    /// a + eʳ.
    Above(f64),
    /// b − eʳ.
    Below(f64),
    /// a + (b − a)/(1 + e⁻ʳ).
    Between(f64, f64),
}

impl Transform {
    /// θ(r).
    pub fn value(self, raw: f64) -> f64 {
        match self {
            Self::Scaled(s) => s * raw,
            Self::Above(a) => a + raw.exp(),
            Self::Below(b) => b - raw.exp(),
            Self::Between(a, b) => a + (b - a) / (1.0 + (-raw).exp()),
        }
    }

    /// θ′(r).
    pub fn slope(self, raw: f64) -> f64 {
        match self {
            Self::Scaled(s) => s,
            Self::Above(_) => raw.exp(),
            Self::Below(_) => -raw.exp(),
            Self::Between(a, b) => {
                let share = 1.0 / (1.0 + (-raw).exp());
                (b - a) * share * (1.0 - share)
            }
        }
    }

    /// r(θ) of a value within the bounds.
    pub fn raw(self, value: f64) -> f64 {
        match self {
            Self::Scaled(s) => value / s,
            Self::Above(a) => (value - a).ln(),
            Self::Below(b) => (b - value).ln(),
            Self::Between(a, b) => ((value - a) / (b - value)).ln(),
        }
    }
}

/// A trained parameter.
#[derive(Debug, Clone, PartialEq)]
pub struct Parameter {
    /// As equations call it.
    pub name: String,
    /// Where training starts.
    pub init: f64,
    /// How it is trained.
    pub transform: Transform,
    /// What is known about it beforehand.
    pub prior: Option<Prior>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn transforms_invert_and_their_slopes_are_those_of_differences() {
        for transform in
            [Transform::Scaled(3.0), Transform::Above(-1.0), Transform::Below(4.0), Transform::Between(-2.0, 5.0)]
        {
            for value in [-0.9, 0.1, 1.0, 3.9] {
                let raw = transform.raw(value);
                assert!((transform.value(raw) - value).abs() < 1e-14, "{transform:?}");
                let difference = (transform.value(raw + 1e-6) - transform.value(raw - 1e-6)) / 2e-6;
                assert!((difference - transform.slope(raw)).abs() < 1e-8, "{transform:?}");
            }
        }
        assert!(Transform::Above(2.0).value(-50.0) >= 2.0 && Transform::Between(0.0, 1.0).value(30.0) <= 1.0);
    }
}
