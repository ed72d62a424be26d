//! Special functions with their derivatives: candle has none of them.
//!
//! Each is a scalar function in float64, and where a loss needs it a [`Pointwise`] operation on
//! tensors whose backward pass uses the exact derivative. The test numbers are mpmath's
//! (`scripts/reference/special.py`).

mod bessel;
mod gamma;
mod logarithm;
mod pointwise;

pub use bessel::{i0e, i1e, log_i0e, log_i0e_derivative};
pub use gamma::{digamma, digamma_difference, lgamma, lgamma_difference, trigamma};
pub use logarithm::{log1p, sigmoid, softplus, softplus_inverse};
pub use pointwise::Pointwise;
