//! Floating-point types the fused kernels are written for.

use std::ops::Neg;

use candle_core::WithDType;

/// A floating-point type of the fused kernels.
pub trait Real: WithDType + Neg<Output = Self> {
    /// √x.
    fn sqrt(self) -> Self;
    /// eˣ, to a few units in the last place; saturates instead of overflowing.
    fn exp(self) -> Self;

    /// The nearest value to `x`.
    #[inline(always)]
    fn of(x: f64) -> Self {
        Self::from_f64(x)
    }
}

impl Real for f64 {
    #[inline(always)]
    fn sqrt(self) -> Self {
        f64::sqrt(self)
    }
    #[inline(always)]
    fn exp(self) -> Self {
        f64::exp(self.clamp(-745.0, 709.0))
    }
}

impl Real for f32 {
    #[inline(always)]
    fn sqrt(self) -> Self {
        f32::sqrt(self)
    }

    /// eˣ = 2ⁿ eʳ with n = round(x / ln 2) and |r| ≤ ½ ln 2, where eʳ is its Taylor polynomial of
    /// degree 7 (remainder below 6e-9). There is no branch and no call in it, so a loop over it
    /// becomes vector code.
    #[inline(always)]
    fn exp(self) -> Self {
        // 1.5 · 2²³: adding it rounds to an integer and leaves that integer in the low bits.
        const ROUND: f32 = 12_582_912.0;
        // ln 2 in two parts: the first has few enough bits that n times it is exact.
        const LN2_HIGH: f32 = 0.693_359_4;
        const LN2_LOW: f32 = -2.121_944_4e-4;
        let x = self.clamp(-87.0, 88.0);
        let shifted = x * std::f32::consts::LOG2_E + ROUND;
        let n = shifted - ROUND;
        let r = x - n * LN2_HIGH - n * LN2_LOW;
        let mut p = 1.0 / 5040.0;
        for c in [1.0 / 720.0, 1.0 / 120.0, 1.0 / 24.0, 1.0 / 6.0, 0.5, 1.0, 1.0] {
            p = p * r + c;
        }
        p * f32::from_bits((shifted.to_bits() << 23).wrapping_add(0x3f80_0000))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn single_precision_exponential_is_accurate() {
        let worst = (-86_000..88_000)
            .map(|i| i as f32 * 1e-3)
            .map(|x| (f64::from(Real::exp(x)) / f64::from(x).exp() - 1.0).abs())
            .fold(0.0, f64::max);
        assert!(worst < 2e-7, "{worst:e}");
        assert_eq!(Real::exp(0.0f32), 1.0);
        assert!(Real::exp(-1e30f32) < 1e-37 && Real::exp(1e30f32).is_finite());
    }
}
