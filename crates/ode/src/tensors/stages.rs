//! The arithmetic of one attempted step of a batch, and of its reverse.
//!
//! Slopes of all stages lie in one stack K `[7, B, n]`; a sum over stages with the tableau's weights is a product
//! of a row vector with K, seen as `[7, B·n]`.

use candle_core::{DType, Device, Result, Tensor};

use super::field::{Evaluation, TensorField};
use crate::controller::without_rounding;
use crate::tableau::{A, C, E, N_STAGES};
use crate::tsit5::Tsit5;

/// The tableau on a device.
pub(super) struct Weights {
    /// Row i − 1: aᵢⱼ for j < i, `[1, i]`.
    rows: Vec<Tensor>,
    /// Column j: aᵢⱼ for i > j, `[1, 6 − j]`.
    columns: Vec<Tensor>,
    /// `[1, 7]`.
    error: Tensor,
    /// `[1, 6]`: of a plain sum.
    ones: Tensor,
}

/// Where a step begins.
#[derive(Clone)]
pub(super) struct Origin {
    /// `[B]`.
    pub(super) t: Tensor,
    /// `[B, 1]`.
    pub(super) h: Tensor,
    /// `[B, n]`: state and slope.
    pub(super) y: Tensor,
    pub(super) slope: Tensor,
}

/// What the stages of a step came to.
pub(super) struct Stages {
    /// `[7, B, n]`: K.
    pub(super) slopes: Tensor,
    /// `[B, n]`: y₁.
    pub(super) end: Tensor,
    /// Of stages 2 to 7.
    pub(super) evaluations: Vec<Evaluation>,
}

/// Cotangents at one end of a step.
pub(super) struct Bars {
    /// `[B, n]`: of the state.
    pub(super) y: Tensor,
    /// `[B, n]`: of its slope.
    pub(super) slope: Tensor,
}

impl Weights {
    pub(super) fn new(device: &Device) -> Result<Self> {
        let row = |values: Vec<f64>| {
            let n = values.len();
            Tensor::from_vec(values, (1, n), device)
        };
        Ok(Self {
            rows: (1..N_STAGES).map(|i| row(A[i][..i].to_vec())).collect::<Result<_>>()?,
            columns: (0..N_STAGES - 1)
                .map(|j| row((j + 1..N_STAGES).map(|i| A[i][j]).collect()))
                .collect::<Result<_>>()?,
            error: row(E.to_vec())?,
            ones: row(vec![1.0; N_STAGES - 1])?,
        })
    }

    /// Evaluates the stages of a step.
    pub(super) fn evaluate(&self, field: &dyn TensorField, origin: &Origin) -> Result<Stages> {
        let (b, n) = origin.y.dims2()?;
        let slopes = Tensor::zeros((N_STAGES, b, n), DType::F64, origin.y.device())?;
        slopes.slice_set(&origin.slope.unsqueeze(0)?, 0, 0)?;
        let h = origin.h.flatten_all()?;
        let (mut end, mut evaluations) = (origin.y.clone(), Vec::with_capacity(N_STAGES - 1));
        for stage in 1..N_STAGES {
            let change = sum(&self.rows[stage - 1], &slopes.narrow(0, 0, stage)?)?;
            end = (&origin.y + change.broadcast_mul(&origin.h)?)?;
            let time = (&origin.t + h.affine(C[stage], 0.0)?)?;
            let (slope, evaluation) = field.rhs(&time, &end)?;
            slopes.slice_set(&slope.contiguous()?.unsqueeze(0)?, 0, stage)?;
            evaluations.push(evaluation);
        }
        Ok(Stages { slopes, end, evaluations })
    }

    /// The scaled errors of a step without what `rounding` of the field contributes, `[B]`; NaN where its end is not
    /// finite.
    pub(super) fn error_norms(
        &self,
        config: &Tsit5,
        n_controlled: usize,
        rounding: f64,
        origin: &Origin,
        stages: &Stages,
    ) -> Result<Vec<f64>> {
        let of = |tensor: &Tensor| tensor.narrow(1, 0, n_controlled)?.contiguous();
        let (start, end) = (of(&origin.y)?, of(&stages.end)?);
        let error = of(&sum(&self.error, &stages.slopes)?.broadcast_mul(&origin.h)?)?;
        let size = start.abs()?.maximum(&end.abs()?)?.affine(config.rtol, 0.0)?;
        let atol: Vec<f64> = (0..n_controlled).map(|i| config.atol.of(i)).collect();
        let scale = size.broadcast_add(&Tensor::from_vec(atol, (1, n_controlled), start.device())?)?;
        // 0·y₁ is NaN where y₁ is not finite
        let square = ((error / &scale)?.sqr()? + end.affine(0.0, 0.0)?)?;
        let norm = |square: Tensor| square.sum(1)?.affine(1.0 / n_controlled as f64, 0.0)?.sqrt();
        let errors = norm(square)?;
        if rounding == 0.0 {
            return errors.to_vec1();
        }
        let slopes = norm((of(&origin.slope)? / scale)?.sqr()?)?;
        let both = Tensor::stack(&[&errors, &slopes, &origin.h.flatten_all()?], 0)?.to_vec2::<f64>()?;
        let of_sample = |i: usize| without_rounding(both[0][i], rounding, both[2][i], both[1][i]);
        Ok((0..both[0].len()).map(of_sample).collect())
    }

    /// Takes cotangents back through a step. `inside`, `[B, 8, n]`, are those of the stages' slopes, then of y,
    /// that come from data times inside it.
    pub(super) fn reverse(
        &self,
        field: &mut dyn TensorField,
        h: &Tensor,
        evaluations: &[Evaluation],
        end: &Bars,
        inside: Option<&Tensor>,
    ) -> Result<Bars> {
        let (b, n) = end.y.dims2()?;
        let at = |k: usize| inside.map(|inside| inside.narrow(1, k, 1)?.squeeze(1)?.contiguous()).transpose();
        // cotangents of the states of stages 2 to 7
        let states = Tensor::zeros((N_STAGES - 1, b, n), DType::F64, end.y.device())?;
        let through_later = |stage: usize| -> Result<Tensor> {
            sum(&self.columns[stage], &states.narrow(0, stage, N_STAGES - 1 - stage)?)?.broadcast_mul(h)
        };
        let plus = |tensor: Tensor, more: Option<Tensor>| match more {
            Some(more) => tensor + more,
            None => Ok(tensor),
        };
        for stage in (1..N_STAGES).rev() {
            let is_last = stage == N_STAGES - 1;
            let slope = if is_last { end.slope.clone() } else { through_later(stage)? };
            let state = field.vjp(&evaluations[stage - 1], &plus(slope, at(stage)?)?)?;
            // y₁ is where the last stage was evaluated
            let state = if is_last { (state + &end.y)? } else { state };
            states.slice_set(&state.contiguous()?.unsqueeze(0)?, 0, stage - 1)?;
        }
        Ok(Bars { y: plus(sum(&self.ones, &states)?, at(N_STAGES)?)?, slope: plus(through_later(0)?, at(0)?)? })
    }
}

/// Σ over the first dimension with these weights.
///
/// # Shapes
/// `weights` `[1, s]`, `stack` `[s, B, n]`; returns `[B, n]`.
fn sum(weights: &Tensor, stack: &Tensor) -> Result<Tensor> {
    let (s, b, n) = stack.dims3()?;
    weights.matmul(&stack.reshape((s, b * n))?)?.reshape((b, n))
}
