//! Arithmetic on gradients: lists of tensors in the order of the parameters.

use candle_core::{DType, Result, Tensor};

/// Σ over the parts, in their order, so that the rounding does not depend on who finished first.
///
/// # Panics
/// If there is no part.
pub fn sum(parts: Vec<Vec<Tensor>>) -> Result<Vec<Tensor>> {
    let mut parts = parts.into_iter();
    let first = parts.next().expect("at least one part");
    parts.try_fold(first, |total, part| total.iter().zip(&part).map(|(a, b)| a + b).collect())
}

/// The 2-norm over all tensors, accumulated in float64.
pub fn norm(gradient: &[Tensor]) -> Result<f64> {
    let mut total = 0.0;
    for g in gradient {
        total += g.to_dtype(DType::F64)?.sqr()?.sum_all()?.to_scalar::<f64>()?;
    }
    Ok(total.sqrt())
}

/// Scales the gradient down to `limit` where its norm is larger.
pub fn clip(gradient: Vec<Tensor>, norm: f64, limit: f64) -> Result<Vec<Tensor>> {
    if norm <= limit {
        return Ok(gradient);
    }
    gradient.iter().map(|g| g.affine(limit / norm, 0.0)).collect()
}
