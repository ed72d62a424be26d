//! What the layers of a network compute with: float64, or float32 in pairs.
//!
//! A *slot* is 64 bits of a tape: a float64, or two float32, which are neighbouring units of a layer. A
//! [`Row`] is a slot of eight lanes. So a column of a tape of rows is the tape of one evaluation in both
//! types, a lane is cleared in both by zeros, and a float32 network has half the slots. A product of
//! float32 rows takes a pair of weights to both units of every lane,
//!
//! (…, xᵃₗ, xᵇₗ, …)·(…, wᵃ, wᵇ, …) = (…, wᵃxᵃₗ, wᵇxᵇₗ, …),
//!
//! twice as many products per instruction; the two halves of a sum meet at its end. Layers with an odd
//! number of units have one more, without weights.

use std::iter::Sum;
use std::ops::{Add, AddAssign, Mul};

use pulp::bytemuck::{Pod, cast, cast_slice, cast_slice_mut};
use pulp::{Arch, Simd, WithSimd};
use surprisal_core::lanes::Row;

use super::vector_tanh::{tanh_pairs, tanh_rows, tanh_slice, tanh_slice_f32};

/// The lower half of every slot.
const LOWER: f64 = f64::from_bits(0x0000_0000_ffff_ffff);
/// The upper half.
const UPPER: f64 = f64::from_bits(0xffff_ffff_0000_0000);

/// A type to compute in. Vectors of it go by the type of the slots that they fill.
pub(crate) trait Number:
    Pod + Default + Send + Sync + Add<Output = Self> + Mul<Output = Self> + AddAssign + Sum + 'static
{
    /// Numbers in a slot.
    const UNITS: usize;

    /// The nearest number.
    fn of(x: f64) -> Self;

    fn wide(self) -> f64;

    /// Slots of `n` units.
    #[inline(always)]
    fn slots(n: usize) -> usize {
        n.div_ceil(Self::UNITS)
    }

    /// The numbers in slots.
    #[inline(always)]
    fn numbers(slots: &[f64]) -> &[Self] {
        cast_slice(slots)
    }

    /// The same, to be written.
    #[inline(always)]
    fn numbers_mut(slots: &mut [f64]) -> &mut [Self] {
        cast_slice_mut(slots)
    }

    /// A slot of the numbers `value(0)`, …
    #[inline(always)]
    fn slot(value: impl Fn(usize) -> f64) -> f64 {
        let mut slot = [0.0];
        Self::numbers_mut(&mut slot).iter_mut().enumerate().for_each(|(k, number)| *number = Self::of(value(k)));
        slot[0]
    }

    /// Rounds units into rows; the last has zeros where there is no unit.
    ///
    /// # Shapes
    /// `units` `[n]`, `rows` `[slots(n)]`.
    #[inline(always)]
    fn pack(units: &[Row], rows: &mut [Row]) {
        for (row, units) in rows.iter_mut().zip(units.chunks(Self::UNITS)) {
            let numbers = Self::numbers_mut(&mut row.0);
            numbers.fill(Self::default());
            for (k, unit) in units.iter().enumerate() {
                for (number, &x) in numbers[k..].iter_mut().step_by(Self::UNITS).zip(&unit.0) {
                    *number = Self::of(x);
                }
            }
        }
    }

    /// Units from rows.
    #[inline(always)]
    fn unpack(rows: &[Row], units: &mut [Row]) {
        for (row, units) in rows.iter().zip(units.chunks_mut(Self::UNITS)) {
            for (k, unit) in units.iter_mut().enumerate() {
                for (x, number) in unit.0.iter_mut().zip(Self::numbers(&row.0)[k..].iter().step_by(Self::UNITS)) {
                    *x = number.wide();
                }
            }
        }
    }

    /// `out` = f(`x`, `out`), number by number.
    #[inline(always)]
    fn zip(x: &Row, out: &mut Row, f: impl Fn(f64, f64) -> f64) {
        for (out, x) in Self::numbers_mut(&mut out.0).iter_mut().zip(Self::numbers(&x.0)) {
            *out = Self::of(f(x.wide(), out.wide()));
        }
    }

    fn add_rows<S: Simd>(simd: S, a: S::f64s, b: S::f64s) -> S::f64s;

    fn mul_rows<S: Simd>(simd: S, a: S::f64s, b: S::f64s) -> S::f64s;

    /// a b + c.
    fn mul_add_rows<S: Simd>(simd: S, a: S::f64s, b: S::f64s, c: S::f64s) -> S::f64s;

    /// c − a b.
    fn negate_mul_add_rows<S: Simd>(simd: S, a: S::f64s, b: S::f64s, c: S::f64s) -> S::f64s;

    /// The row of as many units as a slot has, or fewer, from their sums, each of which lies in all numbers
    /// of a slot.
    fn fold<S: Simd>(simd: S, sums: &[S::f64s]) -> S::f64s;

    /// Pairs the other way round.
    fn swap<S: Simd>(v: S::f64s) -> S::f64s;

    /// Sums over all slots of their first and second numbers; the latter 0 where there is none.
    fn sums<S: Simd>(simd: S, v: S::f64s) -> [f64; 2];

    /// tanh of every number of rows.
    fn tanh<S: Simd>(simd: S, rows: &mut [Row]);

    /// tanh of every number.
    fn tanh_slice(values: &mut [Self]);

    /// Runs `op` in the widest vectors there are.
    #[inline(always)]
    fn dispatch<O: WithSimd>(arch: Arch, op: O) -> O::Output {
        match arch {
            // a pair of float32 needs vectors, if only those of the portable code
            Arch::Scalar if Self::UNITS > 1 => op.with_simd(pulp::Scalar256b),
            _ => arch.dispatch(op),
        }
    }
}

impl Number for f64 {
    const UNITS: usize = 1;

    #[inline(always)]
    fn of(x: f64) -> Self {
        x
    }

    #[inline(always)]
    fn wide(self) -> f64 {
        self
    }

    #[inline(always)]
    fn pack(units: &[Row], rows: &mut [Row]) {
        rows.copy_from_slice(units);
    }

    #[inline(always)]
    fn unpack(rows: &[Row], units: &mut [Row]) {
        units.copy_from_slice(rows);
    }

    #[inline(always)]
    fn add_rows<S: Simd>(simd: S, a: S::f64s, b: S::f64s) -> S::f64s {
        simd.add_f64s(a, b)
    }

    #[inline(always)]
    fn mul_rows<S: Simd>(simd: S, a: S::f64s, b: S::f64s) -> S::f64s {
        simd.mul_f64s(a, b)
    }

    #[inline(always)]
    fn mul_add_rows<S: Simd>(simd: S, a: S::f64s, b: S::f64s, c: S::f64s) -> S::f64s {
        simd.mul_add_e_f64s(a, b, c)
    }

    #[inline(always)]
    fn negate_mul_add_rows<S: Simd>(simd: S, a: S::f64s, b: S::f64s, c: S::f64s) -> S::f64s {
        simd.negate_mul_add_e_f64s(a, b, c)
    }

    #[inline(always)]
    fn fold<S: Simd>(_: S, sums: &[S::f64s]) -> S::f64s {
        sums[0]
    }

    #[inline(always)]
    fn swap<S: Simd>(v: S::f64s) -> S::f64s {
        v
    }

    #[inline(always)]
    fn sums<S: Simd>(simd: S, v: S::f64s) -> [f64; 2] {
        [simd.reduce_sum_f64s(v), 0.0]
    }

    #[inline(always)]
    fn tanh<S: Simd>(simd: S, rows: &mut [Row]) {
        tanh_rows(simd, rows);
    }

    fn tanh_slice(values: &mut [Self]) {
        tanh_slice(values);
    }
}

impl Number for f32 {
    const UNITS: usize = 2;

    #[inline(always)]
    fn of(x: f64) -> Self {
        x as f32
    }

    #[inline(always)]
    fn wide(self) -> f64 {
        f64::from(self)
    }

    #[inline(always)]
    fn add_rows<S: Simd>(simd: S, a: S::f64s, b: S::f64s) -> S::f64s {
        cast(simd.add_f32s(cast(a), cast(b)))
    }

    #[inline(always)]
    fn mul_rows<S: Simd>(simd: S, a: S::f64s, b: S::f64s) -> S::f64s {
        cast(simd.mul_f32s(cast(a), cast(b)))
    }

    #[inline(always)]
    fn mul_add_rows<S: Simd>(simd: S, a: S::f64s, b: S::f64s, c: S::f64s) -> S::f64s {
        cast(simd.mul_add_e_f32s(cast(a), cast(b), cast(c)))
    }

    #[inline(always)]
    fn negate_mul_add_rows<S: Simd>(simd: S, a: S::f64s, b: S::f64s, c: S::f64s) -> S::f64s {
        cast(simd.negate_mul_add_e_f32s(cast(a), cast(b), cast(c)))
    }

    /// (a₀ + a₁, b₀ + b₁, a₂ + a₃, …).
    #[inline(always)]
    fn fold<S: Simd>(simd: S, sums: &[S::f64s]) -> S::f64s {
        let (a, b) = (sums[0], sums.get(1).copied().unwrap_or(simd.splat_f64s(0.0)));
        let (lower, upper) = (simd.splat_f64s(LOWER), simd.splat_f64s(UPPER));
        let outer = simd.or_f64s(simd.and_f64s(a, lower), simd.and_f64s(b, upper));
        let inner = simd.or_f64s(simd.and_f64s(b, lower), simd.and_f64s(a, upper));
        Self::add_rows(simd, outer, Self::swap::<S>(inner))
    }

    #[inline(always)]
    fn swap<S: Simd>(mut v: S::f64s) -> S::f64s {
        for bits in cast_slice_mut::<S::f64s, u64>(std::slice::from_mut(&mut v)) {
            *bits = bits.rotate_left(32);
        }
        v
    }

    #[inline(always)]
    fn sums<S: Simd>(simd: S, v: S::f64s) -> [f64; 2] {
        let sum = simd.reduce_sum_c32s(cast(v));
        [f64::from(sum.re), f64::from(sum.im)]
    }

    #[inline(always)]
    fn tanh<S: Simd>(simd: S, rows: &mut [Row]) {
        tanh_pairs(simd, rows);
    }

    fn tanh_slice(values: &mut [Self]) {
        tanh_slice_f32(values);
    }
}
