//! Predictive distributions: negative log-likelihoods and their parameters.

mod marginal;

pub use marginal::Marginal;
