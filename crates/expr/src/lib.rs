//! The expression language: formulas as text, with exact derivatives.
//!
//! `alpha*x - beta*x*y + nn.u` is parsed to a tree ([`Expression`]), trees over a declared list of
//! symbols are compiled together into straight-line code ([`Program`]: every value computed once,
//! constants folded, dead code gone), and that code is evaluated for one number or for eight lanes
//! ([`Lane`]) with its two products: J·u forwards and vᵀJ backwards, both from the stored values; and for a
//! batch on any device, as [`tensors`].
//!
//! ```
//! use surprisal_expr::{Expression, Program};
//!
//! let rhs = Expression::parse("alpha*x - 0.5*x*y").unwrap();
//! let program = Program::compile(&["x", "y", "alpha"], &[], &[&rhs]).unwrap();
//! let mut values = vec![0.0; program.n_values()];
//! program.evaluate(&[2.0, 3.0, 1.5], &mut values);
//! assert_eq!(program.output(0, &values), 1.5 * 2.0 - 0.5 * 2.0 * 3.0);
//!
//! let (mut gradient, mut adjoints) = (vec![0.0; 3], vec![0.0; program.n_values()]);
//! program.vjp(&values, &[1.0], &mut adjoints, &mut gradient);
//! assert_eq!(gradient, [1.5 - 0.5 * 3.0, -0.5 * 2.0, 2.0]);
//! ```
//!
//! # The language
//! Numbers, names (dotted ones too: `nn.u`), `+ - * /`, `^` or `**` (right-associative, binding
//! tighter than a sign: `-x^2` is −(x²)), parentheses, and the functions of
//! [`Function::ALL`]. Conditions, `< <= > >= == !=` joined by `and`, `or`, `not`, stand only in
//! `where(condition, a, b)`. Constants are `pi` and `e`, unless a symbol of that name is declared.
//!
//! # Conventions where a derivative does not exist
//! `abs` has slope 0 at 0; `min` and `max` share the slope equally at a tie, and are NaN if either
//! argument is; a condition has no slope. A derivative of 0 stays 0 whatever it is multiplied by:
//! what `where` did not choose leaks neither value nor gradient, not even NaN, and √x has gradient 0
//! at x = 0 where nobody asks for it. ∂(aᵇ)/∂b is 0 at a = 0.

mod compile;
mod display;
mod error;
mod function;
mod lane;
mod lexer;
mod operation;
mod parser;
mod program;
pub mod tensors;
mod tree;

pub use compile::Builder;
pub use error::{ExprError, Fault};
pub use function::Function;
pub use lane::Lane;
pub use program::Program;
pub use tree::Expression;
