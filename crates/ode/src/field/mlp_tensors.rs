//! The multilayer perceptron over a batch of samples, as tensors on a device.
//!
//! With samples in rows: X₀ = Y or (Y, t), Zₖ = Xₖ₋₁Wₖᵀ + 1bₖᵀ, Xₖ = σ(Zₖ). Backwards, from Z̄: W̄ += Z̄ᵀX,
//! b̄ᵀ += 1ᵀZ̄, X̄ = Z̄W, and Z̄ = X̄ ⊙ σ′(Z) below.
//!
//! Weights, activations and their products are of one type, float64 or float32; states, and the gradient as it is
//! summed, are float64.

use candle_core::{DType, Device, Result, Tensor};
use surprisal_expr::tensors::{sigmoid, softplus};

use super::activation::Activation;
use super::mlp::Mlp;
use crate::tensors::{Evaluation, TensorField};

pub(crate) struct MlpTensors<'a> {
    mlp: &'a Mlp,
    dtype: DType,
    layers: Vec<TensorLayer>,
}

struct TensorLayer {
    /// `[n_out, n_in]`.
    weight: Tensor,
    /// `[1, n_out]`.
    bias: Tensor,
    /// Their cotangents, float64.
    weight_bar: Option<Tensor>,
    bias_bar: Option<Tensor>,
}

impl<'a> MlpTensors<'a> {
    /// The network with these parameters `[p]` on a device.
    pub(crate) fn new(mlp: &'a Mlp, parameters: &[f64], device: &Device) -> Result<Self> {
        let dtype = mlp.dtype.dtype();
        let block = |range: std::ops::Range<usize>, shape: (usize, usize)| {
            Tensor::from_slice(&parameters[range], shape, device)?.to_dtype(dtype)
        };
        let layer = |layer: &super::mlp::Layer| {
            let (n_in, n_out, bias) = (layer.n_in, layer.n_out, layer.bias());
            Ok(TensorLayer {
                weight: block(layer.weight..bias, (n_out, n_in))?,
                bias: block(bias..bias + n_out, (1, n_out))?,
                weight_bar: None,
                bias_bar: None,
            })
        };
        Ok(Self { mlp, dtype, layers: mlp.layers.iter().map(layer).collect::<Result<_>>()? })
    }

    /// Tensors of one evaluation.
    pub(crate) fn evaluation_len(&self) -> usize {
        let n_slopes = if self.mlp.activation.derivative_follows_from_value() { 0 } else { self.layers.len() - 1 };
        self.layers.len() + n_slopes
    }
}

impl TensorField for MlpTensors<'_> {
    /// The evaluation: X₀ … X_{L−1}; then σ′(Z₁) … σ′(Z_{L−1}) where they do not follow from the values.
    fn rhs(&self, t: &Tensor, y: &Tensor) -> Result<(Tensor, Evaluation)> {
        let activation = self.mlp.activation;
        let input = if self.mlp.time_input { Tensor::cat(&[y, &t.unsqueeze(1)?], 1)?.contiguous()? } else { y.clone() };
        let mut x = input.to_dtype(self.dtype)?;
        let (mut inputs, mut slopes) = (vec![], vec![]);
        for (k, layer) in self.layers.iter().enumerate() {
            let z = x.matmul(&layer.weight.t()?)?.broadcast_add(&layer.bias)?;
            inputs.push(std::mem::replace(&mut x, z));
            if k + 1 < self.layers.len() {
                if !activation.derivative_follows_from_value() {
                    slopes.push(derivative(activation, &x)?);
                }
                x = value(activation, &x)?;
            }
        }
        inputs.append(&mut slopes);
        Ok((x.to_dtype(DType::F64)?, inputs))
    }

    fn vjp(&mut self, evaluation: &[Tensor], cotangent: &Tensor) -> Result<Tensor> {
        let (inputs, slopes) = evaluation.split_at(self.layers.len());
        let mut bar = cotangent.to_dtype(self.dtype)?;
        let ones = Tensor::ones((1, bar.dim(0)?), self.dtype, bar.device())?;
        for (k, (layer, x)) in self.layers.iter_mut().zip(inputs).enumerate().rev() {
            add(&mut layer.weight_bar, &bar.t()?.matmul(x)?)?;
            add(&mut layer.bias_bar, &ones.matmul(&bar)?)?;
            bar = bar.matmul(&layer.weight)?;
            if k > 0 {
                let slope = match self.mlp.activation {
                    Activation::Tanh => x.sqr()?.affine(-1.0, 1.0)?,
                    Activation::Sigmoid => (x * x.affine(-1.0, 1.0)?)?,
                    Activation::Softplus | Activation::Silu => slopes[k - 1].clone(),
                };
                bar = (bar * slope)?;
            }
        }
        // nobody asks for the cotangent of t
        bar.narrow(1, 0, self.mlp.n_states)?.contiguous()?.to_dtype(DType::F64)
    }

    fn take_gradient(&mut self, parameter_bar: &mut [f64]) -> Result<()> {
        for (layer, place) in self.layers.iter_mut().zip(&self.mlp.layers) {
            for (bar, start) in [(layer.weight_bar.take(), place.weight), (layer.bias_bar.take(), place.bias())] {
                let Some(bar) = bar else { continue };
                let bar = bar.flatten_all()?.to_vec1::<f64>()?;
                parameter_bar[start..].iter_mut().zip(bar).for_each(|(sum, bar)| *sum += bar);
            }
        }
        Ok(())
    }
}

/// `sum` += `term`, in float64.
pub(crate) fn add(sum: &mut Option<Tensor>, term: &Tensor) -> Result<()> {
    let term = term.to_dtype(DType::F64)?;
    *sum = Some(match sum.take() {
        Some(sum) => (sum + term)?,
        None => term,
    });
    Ok(())
}

/// σ(z).
fn value(activation: Activation, z: &Tensor) -> Result<Tensor> {
    match activation {
        Activation::Tanh => z.tanh(),
        Activation::Sigmoid => sigmoid(z),
        Activation::Softplus => softplus(z),
        Activation::Silu => z * sigmoid(z)?,
    }
}

/// σ′(z), as [`Activation::derivative`] has it.
fn derivative(activation: Activation, z: &Tensor) -> Result<Tensor> {
    match activation {
        Activation::Tanh => z.tanh()?.sqr()?.affine(-1.0, 1.0),
        Activation::Sigmoid => {
            let a = sigmoid(z)?;
            &a * a.affine(-1.0, 1.0)?
        }
        Activation::Softplus => sigmoid(z),
        Activation::Silu => {
            let s = sigmoid(z)?;
            &s * (z * s.affine(-1.0, 1.0)?)?.affine(1.0, 1.0)?
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::field::VectorField;
    use crate::field::mlp::MlpField;
    use surprisal_core::Precision;

    /// f, the cotangents of the states and of the parameters of five samples.
    fn products(mlp: &Mlp, parameters: &[f64]) -> [Vec<f64>; 3] {
        let matrix = |f: fn(f64) -> f64| {
            Tensor::from_iter((0..15).map(|k| f(f64::from(k))), &Device::Cpu).unwrap().reshape((5, 3)).unwrap()
        };
        let mut tensors = MlpTensors::new(mlp, parameters, &Device::Cpu).unwrap();
        let t = Tensor::new(&[0.1, 0.2, 0.3, 0.4, 0.5], &Device::Cpu).unwrap();
        let (dy, evaluation) = tensors.rhs(&t, &matrix(f64::sin)).unwrap();
        assert_eq!(evaluation.len(), tensors.evaluation_len());
        assert!(evaluation.iter().all(|tensor| tensor.dtype() == mlp.dtype.dtype()));
        let y_bar = tensors.vjp(&evaluation, &matrix(f64::cos)).unwrap();
        let mut bar = vec![0.0; parameters.len()];
        tensors.take_gradient(&mut bar).unwrap();
        let again = bar.clone();
        tensors.take_gradient(&mut bar).unwrap();
        assert_eq!(bar, again, "what was taken is forgotten");
        let flat = |tensor: &Tensor| tensor.flatten_all().unwrap().to_vec1::<f64>().unwrap();
        [flat(&dy), flat(&y_bar), bar]
    }

    #[test]
    fn a_network_of_float32_is_the_same_to_its_rounding_with_states_of_float64() {
        for activation in Activation::ALL {
            let config = MlpField { hidden: vec![8, 6], activation, time_input: true, ..MlpField::default() };
            let of = |dtype: Precision| Mlp::new(&MlpField { dtype, ..config.clone() }, 3);
            let (mlp, rounded) = (of(Precision::Float64), of(Precision::Float32));
            let parameters: Vec<f64> = mlp.initial_parameters(2).iter().map(|w| 3.0 * w + 0.01).collect();
            let (double, single) = (products(&mlp, &parameters), products(&rounded, &parameters));
            for (what, (double, single)) in ["f", "states", "parameters"].iter().zip(double.iter().zip(&single)) {
                let size = double.iter().fold(0.0, |m: f64, x| m.max(x.abs()));
                for (a, b) in single.iter().zip(double) {
                    assert!((a - b).abs() < 3e-6 * size, "{activation:?}, {what}: {a} against {b}");
                }
                assert!(single != double, "{activation:?}, {what}: nothing was rounded");
            }
        }
    }
}
