//! What expressions are worth, by hand.

use surprisal_expr::{Expression, Function, Program};

/// The value with x = 2, y = -3 and nn.u = 0.25.
fn value(text: &str) -> f64 {
    let expression = Expression::parse(text).unwrap_or_else(|e| panic!("{text}: {e}"));
    let program = Program::compile(&["x", "y", "nn.u"], &[], &[&expression]).unwrap_or_else(|e| panic!("{text}: {e}"));
    let mut values = vec![0.0; program.n_values()];
    program.evaluate(&[2.0, -3.0, 0.25], &mut values);
    program.output(0, &values)
}

#[test]
fn arithmetic_follows_the_usual_precedence() {
    for (text, expected) in [
        ("1 + 2*3", 7.0),
        ("(1 + 2)*3", 9.0),
        ("7 - 4 - 2", 1.0),
        ("16/4/2", 2.0),
        ("-x^2", -4.0),
        ("(-x)^2", 4.0),
        ("2^3^2", 512.0),
        ("2**-1", 0.5),
        ("x^-y", 8.0),
        ("-x*-y", -6.0),
        ("x--y", -1.0),
        ("+x", 2.0),
        ("1.5e1 + .5 + 2.", 17.5),
        ("nn.u*4 + x", 3.0),
        ("2*pi - 2*pi + e/e", 1.0),
        ("  x\n*\ty ", -6.0),
    ] {
        assert_eq!(value(text), expected, "{text}");
    }
}

#[test]
fn powers_by_multiplication_are_powers() {
    for exponent in [-5, -4, -3, -2, -1, 0, 1, 2, 3, 4, 5, 17] {
        for base in ["x", "y", "(x*nn.u - 2)"] {
            let ours = value(&format!("{base}^{exponent}"));
            let theirs = value(base).powi(exponent);
            assert!((ours - theirs).abs() <= 1e-14 * theirs.abs(), "{base}^{exponent}: {ours} against {theirs}");
        }
    }
    assert_eq!(value("x^0.5"), 2.0_f64.sqrt());
    assert_eq!(value("pow(x, 1.7)"), 2.0_f64.powf(1.7));
    assert_eq!(value("nn.u^x"), 0.0625);
    assert_eq!(value("x^y"), 0.125);
}

#[test]
fn conditions_choose() {
    for (text, expected) in [
        ("where(x > 0, 1, 2)", 1.0),
        ("where(x < y, 1, 2)", 2.0),
        ("where(x == 2 and y != -3, 1, 2)", 2.0),
        ("where(x == 2 or y != -3, 1, 2)", 1.0),
        ("where(not x >= 2, 1, 2)", 2.0),
        ("where(not (x >= 2 and y <= -4), 1, 2)", 1.0),
        // `and` binds tighter than `or`
        ("where(x > 0 or x > 0 and y > 0, 1, 2)", 1.0),
        ("where(x <= 2, where(y >= 0, 1, 2), 3)", 2.0),
        ("where(1 < 2, x, y)", 2.0),
        ("min(x, y)", -3.0),
        ("max(x, y, 7)", 7.0),
    ] {
        assert_eq!(value(text), expected, "{text}");
    }
}

#[test]
fn what_is_not_chosen_does_not_leak_and_what_is_unknown_stays_unknown() {
    assert_eq!(value("where(y > 0, log(y), 5)"), 5.0);
    assert_eq!(value("where(y > 0, sqrt(y), where(y < 0, 1, 1/(y + 3)))"), 1.0);
    assert!(value("log(y)").is_nan());
    assert!(value("min(log(y), x)").is_nan() && value("max(x, log(y))").is_nan());
    assert!(value("min(x, log(y))").is_nan() && value("max(log(y), x)").is_nan());
}

#[test]
fn functions_are_those_of_the_standard_library() {
    let x: f64 = 2.0;
    for function in Function::ALL {
        let expected = match function {
            Function::Exp => x.exp(),
            Function::Log => x.ln(),
            Function::Log10 => x.log10(),
            Function::Log1p => x.ln_1p(),
            Function::Expm1 => x.exp_m1(),
            Function::Sqrt => x.sqrt(),
            Function::Abs => x,
            Function::Sin => x.sin(),
            Function::Cos => x.cos(),
            Function::Tan => x.tan(),
            Function::Atan => x.atan(),
            Function::Sinh => x.sinh(),
            Function::Cosh => x.cosh(),
            Function::Tanh => x.tanh(),
            Function::Sigmoid => 1.0 / (1.0 + (-x).exp()),
            Function::Softplus => x.exp().ln_1p(),
            Function::Pow | Function::Min | Function::Max | Function::Where => continue,
        };
        let text = format!("{}(x)", function.name());
        assert!((value(&text) - expected).abs() < 1e-15 * (1.0 + expected.abs()), "{text}");
    }
}

#[test]
fn far_out_values_are_exact_or_infinite_but_not_nonsense() {
    assert_eq!(value("softplus(400*x)"), 800.0);
    assert_eq!(value("softplus(400*y)"), 0.0);
    assert_eq!(value("sigmoid(400*y)"), 0.0);
    assert_eq!(value("sigmoid(400*x)"), 1.0);
    assert_eq!(value("tanh(400*x)"), 1.0);
    assert!((value("log1p(nn.u*4e-18)") - 1e-18).abs() < 1e-33);
    assert!((value("expm1(nn.u*4e-18)") - 1e-18).abs() < 1e-33);
    assert_eq!(value("exp(400*x)"), f64::INFINITY);
}

#[test]
fn a_symbol_may_be_called_like_a_constant() {
    let expression = Expression::parse("e + pi").unwrap();
    let program = Program::compile(&["e"], &[], &[&expression]).unwrap();
    let mut values = vec![0.0; program.n_values()];
    program.evaluate(&[1.0], &mut values);
    assert_eq!(program.output(0, &values), 1.0 + std::f64::consts::PI);
}

#[test]
fn names_are_listed_once_and_in_order() {
    let expression = Expression::parse("b*nn.u + where(a > b, min(c, a), -b)").unwrap();
    assert_eq!(expression.names(), ["b", "nn.u", "a", "c"]);
    assert_eq!(expression.as_name(), None);
    assert_eq!(Expression::parse("(nn.u)").unwrap().as_name(), Some("nn.u"));
}
