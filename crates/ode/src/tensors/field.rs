//! A field evaluated for a whole batch at once, on a candle device.

use candle_core::{Result, Tensor};

/// What an evaluation leaves behind for its reverse: tensors whose first dimension is the batch, so that some of
/// its samples can be selected.
pub type Evaluation = Vec<Tensor>;

/// A field with its parameters on a device, prepared to evaluate B samples at once, each at its own time.
///
/// # Shapes
/// `t` `[B]`; `y`, `dy`, `cotangent`, `y_bar` `[B, n]`, contiguous; all float64.
pub trait TensorField {
    /// f(t, y; θ), and the record of it.
    fn rhs(&self, t: &Tensor, y: &Tensor) -> Result<(Tensor, Evaluation)>;

    /// vᵀJ of every sample; vᵀP is remembered on the device, summed over samples and calls. The evaluation must be
    /// finite: the cotangent 0 times NaN is NaN.
    fn vjp(&mut self, evaluation: &[Tensor], cotangent: &Tensor) -> Result<Tensor>;

    /// Adds the remembered Σ vᵀP to `parameter_bar` `[p]` and forgets it.
    fn take_gradient(&mut self, parameter_bar: &mut [f64]) -> Result<()>;
}

/// The columns of a matrix.
///
/// # Shapes
/// `matrix` `[B, n]`; returns `[n]` tensors of shape `[B]`.
pub(crate) fn columns(matrix: &Tensor) -> Result<Vec<Tensor>> {
    let rows = matrix.t()?.contiguous()?;
    (0..rows.dim(0)?).map(|i| rows.get(i)).collect()
}

/// The matrix of these columns.
///
/// # Shapes
/// The reverse of [`columns`], of at least one column.
pub(crate) fn from_columns(columns: &[Tensor]) -> Result<Tensor> {
    Tensor::stack(columns, 0)?.t()?.contiguous()
}

/// Some samples of an evaluation.
pub(crate) fn select(evaluation: &[Tensor], samples: &Tensor) -> Result<Evaluation> {
    evaluation.iter().map(|tensor| tensor.index_select(samples, 0)).collect()
}

/// Bytes of an evaluation.
pub(crate) fn bytes(evaluation: &[Tensor]) -> usize {
    evaluation.iter().map(|tensor| tensor.elem_count() * tensor.dtype().size_in_bytes()).sum()
}
