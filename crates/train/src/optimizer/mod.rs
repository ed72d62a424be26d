//! Optimisers whose state can be saved: step rules, which see the gradient of one batch, and
//! minimisers, which may ask for loss and gradient of the whole training set wherever they like.

mod adamw;
mod adamw_update;
mod fista;
mod history;
mod lbfgs;
mod line_search;
pub mod minimizer;
mod orthant;
mod sgd;
pub mod step_rule;

pub use adamw::AdamW;
pub use fista::Fista;
pub use lbfgs::Lbfgs;
pub use minimizer::{Iteration, Minimizer, Problem, Status};
pub use sgd::Sgd;
pub use step_rule::StepRule;

/// An entry of the registry.
pub trait Optimizer: Send + Sync {
    /// What it does.
    fn method(&self) -> Method<'_>;

    /// The first impossible value, in words.
    fn problem(&self) -> Option<String>;
}

/// The two kinds of optimiser.
#[derive(Clone, Copy)]
pub enum Method<'a> {
    /// One update from the gradient of one batch.
    StepRule(&'a dyn StepRule),
    /// Iterations on the whole training set until the gradient vanishes.
    Minimizer(&'a dyn Minimizer),
}

surprisal_core::registry! {
    /// Optimisers.
    pub enum OptimizerConfig: dyn Optimizer {
        "adamw" => AdamW,
        "sgd" => Sgd,
        "lbfgs" => Lbfgs,
        "fista" => Fista,
    }
}
