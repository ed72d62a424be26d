//! Watching a solution for the moment at which a quantity passes zero.
//!
//! Every accepted step is looked at in eight parts, through the interpolant; a change of sign is then
//! located by bisection. A quantity that passes zero and returns within an eighth of a step is missed.

use crate::solve::Step;
use crate::tape::Tape;

/// Parts of a step between whose ends a change of sign is looked for.
const PARTS: usize = 8;

/// Which changes of sign count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    /// Both.
    #[default]
    Any,
    /// From below zero.
    Rising,
    /// From above zero.
    Falling,
}

impl Direction {
    /// What a guard counts as where it has just passed zero and was reset: on the side from which it
    /// passes, so that it may pass again at once.
    pub(crate) fn just_passed(self) -> f64 {
        match self {
            Self::Any => 0.0,
            Self::Rising => -f64::MIN_POSITIVE,
            Self::Falling => f64::MIN_POSITIVE,
        }
    }

    fn passes(self, before: f64, after: f64) -> bool {
        let rising = before < 0.0 && after >= 0.0;
        let falling = before > 0.0 && after <= 0.0;
        match self {
            Self::Any => rising || falling,
            Self::Rising => rising,
            Self::Falling => falling,
        }
    }
}

/// The moment at which a guard passed zero.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Crossing {
    pub(crate) guard: usize,
    pub(crate) t: f64,
    /// Fraction of its step.
    pub(crate) theta: f64,
}

/// The guards of one trajectory: g(t, y) `[n_guards]`, and which of their changes count.
pub(crate) struct Guards<'a> {
    pub(crate) value: &'a dyn Fn(f64, &[f64]) -> Vec<f64>,
    pub(crate) directions: &'a [Direction],
    /// Values at the end of the last step.
    pub(crate) previous: Vec<f64>,
}

impl Guards<'_> {
    /// The first change of sign within a step whose stages are evaluated.
    pub(crate) fn search(&mut self, tape: &Tape, step: usize, Step { t, h }: Step) -> Option<Crossing> {
        let mut state = vec![0.0; tape.dim()];
        let mut at = |theta: f64| {
            tape.interpolate(step, h, theta, &mut state);
            (self.value)(t + theta * h, &state)
        };
        for part in 1..=PARTS {
            let (from, to) = ((part - 1) as f64 / PARTS as f64, part as f64 / PARTS as f64);
            let values = at(to);
            let passed = (0..values.len()).filter(|&k| self.directions[k].passes(self.previous[k], values[k]));
            let first = passed.map(|guard| (bisect(from, to, self.previous[guard], |theta| at(theta)[guard]), guard));
            if let Some((theta, guard)) = first.min_by(|a, b| a.0.total_cmp(&b.0)) {
                return Some(Crossing { guard, t: t + theta * h, theta });
            }
            self.previous = values;
        }
        None
    }
}

/// Where a function that has the sign of `before` at `from`, and not at `to`, changes it: the later end
/// of the interval that is left.
fn bisect(mut from: f64, mut to: f64, before: f64, mut value: impl FnMut(f64) -> f64) -> f64 {
    for _ in 0..60 {
        let middle = 0.5 * (from + to);
        if middle <= from || middle >= to {
            break;
        }
        if value(middle) * before.signum() > 0.0 {
            from = middle;
        } else {
            to = middle;
        }
    }
    to
}
