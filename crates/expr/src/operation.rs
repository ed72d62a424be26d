//! What one step of a program computes, with its partial derivatives.

use std::f64::consts::LN_10;

use crate::lane::Lane;
use crate::tree::{Comparison, Junction};

/// Index of a value of a program.
pub(crate) type Register = u32;

/// One value in terms of earlier ones.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Operation {
    Input,
    Constant(f64),
    Unary(Unary, Register),
    /// xᶜ.
    Power(Register, f64),
    Binary(Binary, Register, Register),
    /// b where a ≠ 0, else c.
    Select(Register, Register, Register),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Unary {
    Negate,
    Reciprocal,
    Exp,
    Log,
    Log10,
    Log1p,
    Expm1,
    Sqrt,
    Abs,
    Sin,
    Cos,
    Tan,
    Atan,
    Sinh,
    Cosh,
    Tanh,
    Sigmoid,
    Softplus,
    Not,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Binary {
    Add,
    Subtract,
    Multiply,
    Divide,
    Power,
    Min,
    Max,
    Compare(Comparison),
    Join(Junction),
}

/// a·b, where 0 times anything is 0, even if it is infinite or NaN: what nobody asks for, and what
/// changes nothing, has no derivative.
#[inline(always)]
pub(crate) fn product<L: Lane>(a: L, b: L) -> L {
    a.zip(b, |a, b| if a == 0.0 || b == 0.0 { 0.0 } else { a * b })
}

#[inline(always)]
fn truth(holds: bool) -> f64 {
    if holds { 1.0 } else { 0.0 }
}

#[inline(always)]
fn sigmoid(x: f64) -> f64 {
    // e⁻ˣ may overflow to infinity, which is harmless below a fraction line
    1.0 / (1.0 + (-x).exp())
}

impl Unary {
    /// The value at x.
    #[inline(always)]
    pub(crate) fn value<L: Lane>(self, x: L) -> L {
        match self {
            Self::Negate => x.map(|x| -x),
            Self::Reciprocal => x.map(|x| 1.0 / x),
            Self::Exp => x.map(f64::exp),
            Self::Log => x.map(f64::ln),
            Self::Log10 => x.map(f64::log10),
            Self::Log1p => x.map(f64::ln_1p),
            Self::Expm1 => x.map(f64::exp_m1),
            Self::Sqrt => x.map(f64::sqrt),
            Self::Abs => x.map(f64::abs),
            Self::Sin => x.map(f64::sin),
            Self::Cos => x.map(f64::cos),
            Self::Tan => x.map(f64::tan),
            Self::Atan => x.map(f64::atan),
            Self::Sinh => x.map(f64::sinh),
            Self::Cosh => x.map(f64::cosh),
            Self::Tanh => x.map(f64::tanh),
            Self::Sigmoid => x.map(sigmoid),
            // max(x, 0) by way of |x|, which keeps NaN
            Self::Softplus => x.map(|x| 0.5 * (x + x.abs()) + (-x.abs()).exp().ln_1p()),
            Self::Not => x.map(|x| truth(x == 0.0)),
        }
    }

    /// The derivative at x, where the value is v.
    #[inline(always)]
    pub(crate) fn slope<L: Lane>(self, x: L, v: L) -> L {
        match self {
            Self::Negate => L::splat(-1.0),
            Self::Reciprocal => v.map(|v| -v * v),
            Self::Exp => v,
            Self::Log => x.map(|x| 1.0 / x),
            Self::Log10 => x.map(|x| 1.0 / (x * LN_10)),
            Self::Log1p => x.map(|x| 1.0 / (1.0 + x)),
            Self::Expm1 => x.map(f64::exp),
            Self::Sqrt => v.map(|v| 0.5 / v),
            Self::Abs => x.map(|x| if x == 0.0 { 0.0 } else { x.signum() }),
            Self::Sin => x.map(f64::cos),
            Self::Cos => x.map(|x| -x.sin()),
            Self::Tan => v.map(|v| 1.0 + v * v),
            Self::Atan => x.map(|x| 1.0 / (1.0 + x * x)),
            Self::Sinh => x.map(f64::cosh),
            Self::Cosh => x.map(f64::sinh),
            Self::Tanh => v.map(|v| 1.0 - v * v),
            Self::Sigmoid => v.map(|v| v * (1.0 - v)),
            Self::Softplus => x.map(sigmoid),
            Self::Not => L::splat(0.0),
        }
    }
}

impl Binary {
    /// The value at (a, b).
    #[inline(always)]
    pub(crate) fn value<L: Lane>(self, a: L, b: L) -> L {
        match self {
            Self::Add => a.zip(b, |a, b| a + b),
            Self::Subtract => a.zip(b, |a, b| a - b),
            Self::Multiply => a.zip(b, |a, b| a * b),
            Self::Divide => a.zip(b, |a, b| a / b),
            Self::Power => a.zip(b, f64::powf),
            Self::Min => a.zip(b, |a, b| if a < b || a.is_nan() { a } else { b }),
            Self::Max => a.zip(b, |a, b| if a > b || a.is_nan() { a } else { b }),
            Self::Compare(comparison) => a.zip(b, |a, b| truth(comparison.holds(a, b))),
            Self::Join(Junction::And) => a.zip(b, |a, b| truth(a != 0.0 && b != 0.0)),
            Self::Join(Junction::Or) => a.zip(b, |a, b| truth(a != 0.0 || b != 0.0)),
        }
    }

    /// (∂/∂a, ∂/∂b) at (a, b), where the value is v.
    #[inline(always)]
    pub(crate) fn slopes<L: Lane>(self, a: L, b: L, v: L) -> (L, L) {
        let one = L::splat(1.0);
        match self {
            Self::Add => (one, one),
            Self::Subtract => (one, L::splat(-1.0)),
            Self::Multiply => (b, a),
            Self::Divide => (b.map(|b| 1.0 / b), v.zip(b, |v, b| -v / b)),
            Self::Power => (
                a.zip(b, |a, b| if b == 0.0 { 0.0 } else { b * a.powf(b - 1.0) }),
                a.zip(v, |a, v| if a == 0.0 { 0.0 } else { v * a.ln() }),
            ),
            Self::Min => shares(a, b, |a, b| a < b),
            Self::Max => shares(a, b, |a, b| a > b),
            Self::Compare(_) | Self::Join(_) => (L::splat(0.0), L::splat(0.0)),
        }
    }
}

/// 1 for what was chosen, 0 for the other, ½ for each at a tie.
#[inline(always)]
fn shares<L: Lane>(a: L, b: L, first: impl Fn(f64, f64) -> bool) -> (L, L) {
    let share = a.zip(b, |a, b| if a == b { 0.5 } else { truth(first(a, b) || a.is_nan()) });
    (share, share.map(|share| 1.0 - share))
}

/// (xᶜ)′ at x.
#[inline(always)]
pub(crate) fn power_slope<L: Lane>(x: L, c: f64) -> L {
    x.map(|x| c * x.powf(c - 1.0))
}
