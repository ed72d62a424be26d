//! A second-order system over a batch of samples, as tensors on a device.
//!
//! With positions X, velocities V and their rates r of [`super::motion`]: W = V diag(r), Ẋ = W,
//! V̇ = N(X, W, t) diag(r)⁻¹.

use candle_core::{Device, Result, Tensor};

use super::mlp::Mlp;
use super::mlp_tensors::MlpTensors;
use crate::tensors::{Evaluation, TensorField};

pub(super) struct SecondOrderTensors<'a> {
    network: MlpTensors<'a>,
    /// Inputs of the network that are states.
    n_in: usize,
    /// `[1, m]`: r.
    rates: Tensor,
}

impl<'a> SecondOrderTensors<'a> {
    /// The network of an acceleration, whose inputs are the first `n_in` of x and w.
    pub(super) fn new(
        network: &'a Mlp,
        n_in: usize,
        parameters: &[f64],
        rates: &[f64],
        device: &Device,
    ) -> Result<Self> {
        let network = MlpTensors::new(network, parameters, device)?;
        Ok(Self { network, n_in, rates: Tensor::from_slice(rates, (1, rates.len()), device)? })
    }

    /// The halves of `[B, 2m]`.
    fn halves(&self, both: &Tensor) -> Result<(Tensor, Tensor)> {
        let m = self.rates.dim(1)?;
        Ok((both.narrow(1, 0, m)?, both.narrow(1, m, m)?))
    }
}

fn joined(first: &Tensor, second: &Tensor) -> Result<Tensor> {
    Tensor::cat(&[first, second], 1)?.contiguous()
}

impl TensorField for SecondOrderTensors<'_> {
    /// The evaluation is that of the network.
    fn rhs(&self, t: &Tensor, y: &Tensor) -> Result<(Tensor, Evaluation)> {
        let (x, v) = self.halves(y)?;
        let w = v.broadcast_mul(&self.rates)?;
        let input = joined(&x, &w)?.narrow(1, 0, self.n_in)?.contiguous()?;
        let (a, evaluation) = self.network.rhs(t, &input)?;
        Ok((joined(&w, &a.broadcast_div(&self.rates)?)?, evaluation))
    }

    fn vjp(&mut self, evaluation: &[Tensor], cotangent: &Tensor) -> Result<Tensor> {
        let (of_x, of_v) = self.halves(cotangent)?;
        let bar = self.network.vjp(evaluation, &of_v.broadcast_div(&self.rates)?)?;
        let m = self.rates.dim(1)?;
        let x_bar = bar.narrow(1, 0, m)?;
        let w_bar = if self.n_in > m { (of_x + bar.narrow(1, m, m)?)? } else { of_x };
        joined(&x_bar, &w_bar.broadcast_mul(&self.rates)?)
    }

    fn take_gradient(&mut self, parameter_bar: &mut [f64]) -> Result<()> {
        self.network.take_gradient(parameter_bar)
    }
}
