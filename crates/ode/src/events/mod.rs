//! Events: moments at which states are set anew, or a trajectory stops.
//!
//! An event happens at given times, wherever a column of the data says so, or when a quantity
//! g(t, y, θ) passes zero. The state is then y⁺ = R(t, y⁻, θ). At a data time that is also the time of an
//! event, the data measures y⁻.
//!
//! **Gradient.** At given times: the chain rule through R. Where g decides, the moment τ moves with
//! everything before it: with δy⁻ the change of the state at a fixed time,
//!
//! dτ = −(∂g/∂y·δy⁻ + ∂g/∂θ·δθ)/(∂g/∂y·f⁻ + ∂g/∂t),
//! δy⁺ = ∂R/∂y·(δy⁻ + f⁻dτ) + ∂R/∂t·dτ + ∂R/∂θ·δθ − f⁺dτ,
//!
//! f∓ being the right-hand side just before and after (the saltation matrix: M. A. Aizerman, F. R.
//! Gantmacher, *Determination of stability by linear approximation of a periodic solution of a system of
//! differential equations with discontinuous right-hand sides*, Quarterly Journal of Mechanics and
//! Applied Mathematics 11 (1958) 385–398). Unlike that of the steps, this is the derivative of the flow,
//! and agrees with that of what was computed to the tolerance.

mod adjoint;
mod jump;
mod solve;

use surprisal_expr::Program;

use crate::batch::{Batch, Problem};
use crate::equations::System;
use crate::guard::Direction;
use crate::solver::SolverConfig;

/// What happens at a moment.
#[derive(Debug, Clone)]
pub(crate) struct Event {
    pub(crate) trigger: Trigger,
    /// From the field's symbols to the new values of `targets`, in the data's units.
    pub(crate) reset: Program,
    /// Physical states that are set.
    pub(crate) targets: Vec<usize>,
    /// Whether the trajectory stays where it then is.
    pub(crate) stop: bool,
}

impl Event {
    /// Every program it needs.
    pub(crate) fn programs(&self) -> impl Iterator<Item = &Program> + Clone {
        let guard = match &self.trigger {
            Trigger::Root(guard, _) => Some(guard),
            _ => None,
        };
        guard.into_iter().chain([&self.reset])
    }
}

/// When.
#[derive(Debug, Clone)]
pub(crate) enum Trigger {
    /// At these times.
    Times(Vec<f64>),
    /// Where this input was recorded and is not 0.
    Input(usize),
    /// When the output of this program of the field's symbols passes zero.
    Root(Program, Direction),
}

impl System {
    /// Integrates every problem, events included.
    pub fn solve_many(&self, solver: &SolverConfig, parameters: &[f64], problems: &[Problem]) -> Batch {
        if self.events.is_empty() {
            return solver.get().solve_many(self.field(), parameters, problems);
        }
        solve::solve(self, solver, parameters, problems)
    }

    /// The first event whose moment depends on the solution, which only [`crate::Tsit5`] finds.
    pub fn event_with_root(&self) -> Option<usize> {
        self.events.iter().position(|event| matches!(event.trigger, Trigger::Root(..)))
    }
}
