//! The derivative check every differentiable operation must pass, in float64.
//!
//! With f a map between [`Dual`]s, and random x, ẋ and cotangents g, h, the check compares
//! - **VJP**: ∂⟨g, f(x)⟩/∂x, by one backward pass,
//! - **JVP**: the tangent of f at (x, ẋ),
//! - **VJP of the JVP**: ∂(⟨g, f(x)⟩ + ⟨h, Df(x)·ẋ⟩)/∂(x, ẋ), by one backward pass,
//!
//! with central differences of the value alone (VJP, JVP) and of the lanes (VJP of the JVP).

use candle_core::{DType, Device, Result, Tensor, Var};
use surprisal_core::rng;

use crate::dual::Dual;

/// Standard normal draws of the given shape.
pub fn normal(shape: &[usize], seed: u64, index: u64) -> Result<Tensor> {
    let mut stream = rng::stream(seed, "check", index);
    let n = shape.iter().product();
    Tensor::from_vec((0..n).map(|_| rng::standard_normal(&mut stream)).collect::<Vec<f64>>(), shape, &Device::Cpu)
}

/// The largest relative error |a − b| / (1 + |b|) of the three derivatives of `f` at `inputs`.
pub fn worst_derivative_error(f: impl Fn(&[Dual]) -> Result<Dual>, inputs: &[Tensor]) -> Result<f64> {
    let mut worst: f64 = 0.0;
    let step = 1e-5;
    let directions: Vec<Tensor> = (0..).zip(inputs).map(|(i, x)| normal(x.dims(), 11, i)).collect::<Result<_>>()?;

    // JVP against differences of the value.
    let value = |t: f64| -> Result<Tensor> {
        let moved =
            inputs.iter().zip(&directions).map(|(x, d)| Dual::plain(&(x + (d * t)?)?)).collect::<Result<Vec<_>>>()?;
        f(&moved)?.value()
    };
    let pairs = inputs.iter().zip(&directions).map(|(x, d)| Dual::with_tangent(x, d)).collect::<Result<Vec<_>>>()?;
    let dual = f(&pairs)?;
    let difference = ((value(step)? - value(-step)?)? / (2.0 * step))?;
    if let Some(tangent) = dual.tangent()? {
        worst = worst.max(relative(&tangent, &difference)?);
    }
    worst = worst.max(relative(&dual.value()?, &value(0.0)?)?);

    // VJP (one lane), VJP of the JVP (two lanes) against differences of the contracted lanes.
    for n_lanes in [1, 2] {
        let lanes = (0..).zip(inputs).map(|(i, x)| with_lanes(x, n_lanes, i)).collect::<Result<Vec<Tensor>>>()?;
        let contract = |lanes: &[Tensor]| -> Result<Tensor> {
            let out = f(&lanes.iter().cloned().map(Dual::from_lanes).collect::<Vec<_>>())?;
            (out.lanes() * normal(out.lanes().dims(), 12, n_lanes as u64)?)?.sum_all()
        };
        let vars = lanes.iter().map(Var::from_tensor).collect::<Result<Vec<_>>>()?;
        let grads = contract(&vars.iter().map(|v| v.as_tensor().clone()).collect::<Vec<_>>())?.backward()?;
        for k in 0..inputs.len() {
            for probe in 0..3 {
                let direction = normal(lanes[k].dims(), 13 + probe, k as u64)?;
                let at = |t: f64| -> Result<f64> {
                    let mut moved = lanes.clone();
                    moved[k] = (&lanes[k] + (&direction * t)?)?;
                    contract(&moved)?.to_scalar::<f64>()
                };
                let difference = (at(step)? - at(-step)?) / (2.0 * step);
                let gradient = match grads.get(vars[k].as_tensor()) {
                    Some(g) => (g * &direction)?.sum_all()?.to_scalar::<f64>()?,
                    None => 0.0,
                };
                worst = worst.max((gradient - difference).abs() / (1.0 + difference.abs()));
            }
        }
    }
    Ok(worst)
}

/// Largest |a − b| / (1 + |b|) over the entries.
pub fn relative(a: &Tensor, b: &Tensor) -> Result<f64> {
    let flat = |t: &Tensor| t.to_dtype(DType::F64)?.flatten_all()?.to_vec1::<f64>();
    assert_eq!(a.dims(), b.dims(), "shapes to compare");
    Ok(flat(a)?.iter().zip(flat(b)?).map(|(a, b)| (a - b).abs() / (1.0 + b.abs())).fold(0.0, f64::max))
}

fn with_lanes(x: &Tensor, n_lanes: usize, index: u64) -> Result<Tensor> {
    if n_lanes == 1 { x.unsqueeze(0) } else { Tensor::stack(&[x, &normal(x.dims(), 14, index)?], 0) }
}
