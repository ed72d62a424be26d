//! What can be wrong with an expression, with the place in its text.

use std::fmt;
use std::ops::Range;

use surprisal_core::{Blame, Diagnose, closest};

use crate::function::Function;

/// What is wrong with an expression, and where.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub struct ExprError {
    /// The whole expression.
    pub text: String,
    /// The bytes of `text` to blame.
    pub span: Range<usize>,
    /// What is wrong.
    pub fault: Fault,
}

/// What is wrong with an expression.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Fault {
    /// There is nothing.
    #[error("the expression is empty")]
    Empty,
    /// A character outside the language.
    #[error("unexpected character `{found}`")]
    Character {
        /// The character.
        found: char,
    },
    /// `&&`, `||` or `!`.
    #[error("`{found}` is not an operator here")]
    ForeignOperator {
        /// As written.
        found: &'static str,
        /// As it is written here.
        ours: &'static str,
    },
    /// `=` where a comparison is meant.
    #[error("`=` assigns nothing here")]
    SingleEquals,
    /// Digits that are no number.
    #[error("`{found}` is not a number")]
    Number {
        /// As written.
        found: String,
    },
    /// A number too large for a float64.
    #[error("`{found}` is too large a number")]
    TooLarge {
        /// As written.
        found: String,
    },
    /// An operand is missing.
    #[error("expected a number, a name or `(`, found {found}")]
    Operand {
        /// What stands there instead.
        found: String,
    },
    /// Two operands without an operator between them.
    #[error("no operator between `{left}` and `{right}`")]
    SideBySide {
        /// The first.
        left: String,
        /// The second.
        right: String,
    },
    /// An opening parenthesis without its closing one.
    #[error("this `(` is never closed")]
    Unclosed,
    /// A closing parenthesis without its opening one.
    #[error("this `)` closes nothing")]
    Unopened,
    /// A comma outside a call.
    #[error("a comma separates the arguments of a function, and here is none")]
    Comma,
    /// A name that nothing was declared under.
    #[error("unknown name `{name}`")]
    Name {
        /// The name.
        name: String,
        /// Every name there is.
        known: Vec<String>,
    },
    /// A call of something that is no function.
    #[error("unknown function `{name}`")]
    Function {
        /// The name.
        name: String,
    },
    /// A function without its arguments.
    #[error("`{}` is a function and needs its arguments", function.name())]
    Bare {
        /// The function.
        function: Function,
    },
    /// A function with too many or too few arguments.
    #[error("`{}` does not take {found} argument{}", function.name(), if *found == 1 { "" } else { "s" })]
    Arity {
        /// The function.
        function: Function,
        /// How many were given.
        found: usize,
    },
    /// A condition where a number is wanted.
    #[error("a condition is not a number")]
    Condition,
    /// A number where a condition is wanted.
    #[error("{wanted} needs a condition, and this is a number")]
    NotCondition {
        /// Who needs it.
        wanted: &'static str,
    },
    /// a < b < c.
    #[error("comparisons cannot be chained")]
    Chained,
    /// Constants alone that are not a finite number.
    #[error("this is {value}, whatever the values of the symbols")]
    NotFinite {
        /// NaN or ±inf.
        value: f64,
        /// A negative number is raised to a fraction.
        negative_base: bool,
    },
    /// More symbols than anyone writes by hand.
    #[error("the expression is longer than {limit} symbols")]
    TooLong {
        /// The limit.
        limit: usize,
    },
    /// Parentheses or signs within each other, more than anyone writes by hand.
    #[error("the expression is nested deeper than {limit} levels")]
    TooDeep {
        /// The limit.
        limit: usize,
    },
    /// A declared name that cannot be one.
    #[error("`{name}` cannot be the name of a symbol: {reason}")]
    Symbol {
        /// The name.
        name: String,
        /// Why not.
        reason: &'static str,
    },
    /// A name that is declared twice.
    #[error("the name `{name}` is taken")]
    Taken {
        /// The name.
        name: String,
    },
}

impl ExprError {
    /// The expression and a line of carets under the place, each with `margin` in front.
    pub fn caret(&self, margin: &str) -> String {
        let (start, end) = (self.span.start.min(self.text.len()), self.span.end.min(self.text.len()));
        let line_start = self.text[..start].rfind('\n').map_or(0, |at| at + 1);
        let line = self.text[line_start..].lines().next().unwrap_or("");
        let blank: String = self.text[line_start..start].chars().map(|c| if c == '\t' { '\t' } else { ' ' }).collect();
        let width = self.text[start..end].lines().next().map_or(0, |l| l.chars().count()).max(1);
        format!("{margin}{line}\n{margin}{blank}{}", "^".repeat(width))
    }
}

impl fmt::Display for ExprError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}\n{}", self.fault, self.caret("  "))
    }
}

impl Diagnose for ExprError {
    fn blame(&self) -> Blame {
        Blame::User
    }

    fn hint(&self) -> Option<String> {
        Some(match &self.fault {
            Fault::Empty => "write a formula, for example \"alpha*x\"".into(),
            Fault::Character { found } => match found {
                '[' | ']' | '{' | '}' => "group with parentheses, ( and )".into(),
                '×' | '·' => "write * for a product".into(),
                '÷' => "write / for a quotient".into(),
                '−' | '–' => "write - for a difference: this is another character that looks like it".into(),
                ';' => "one expression is one formula; give each state its own".into(),
                '%' => "percentages and remainders are not part of the language; divide by 100".into(),
                _ => "expressions are made of numbers, names, + - * / ^ ( ) , and comparisons".into(),
            },
            Fault::ForeignOperator { ours, .. } => format!("write `{ours}`"),
            Fault::SingleEquals => "write == to compare; the right-hand side of an equation stands alone".into(),
            Fault::Number { .. } => "write numbers like 2, 0.5 or 1e-3".into(),
            Fault::TooLarge { .. } => "the largest number is about 1.8e308".into(),
            Fault::Operand { .. } => "write what is missing before it; an operator stands between two operands".into(),
            Fault::SideBySide { left, right } => format!("write {left}*{right} for their product"),
            Fault::Unclosed => "add the missing `)`".into(),
            Fault::Unopened => "remove it, or add the missing `(`".into(),
            Fault::Comma => "write decimals with a point, 0.5".into(),
            Fault::Name { name, known } => unknown_name(name, known),
            Fault::Function { name } => match Function::known_elsewhere_as(name) {
                Some(function) => format!("write {}", function.usage()),
                None => match closest(name, Function::ALL.map(Function::name)) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => format!(
                        "write {name}*(…) for a product; the functions are {}",
                        Function::ALL.map(Function::name).join(", ")
                    ),
                },
            },
            Fault::Bare { function } | Fault::Arity { function, .. } => format!("write {}", function.usage()),
            Fault::Condition => "choose between two numbers with where(condition, a, b)".into(),
            Fault::NotCondition { .. } => "compare it with something: x > 0".into(),
            Fault::Chained => "write a < b and b < c".into(),
            Fault::NotFinite { negative_base: true, .. } => {
                "a negative number has no real power with a fraction; write -(a^b), or abs(a)^b".into()
            }
            Fault::NotFinite { .. } => "correct the numbers; no data can make it finite".into(),
            Fault::TooLong { .. } | Fault::TooDeep { .. } => "name parts of it as definitions and use the names".into(),
            Fault::Symbol { .. } => "rename it".into(),
            Fault::Taken { .. } => "give every symbol a name of its own".into(),
        })
    }
}

fn unknown_name(name: &str, known: &[String]) -> String {
    if let Some(near) = closest(name, known.iter().map(String::as_str)) {
        return format!("did you mean `{near}`?");
    }
    if known.is_empty() {
        return "no names are known here, only numbers".into();
    }
    format!("the names known here are {}", known.join(", "))
}
