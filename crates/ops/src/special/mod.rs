//! Special functions with their derivatives: candle has none of them.
//!
//! Each is a scalar function in float64, and where a loss needs it a [`Pointwise`] operation on
//! tensors whose backward pass uses the exact derivative; [`rising_log1p`] and [`atan2`] take two
//! tensors. The test numbers are mpmath's (`scripts/reference/special.py`).

mod angle;
mod bessel;
mod error_function;
mod gamma;
mod incomplete_beta;
mod incomplete_gamma;
mod logarithm;
mod pointwise;
mod rising;
mod stirling;

pub use angle::atan2;
pub use bessel::{i0e, i1e, log_i0e, log_i0e_derivative};
pub use error_function::{erfcx, log_erfc, log_erfc_derivative};
pub use gamma::{digamma, digamma_difference, lgamma, lgamma_difference, trigamma};
pub use incomplete_beta::IncompleteBeta;
pub use incomplete_gamma::{gamma_density_of_log, gamma_tails};
pub use logarithm::{log1p, sigmoid, softplus, softplus_inverse};
pub use pointwise::Pointwise;
pub use rising::{log_rising, log_rising_derivative, rising_log1p};
pub use stirling::{half_deviance, stirling_remainder};
