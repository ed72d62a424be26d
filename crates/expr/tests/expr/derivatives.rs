//! Derivatives by hand: every operation, and the conventions where there is none.

use surprisal_expr::{Expression, Program};

/// ∂/∂x and ∂/∂y, by both products.
fn gradient(text: &str, at: [f64; 2]) -> [f64; 2] {
    let expression = Expression::parse(text).unwrap();
    let program = Program::compile(&["x", "y"], &[], &[&expression]).unwrap();
    let (mut values, mut scratch) = (vec![0.0; program.n_values()], vec![0.0; program.n_values()]);
    program.evaluate(&at, &mut values);
    let mut bar = [0.0; 2];
    program.vjp(&values, &[1.0], &mut scratch, &mut bar);
    let mut forward = [0.0; 2];
    for i in 0..2 {
        let mut tangents = [0.0; 2];
        tangents[i] = 1.0;
        program.jvp(&values, &tangents, &mut scratch, &mut forward[i..=i]);
    }
    for (a, b) in bar.iter().zip(&forward) {
        assert!(a == b || (a - b).abs() <= 1e-14 * a.abs() || (a.is_nan() && b.is_nan()), "{text}: {a} and {b}");
    }
    bar
}

#[test]
fn every_operation_has_its_derivative() {
    let (x, y): (f64, f64) = (0.7, 1.3);
    let s = 1.0 / (1.0 + (-x).exp());
    for (text, expected) in [
        ("x + 2*y", [1.0, 2.0]),
        ("x - y", [1.0, -1.0]),
        ("x*y", [y, x]),
        ("x/y", [1.0 / y, -x / (y * y)]),
        ("1/x", [-1.0 / (x * x), 0.0]),
        ("-x", [-1.0, 0.0]),
        ("x^y", [y * x.powf(y - 1.0), x.powf(y) * x.ln()]),
        ("x^2.5", [2.5 * x.powf(1.5), 0.0]),
        ("x^3", [3.0 * x * x, 0.0]),
        ("x^-2", [-2.0 / (x * x * x), 0.0]),
        ("x^7", [7.0 * x.powi(6), 0.0]),
        ("exp(x)", [x.exp(), 0.0]),
        ("log(x)", [1.0 / x, 0.0]),
        ("log10(x)", [1.0 / (x * 10.0_f64.ln()), 0.0]),
        ("log1p(x)", [1.0 / (1.0 + x), 0.0]),
        ("expm1(x)", [x.exp(), 0.0]),
        ("sqrt(x)", [0.5 / x.sqrt(), 0.0]),
        ("abs(x) + abs(-y)", [1.0, 1.0]),
        ("sin(x)", [x.cos(), 0.0]),
        ("cos(x)", [-x.sin(), 0.0]),
        ("tan(x)", [1.0 / x.cos().powi(2), 0.0]),
        ("atan(x)", [1.0 / (1.0 + x * x), 0.0]),
        ("sinh(x)", [x.cosh(), 0.0]),
        ("cosh(x)", [x.sinh(), 0.0]),
        ("tanh(x)", [1.0 / x.cosh().powi(2), 0.0]),
        ("sigmoid(x)", [s * (1.0 - s), 0.0]),
        ("softplus(x)", [s, 0.0]),
        ("min(x, y)", [1.0, 0.0]),
        ("max(x, y)", [0.0, 1.0]),
        ("where(x < y, x*y, x)", [y, x]),
        ("where(x > y, x*y, x)", [1.0, 0.0]),
    ] {
        let ours = gradient(text, [x, y]);
        for (a, b) in ours.iter().zip(&expected) {
            assert!((a - b).abs() < 1e-14 * (1.0 + b.abs()), "{text}: {ours:?} against {expected:?}");
        }
    }
}

#[test]
fn conventions_at_kinks_and_ties() {
    assert_eq!(gradient("abs(x)", [0.0, 0.0]), [0.0, 0.0]);
    assert_eq!(gradient("min(x, y)", [1.0, 1.0]), [0.5, 0.5]);
    assert_eq!(gradient("max(x, y)", [1.0, 1.0]), [0.5, 0.5]);
    assert_eq!(gradient("x^y", [0.0, 2.0]), [0.0, 0.0]);
    assert_eq!(gradient("x^y", [2.0, 0.0]), [0.0, 2.0_f64.ln()]);
    assert_eq!(gradient("x^y", [0.0, 0.0])[0], 0.0);
    assert_eq!(gradient("where(x < 1, x, 1)", [1.0, 0.0]), [0.0, 0.0]);
}

#[test]
fn branches_not_taken_have_no_gradient() {
    // the logarithm's slope at 0 is infinite and at −1 its value is NaN
    for x in [0.0, -1.0] {
        assert_eq!(gradient("where(x > 0, log(x)*y, x^2 + y)", [x, 3.0]), [2.0 * x, 1.0]);
        assert_eq!(gradient("where(x > 0, sqrt(x)/x, 2*y)", [x, 3.0]), [0.0, 2.0]);
    }
    assert_eq!(gradient("max(sqrt(x), y)", [0.0, 1.0]), [0.0, 1.0]);
    assert_eq!(gradient("y*sqrt(x)", [0.0, 0.0]), [0.0, 0.0]);
    assert_eq!(gradient("sqrt(x)", [0.0, 0.0])[0], f64::INFINITY);
}
