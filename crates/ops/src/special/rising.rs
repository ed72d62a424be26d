//! Σ_{j<y} ln(1 + αj) for counts y: the part of a negative binomial density that the Poisson density
//! does not have.
//!
//! With r = 1/α it is lnΓ(y + r) − lnΓ(r) − y·ln r, whose terms are of order r·ln r and leave a
//! difference of order αy²/2. Up to y = 32 it is summed; above, with δ = αy, φ and Δ of Stirling's
//! formula,
//!
//! f = φ(δ)/α − ½ ln(1 + δ) + Δ(r + y) − Δ(r), φ(δ) = (1 + δ) ln(1 + δ) − δ,
//! f′ = (δ − ln(1 + δ))/α² − ½·y/(1 + δ) + r²Δ′(r) − r²Δ′(r + y).

use candle_core::{CpuStorage, CustomOp2, Layout, Result, Shape, Tensor};

use super::pointwise::map_pairs;
use super::stirling::{half_deviance, log1p_gap, scaled_remainder_derivative, stirling_remainder};

/// Up to this count the terms are summed.
const SUMMED_UP_TO: f64 = 32.0;

/// Below this αy the first two terms of the expansion in α are all there is: the third is 1e-18 of them.
const NEARLY_POISSON: f64 = 1e-9;

/// Whether the sum is short and has whole steps.
fn is_short(y: f64) -> bool {
    y <= SUMMED_UP_TO && y == y.floor()
}

/// Σ_{j<y} ln(1 + αj) for α ≥ 0 and a count y ≥ 0.
pub fn log_rising(alpha: f64, y: f64) -> f64 {
    if is_short(y) {
        return (1..y as u32).map(|j| libm::log1p(alpha * f64::from(j))).sum();
    }
    if alpha * y < NEARLY_POISSON {
        return alpha * y * (y - 1.0) * (0.5 - alpha * (2.0 * y - 1.0) / 12.0);
    }
    let r = 1.0 / alpha;
    half_deviance(r, y) - 0.5 * libm::log1p(alpha * y) + stirling_remainder(r + y) - stirling_remainder(r)
}

/// Its derivative with respect to α: Σ_{j<y} j/(1 + αj).
pub fn log_rising_derivative(alpha: f64, y: f64) -> f64 {
    if is_short(y) {
        return (1..y as u32).map(|j| f64::from(j) / (1.0 + alpha * f64::from(j))).sum();
    }
    if alpha * y < NEARLY_POISSON {
        return y * (y - 1.0) * (0.5 - alpha * (2.0 * y - 1.0) / 6.0);
    }
    let delta = alpha * y;
    let r = 1.0 / alpha;
    let growth = 1.0 / (1.0 + delta);
    log1p_gap(delta) / (alpha * alpha) - 0.5 * y * growth + scaled_remainder_derivative(r)
        - growth * growth * scaled_remainder_derivative(r + y)
}

/// Σ_{j<y} ln(1 + αj) elementwise, differentiable in α; the counts y are data.
///
/// # Shapes
/// `alpha` and `y` have one shape and one type, float32 or float64 (computed in float64).
pub fn rising_log1p(alpha: &Tensor, y: &Tensor) -> Result<Tensor> {
    alpha.apply_op2(y, RisingLog1p)
}

struct RisingLog1p;

struct RisingLog1pDerivative;

impl CustomOp2 for RisingLog1p {
    fn name(&self) -> &'static str {
        "rising_log1p"
    }

    fn cpu_fwd(&self, s1: &CpuStorage, l1: &Layout, s2: &CpuStorage, l2: &Layout) -> Result<(CpuStorage, Shape)> {
        map_pairs(self.name(), (s1, l1), (s2, l2), log_rising)
    }

    fn bwd(
        &self,
        alpha: &Tensor,
        y: &Tensor,
        _: &Tensor,
        gradient: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>)> {
        Ok((Some((gradient * alpha.apply_op2_no_bwd(y, &RisingLog1pDerivative)?)?), None))
    }
}

impl CustomOp2 for RisingLog1pDerivative {
    fn name(&self) -> &'static str {
        "rising_log1p"
    }

    fn cpu_fwd(&self, s1: &CpuStorage, l1: &Layout, s2: &CpuStorage, l2: &Layout) -> Result<(CpuStorage, Shape)> {
        map_pairs(self.name(), (s1, l1), (s2, l2), log_rising_derivative)
    }
}
