//! What bounds the error of a solver, and the same solver with a smaller one.
//!
//! To see whether a result is the equation's or the solver's: compute it again with a hundredth of the
//! tolerances, or half the step.

use surprisal_core::Precision;

use crate::auto::Auto;
use crate::leapfrog::Leapfrog;
use crate::rk4::Rk4;
use crate::solver::SolverConfig;
use crate::stiff::{Esdirk3, Kvaerno5};
use crate::through_diffsol::{Bdf, Esdirk34};
use crate::tolerance::Tolerance;
use crate::tsit5::Tsit5;

/// Below it a solver would follow the rounding errors of a float32 network.
const LEAST_RTOL_OF_FLOAT32: f64 = 1e-6;

/// What tolerances are multiplied by.
pub(crate) const REFINEMENT: f64 = 0.01;
/// What the limit of steps is multiplied by: the steps of a method of order 3 grow by 4.6.
const MORE_STEPS: usize = 10;

impl SolverConfig {
    /// What bounds the error: the key of the configuration and its value.
    pub fn precision(&self) -> (&'static str, f64) {
        match self {
            Self::Tsit5(Tsit5 { rtol, .. })
            | Self::Esdirk3(Esdirk3 { rtol, .. })
            | Self::Kvaerno5(Kvaerno5 { rtol, .. })
            | Self::Auto(Auto { rtol, .. })
            | Self::Bdf(Bdf { rtol, .. })
            | Self::Esdirk34(Esdirk34 { rtol, .. }) => ("rtol", *rtol),
            Self::Rk4(Rk4 { step }) | Self::Leapfrog(Leapfrog { step }) => ("step", *step),
        }
    }

    /// Why the tolerance is too small for a network that computes in `dtype`, in words that begin with the key
    /// in backticks.
    pub fn too_precise_for(&self, dtype: Precision) -> Option<String> {
        match (dtype, self.precision()) {
            (Precision::Float32, ("rtol", rtol)) if rtol < LEAST_RTOL_OF_FLOAT32 => Some(format!(
                "`rtol` must be at least {LEAST_RTOL_OF_FLOAT32:e} where a network computes in float32, found {rtol:e}"
            )),
            _ => None,
        }
    }

    /// The same method with a hundredth of the tolerances, or half the step.
    pub fn refined(&self) -> Self {
        match self {
            Self::Tsit5(tsit5) => Self::Tsit5(refined(tsit5)),
            Self::Rk4(Rk4 { step }) => Self::Rk4(Rk4 { step: 0.5 * step }),
            Self::Leapfrog(Leapfrog { step }) => Self::Leapfrog(Leapfrog { step: 0.5 * step }),
            Self::Esdirk3(Esdirk3 { rtol, atol, max_steps }) => Self::Esdirk3(Esdirk3 {
                max_steps: max_steps.saturating_mul(MORE_STEPS),
                ..Esdirk3::new(REFINEMENT * rtol, scaled(atol))
            }),
            Self::Kvaerno5(Kvaerno5 { rtol, atol, max_steps }) => Self::Kvaerno5(Kvaerno5 {
                max_steps: max_steps.saturating_mul(MORE_STEPS),
                ..Kvaerno5::new(REFINEMENT * rtol, scaled(atol))
            }),
            Self::Auto(Auto { rtol, atol, explicit_steps, max_steps }) => Self::Auto(Auto {
                explicit_steps: explicit_steps.saturating_mul(MORE_STEPS),
                max_steps: max_steps.saturating_mul(MORE_STEPS),
                ..Auto::new(REFINEMENT * rtol, scaled(atol))
            }),
            Self::Bdf(Bdf { rtol, atol, max_steps }) => Self::Bdf(Bdf {
                max_steps: max_steps.saturating_mul(MORE_STEPS),
                ..Bdf::new(REFINEMENT * rtol, scaled(atol))
            }),
            Self::Esdirk34(Esdirk34 { rtol, atol, max_steps }) => Self::Esdirk34(Esdirk34 {
                max_steps: max_steps.saturating_mul(MORE_STEPS),
                ..Esdirk34::new(REFINEMENT * rtol, scaled(atol))
            }),
        }
    }
}

pub(crate) fn refined(tsit5: &Tsit5) -> Tsit5 {
    Tsit5 {
        rtol: REFINEMENT * tsit5.rtol,
        atol: scaled(&tsit5.atol),
        max_steps: tsit5.max_steps.saturating_mul(MORE_STEPS),
        ..tsit5.clone()
    }
}

fn scaled(tolerance: &Tolerance) -> Tolerance {
    match tolerance {
        Tolerance::Uniform(value) => Tolerance::Uniform(REFINEMENT * value),
        Tolerance::PerComponent(values) => Tolerance::PerComponent(values.iter().map(|v| REFINEMENT * v).collect()),
    }
}
