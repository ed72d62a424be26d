//! tanh of vectors, to a few units in the last place.
//!
//! tanh x = sign(x)·m/(m + 2) with m = e^t − 1, t = min(2|x|, 44), beyond which tanh rounds to 1.
//! With t = k ln 2 + r, |r| ≤ ½ ln 2: m = 2ᵏp + (2ᵏ − 1), where p = eʳ − 1 by its Taylor polynomial
//! of degree 12, whose remainder is below 3·10⁻¹⁷ p. k ln 2 is subtracted in two parts, the first of
//! which has trailing zeros enough for k times it to be exact (W. J. Cody, W. Waite, *Software Manual
//! for the Elementary Functions*, 1980).

use pulp::Simd;
use pulp::bytemuck::cast_slice_mut;

/// 1.5·2⁵²: adding and subtracting it rounds to an integer.
const ROUND: f64 = 6755399441055744.0;
const LN2_HIGH: f64 = 6.931_471_803_691_238e-1;
const LN2_LOW: f64 = 1.908_214_929_270_587_7e-10;

/// tanh of every element.
#[inline(always)]
pub(crate) fn tanh<S: Simd>(simd: S, x: S::f64s) -> S::f64s {
    let c = |value: f64| simd.splat_f64s(value);
    let mul_add = |a, b, c| simd.mul_add_e_f64s(a, b, c);
    let magnitude = simd.abs_f64s(x);
    let sign = simd.and_f64s(x, c(-0.0));
    let t = simd.add_f64s(magnitude, magnitude);
    // a NaN compares false and is kept
    let t = simd.select_f64s(simd.greater_than_f64s(t, c(44.0)), c(44.0), t);

    let k = simd.sub_f64s(mul_add(t, c(std::f64::consts::LOG2_E), c(ROUND)), c(ROUND));
    let r = mul_add(k, c(-LN2_HIGH), t);
    let r = mul_add(k, c(-LN2_LOW), r);
    // p = r + r² q(r), with the terms of q in pairs
    let r2 = simd.mul_f64s(r, r);
    let r4 = simd.mul_f64s(r2, r2);
    let pair = |low: f64, high: f64| mul_add(c(1.0 / high), r, c(1.0 / low));
    let q0 = mul_add(pair(24.0, 120.0), r2, pair(2.0, 6.0));
    let q4 = mul_add(pair(40320.0, 362880.0), r2, pair(720.0, 5040.0));
    let q8 = mul_add(c(1.0 / 479001600.0), r2, pair(3628800.0, 39916800.0));
    let q = mul_add(mul_add(q8, r4, q4), r4, q0);
    let p = mul_add(q, r2, r);

    let mut power = simd.add_f64s(k, c(ROUND + 1023.0));
    // the biased exponent k + 1023 stands in the lowest bits of that sum: move it to its place
    for bits in cast_slice_mut::<S::f64s, u64>(std::slice::from_mut(&mut power)) {
        *bits <<= 52;
    }
    let m = mul_add(power, p, simd.sub_f64s(power, c(1.0)));
    simd.or_f64s(simd.div_f64s(m, simd.add_f64s(m, c(2.0))), sign)
}

#[cfg(test)]
mod tests {
    use super::*;
    use pulp::{Arch, WithSimd};

    struct Tanh<'a>(&'a mut [f64; 8]);

    impl WithSimd for Tanh<'_> {
        type Output = ();
        #[inline(always)]
        fn with_simd<S: Simd>(self, simd: S) {
            S::as_mut_simd_f64s(self.0).0.iter_mut().for_each(|x| *x = tanh(simd, *x));
        }
    }

    /// The same through the widest vectors of this machine and through none.
    fn both(x: f64) -> [f64; 2] {
        let (mut wide, mut scalar) = ([x; 8], [x; 8]);
        Arch::new().dispatch(Tanh(&mut wide));
        Tanh(&mut scalar).with_simd(pulp::Scalar);
        [wide[3], scalar[3]]
    }

    #[test]
    fn agrees_with_the_standard_library_to_a_few_units_in_the_last_place() {
        let mut worst = 0.0_f64;
        for i in 1..200_000 {
            let x = 1e-9 * 1.00013_f64.powi(i);
            for x in [x, -x] {
                for ours in both(x) {
                    let exact = x.tanh();
                    worst = worst.max(((ours - exact) / exact).abs() / f64::EPSILON);
                }
            }
        }
        assert!(worst < 5.0, "{worst} units of 2⁻⁵²");
    }

    #[test]
    fn keeps_signs_limits_and_nan() {
        for y in both(0.0) {
            assert_eq!(y, 0.0);
        }
        for y in both(1e300) {
            assert_eq!(y, 1.0);
        }
        for y in both(f64::NEG_INFINITY) {
            assert_eq!(y, -1.0);
        }
        for y in both(f64::NAN) {
            assert!(y.is_nan());
        }
    }
}
