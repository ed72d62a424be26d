//! tanh of vectors, to a few units in the last place.
//!
//! With |x| = ½k ln 2 + u, |u| ≤ ¼ ln 2, and tanh u = N/Q:
//!
//! tanh |x| = ((2ᵏ − 1)(Q − N) + 2ᵏ·2N)/((2ᵏ + 1)(Q − N) + 2ᵏ·2N),
//!
//! one division in all. N/Q = u (b₀ + a₁w + a₂w²)/(b₀ + b₁w + w²) with w = u² has the form of the fifth convergent of
//! Lambert's continued fraction tanh u = u/(1 + u²/(3 + u²/(5 + …))) (NIST Digital Library of Mathematical
//! Functions, 4.39.1). Its coefficients make it agree with tanh u at the zeros of the Chebyshev polynomial T₅ of
//! w, stretched so that the first is w = 0 and the interval ends at |u| = ¼ ln 2: its relative error is below
//! 6·10⁻¹⁸ there. From |x| = 22 on tanh rounds to 1, and so does this but for the last place. k ln 2/2 is subtracted in two parts, the
//! first of which has trailing zeros enough for k times it to be exact (W. J. Cody, W. Waite, *Software Manual
//! for the Elementary Functions*, 1980). In float32 the third convergent will do (10⁻⁸), and 9.1 for 22.

use pulp::bytemuck::{cast, cast_slice_mut};
use pulp::{Arch, Simd, WithSimd};
use surprisal_core::lanes::{LANES, Row};

/// 1.5·2⁵² + 1023: adding it rounds to an integer k and leaves the biased exponent of 2ᵏ in the lowest bits;
/// subtracting it again leaves k.
const ROUND: f64 = 6755399441055744.0 + 1023.0;
const B0: f64 = 63.018_640_318_221_166;
const A1: f64 = 7.001_331_362_145_646;
const A2: f64 = 0.066_637_108_460_872_54;
const B1: f64 = 28.007_544_801_552_34;
const LN2_HIGH: f64 = 6.931_471_803_691_238e-1;
const LN2_LOW: f64 = 1.908_214_929_270_587_7e-10;

/// tanh of every row, in place.
#[inline(always)]
pub(crate) fn tanh_rows<S: Simd>(simd: S, rows: &mut [Row]) {
    let (pairs, rest) = rows.as_chunks_mut::<2>();
    for [x, y] in pairs {
        for (x, y) in S::as_mut_simd_f64s(&mut x.0).0.iter_mut().zip(S::as_mut_simd_f64s(&mut y.0).0) {
            // a division takes as long as half of all the rest: one for two
            let (f, g) = (fraction(simd, *x), fraction(simd, *y));
            let inverse = simd.div_f64s(simd.splat_f64s(1.0), simd.mul_f64s(f.below, g.below));
            *x = simd.or_f64s(simd.mul_f64s(simd.mul_f64s(f.above, g.below), inverse), f.sign);
            *y = simd.or_f64s(simd.mul_f64s(simd.mul_f64s(g.above, f.below), inverse), g.sign);
        }
    }
    for row in rest {
        for x in S::as_mut_simd_f64s(&mut row.0).0 {
            let Fraction { above, below, sign } = fraction(simd, *x);
            *x = simd.or_f64s(simd.div_f64s(above, below), sign);
        }
    }
}

/// tanh of every number, in place.
pub(crate) fn tanh_slice(values: &mut [f64]) {
    struct All<'a>(&'a mut [f64]);

    impl WithSimd for All<'_> {
        type Output = ();

        #[inline(always)]
        fn with_simd<S: Simd>(self, simd: S) {
            let mut chunks = self.0.chunks_exact_mut(LANES);
            for chunk in &mut chunks {
                for x in S::as_mut_simd_f64s(chunk).0 {
                    let Fraction { above, below, sign } = fraction(simd, *x);
                    *x = simd.or_f64s(simd.div_f64s(above, below), sign);
                }
            }
            let rest = chunks.into_remainder();
            if !rest.is_empty() {
                let mut row = Row::ZERO;
                row.0[..rest.len()].copy_from_slice(rest);
                tanh_rows(simd, std::slice::from_mut(&mut row));
                rest.copy_from_slice(&row.0[..rest.len()]);
            }
        }
    }

    Arch::new().dispatch(All(values));
}

/// tanh |x| = `above`/`below`, and the sign of x.
struct Fraction<S: Simd> {
    above: S::f64s,
    below: S::f64s,
    sign: S::f64s,
}

#[inline(always)]
fn fraction<S: Simd>(simd: S, x: S::f64s) -> Fraction<S> {
    let c = |value: f64| simd.splat_f64s(value);
    let mul_add = |a, b, c| simd.mul_add_e_f64s(a, b, c);
    let magnitude = simd.abs_f64s(x);
    let sign = simd.and_f64s(x, c(-0.0));
    // a NaN compares false and is kept
    let magnitude = simd.select_f64s(simd.greater_than_f64s(magnitude, c(22.0)), c(22.0), magnitude);

    let shifted = mul_add(magnitude, c(2.0 * std::f64::consts::LOG2_E), c(ROUND));
    let k = simd.sub_f64s(shifted, c(ROUND));
    let u = mul_add(k, c(-0.5 * LN2_HIGH), magnitude);
    let u = mul_add(k, c(-0.5 * LN2_LOW), u);
    let w = simd.mul_f64s(u, u);
    let twice_n = simd.mul_f64s(mul_add(mul_add(c(2.0 * A2), w, c(2.0 * A1)), w, c(2.0 * B0)), u);
    let q = mul_add(simd.add_f64s(w, c(B1)), w, c(B0));
    let rest = mul_add(twice_n, c(-0.5), q);

    let mut power = shifted;
    // 2ᵏ, once the exponent is in its place
    for bits in cast_slice_mut::<S::f64s, u64>(std::slice::from_mut(&mut power)) {
        *bits <<= 52;
    }
    let scaled = simd.mul_f64s(power, twice_n);
    let above = mul_add(simd.sub_f64s(power, c(1.0)), rest, scaled);
    let below = mul_add(simd.add_f64s(power, c(1.0)), rest, scaled);
    Fraction { above, below, sign }
}

/// tanh of every float32 in rows of pairs, in place.
#[inline(always)]
pub(crate) fn tanh_pairs<S: Simd>(simd: S, rows: &mut [Row]) {
    for row in rows {
        for x in S::as_mut_simd_f64s(&mut row.0).0 {
            *x = cast(tanh_f32s(simd, cast(*x)));
        }
    }
}

/// tanh of every float32, in place.
pub(crate) fn tanh_slice_f32(values: &mut [f32]) {
    struct All<'a>(&'a mut [f32]);

    impl WithSimd for All<'_> {
        type Output = ();

        #[inline(always)]
        fn with_simd<S: Simd>(self, simd: S) {
            let (vectors, rest) = S::as_mut_simd_f32s(self.0);
            for x in vectors {
                *x = tanh_f32s(simd, *x);
            }
            if !rest.is_empty() {
                let tanh = tanh_f32s(simd, simd.partial_load_f32s(rest));
                simd.partial_store_f32s(rest, tanh);
            }
        }
    }

    Arch::new().dispatch(All(values));
}

/// 1.5·2²³.
const ROUND_F32: f32 = 12_582_912.0;
const LN2_HIGH_F32: f32 = 355.0 / 512.0;
const LN2_LOW_F32: f32 = -2.121_944_4e-4;

#[inline(always)]
fn tanh_f32s<S: Simd>(simd: S, x: S::f32s) -> S::f32s {
    let c = |value: f32| simd.splat_f32s(value);
    let mul_add = |a, b, c| simd.mul_add_e_f32s(a, b, c);
    let magnitude = simd.abs_f32s(x);
    let sign = simd.and_f32s(x, c(-0.0));
    let magnitude = simd.select_f32s(simd.greater_than_f32s(magnitude, c(9.1)), c(9.1), magnitude);

    let shifted = mul_add(magnitude, c(2.0 * std::f32::consts::LOG2_E), c(ROUND_F32));
    let k = simd.sub_f32s(shifted, c(ROUND_F32));
    let u = mul_add(k, c(-0.5 * LN2_HIGH_F32), magnitude);
    let u = mul_add(k, c(-0.5 * LN2_LOW_F32), u);
    let w = simd.mul_f32s(u, u);
    // 2N = u (2 w + 30), Q = 6 w + 15
    let twice_n = simd.mul_f32s(u, mul_add(w, c(2.0), c(30.0)));
    let rest = mul_add(twice_n, c(-0.5), mul_add(w, c(6.0), c(15.0)));

    let mut power = simd.add_f32s(k, c(ROUND_F32 + 127.0));
    for bits in cast_slice_mut::<S::f32s, u32>(std::slice::from_mut(&mut power)) {
        *bits <<= 23;
    }
    let scaled = simd.mul_f32s(power, twice_n);
    let above = mul_add(simd.sub_f32s(power, c(1.0)), rest, scaled);
    let below = mul_add(simd.add_f32s(power, c(1.0)), rest, scaled);
    simd.or_f32s(simd.div_f32s(above, below), sign)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::field::number::Number;

    struct Tanh<'a>(&'a mut [Row]);

    impl WithSimd for Tanh<'_> {
        type Output = ();
        #[inline(always)]
        fn with_simd<S: Simd>(self, simd: S) {
            tanh_rows(simd, self.0);
        }
    }

    /// The same in a pair with another number and alone, through the widest vectors of this machine and
    /// through none.
    fn all(x: f64) -> [f64; 4] {
        let mut wide = [Row::splat(0.7), Row::splat(x), Row::splat(x)];
        let mut scalar = [Row::splat(x); 3];
        Arch::new().dispatch(Tanh(&mut wide));
        Tanh(&mut scalar).with_simd(pulp::Scalar);
        [wide[1].0[3], wide[2].0[6], scalar[0].0[0], scalar[2].0[0]]
    }

    #[test]
    fn agrees_with_the_standard_library_to_a_few_units_in_the_last_place() {
        let mut worst = 0.0_f64;
        for i in 1..200_000 {
            let x = 1e-9 * 1.00013_f64.powi(i);
            for x in [x, -x] {
                for ours in all(x) {
                    let exact = x.tanh();
                    worst = worst.max(((ours - exact) / exact).abs() / f64::EPSILON);
                }
            }
        }
        assert!(worst < 5.0, "{worst} units of 2⁻⁵²");
    }

    #[test]
    fn keeps_signs_limits_and_nan() {
        for y in all(0.0) {
            assert_eq!(y, 0.0);
        }
        for y in all(1e300) {
            assert!((y - 1.0).abs() <= f64::EPSILON, "{y}");
        }
        for y in all(f64::NEG_INFINITY) {
            assert!((y + 1.0).abs() <= f64::EPSILON, "{y}");
        }
        for y in all(f64::NAN) {
            assert!(y.is_nan());
        }
    }

    #[test]
    fn float32_agrees_with_float64_to_a_few_units_in_the_last_place() {
        let mut worst = 0.0_f64;
        let values: Vec<f32> = (1..40_000).map(|i| 1e-9 * 1.0006_f32.powi(i)).flat_map(|x| [x, -x]).collect();
        let mut slice = values.clone();
        tanh_slice_f32(&mut slice);
        for (x, alone) in values.iter().zip(&slice) {
            let exact = f64::from(*x).tanh();
            let scalar = tanh_f32s(pulp::Scalar, *x);
            let mut rows = [Row([f64::from_bits(u64::from(x.to_bits()) << 32 | 0x3f00_0000); LANES])];
            f32::dispatch(Arch::new(), Pairs(&mut rows));
            let [half, wide] = cast::<f64, [f32; 2]>(rows[0].0[5]);
            assert!((half - 0.5_f32.tanh()).abs() < 1e-7);
            for ours in [*alone, scalar, wide] {
                worst = worst.max(((f64::from(ours) - exact) / exact).abs() / f64::from(f32::EPSILON));
            }
        }
        assert!(worst < 3.0, "{worst} units of 2⁻²³");
        let mut special = [0.0, -0.0, 1e30, f32::NEG_INFINITY, f32::NAN];
        tanh_slice_f32(&mut special);
        assert!(special[..4] == [0.0, 0.0, 1.0, -1.0] && special[4].is_nan(), "{special:?}");
    }

    struct Pairs<'a>(&'a mut [Row]);

    impl WithSimd for Pairs<'_> {
        type Output = ();
        #[inline(always)]
        fn with_simd<S: Simd>(self, simd: S) {
            tanh_pairs(simd, self.0);
        }
    }
}
