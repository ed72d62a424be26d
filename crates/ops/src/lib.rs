//! Differentiable operations that candle lacks, or gets wrong, each with its gradients.

pub mod special;
