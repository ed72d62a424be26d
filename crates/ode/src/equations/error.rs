//! What can be wrong with a system of equations, and under which key.

use surprisal_core::{Blame, Diagnose};
use surprisal_expr::ExprError;

/// A mistake and the key it stands under.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{fault}")]
pub struct EquationError {
    /// Keys below `[model.ode]`.
    pub keys: Vec<String>,
    /// Which element, where the value of the key is a list.
    pub element: Option<usize>,
    /// What is wrong.
    pub fault: EquationFault,
}

/// What can be wrong with a system of equations.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum EquationFault {
    /// An expression.
    #[error(transparent)]
    Expression(Box<ExprError>),
    /// Anything else.
    #[error("{message}")]
    Setting {
        /// What is wrong.
        message: String,
        /// What to do about it.
        hint: String,
    },
}

impl EquationError {
    /// A mistake under these keys.
    pub fn setting(keys: &[&str], message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self {
            keys: keys.iter().map(|key| (*key).to_owned()).collect(),
            element: None,
            fault: EquationFault::Setting { message: message.into(), hint: hint.into() },
        }
    }

    /// A mistake in the expression under these keys.
    pub(crate) fn expression(keys: &[&str], error: ExprError) -> Self {
        Self {
            keys: keys.iter().map(|key| (*key).to_owned()).collect(),
            element: None,
            fault: EquationFault::Expression(Box::new(error)),
        }
    }

    /// The same in element `i` of a list.
    pub(crate) fn in_element(self, i: usize) -> Self {
        Self { element: Some(i), ..self }
    }
}

impl Diagnose for EquationError {
    fn blame(&self) -> Blame {
        Blame::User
    }

    fn hint(&self) -> Option<String> {
        match &self.fault {
            EquationFault::Expression(error) => error.hint(),
            EquationFault::Setting { hint, .. } => Some(hint.clone()),
        }
    }
}
