//! Differentiable operations that candle lacks, or gets wrong, each with its gradients.

pub mod check;
pub mod dual;
pub mod fused;
mod gemm;
pub mod jet;
pub mod real;
pub mod special;

pub use dual::Dual;
pub use real::Real;
