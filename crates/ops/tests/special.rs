//! Special functions against mpmath (`scripts/reference/special.py`) and their gradients against
//! central differences.

#![allow(clippy::unwrap_used)] // a failed unwrap is a failed test

use candle_core::{DType, Device, Result, Tensor, Var};
use serde_json::Value;
use surprisal_ops::special::{Pointwise, i0e, i1e, softplus, softplus_inverse};

fn reference(name: &str) -> Vec<[f64; 3]> {
    let table: Value = serde_json::from_str(include_str!("reference/special.json")).unwrap();
    let row = |row: &Value| [0, 1, 2].map(|i| row[i].as_f64().unwrap());
    table[name].as_array().unwrap().iter().map(row).collect()
}

#[track_caller]
fn agree(what: &str, x: f64, found: f64, expected: f64) {
    assert!((found - expected).abs() <= 1e-13 * (1.0 + expected.abs()), "{what}({x}) = {found}, expected {expected}");
}

/// What is plainly relative: no zero is near.
#[track_caller]
fn agree_relatively(what: &str, x: f64, found: f64, expected: f64) {
    assert!((found - expected).abs() <= 1e-13 * expected.abs(), "{what}({x}) = {found}, expected {expected}");
}

fn operations() -> Vec<(String, Pointwise)> {
    let named = [
        ("lgamma", Pointwise::Lgamma),
        ("digamma", Pointwise::Digamma),
        ("log1p", Pointwise::Log1p),
        ("softplus", Pointwise::Softplus),
        ("log_i0e", Pointwise::LogI0e),
    ];
    let differences =
        (1..=6).map(|m| (format!("lgamma_difference_{m}"), Pointwise::LgammaDifference { half_steps: m }));
    named.into_iter().map(|(name, op)| (name.to_string(), op)).chain(differences).collect()
}

#[test]
fn values_and_derivatives_are_those_of_mpmath() {
    for (name, operation) in operations() {
        for [x, value, derivative] in reference(&name) {
            agree(&name, x, operation.value(x), value);
            agree(&format!("{name}'"), x, operation.derivative(x), derivative);
        }
    }
    for [x, value, _] in reference("i0e") {
        agree_relatively("i0e", x, i0e(x), value);
    }
    for [x, value, _] in reference("i1e") {
        agree_relatively("i1e", x, i1e(x), value);
        assert_eq!(i1e(-x), -i1e(x));
    }
}

#[test]
fn small_numbers_keep_their_relative_accuracy() {
    for name in ["log1p", "softplus"] {
        let operation = if name == "log1p" { Pointwise::Log1p } else { Pointwise::Softplus };
        for [x, value, derivative] in reference(name).into_iter().filter(|row| row[0] > -700.0) {
            agree_relatively(name, x, operation.value(x), value);
            agree_relatively(name, x, operation.derivative(x), derivative);
        }
    }
    for m in 1..=6 {
        for [x, _, derivative] in reference(&format!("lgamma_difference_{m}")) {
            agree_relatively(
                "digamma_difference",
                x,
                Pointwise::LgammaDifference { half_steps: m }.derivative(x),
                derivative,
            );
        }
    }
}

#[test]
fn gradients_on_strided_tensors_are_central_differences() -> Result<()> {
    for (name, operation) in operations() {
        let values: Vec<f64> = (0..12).map(|i| 0.3 + 0.41 * f64::from(i)).collect();
        let x = Var::from_tensor(&Tensor::from_vec(values.clone(), (3, 4), &Device::Cpu)?)?;
        let weights = Tensor::arange(1f64, 13.0, &Device::Cpu)?.reshape((4, 3))?;
        let loss = (operation.apply(&x.t()?)? * &weights)?.sum_all()?;
        let gradient = loss.backward()?.get(&x).unwrap().t()?.flatten_all()?.to_vec1::<f64>()?;
        let transposed = x.t()?.flatten_all()?.to_vec1::<f64>()?;
        for (i, x) in transposed.into_iter().enumerate() {
            let h = 1e-4;
            let numeric = (operation.value(x - 2.0 * h) - 8.0 * operation.value(x - h) + 8.0 * operation.value(x + h)
                - operation.value(x + 2.0 * h))
                / (12.0 * h);
            let expected = numeric * (i + 1) as f64;
            assert!(
                (gradient[i] - expected).abs() < 1e-9 * (1.0 + expected.abs()),
                "{name}'({x}): {} {expected}",
                gradient[i]
            );
        }
    }
    Ok(())
}

#[test]
fn single_precision_is_rounded_once_and_integers_are_refused() -> Result<()> {
    let x = Var::from_tensor(&Tensor::new(&[0.5f32, 3.0, 1e8], &Device::Cpu)?)?;
    let operation = Pointwise::LgammaDifference { half_steps: 1 };
    let value = operation.apply(&x)?;
    let gradient = value.sum_all()?.backward()?.get(&x).unwrap().to_vec1::<f32>()?;
    for ((x, value), gradient) in x.to_vec1::<f32>()?.into_iter().zip(value.to_vec1::<f32>()?).zip(gradient) {
        assert_eq!(value, operation.value(f64::from(x)) as f32);
        assert_eq!(gradient, operation.derivative(f64::from(x)) as f32);
    }
    let error = operation.apply(&Tensor::zeros(2, DType::U32, &Device::Cpu)?).unwrap_err();
    assert!(error.to_string().contains("lgamma_difference needs float32 or float64"), "{error}");
    Ok(())
}

#[test]
fn the_bessel_logarithm_has_no_kink_where_its_series_meet() {
    // f″ from first derivatives on both sides of the seam at 20
    let slope = |a: f64, b: f64| (Pointwise::LogI0e.derivative(b) - Pointwise::LogI0e.derivative(a)) / (b - a);
    let (below, above) = (slope(19.999, 19.9999), slope(20.0, 20.0009));
    assert!((below / above - 1.0).abs() < 1e-3, "{below} {above}");
    assert_eq!(Pointwise::LogI0e.value(-3.0), Pointwise::LogI0e.value(3.0));
    assert_eq!(Pointwise::LogI0e.derivative(-3.0), -Pointwise::LogI0e.derivative(3.0));
}

#[test]
fn the_inverse_of_softplus_inverts() {
    for x in [-30.0, -1.0, 0.0, 2.0, 50.0] {
        agree("softplus_inverse", x, softplus_inverse(softplus(x)), x);
    }
}
