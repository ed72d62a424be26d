//! What can go wrong when a trajectory is integrated.

use surprisal_core::{Blame, Diagnose};

/// Why a trajectory was not integrated to its end.
///
/// `partial` holds the states at the data times that were reached, `[n_reached * n]`.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum OdeError {
    /// There is no time to start from.
    #[error("a trajectory needs at least one time, the initial one")]
    NoTimes,
    /// Data times do not increase.
    #[error("times must increase, found {time} after {previous} (time {index})")]
    TimesNotIncreasing {
        /// Index of the offending time, from 0.
        index: usize,
        /// The time before it.
        previous: f64,
        /// The time itself.
        time: f64,
    },
    /// A data time is NaN or infinite.
    #[error("times must be finite, found {time} (time {index})")]
    TimeNotFinite {
        /// Index of the offending time, from 0.
        index: usize,
        /// The time itself.
        time: f64,
    },
    /// An initial value is NaN or infinite.
    #[error("initial states must be finite, found {value} (state {index})")]
    InitialStateNotFinite {
        /// Index of the offending state, from 0.
        index: usize,
        /// Its value.
        value: f64,
    },
    /// An argument has the wrong length.
    #[error("`{what}` must have length {expected}, found {found}")]
    Length {
        /// The argument.
        what: &'static str,
        /// Its length as the field wants it.
        expected: usize,
        /// Its length as given.
        found: usize,
    },
    /// A tolerance is not a positive number.
    #[error("`{name}` must be positive and finite, found {value}")]
    Tolerance {
        /// `rtol` or `atol`.
        name: &'static str,
        /// Its value.
        value: f64,
    },
    /// States are not positions with their momenta.
    #[error("`leapfrog` needs positions and as many momenta, found {found} states")]
    NotPairs {
        /// Number of states.
        found: usize,
    },
    /// The step limit was hit.
    #[error("no more than {max_steps} steps were allowed, and they reached t = {t} of {t_end}")]
    MaxSteps {
        /// The limit.
        max_steps: usize,
        /// Time reached.
        t: f64,
        /// Time wanted.
        t_end: f64,
        /// States at the data times reached.
        partial: Vec<f64>,
    },
    /// The step size became as small as the spacing of floating-point numbers.
    #[error("the step size fell to {h:e} at t = {t} of {t_end}: the solution blows up, jumps or is too stiff there")]
    StepUnderflow {
        /// Time reached.
        t: f64,
        /// Step size.
        h: f64,
        /// Time wanted.
        t_end: f64,
        /// States at the data times reached.
        partial: Vec<f64>,
    },
    /// Events follow each other without end.
    #[error("{n_events} events happened up to t = {t} of {t_end}: they follow each other without end")]
    TooManyEvents {
        /// How many there were.
        n_events: usize,
        /// Time reached.
        t: f64,
        /// Time wanted.
        t_end: f64,
        /// States at the data times reached.
        partial: Vec<f64>,
    },
    /// The right-hand side is none that a device evaluates.
    #[error(
        "this right-hand side cannot be evaluated in tensors, which is how it would be on another device than the CPU"
    )]
    NoTensors,
    /// A device could not compute or hold what it was asked to.
    #[error("the device failed: {message}")]
    Device {
        /// What it said.
        message: String,
    },
    /// The field is NaN or infinite, and smaller steps did not help.
    #[error("the right-hand side is not finite at or just after t = {t} of {t_end}")]
    FieldNotFinite {
        /// Time reached.
        t: f64,
        /// Time wanted.
        t_end: f64,
        /// States at the data times reached.
        partial: Vec<f64>,
    },
}

impl OdeError {
    /// States at the data times that were reached, `[n_reached * n]`.
    pub fn partial(&self) -> &[f64] {
        match self {
            Self::MaxSteps { partial, .. }
            | Self::StepUnderflow { partial, .. }
            | Self::TooManyEvents { partial, .. }
            | Self::FieldNotFinite { partial, .. } => partial,
            _ => &[],
        }
    }

    /// The same error, with the states at all data times reached.
    pub(crate) fn with_partial(mut self, states: Vec<f64>) -> Self {
        match &mut self {
            Self::MaxSteps { partial, .. }
            | Self::StepUnderflow { partial, .. }
            | Self::TooManyEvents { partial, .. }
            | Self::FieldNotFinite { partial, .. } => *partial = states,
            _ => {}
        }
        self
    }
}

impl From<candle_core::Error> for OdeError {
    fn from(error: candle_core::Error) -> Self {
        Self::Device { message: error.to_string() }
    }
}

impl Diagnose for OdeError {
    fn blame(&self) -> Blame {
        match self {
            Self::Device { .. } => Blame::Program,
            _ => Blame::User,
        }
    }

    fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::NoTimes | Self::Length { .. } => return None,
            Self::TimesNotIncreasing { .. } => "sort the observations by time and merge those of equal time",
            Self::TimeNotFinite { .. } | Self::InitialStateNotFinite { .. } => {
                "remove the row or fill in the value; only observations may be missing"
            }
            Self::NoTensors => "solve it on the CPU",
            Self::Device { .. } => "if memory ran out: lower `memory_limit_mib` of the solver, or `train.shard_size`",
            Self::NotPairs { .. } => {
                "list all positions, then their momenta in the same order; or use `rk4` or `tsit5`"
            }
            Self::Tolerance { name: "step", .. } => "a hundredth of the shortest time scale is a good start",
            Self::Tolerance { .. } => "rtol = 1e-6 and atol = 1e-8 times the size of the states are a good start",
            Self::MaxSteps { .. } => {
                "raise `max_steps`, loosen the tolerances, or, if the problem is stiff, use the solver `kvaerno5`"
            }
            Self::StepUnderflow { .. } => {
                "check the equations and scales; a stiff problem needs the implicit solver `kvaerno5`"
            }
            Self::TooManyEvents { .. } => {
                "an object that comes to rest by bouncing does so in infinitely many events: end it with `stop = true`"
            }
            Self::FieldNotFinite { .. } => {
                "keep the states inside the domain of the equations (logarithms, roots, divisions), or lower the learning rate"
            }
        };
        Some(hint.to_owned())
    }
}
