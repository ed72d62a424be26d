//! Elementary functions of tensors that candle lacks, from operations that it has on every device.
//!
//! - log1p and expm1: with u the rounded 1 + x or eˣ, the factors x/(u − 1) and x/ln u undo the rounding (W.
//!   Kahan's construction; N. J. Higham, *Accuracy and Stability of Numerical Algorithms*, 2nd ed. (2002),
//!   section 1.14.1).
//! - atan: tan(α/2) = tan α/(1 + √(1 + tan² α)) halves an angle of at most π/4 twice, and the power series takes
//!   what is left, at most π/16, to rounding; beyond π/4, atan x = ±π/2 − atan 1/x.
//! - sinh: ½(w + w/(1 + w)) with w = expm1 |x|, which does not cancel near 0.
//! - aᵇ: e^{b ln|a|} with the sign and the exceptions of real powers, as `f64::powf` has them.
//!
//! In float64 they agree with the standard library's to some units in the last place; [`log1p`], [`sigmoid`] and
//! [`softplus`] take float32 too.

use std::f64::consts::FRAC_PI_2;

use candle_core::{Result, Tensor};

/// Terms of the series of atan: the next is below 10⁻¹⁷ at tan π/16.
const N_TERMS: i32 = 11;

/// ln(1 + x).
pub fn log1p(x: &Tensor) -> Result<Tensor> {
    let u = x.affine(1.0, 1.0)?;
    let added = u.affine(1.0, -1.0)?;
    let quotient = (u.log()? * (x / &added)?)?;
    // where nothing was added, and where everything is infinite
    let plain = is_zero(&added)?.where_cond(x, &quotient)?;
    u.eq(x)?.where_cond(&u.log()?, &plain)
}

/// eˣ − 1.
pub(super) fn expm1(x: &Tensor) -> Result<Tensor> {
    let u = x.exp()?;
    let less = u.affine(1.0, -1.0)?;
    let log = u.log()?;
    let corrected = (&less * (x / &log)?)?;
    let usual = is_zero(&log)?.where_cond(x, &corrected)?;
    // far from 0 there is nothing to correct, and infinities stay what they are
    x.abs()?.ge(&constant(x, 1.0)?)?.where_cond(&less, &usual)
}

/// 1/(1 + e⁻ˣ); e⁻ˣ may overflow, which is harmless below a fraction line.
pub fn sigmoid(x: &Tensor) -> Result<Tensor> {
    x.neg()?.exp()?.affine(1.0, 1.0)?.recip()
}

/// ln(1 + eˣ).
pub fn softplus(x: &Tensor) -> Result<Tensor> {
    let size = x.abs()?;
    (x + &size)?.affine(0.5, 0.0)? + log1p(&size.neg()?.exp()?)?
}

/// The inverse tangent, in [−π/2, π/2].
pub(super) fn atan(x: &Tensor) -> Result<Tensor> {
    let size = x.abs()?;
    let far = size.gt(&constant(x, 1.0)?)?;
    let mut tangent = far.where_cond(&size.recip()?, &size)?;
    for _ in 0..2 {
        tangent = (&tangent / tangent.sqr()?.affine(1.0, 1.0)?.sqrt()?.affine(1.0, 1.0)?)?;
    }
    let square = tangent.sqr()?;
    let coefficient = |k: i32| f64::from(1 - 2 * (k % 2)) / f64::from(2 * k + 1);
    let mut sum = constant(x, coefficient(N_TERMS - 1))?;
    for k in (0..N_TERMS - 1).rev() {
        sum = (sum * &square)?.affine(1.0, coefficient(k))?;
    }
    let angle = (sum * tangent)?.affine(4.0, 0.0)?;
    let angle = far.where_cond(&angle.affine(-1.0, FRAC_PI_2)?, &angle)?;
    with_sign_of(x, &angle)
}

/// (eˣ − e⁻ˣ)/2.
pub(super) fn sinh(x: &Tensor) -> Result<Tensor> {
    let w = expm1(&x.abs()?)?;
    // w/(1 + w) is 1 where w is infinite
    let ratio = w.affine(1.0, 1.0)?.recip()?.affine(-1.0, 1.0)?;
    let small = (&w / w.affine(1.0, 1.0)?)?;
    let ratio = w.gt(&constant(x, 1.0)?)?.where_cond(&ratio, &small)?;
    with_sign_of(x, &(w + ratio)?.affine(0.5, 0.0)?)
}

/// (eˣ + e⁻ˣ)/2.
pub(super) fn cosh(x: &Tensor) -> Result<Tensor> {
    (x.exp()? + x.neg()?.exp()?)?.affine(0.5, 0.0)
}

/// aᵇ.
pub(super) fn power(a: &Tensor, b: &Tensor) -> Result<Tensor> {
    let (zeros, ones) = (a.zeros_like()?, constant(a, 1.0)?);
    // a base of size 1 stays one, even to an infinite power
    let size = a.abs()?.eq(&ones)?.where_cond(&ones, &(b * a.abs()?.log()?)?.exp()?)?;
    let whole = b.eq(&b.floor()?)?;
    let half = b.affine(0.5, 0.0)?;
    let even = half.eq(&half.floor()?)?;
    // a negative base has only whole powers, but for −∞, which has no sign in others
    let infinite = a.eq(&constant(a, f64::NEG_INFINITY)?)?;
    let undefined = infinite.where_cond(&size, &constant(a, f64::NAN)?)?;
    let of_negative = whole.where_cond(&even.where_cond(&size, &size.neg()?)?, &undefined)?;
    let value = a.lt(&zeros)?.where_cond(&of_negative, &size)?;
    // anything to the power 0 is 1
    b.eq(&zeros)?.where_cond(&ones, &value)
}

/// Whether each is 0.
pub(super) fn is_zero(x: &Tensor) -> Result<Tensor> {
    x.eq(&x.zeros_like()?)
}

/// A tensor of one value, of the shape of another.
pub(super) fn constant(like: &Tensor, value: f64) -> Result<Tensor> {
    Tensor::full(value, like.shape(), like.device())
}

/// `size` with the sign of x; NaN where x is.
fn with_sign_of(x: &Tensor, size: &Tensor) -> Result<Tensor> {
    x.lt(&x.zeros_like()?)?.where_cond(&size.neg()?, size)
}
