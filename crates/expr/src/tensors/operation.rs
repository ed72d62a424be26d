//! The operations of a program over tensors, with their partial derivatives: [`crate::operation`] once more.

use std::f64::consts::LN_10;

use candle_core::{DType, Result, Tensor};

use super::elementary::{atan, constant, cosh, expm1, is_zero, log1p, power, sigmoid, sinh, softplus};
use crate::operation::{Binary, Unary};
use crate::tree::{Comparison, Junction};

/// A partial derivative.
pub(super) enum Slope {
    Zero,
    One,
    MinusOne,
    Of(Tensor),
}

/// a·b, where 0 times anything is 0, even if it is infinite or NaN.
pub(super) fn product(a: &Tensor, b: &Tensor) -> Result<Tensor> {
    let zeros = a.zeros_like()?;
    let product = (a * b)?;
    let product = a.eq(&zeros)?.where_cond(&zeros, &product)?;
    b.eq(&zeros)?.where_cond(&zeros, &product)
}

impl Slope {
    /// The cotangent that goes on through this derivative; `None` for no one.
    pub(super) fn times(&self, cotangent: &Tensor) -> Result<Option<Tensor>> {
        Ok(match self {
            Self::Zero => None,
            Self::One => Some(cotangent.clone()),
            Self::MinusOne => Some(cotangent.neg()?),
            Self::Of(slope) => Some(product(cotangent, slope)?),
        })
    }
}

fn truth(holds: &Tensor) -> Result<Tensor> {
    holds.to_dtype(DType::F64)
}

impl Unary {
    /// The value at x.
    pub(super) fn value_of(self, x: &Tensor) -> Result<Tensor> {
        match self {
            Self::Negate => x.neg(),
            Self::Reciprocal => x.recip(),
            Self::Exp => x.exp(),
            Self::Log => x.log(),
            Self::Log10 => x.log()?.affine(1.0 / LN_10, 0.0),
            Self::Log1p => log1p(x),
            Self::Expm1 => expm1(x),
            Self::Sqrt => x.sqrt(),
            Self::Abs => x.abs(),
            Self::Sin => x.sin(),
            Self::Cos => x.cos(),
            Self::Tan => x.sin()? / x.cos()?,
            Self::Atan => atan(x),
            Self::Sinh => sinh(x),
            Self::Cosh => cosh(x),
            Self::Tanh => x.tanh(),
            Self::Sigmoid => sigmoid(x),
            Self::Softplus => softplus(x),
            Self::Not => truth(&is_zero(x)?),
        }
    }

    /// The derivative at x, where the value is v.
    pub(super) fn slope_of(self, x: &Tensor, v: &Tensor) -> Result<Slope> {
        Ok(Slope::Of(match self {
            Self::Negate => return Ok(Slope::MinusOne),
            Self::Not => return Ok(Slope::Zero),
            Self::Reciprocal => v.sqr()?.neg()?,
            Self::Exp => v.clone(),
            Self::Log => x.recip()?,
            Self::Log10 => x.affine(LN_10, 0.0)?.recip()?,
            Self::Log1p => x.affine(1.0, 1.0)?.recip()?,
            Self::Expm1 => x.exp()?,
            Self::Sqrt => v.recip()?.affine(0.5, 0.0)?,
            // 0 at 0, NaN at NaN
            Self::Abs => x.ne(x)?.where_cond(x, &x.sign()?)?,
            Self::Sin => x.cos()?,
            Self::Cos => x.sin()?.neg()?,
            Self::Tan => v.sqr()?.affine(1.0, 1.0)?,
            Self::Atan => x.sqr()?.affine(1.0, 1.0)?.recip()?,
            Self::Sinh => cosh(x)?,
            Self::Cosh => sinh(x)?,
            Self::Tanh => v.sqr()?.affine(-1.0, 1.0)?,
            Self::Sigmoid => (v * v.affine(-1.0, 1.0)?)?,
            Self::Softplus => sigmoid(x)?,
        }))
    }
}

impl Comparison {
    /// Which pairs it holds for.
    fn of(self, a: &Tensor, b: &Tensor) -> Result<Tensor> {
        match self {
            Self::Less => a.lt(b),
            Self::LessOrEqual => a.le(b),
            Self::Greater => a.gt(b),
            Self::GreaterOrEqual => a.ge(b),
            Self::Equal => a.eq(b),
            Self::NotEqual => a.ne(b),
        }
    }
}

impl Binary {
    /// The value at (a, b).
    pub(super) fn value_of(self, a: &Tensor, b: &Tensor) -> Result<Tensor> {
        match self {
            Self::Add => a + b,
            Self::Subtract => a - b,
            Self::Multiply => a * b,
            Self::Divide => a / b,
            Self::Power => power(a, b),
            Self::Min => first_or_nan(&a.lt(b)?, a, b),
            Self::Max => first_or_nan(&a.gt(b)?, a, b),
            Self::Compare(comparison) => truth(&comparison.of(a, b)?),
            Self::Join(junction) => {
                let (a, b) = (truth(&is_zero(a)?)?, truth(&is_zero(b)?)?);
                // how many are false
                let most = match junction {
                    Junction::And => 0.0,
                    Junction::Or => 1.0,
                };
                truth(&(&a + b)?.le(&constant(&a, most)?)?)
            }
        }
    }

    /// (∂/∂a, ∂/∂b) at (a, b), where the value is v.
    pub(super) fn slopes_of(self, a: &Tensor, b: &Tensor, v: &Tensor) -> Result<(Slope, Slope)> {
        Ok(match self {
            Self::Add => (Slope::One, Slope::One),
            Self::Subtract => (Slope::One, Slope::MinusOne),
            Self::Multiply => (Slope::Of(b.clone()), Slope::Of(a.clone())),
            Self::Divide => (Slope::Of(b.recip()?), Slope::Of((v / b)?.neg()?)),
            Self::Power => {
                let by_a = (b * power(a, &b.affine(1.0, -1.0)?)?)?;
                let by_b = (v * a.log()?)?;
                let zeros = a.zeros_like()?;
                let by_a = is_zero(b)?.where_cond(&zeros, &by_a)?;
                (Slope::Of(by_a), Slope::Of(is_zero(a)?.where_cond(&zeros, &by_b)?))
            }
            Self::Min => shares(&a.lt(b)?, a, b)?,
            Self::Max => shares(&a.gt(b)?, a, b)?,
            Self::Compare(_) | Self::Join(_) => (Slope::Zero, Slope::Zero),
        })
    }
}

/// a where it is chosen or NaN, else b.
fn first_or_nan(chosen: &Tensor, a: &Tensor, b: &Tensor) -> Result<Tensor> {
    a.ne(a)?.where_cond(a, &chosen.where_cond(a, b)?)
}

/// 1 for what was chosen, 0 for the other, ½ for each at a tie.
fn shares(first: &Tensor, a: &Tensor, b: &Tensor) -> Result<(Slope, Slope)> {
    let share = a.eq(b)?.where_cond(&constant(a, 0.5)?, &truth(first)?)?;
    let share = a.ne(a)?.where_cond(&constant(a, 1.0)?, &share)?;
    let other = share.affine(-1.0, 1.0)?;
    Ok((Slope::Of(share), Slope::Of(other)))
}
