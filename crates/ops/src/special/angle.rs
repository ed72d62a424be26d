//! The angle of a point in the plane: atan2(y, x) ∈ (−π, π], differentiable.
//!
//! ∂/∂y = x/(x² + y²), ∂/∂x = −y/(x² + y²). At the origin, where no derivative exists, both are 0; close
//! to it, where they leave the type's range, they are its largest finite number.

use candle_core::{CpuStorage, CustomOp2, Layout, Result, Shape, Tensor};

use super::pointwise::map_pairs;

/// atan2(y, x) elementwise.
///
/// # Shapes
/// `y` and `x` have one shape and one type, float32 or float64 (computed in float64).
pub fn atan2(y: &Tensor, x: &Tensor) -> Result<Tensor> {
    y.apply_op2(x, Angle)
}

struct Angle;

/// p/(p² + q²), without overflow on the way; 0 at the origin.
fn slope(p: f64, q: f64) -> f64 {
    let distance = p.hypot(q);
    if distance == 0.0 { 0.0 } else { (p / distance) / distance }
}

/// [`slope`] as an operation, with the largest finite number of the type as its bound.
struct Slope;

impl CustomOp2 for Angle {
    fn name(&self) -> &'static str {
        "atan2"
    }

    fn cpu_fwd(&self, s1: &CpuStorage, l1: &Layout, s2: &CpuStorage, l2: &Layout) -> Result<(CpuStorage, Shape)> {
        map_pairs(self.name(), (s1, l1), (s2, l2), f64::atan2)
    }

    fn bwd(&self, y: &Tensor, x: &Tensor, _: &Tensor, gradient: &Tensor) -> Result<(Option<Tensor>, Option<Tensor>)> {
        let along_y = (gradient * x.apply_op2_no_bwd(y, &Slope)?)?;
        let along_x = (gradient * y.apply_op2_no_bwd(x, &Slope)?)?.neg()?;
        Ok((Some(along_y), Some(along_x)))
    }
}

impl CustomOp2 for Slope {
    fn name(&self) -> &'static str {
        "atan2"
    }

    fn cpu_fwd(&self, s1: &CpuStorage, l1: &Layout, s2: &CpuStorage, l2: &Layout) -> Result<(CpuStorage, Shape)> {
        let largest = match s1 {
            CpuStorage::F32(_) => f64::from(f32::MAX),
            _ => f64::MAX,
        };
        map_pairs(self.name(), (s1, l1), (s2, l2), |p, q| slope(p, q).clamp(-largest, largest))
    }
}
