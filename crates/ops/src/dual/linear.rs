//! Affine maps: y = x W + b, ẏ = ẋ W. Both lanes go through one matrix product.
//!
//! The cotangents are x̄ = ȳ Wᵀ, W̄ = Σ_lanes xᵀ ȳ and b̄ = Σ_rows ȳ₀ (the tangent does not see b).
//! candle's own backward of a matrix product computes the cotangent of a weight even where nobody
//! asks for it; this one does not, which a force (the gradient to positions only) is paid with.

use candle_core::backend::BackendStorage;
use candle_core::{CpuStorage, CustomOp2, CustomOp3, Layout, Result, Shape, Tensor};

use super::Dual;

impl Dual {
    /// x W.
    ///
    /// # Shapes
    /// x `[n, d_in]`, W `[d_in, d_out]` → `[n, d_out]`.
    pub fn matmul(&self, weight: &Tensor) -> Result<Dual> {
        if self.lanes.device().is_cpu() {
            let lanes = self.lanes.contiguous()?.apply_op2(&weight.contiguous()?, Affine)?;
            Ok(Self::from_lanes(lanes))
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
            let lanes = self.lanes.contiguous()?.apply_op3(&weight.contiguous()?, bias, Affine)?;
            Ok(Self::from_lanes(lanes))
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
}

struct Affine;

impl Affine {
    fn forward(
        &self,
        inputs: [(&CpuStorage, &Layout); 2],
        bias: Option<(&CpuStorage, &Layout)>,
    ) -> Result<(CpuStorage, Shape)> {
        let [(x, xl), (w, wl)] = inputs;
        let (lanes, n, d_in) = xl.shape().dims3()?;
        let (w_in, d_out) = wl.shape().dims2()?;
        if w_in != d_in {
            return Err(candle_core::Error::ShapeMismatchBinaryOp {
                lhs: xl.shape().clone(),
                rhs: wl.shape().clone(),
                op: "linear",
            });
        }
        let rows = Layout::contiguous_with_offset((lanes * n, d_in), xl.start_offset());
        let mut y = x.matmul(w, (1, lanes * n, d_out, d_in), &rows, wl)?;
        if let Some((b, bl)) = bias {
            let start = bl.start_offset();
            match (&mut y, b) {
                (CpuStorage::F32(y), CpuStorage::F32(b)) => add_rows(&mut y[..n * d_out], &b[start..start + d_out]),
                (CpuStorage::F64(y), CpuStorage::F64(b)) => add_rows(&mut y[..n * d_out], &b[start..start + d_out]),
                _ => return Err(candle_core::Error::Msg("linear works in one of float32 and float64".into())),
            }
        }
        Ok((y, Shape::from((lanes, n, d_out))))
    }

    fn backward(&self, x: &Tensor, w: &Tensor, grad: &Tensor) -> Result<(Option<Tensor>, Option<Tensor>)> {
        let (lanes, n, d_in) = x.dims3()?;
        let rows = grad.contiguous()?.reshape((lanes * n, w.dim(1)?))?;
        let grad_x = if x.track_op() { Some(rows.matmul(&w.detach().t()?)?.reshape((lanes, n, d_in))?) } else { None };
        let grad_w = if w.track_op() { Some(x.detach().reshape((lanes * n, d_in))?.t()?.matmul(&rows)?) } else { None };
        Ok((grad_x, grad_w))
    }
}

/// y[i, :] += b for every row i.
fn add_rows<T: Copy + std::ops::AddAssign>(y: &mut [T], b: &[T]) {
    for row in y.chunks_exact_mut(b.len()) {
        row.iter_mut().zip(b).for_each(|(y, b)| *y += *b);
    }
}

impl CustomOp2 for Affine {
    fn name(&self) -> &'static str {
        "matmul"
    }
    fn cpu_fwd(&self, s1: &CpuStorage, l1: &Layout, s2: &CpuStorage, l2: &Layout) -> Result<(CpuStorage, Shape)> {
        self.forward([(s1, l1), (s2, l2)], None)
    }
    fn bwd(&self, x: &Tensor, w: &Tensor, _: &Tensor, grad: &Tensor) -> Result<(Option<Tensor>, Option<Tensor>)> {
        self.backward(x, w, grad)
    }
}

impl CustomOp3 for Affine {
    fn name(&self) -> &'static str {
        "linear"
    }
    fn cpu_fwd(
        &self,
        s1: &CpuStorage,
        l1: &Layout,
        s2: &CpuStorage,
        l2: &Layout,
        s3: &CpuStorage,
        l3: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        self.forward([(s1, l1), (s2, l2)], Some((s3, l3)))
    }
    fn bwd(
        &self,
        x: &Tensor,
        w: &Tensor,
        b: &Tensor,
        _: &Tensor,
        grad: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let (grad_x, grad_w) = self.backward(x, w, grad)?;
        let grad_b = if b.track_op() {
            // A product with a row of ones: candle's own sum over rows is an order slower.
            let first = grad.get(0)?.contiguous()?;
            let ones = Tensor::ones((1, first.dim(0)?), first.dtype(), first.device())?;
            Some(ones.matmul(&first)?.flatten_all()?)
        } else {
            None
        };
        Ok((grad_x, grad_w, grad_b))
    }
}
