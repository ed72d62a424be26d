//! Fused operations: one kernel where candle would need a dozen, with its exact gradients.
//!
//! A [`Fused`] operation says once, over [jets](crate::jet), what it computes and how cotangents come
//! back; [`apply`] makes it an operation of candle's graph for both precisions, for plain values
//! (one lane) and for values with tangents (two lanes). Its inputs and its output are tensors whose
//! first dimension are the lanes.

use std::sync::Arc;

use candle_core::{CpuStorage, CustomOp1, CustomOp2, CustomOp3, DType, Error, Layout, Result, Shape, Storage, Tensor};

use crate::real::Real;

/// What a fused operation of up to three inputs computes. Slices are contiguous, lanes outermost.
pub trait Fused: Send + Sync + 'static {
    /// Its name in error messages.
    const NAME: &'static str;

    /// Dimensions of the output, lanes included, given those of the inputs.
    fn output_dims(&self, inputs: &[&[usize]]) -> Vec<usize>;

    /// Writes the output, which comes filled with zeros.
    fn forward<T: Real, const L: usize>(&self, inputs: &[&[T]], output: &mut [T]);

    /// Adds each input's cotangent to `grads`, which come filled with zeros; `None` where nobody
    /// asks.
    fn backward<T: Real, const L: usize>(&self, inputs: &[&[T]], grad: &[T], grads: &mut [Option<&mut [T]>]);
}

/// Applies a fused operation to one, two or three tensors on the CPU.
pub fn apply<F: Fused>(op: F, inputs: &[&Tensor]) -> Result<Tensor> {
    let op = Adaptor(Arc::new(op));
    let inputs = inputs.iter().map(|t| t.contiguous()).collect::<Result<Vec<_>>>()?;
    match inputs.as_slice() {
        [a] => a.apply_op1(op),
        [a, b] => a.apply_op2(b, op),
        [a, b, c] => a.apply_op3(b, c, op),
        _ => Err(Error::Msg(format!("{} takes one to three inputs, got {}", F::NAME, inputs.len()))),
    }
}

struct Adaptor<F>(Arc<F>);

impl<F: Fused> Adaptor<F> {
    fn run_forward(&self, inputs: &[(&CpuStorage, &Layout)]) -> Result<(CpuStorage, Shape)> {
        match inputs[0].0 {
            CpuStorage::F32(_) => self.forward_in::<f32>(inputs),
            CpuStorage::F64(_) => self.forward_in::<f64>(inputs),
            _ => Err(Error::Msg(format!("{} works in float32 and float64", F::NAME))),
        }
    }

    fn forward_in<T: Real>(&self, inputs: &[(&CpuStorage, &Layout)]) -> Result<(CpuStorage, Shape)> {
        let dims: Vec<&[usize]> = inputs.iter().map(|(_, layout)| layout.dims()).collect();
        let shape = Shape::from(self.0.output_dims(&dims));
        let slices = inputs.iter().map(|(s, l)| slice::<T>(s, l, F::NAME)).collect::<Result<Vec<_>>>()?;
        let mut output = vec![T::zero(); shape.elem_count()];
        match dims[0].first() {
            Some(1) => pulp::Arch::new().dispatch(|| self.0.forward::<T, 1>(&slices, &mut output)),
            Some(2) => pulp::Arch::new().dispatch(|| self.0.forward::<T, 2>(&slices, &mut output)),
            _ => return Err(lanes_error(F::NAME, dims[0])),
        }
        Ok((T::to_cpu_storage_owned(output), shape))
    }

    fn run_backward(&self, inputs: &[&Tensor], grad: &Tensor) -> Result<Vec<Option<Tensor>>> {
        match grad.dtype() {
            DType::F32 => self.backward_in::<f32>(inputs, grad),
            _ => self.backward_in::<f64>(inputs, grad),
        }
    }

    fn backward_in<T: Real>(&self, inputs: &[&Tensor], grad: &Tensor) -> Result<Vec<Option<Tensor>>> {
        let grad = grad.contiguous()?;
        let mut grads: Vec<Option<Vec<T>>> =
            inputs.iter().map(|t| t.track_op().then(|| vec![T::zero(); t.elem_count()])).collect();
        {
            let storages: Vec<_> = inputs.iter().chain([&&grad]).map(|t| t.storage_and_layout()).collect();
            let mut slices = storages.iter().map(|(s, l)| cpu_slice::<T>(s, l, F::NAME)).collect::<Result<Vec<_>>>()?;
            let grad = slices.pop().unwrap_or_default();
            let mut wanted: Vec<Option<&mut [T]>> = grads.iter_mut().map(|g| g.as_deref_mut()).collect();
            if inputs[0].dims().first() == Some(&1) {
                pulp::Arch::new().dispatch(|| self.0.backward::<T, 1>(&slices, grad, &mut wanted));
            } else {
                pulp::Arch::new().dispatch(|| self.0.backward::<T, 2>(&slices, grad, &mut wanted));
            }
        }
        grads
            .into_iter()
            .zip(inputs)
            .map(|(values, input)| values.map(|v| Tensor::from_vec(v, input.shape(), input.device())).transpose())
            .collect()
    }
}

impl<F: Fused> CustomOp1 for Adaptor<F> {
    fn name(&self) -> &'static str {
        F::NAME
    }
    fn cpu_fwd(&self, s: &CpuStorage, l: &Layout) -> Result<(CpuStorage, Shape)> {
        self.run_forward(&[(s, l)])
    }
    fn bwd(&self, a: &Tensor, _: &Tensor, grad: &Tensor) -> Result<Option<Tensor>> {
        Ok(self.run_backward(&[a], grad)?.pop().flatten())
    }
}

impl<F: Fused> CustomOp2 for Adaptor<F> {
    fn name(&self) -> &'static str {
        F::NAME
    }
    fn cpu_fwd(&self, s1: &CpuStorage, l1: &Layout, s2: &CpuStorage, l2: &Layout) -> Result<(CpuStorage, Shape)> {
        self.run_forward(&[(s1, l1), (s2, l2)])
    }
    fn bwd(&self, a: &Tensor, b: &Tensor, _: &Tensor, grad: &Tensor) -> Result<(Option<Tensor>, Option<Tensor>)> {
        let mut grads = self.run_backward(&[a, b], grad)?;
        let second = grads.pop().flatten();
        Ok((grads.pop().flatten(), second))
    }
}

type ThreeGradients = (Option<Tensor>, Option<Tensor>, Option<Tensor>);

impl<F: Fused> CustomOp3 for Adaptor<F> {
    fn name(&self) -> &'static str {
        F::NAME
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
        self.run_forward(&[(s1, l1), (s2, l2), (s3, l3)])
    }
    fn bwd(&self, a: &Tensor, b: &Tensor, c: &Tensor, _: &Tensor, grad: &Tensor) -> Result<ThreeGradients> {
        let mut grads = self.run_backward(&[a, b, c], grad)?;
        let third = grads.pop().flatten();
        let second = grads.pop().flatten();
        Ok((grads.pop().flatten(), second, third))
    }
}

fn slice<'a, T: Real>(storage: &'a CpuStorage, layout: &Layout, op: &'static str) -> Result<&'a [T]> {
    let (start, end) = layout.contiguous_offsets().ok_or(Error::RequiresContiguous { op })?;
    Ok(&T::cpu_storage_as_slice(storage)?[start..end])
}

fn cpu_slice<'a, T: Real>(storage: &'a Storage, layout: &Layout, op: &'static str) -> Result<&'a [T]> {
    match storage {
        Storage::Cpu(storage) => slice(storage, layout, op),
        _ => Err(Error::Msg(format!("{op} runs on the CPU only; elsewhere its plain composition is used"))),
    }
}

fn lanes_error(op: &str, dims: &[usize]) -> Error {
    Error::Msg(format!("{op} needs one or two lanes in the first dimension, found shape {dims:?}"))
}
