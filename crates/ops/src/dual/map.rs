//! Elementwise functions: z = f(x), ż = f'(x)·ẋ.

use candle_core::Result;

use super::Dual;
use crate::fused::{self, Fused};
use crate::jet::{Jet, rows, rows_mut};
use crate::real::Real;

/// A smooth function of one variable.
pub trait Smooth: Copy + Send + Sync + 'static {
    /// f, f' and f'' at `x`.
    fn derivatives<T: Real>(self, x: T) -> [T; 3];

    /// f and f' at the entries of a tensor, by tensor operations, for devices without the kernel.
    fn compose(self, x: &candle_core::Tensor) -> Result<[candle_core::Tensor; 2]>;
}

/// x·σ(x), σ the logistic function (Elfwing, Uchibe, Doya 2018).
#[derive(Debug, Clone, Copy)]
pub struct Silu;

impl Smooth for Silu {
    #[inline(always)]
    fn derivatives<T: Real>(self, x: T) -> [T; 3] {
        let one = T::one();
        let s = one / (one + (-x).exp());
        let c = one - s;
        let two = one + one;
        [x * s, s * (one + x * c), s * c * (two + x * (c - s))]
    }

    fn compose(self, x: &candle_core::Tensor) -> Result<[candle_core::Tensor; 2]> {
        let s = ((x.neg()?.exp()? + 1.0)?).recip()?;
        let c = s.affine(-1.0, 1.0)?;
        Ok([(x * &s)?, (&s * ((x * c)? + 1.0)?)?])
    }
}

/// √(x + ε), without a kink at 0.
#[derive(Debug, Clone, Copy)]
pub struct SqrtShifted {
    /// ε > 0.
    pub epsilon: f64,
}

impl Smooth for SqrtShifted {
    #[inline(always)]
    fn derivatives<T: Real>(self, x: T) -> [T; 3] {
        let root = (x + T::of(self.epsilon)).sqrt();
        let first = T::of(0.5) / root;
        [root, first, -(first + first) * first * first]
    }

    fn compose(self, x: &candle_core::Tensor) -> Result<[candle_core::Tensor; 2]> {
        let root = (x + self.epsilon)?.sqrt()?;
        let first = root.recip()?.affine(0.5, 0.0)?;
        Ok([root, first])
    }
}

/// 1/x.
#[derive(Debug, Clone, Copy)]
pub struct Reciprocal;

impl Smooth for Reciprocal {
    #[inline(always)]
    fn derivatives<T: Real>(self, x: T) -> [T; 3] {
        let inverse = T::one() / x;
        let square = inverse * inverse;
        [inverse, -square, (square + square) * inverse]
    }

    fn compose(self, x: &candle_core::Tensor) -> Result<[candle_core::Tensor; 2]> {
        let inverse = x.recip()?;
        let first = inverse.sqr()?.neg()?;
        Ok([inverse, first])
    }
}

impl Dual {
    /// f(x), elementwise.
    pub fn map(&self, f: impl Smooth) -> Result<Dual> {
        if self.lanes.device().is_cpu() {
            fused::apply(Map(f), &[&self.lanes]).map(Self::from_lanes)
        } else {
            self.map_composed(f)
        }
    }

    /// [`Dual::map`] by tensor operations: for other devices, and the oracle of the kernel's tests.
    pub fn map_composed(&self, f: impl Smooth) -> Result<Dual> {
        let [value, first] = f.compose(&self.value()?)?;
        match self.tangent()? {
            Some(tangent) => Dual::with_tangent(&value, &(first * tangent)?),
            None => Dual::plain(&value),
        }
    }
}

struct Map<F>(F);

impl<F: Smooth> Fused for Map<F> {
    const NAME: &'static str = "elementwise function";

    fn output_dims(&self, inputs: &[&[usize]]) -> Vec<usize> {
        inputs[0].to_vec()
    }

    #[inline(always)]
    fn forward<T: Real, const L: usize>(&self, inputs: &[&[T]], output: &mut [T]) {
        let n = output.len() / L;
        let x: [_; L] = rows(inputs[0], 0, n);
        let mut z: [_; L] = rows_mut(output, 0, n);
        for i in 0..n {
            let x = Jet::load(&x, i);
            let [f0, f1, _] = self.0.derivatives(x.0[0]);
            x.through(f0, f1).store(&mut z, i);
        }
    }

    #[inline(always)]
    fn backward<T: Real, const L: usize>(&self, inputs: &[&[T]], grad: &[T], grads: &mut [Option<&mut [T]>]) {
        let Some(out) = grads[0].as_deref_mut() else { return };
        let n = grad.len() / L;
        let (x, g): ([_; L], [_; L]) = (rows(inputs[0], 0, n), rows(grad, 0, n));
        let mut out: [_; L] = rows_mut(out, 0, n);
        for i in 0..n {
            let x = Jet::load(&x, i);
            let [_, f1, f2] = self.0.derivatives(x.0[0]);
            Jet::load(&g, i).pull_through(x, f1, f2).store(&mut out, i);
        }
    }
}
