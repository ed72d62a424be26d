//! Learning-rate schedules: a factor on the optimiser's learning rate, by step.

mod constant;
mod cosine;

pub use constant::Constant;
pub use cosine::Cosine;

/// A factor on the learning rate.
pub trait Schedule: Send + Sync {
    /// The factor for step `step` (counted from 0) of `n_steps`.
    fn factor(&self, step: u64, n_steps: u64) -> f64;
    /// The first impossible value, in words.
    fn problem(&self) -> Option<String>;
}

surprisal_core::registry! {
    /// Learning-rate schedules.
    pub enum ScheduleConfig: dyn Schedule {
        "constant" => Constant,
        "cosine" => Cosine,
    }
}
