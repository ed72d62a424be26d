//! Forces as the gradient of an energy, and the exact gradient of a loss on them without any double
//! backward pass.
//!
//! With ε_a the atomic energies, E_f = Σ_{a in f} ε_a and F = −∂E/∂x. For constants e, g, c = ∂L/∂(E, u, F)
//! the loss depends on the weights θ through
//!
//! ```text
//! e·E + g·u + c·F = Σ_a e_{f(a)} ε_a + Σ_a g_a·u_a − D_c E,      D_c E = d/dt E(x + t c) at t = 0
//! ```
//!
//! and D_c E is a *forward* derivative: one evaluation with tangent c on the positions, then one
//! backward pass to θ through value and tangent.

use candle_core::{DType, Device, Tensor, Var};
use surprisal_core::{Cotangent, Parameters, Prediction, Rows};
use surprisal_ops::Dual;

use crate::error::AtomsError;
use crate::graph::Batch;

/// An energy and invariant outputs as functions of the pair vectors.
pub(crate) trait AtomicEnergy {
    /// Atomic energies in column 0, raw outputs behind: `[n_atoms, 1 + n_outputs]`, from the pair
    /// vectors `[n_pairs, 3]`. Gradients flow to the weights only if `tracked`.
    fn atomic(&self, tracked: bool, batch: &Batch, vectors: &Dual) -> candle_core::Result<Dual>;

    /// The type and device it computes in.
    fn placement(&self) -> (DType, Device);
}

/// Energy, forces and outputs by one evaluation and one backward pass to the pair vectors.
pub(crate) fn predict(model: &dyn AtomicEnergy, batch: &Batch) -> Result<Prediction, AtomsError> {
    let vectors = Var::from_tensor(&tensor(model, batch, batch.vectors.clone())?)?;
    let atomic = model.atomic(false, batch, &Dual::plain(vectors.as_tensor())?)?.value()?;
    let energies = atomic.narrow(1, 0, 1)?;
    let slope = match energies.sum_all()?.backward()?.remove(vectors.as_tensor()) {
        Some(g) => to_f64(&g)?.flatten_all()?.to_vec1::<f64>()?,
        None => vec![0.0; batch.vectors.len()],
    };
    let forces: Vec<f64> = batch.gather_differences(&slope).into_iter().map(|g| -g).collect();
    let mut energy = vec![0.0; batch.n_frames];
    for (&frame, atom) in batch.frame_of_atom.iter().zip(to_f64(&energies)?.flatten_all()?.to_vec1::<f64>()?) {
        energy[frame as usize] += atom;
    }
    let n_outputs = atomic.dim(1)? - 1;
    Ok(Prediction {
        location: Tensor::from_vec(forces, (batch.n_atoms(), 3), &Device::Cpu)?,
        outputs: if n_outputs == 0 { None } else { Some(to_f64(&atomic.narrow(1, 1, n_outputs)?.contiguous()?)?) },
        energy: Some(Tensor::from_vec(energy, batch.n_frames, &Device::Cpu)?),
        probes: vec![],
        rows: Rows::Samples,
    })
}

/// The gradient to the parameters by one evaluation with tangents and one backward pass.
pub(crate) fn pullback(
    model: &dyn AtomicEnergy,
    parameters: &Parameters,
    batch: &Batch,
    cotangent: &Cotangent,
) -> Result<Vec<Tensor>, AtomsError> {
    let (dtype, device) = model.placement();
    let direction = cotangent.location.flatten_all()?.to_vec1::<f64>()?;
    let vectors = Dual::with_tangent(
        &tensor(model, batch, batch.vectors.clone())?,
        &tensor(model, batch, batch.differences(&direction))?,
    )?;
    let lanes = model.atomic(true, batch, &vectors)?.lanes().clone();
    let (n_lanes, n_atoms, width) = lanes.dims3()?;

    // The constant that contracts (value, tangent) of (ε, u) to the scalar above.
    let mut weights = vec![0.0; n_lanes * n_atoms * width];
    if let Some(energy) = &cotangent.energy {
        let energy = energy.to_vec1::<f64>()?;
        for (atom, &frame) in batch.frame_of_atom.iter().enumerate() {
            weights[atom * width] = energy[frame as usize];
        }
    }
    if let Some(outputs) = &cotangent.outputs {
        for (atom, g) in outputs.to_vec2::<f64>()?.iter().enumerate() {
            weights[atom * width + 1..(atom + 1) * width].copy_from_slice(g);
        }
    }
    for atom in 0..n_atoms {
        weights[(n_atoms + atom) * width] = -1.0;
    }
    let weights = Tensor::from_vec(weights, lanes.shape(), &Device::Cpu)?.to_dtype(dtype)?.to_device(&device)?;
    let grads = (lanes * weights)?.sum_all()?.backward()?;
    gradient_in_order(parameters, &grads)
}

/// The gradient of every parameter; zero where the loss does not depend on it.
pub(crate) fn gradient_in_order(
    parameters: &Parameters,
    grads: &candle_core::backprop::GradStore,
) -> Result<Vec<Tensor>, AtomsError> {
    parameters
        .iter()
        .map(|p| match grads.get(p.var.as_tensor()) {
            Some(g) => Ok(g.detach()),
            None => Ok(p.var.as_detached_tensor().zeros_like()?),
        })
        .collect()
}

/// `[n_pairs, 3]` in the model's type and on its device.
pub(crate) fn tensor(model: &dyn AtomicEnergy, batch: &Batch, values: Vec<f64>) -> candle_core::Result<Tensor> {
    let (dtype, device) = model.placement();
    Tensor::from_vec(values, (batch.n_pairs(), 3), &Device::Cpu)?.to_dtype(dtype)?.to_device(&device)
}

/// Float64 on the CPU, without history.
pub(crate) fn to_f64(t: &Tensor) -> candle_core::Result<Tensor> {
    t.detach().to_dtype(DType::F64)?.to_device(&Device::Cpu)
}
