//! Affine maps: y = x W + b, ẏ = ẋ W. Both lanes go through one matrix product.
//!
//! The cotangents are x̄ = ȳ Wᵀ, W̄ = Σ_lanes xᵀ ȳ and b̄ = Σ_rows ȳ₀ (the tangent does not see b).
//! candle's own backward of a matrix product computes the cotangent of a weight even where nobody
//! asks for it; this one does not, which a force (the gradient to positions only) is paid with.

use candle_core::{Error, Result, Tensor};

use super::Dual;
use crate::fused::{self, Fused};
use crate::gemm::Matrix;
use crate::real::Real;

impl Dual {
    /// x W.
    ///
    /// # Shapes
    /// x `[n, d_in]`, W `[d_in, d_out]` → `[n, d_out]`.
    pub fn matmul(&self, weight: &Tensor) -> Result<Dual> {
        if self.lanes.device().is_cpu() {
            fused::apply(self.affine(weight)?, &[&self.lanes, weight]).map(Self::from_lanes)
        } else {
            self.lanes.broadcast_matmul(weight).map(Self::from_lanes)
        }
    }

    /// x W + b.
    ///
    /// # Shapes
    /// x `[n, d_in]`, W `[d_in, d_out]`, b `[d_out]` → `[n, d_out]`.
    pub fn linear(&self, weight: &Tensor, bias: &Tensor) -> Result<Dual> {
        if self.lanes.device().is_cpu() {
            fused::apply(self.affine(weight)?, &[&self.lanes, weight, bias]).map(Self::from_lanes)
        } else {
            self.linear_composed(weight, bias)
        }
    }

    /// [`Dual::linear`] by tensor operations: for other devices, and the oracle of the kernel's tests.
    pub fn linear_composed(&self, weight: &Tensor, bias: &Tensor) -> Result<Dual> {
        let lanes = self.lanes.broadcast_matmul(weight)?;
        let bias = bias.reshape((1, 1, bias.elem_count()))?.pad_with_zeros(0, 0, self.n_lanes() - 1)?;
        lanes.broadcast_add(&bias).map(Self::from_lanes)
    }

    fn affine(&self, weight: &Tensor) -> Result<Affine> {
        let (d_in, d_out) = weight.dims2()?;
        if self.dims().len() != 2 || self.dims()[1] != d_in {
            let (lhs, rhs) = (self.lanes.shape().clone(), weight.shape().clone());
            return Err(Error::ShapeMismatchBinaryOp { lhs, rhs, op: Affine::NAME });
        }
        Ok(Affine { d_in, d_out })
    }
}

/// Inputs x, W and, if there is one, b.
struct Affine {
    d_in: usize,
    d_out: usize,
}

impl Fused for Affine {
    const NAME: &'static str = "linear";

    fn output_dims(&self, inputs: &[&[usize]]) -> Vec<usize> {
        vec![inputs[0][0], inputs[0][1], self.d_out]
    }

    #[inline(always)]
    fn forward<T: Real, const L: usize>(&self, inputs: &[&[T]], output: &mut [T]) {
        Matrix::new(inputs[0], self.d_in).times(Matrix::new(inputs[1], self.d_out), output);
        if let Some(bias) = inputs.get(2) {
            let value = output.len() / L;
            for row in output[..value].chunks_exact_mut(self.d_out) {
                row.iter_mut().zip(*bias).for_each(|(y, b)| *y += *b);
            }
        }
    }

    #[inline(always)]
    fn backward<T: Real, const L: usize>(&self, inputs: &[&[T]], grad: &[T], grads: &mut [Option<&mut [T]>]) {
        let g = Matrix::new(grad, self.d_out);
        if let Some(out) = &mut grads[0] {
            g.times(Matrix::new(inputs[1], self.d_out).transpose(), out);
        }
        if let Some(out) = &mut grads[1] {
            Matrix::new(inputs[0], self.d_in).transpose().times(g, out);
        }
        if let Some(Some(out)) = grads.get_mut(2) {
            for row in grad[..grad.len() / L].chunks_exact(self.d_out) {
                out.iter_mut().zip(row).for_each(|(b, g)| *b += *g);
            }
        }
    }
}
