//! Special functions against mpmath (`scripts/reference/special.py`) and their gradients against
//! central differences.

#![allow(clippy::unwrap_used)] // a failed unwrap is a failed test

use candle_core::{DType, Device, Result, Tensor, Var};
use serde_json::Value;
use surprisal_ops::special::{
    IncompleteBeta, Pointwise, atan2, erfcx, gamma_tails, i0e, i1e, log_rising, log_rising_derivative, rising_log1p,
    softplus, softplus_inverse,
};

fn table<const N: usize>(name: &str) -> Vec<[f64; N]> {
    let table: Value = serde_json::from_str(include_str!("reference/special.json")).unwrap();
    let row = |row: &Value| std::array::from_fn(|i| row[i].as_f64().unwrap());
    table[name].as_array().unwrap().iter().map(row).collect()
}

fn reference(name: &str) -> Vec<[f64; 3]> {
    table(name)
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
        ("log1p_ratio", Pointwise::Log1pRatio),
        ("softplus", Pointwise::Softplus),
        ("log_i0e", Pointwise::LogI0e),
        ("expm1", Pointwise::Expm1),
        ("stirling_remainder", Pointwise::StirlingRemainder),
        ("log_erfc", Pointwise::LogErfc),
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

#[test]
fn the_scaled_error_function_is_relatively_accurate() {
    for [x, value, _] in reference("erfcx") {
        agree_relatively("erfcx", x, erfcx(x), value);
    }
}

/// The tail that does not reach over the mean to 1e-11 of itself, the other one to 1e-12 absolutely.
#[track_caller]
fn agree_in_both_tails(what: &str, below_the_mean: bool, found: (f64, f64), expected: (f64, f64)) {
    let (near, exact) = if below_the_mean { (found.0, expected.0) } else { (found.1, expected.1) };
    let relative = near / exact - 1.0;
    assert!(exact < 1e-290 || relative.abs() < 1e-11, "{what}: {found:?}, expected {expected:?}, off by {relative:e}");
    assert!((found.0 - expected.0).abs() < 1e-12 && (found.1 - expected.1).abs() < 1e-12, "{what}: {found:?}");
}

#[test]
fn incomplete_gamma_and_beta_functions_are_accurate_in_both_tails() {
    for [a, x, lower, upper] in table("incomplete_gamma") {
        agree_in_both_tails(&format!("gamma({a}, {x})"), x < a, gamma_tails(a, x), (lower, upper));
    }
    for [a, b, x, lower, upper] in table("incomplete_beta") {
        let found = IncompleteBeta::at(a, b, x, 1.0 - x);
        let below = found.excess > 0.0;
        agree_in_both_tails(&format!("beta({a}, {b}, {x})"), below, found.tails(), (lower, upper));
    }
}

/// The expansion around the normal takes over at a = 1e7; there the series are still good.
#[test]
fn the_incomplete_gamma_function_has_no_step_where_its_methods_meet() {
    for z in [-30.0, -3.0, -0.1, 0.0, 0.4, 5.0, 30.0] {
        let [below, above] = [1e7, 1e7 * (1.0 + 1e-15)].map(|a: f64| gamma_tails(a, a + z * a.sqrt()));
        let (below, above) = if z < 0.0 { (below.0, above.0) } else { (below.1, above.1) };
        assert!((below / above - 1.0).abs() < 1e-11, "{z}: {below:e} {above:e}");
    }
}

#[test]
fn the_rising_sum_keeps_its_relative_accuracy_down_to_the_poisson_limit() {
    for [alpha, y, value, derivative] in table("rising_log1p") {
        let what = format!("rising_log1p({alpha}, {y})");
        agree_relatively(&what, alpha, log_rising(alpha, y), value);
        agree_relatively(&format!("{what}'"), alpha, log_rising_derivative(alpha, y), derivative);
    }
    assert_eq!(log_rising(0.0, 1e6), 0.0);
    assert_eq!(log_rising_derivative(0.0, 1e6), 0.5 * 1e6 * (1e6 - 1.0));
}

#[test]
fn operations_of_two_tensors_have_the_gradients_of_central_differences() -> Result<()> {
    let device = Device::Cpu;
    let alpha = Var::from_tensor(&Tensor::new(&[[0.3, 1e-3], [2.0, 0.07]], &device)?)?;
    let counts = Tensor::new(&[[3.0, 100.0], [7.0, 60.0]], &device)?;
    let slopes = rising_log1p(&alpha.t()?, &counts.t()?)?.sum_all()?.backward()?;
    let slopes = slopes.get(&alpha).unwrap().flatten_all()?.to_vec1::<f64>()?;
    let alphas = alpha.flatten_all()?.to_vec1::<f64>()?;
    for ((alpha, y), slope) in alphas.into_iter().zip(counts.flatten_all()?.to_vec1::<f64>()?).zip(slopes) {
        let h = 1e-4 * alpha;
        let numeric = (log_rising(alpha + h, y) - log_rising(alpha - h, y)) / (2.0 * h);
        assert!((slope - numeric).abs() < 1e-7 * numeric, "{alpha} {y}: {slope} {numeric}");
    }
    let points = [(0.3f64, -2.0), (1e-3, 4.0), (-5.0, -1e-2), (-1.0, 3.0), (1e200, 1e200)];
    let y = Var::from_vec(points.map(|p| p.0).to_vec(), 5, &device)?;
    let x = Var::from_vec(points.map(|p| p.1).to_vec(), 5, &device)?;
    let angle = atan2(&y, &x)?;
    let gradients = angle.sum_all()?.backward()?;
    let slopes = [&y, &x].map(|v| gradients.get(v).unwrap().to_vec1::<f64>().unwrap());
    for (i, (y, x)) in points.into_iter().enumerate() {
        assert_eq!(angle.get(i)?.to_scalar::<f64>()?, y.atan2(x));
        let h = 1e-5 * y.hypot(x);
        let numeric =
            [((y + h).atan2(x) - (y - h).atan2(x)) / (2.0 * h), (y.atan2(x + h) - y.atan2(x - h)) / (2.0 * h)];
        for (slopes, numeric) in slopes.iter().zip(numeric) {
            assert!((slopes[i] - numeric).abs() < 1e-8 / y.hypot(x), "{y} {x}: {} {numeric}", slopes[i]);
        }
    }
    Ok(())
}

#[test]
fn the_angle_has_finite_gradients_at_and_near_the_origin() -> Result<()> {
    let device = Device::Cpu;
    for tiny in [0.0, 1e-42, 1e-320] {
        for dtype in [DType::F64, DType::F32] {
            let [y, x] = [tiny, -tiny]
                .map(|v| Var::from_tensor(&Tensor::new(&[v], &device).unwrap().to_dtype(dtype).unwrap()).unwrap());
            let gradients = atan2(&y, &x)?.sum_all()?.backward()?;
            for v in [&y, &x] {
                let slope = gradients.get(v).unwrap().to_dtype(DType::F64)?.to_vec1::<f64>()?[0];
                assert!(slope.is_finite() && (tiny != 0.0 || slope == 0.0), "{tiny} {dtype:?}: {slope}");
            }
        }
    }
    let wrong = atan2(&Tensor::zeros(2, DType::F64, &device)?, &Tensor::zeros(3, DType::F64, &device)?).unwrap_err();
    assert!(wrong.to_string().contains("atan2 needs two tensors of one shape"), "{wrong}");
    Ok(())
}
