//! First-order jets: a number with, or without, its derivative along one direction.
//!
//! `Jet<T, 1>` is a plain number, `Jet<T, 2>` is the pair (x, ẋ). A kernel written over jets gives
//! the value for `L = 1`, and the value with its tangent (JVP) for `L = 2`. With x̄ the cotangent of
//! the pair x = (x₀, x₁), the transposes that a backward pass needs are, for z = x·y,
//!
//! ```text
//! x̄ += z̄ ⊙ y = (z̄₀ y₀ + z̄₁ y₁, z̄₁ y₀)                       [`Jet::pull`]
//! ```
//!
//! and for z = f(x) = (f(x₀), f'(x₀) x₁)
//!
//! ```text
//! x̄ += (z̄₀ f'(x₀) + z̄₁ f''(x₀) x₁, z̄₁ f'(x₀))               [`Jet::pull_through`]
//! ```

use crate::real::Real;

/// A number (`L = 1`), or a number and its tangent (`L = 2`).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Jet<T, const L: usize>(
    /// The value, then the tangent.
    pub [T; L],
);

impl<T: Real, const L: usize> Jet<T, L> {
    /// Zero.
    #[inline(always)]
    pub fn zero() -> Self {
        Self([T::zero(); L])
    }

    /// The jet at index `i` of one row per lane.
    #[inline(always)]
    pub fn load(rows: &[&[T]; L], i: usize) -> Self {
        Self(std::array::from_fn(|l| rows[l][i]))
    }

    /// Writes to index `i` of one row per lane.
    #[inline(always)]
    pub fn store(self, rows: &mut [&mut [T]; L], i: usize) {
        for l in 0..L {
            rows[l][i] = self.0[l];
        }
    }

    /// Adds to index `i` of one row per lane.
    #[inline(always)]
    pub fn accumulate(self, rows: &mut [&mut [T]; L], i: usize) {
        for l in 0..L {
            rows[l][i] += self.0[l];
        }
    }

    /// x + y.
    #[inline(always)]
    pub fn plus(self, other: Self) -> Self {
        Self(std::array::from_fn(|l| self.0[l] + other.0[l]))
    }

    /// c·x for a constant c.
    #[inline(always)]
    pub fn scaled(self, c: T) -> Self {
        Self(self.0.map(|x| c * x))
    }

    /// x·y.
    #[inline(always)]
    pub fn times(self, other: Self) -> Self {
        let (x, y) = (self.0, other.0);
        let mut z = [x[0] * y[0]; L];
        if L == 2 {
            z[1] = x[0] * y[1] + x[1] * y[0];
        }
        Self(z)
    }

    /// The cotangent of x in z = x·y, where `self` is the cotangent of z.
    #[inline(always)]
    pub fn pull(self, y: Self) -> Self {
        let (g, y) = (self.0, y.0);
        let mut x = [g[0] * y[0]; L];
        if L == 2 {
            x[0] += g[1] * y[1];
            x[1] = g[1] * y[0];
        }
        Self(x)
    }

    /// f(x), given f and f' at the value of x.
    #[inline(always)]
    pub fn through(self, f0: T, f1: T) -> Self {
        let mut z = [f0; L];
        if L == 2 {
            z[1] = f1 * self.0[1];
        }
        Self(z)
    }

    /// The cotangent of `x` in z = f(x), given f' and f'' at the value of x, where `self` is the
    /// cotangent of z.
    #[inline(always)]
    pub fn pull_through(self, x: Self, f1: T, f2: T) -> Self {
        let g = self.0;
        let mut out = [g[0] * f1; L];
        if L == 2 {
            out[0] += g[1] * f2 * x.0[1];
            out[1] = g[1] * f1;
        }
        Self(out)
    }
}

/// Elements `start..start + len` of each of the `L` equally long lanes of `x`.
#[inline(always)]
pub fn rows<T, const L: usize>(x: &[T], start: usize, len: usize) -> [&[T]; L] {
    let lane = x.len() / L;
    std::array::from_fn(|l| &x[l * lane + start..l * lane + start + len])
}

/// Elements `start..start + len` of each of the `L` equally long lanes of `x`, to be written.
#[inline(always)]
pub fn rows_mut<T, const L: usize>(x: &mut [T], start: usize, len: usize) -> [&mut [T]; L] {
    let lane = x.len() / L;
    let mut rest = x;
    std::array::from_fn(|_| {
        let (head, tail) = std::mem::take(&mut rest).split_at_mut(lane);
        rest = tail;
        &mut head[start..start + len]
    })
}

/// Σ x, in sixteen interleaved partial sums, so that it becomes vector code.
#[inline(always)]
pub fn sum<T: Real>(x: &[T]) -> T {
    let mut partial = [T::zero(); 16];
    let mut chunks = x.chunks_exact(16);
    for chunk in &mut chunks {
        for (p, &v) in partial.iter_mut().zip(chunk) {
            *p += v;
        }
    }
    let tail = chunks.remainder().iter().fold(T::zero(), |a, &v| a + v);
    partial.iter().fold(tail, |a, &v| a + v)
}
