//! Forward-mode differentiation in ordinary tensor operations.
//!
//! A [`Dual`] is a value x with, or without, a tangent ẋ = Dx·d along one direction d. Both live in
//! one tensor `[n_lanes, …]`: lane 0 is the value, lane 1 the tangent. A linear map then acts on both
//! at once, and a `Dual` of one lane is a plain evaluation that costs nothing extra. candle's backward
//! pass through the lanes gives the VJP, and, with two lanes, the VJP of the JVP: the derivative of a
//! directional derivative without any double backward pass.
//!
//! Dimensions and shapes in this module do not count the lanes.

mod linear;
mod map;
mod product;

use candle_core::{Result, Tensor};

pub use map::{Reciprocal, Silu, Smooth, SqrtShifted};

/// A tensor with, or without, its derivative along one direction.
#[derive(Debug, Clone)]
pub struct Dual {
    lanes: Tensor,
}

impl Dual {
    /// A value without a tangent.
    pub fn plain(value: &Tensor) -> Result<Self> {
        Ok(Self { lanes: value.unsqueeze(0)? })
    }

    /// A value and its tangent, of the same shape.
    pub fn with_tangent(value: &Tensor, tangent: &Tensor) -> Result<Self> {
        Ok(Self { lanes: Tensor::stack(&[value, tangent], 0)? })
    }

    /// A value that does not move: its tangent is zero where `n_lanes` is 2.
    pub fn constant(value: &Tensor, n_lanes: usize) -> Result<Self> {
        Ok(Self { lanes: value.unsqueeze(0)?.pad_with_zeros(0, 0, n_lanes - 1)? })
    }

    /// From `[n_lanes, …]`, one or two lanes.
    pub fn from_lanes(lanes: Tensor) -> Self {
        Self { lanes }
    }

    /// `[n_lanes, …]`.
    pub fn lanes(&self) -> &Tensor {
        &self.lanes
    }

    /// 1 for a plain value, 2 with a tangent.
    pub fn n_lanes(&self) -> usize {
        self.lanes.dims()[0]
    }

    /// Dimensions of the value.
    pub fn dims(&self) -> &[usize] {
        &self.lanes.dims()[1..]
    }

    /// The value.
    pub fn value(&self) -> Result<Tensor> {
        self.lanes.get(0)
    }

    /// The derivative along the direction, if there is one.
    pub fn tangent(&self) -> Result<Option<Tensor>> {
        if self.n_lanes() == 2 { self.lanes.get(1).map(Some) } else { Ok(None) }
    }

    /// x + y, broadcast over dimensions of length 1.
    pub fn add(&self, other: &Dual) -> Result<Dual> {
        self.lanes.broadcast_add(&other.lanes).map(Self::from_lanes)
    }

    /// x − y, broadcast over dimensions of length 1.
    pub fn sub(&self, other: &Dual) -> Result<Dual> {
        self.lanes.broadcast_sub(&other.lanes).map(Self::from_lanes)
    }

    /// c·x.
    pub fn scale(&self, c: f64) -> Result<Dual> {
        self.lanes.affine(c, 0.0).map(Self::from_lanes)
    }

    /// `len` entries of dimension `dim` from `start` on.
    pub fn narrow(&self, dim: usize, start: usize, len: usize) -> Result<Dual> {
        self.lanes.narrow(dim + 1, start, len).map(Self::from_lanes)
    }

    /// Joined along dimension `dim`.
    pub fn cat(parts: &[&Dual], dim: usize) -> Result<Dual> {
        let parts: Vec<&Tensor> = parts.iter().map(|p| &p.lanes).collect();
        Tensor::cat(&parts, dim + 1).map(Self::from_lanes)
    }

    /// The same entries in another shape.
    pub fn reshape(&self, dims: &[usize]) -> Result<Dual> {
        self.lanes.reshape([&[self.n_lanes()], dims].concat()).map(Self::from_lanes)
    }

    /// Σ over dimension `dim`, which stays with length 1.
    pub fn sum_keepdim(&self, dim: usize) -> Result<Dual> {
        self.lanes.sum_keepdim(dim + 1).map(Self::from_lanes)
    }

    /// Rows `index` (`[n]`, unsigned integers) of dimension 0.
    pub fn index_select(&self, index: &Tensor) -> Result<Dual> {
        self.lanes.contiguous()?.index_select(index, 1).map(Self::from_lanes)
    }

    /// Σ of the rows with the same `segment` (`[n]`, unsigned integers below `n_segments`):
    /// `[n, …]` → `[n_segments, …]`.
    pub fn segment_sum(&self, segment: &Tensor, n_segments: usize) -> Result<Dual> {
        let mut dims = self.lanes.dims().to_vec();
        dims[1] = n_segments;
        let zeros = Tensor::zeros(dims, self.lanes.dtype(), self.lanes.device())?;
        zeros.index_add(segment, &self.lanes.contiguous()?, 1).map(Self::from_lanes)
    }
}
