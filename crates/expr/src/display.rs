//! Back from trees to text, with no more parentheses than it takes to read the same tree again.

use std::fmt;

use crate::function::Function;
use crate::tree::{Arithmetic, Expression, Junction, Kind, Node};

/// How tightly the loosest operator of a text binds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Level {
    Or,
    And,
    Not,
    Comparison,
    Sum,
    Product,
    Signed,
    Power,
    Atom,
}

impl fmt::Display for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write(&self.root, f)
    }
}

fn level(node: &Node) -> Level {
    match &node.kind {
        Kind::Number(_) | Kind::Name(_) | Kind::Call(..) => Level::Atom,
        Kind::Negate(_) => Level::Signed,
        Kind::Arithmetic(Arithmetic::Add | Arithmetic::Subtract, ..) => Level::Sum,
        Kind::Arithmetic(Arithmetic::Multiply | Arithmetic::Divide, ..) => Level::Product,
        Kind::Arithmetic(Arithmetic::Power, ..) => Level::Power,
        Kind::Compare(..) => Level::Comparison,
        Kind::Not(_) => Level::Not,
        Kind::Join(Junction::And, ..) => Level::And,
        Kind::Join(Junction::Or, ..) => Level::Or,
    }
}

/// A node where only nodes of this level or tighter may stand.
fn at_least(lowest: Level, node: &Node, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    if level(node) >= lowest {
        return write(node, f);
    }
    f.write_str("(")?;
    write(node, f)?;
    f.write_str(")")
}

fn write(node: &Node, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    match &node.kind {
        // the shortest text that reads as the same number
        Kind::Number(value) => f.write_str(format!("{value:?}").trim_end_matches(".0")),
        Kind::Name(name) => f.write_str(name),
        Kind::Negate(a) => {
            f.write_str("-")?;
            at_least(Level::Signed, a, f)
        }
        Kind::Arithmetic(operator, a, b) => {
            let (left, right) = match operator {
                Arithmetic::Add | Arithmetic::Subtract => (Level::Sum, Level::Product),
                Arithmetic::Multiply | Arithmetic::Divide => (Level::Product, Level::Signed),
                Arithmetic::Power => (Level::Atom, Level::Signed),
            };
            at_least(left, a, f)?;
            match operator {
                Arithmetic::Add | Arithmetic::Subtract => write!(f, " {} ", operator.symbol())?,
                _ => f.write_str(operator.symbol())?,
            }
            at_least(right, b, f)
        }
        Kind::Call(function, arguments) => call(*function, arguments, f),
        Kind::Compare(comparison, a, b) => {
            at_least(Level::Sum, a, f)?;
            write!(f, " {} ", comparison.symbol())?;
            at_least(Level::Sum, b, f)
        }
        Kind::Not(a) => {
            f.write_str("not ")?;
            at_least(Level::Not, a, f)
        }
        Kind::Join(junction, a, b) => {
            let (left, right) = match junction {
                Junction::Or => (Level::Or, Level::And),
                Junction::And => (Level::And, Level::Not),
            };
            at_least(left, a, f)?;
            write!(f, " {} ", junction.word())?;
            at_least(right, b, f)
        }
    }
}

fn call(function: Function, arguments: &[Node], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    write!(f, "{}(", function.name())?;
    for (i, argument) in arguments.iter().enumerate() {
        if i > 0 {
            f.write_str(", ")?;
        }
        write(argument, f)?;
    }
    f.write_str(")")
}
