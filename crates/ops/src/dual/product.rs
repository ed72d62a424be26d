//! Elementwise product: z = x·y, ż = x·ẏ + ẋ·y.

use candle_core::{Result, Tensor};

use super::Dual;

impl Dual {
    /// x·y, broadcast over dimensions of length 1.
    pub fn mul(&self, other: &Dual) -> Result<Dual> {
        let (x, y) = (self.value()?, other.value()?);
        let value = x.broadcast_mul(&y)?;
        match (self.tangent()?, other.tangent()?) {
            (Some(dx), Some(dy)) => {
                let tangent = (x.broadcast_mul(&dy)? + dx.broadcast_mul(&y)?)?;
                Ok(Self::from_lanes(Tensor::stack(&[value, tangent], 0)?))
            }
            _ => Dual::plain(&value),
        }
    }
}
