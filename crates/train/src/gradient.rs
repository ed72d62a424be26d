//! Arithmetic on gradients: lists of tensors in the order of the parameters.

use candle_core::{DType, Result, Tensor};
use surprisal_core::Parameter;

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

/// Scales the gradient down to `limit` where its norm is larger; that of each member of an ensemble by
/// itself.
pub fn clip(mut gradient: Vec<Tensor>, parameters: &[Parameter], limit: f64) -> Result<Vec<Tensor>> {
    let members: Vec<usize> = parameters.iter().map(Parameter::member).collect();
    for member in 0..=members.iter().copied().max().unwrap_or(0) {
        let mine = |i: &usize| members[*i] == member;
        let part: Vec<Tensor> = (0..gradient.len()).filter(mine).map(|i| gradient[i].clone()).collect();
        let norm = norm(&part)?;
        if norm > limit {
            for i in (0..gradient.len()).filter(mine) {
                gradient[i] = gradient[i].affine(limit / norm, 0.0)?;
            }
        }
    }
    Ok(gradient)
}
