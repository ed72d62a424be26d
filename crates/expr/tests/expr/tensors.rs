//! Programs over tensors against the same programs number by number.

use candle_core::{Device, Tensor};
use surprisal_core::rng;
use surprisal_expr::{Expression, Function, Program};

use crate::random::Generator;

/// ∞, NaN and equal numbers agree with themselves.
fn agree(a: f64, b: f64, tolerance: f64) -> bool {
    a == b || (a.is_nan() && b.is_nan()) || (a - b).abs() <= tolerance * b.abs().max(1e-300)
}

/// Values and cotangents of all inputs at all points, as tensors and one by one.
fn compare(program: &Program, points: &[Vec<f64>], cotangents: &[f64], tolerance: f64, what: &str) {
    let (n_inputs, n, n_outputs) = (program.inputs().len(), program.n_values(), program.n_outputs());
    let column =
        |i: usize| Tensor::from_iter(points.iter().map(|point| point[i]).collect::<Vec<_>>(), &Device::Cpu).unwrap();
    let inputs: Vec<Tensor> = (0..n_inputs).map(column).collect();
    let values = program.evaluate_tensors(&inputs).unwrap();
    assert_eq!(values.len(), n);
    let bars: Vec<Tensor> = cotangents.iter().map(|&g| Tensor::full(g, points.len(), &Device::Cpu).unwrap()).collect();
    let gradient = program.vjp_tensors(&values, &bars).unwrap();
    for (b, point) in points.iter().enumerate() {
        let (mut alone, mut scratch, mut bar) = (vec![0.0; n], vec![0.0; n], vec![0.0; n_inputs]);
        program.evaluate(point, &mut alone);
        program.vjp(&alone, cotangents, &mut scratch, &mut bar);
        for k in 0..n_outputs {
            let ours = program.output_tensor(k, &values).to_vec1::<f64>().unwrap()[b];
            let theirs = program.output(k, &alone);
            assert!(agree(ours, theirs, tolerance), "{what} at {point:?}: {ours} against {theirs}");
        }
        for (i, &theirs) in bar.iter().enumerate() {
            let ours = gradient[i].as_ref().map_or(0.0, |g| g.to_vec1::<f64>().unwrap()[b]);
            assert!(agree(ours, theirs, tolerance), "{what}, slope {i} at {point:?}: {ours} against {theirs}");
        }
    }
}

fn program(text: &str, names: &[&str]) -> Program {
    Program::compile(names, &[], &[&Expression::parse(text).unwrap()]).unwrap()
}

const NUMBERS: [f64; 25] = [
    f64::NEG_INFINITY,
    -800.0,
    -40.0,
    -3.0,
    -2.0,
    -1.0,
    -0.7,
    -0.3,
    -1e-3,
    -1e-9,
    -1e-20,
    0.0,
    1e-20,
    1e-9,
    1e-3,
    0.1,
    0.5,
    0.7,
    1.0,
    1.5,
    2.0,
    3.0,
    40.0,
    1e18,
    f64::INFINITY,
];

#[test]
fn every_function_has_the_value_and_slope_it_has_number_by_number() {
    for function in Function::ALL {
        let name = function.name();
        let texts = match function {
            Function::Where => {
                vec!["where(x < y, x, y^2)".into(), "where(not (x == y) and x > 0 or y >= 2, y, x)".into()]
            }
            Function::Pow => vec!["pow(x, y)".into(), "x^2.5".into(), "x^-2".into(), "x^3".into()],
            Function::Min | Function::Max => vec![format!("{name}(x, y)"), format!("{name}(x, y, 0.5)")],
            _ => vec![format!("{name}(x)"), format!("{name}(x)*y")],
        };
        let pairs = |x: f64| NUMBERS.iter().chain(&[f64::NAN]).map(move |&y| vec![x, y]);
        let points: Vec<Vec<f64>> = NUMBERS.iter().chain(&[f64::NAN]).flat_map(|&x| pairs(x)).collect();
        for text in texts {
            // of e^z with z = y ln x, every rounding of z shows z-fold
            let tolerance = if function == Function::Pow { 1e-13 } else { 4e-15 };
            compare(&program(&text, &["x", "y"]), &points, &[1.7], tolerance, &text);
            compare(&program(&text, &["x", "y"]), &points, &[0.0], tolerance, &text);
        }
    }
    // next to where a rounding of the argument would show
    let points: Vec<Vec<f64>> = (0..4000).map(|k| vec![0.013 * f64::from(k - 2000)]).collect();
    for name in ["log1p", "expm1", "atan", "sinh", "cosh", "softplus", "tan"] {
        compare(&program(&format!("{name}(x)"), &["x"]), &points, &[1.0], 3e-15, name);
    }
}

#[test]
fn arithmetic_and_comparisons() {
    let pairs = |x: f64| NUMBERS.iter().map(move |&y| vec![x, y]);
    let points: Vec<Vec<f64>> = NUMBERS.iter().flat_map(|&x| pairs(x)).collect();
    for text in ["x + y", "x - y", "x*y", "x/y", "1/x", "-x + 2*y", "x - 3", "where(x != y and x <= y, x, 2)"] {
        compare(&program(text, &["x", "y"]), &points, &[1.0], 1e-15, text);
    }
}

#[test]
fn branches_not_taken_leak_nothing() {
    let points: Vec<Vec<f64>> = [-1.0, 0.0, 1.0].iter().map(|&x| vec![x, 3.0]).collect();
    for text in [
        "where(x > 0, log(x)*y, x^2 + y)",
        "where(x > 0, sqrt(x)/x, 2*y)",
        "max(sqrt(x), y)",
        "(y - 3)*sqrt(x)",
        "sqrt(x)",
    ] {
        compare(&program(text, &["x", "y"]), &points, &[1.0], 1e-15, text);
    }
}

#[test]
fn random_programs_of_several_outputs() {
    let names = ["x", "y", "z", "p.k"];
    let mut generator = Generator { source: rng::stream(23, "expressions", 0) };
    let mut longest = 0;
    for round in 0..120 {
        let texts: Vec<String> = (0..3).map(|_| generator.number(1 + round % 5)).collect();
        let outputs: Vec<Expression> = texts.iter().map(|text| Expression::parse(text).unwrap()).collect();
        let program = Program::compile(&names, &[], &outputs.iter().collect::<Vec<_>>()).unwrap();
        longest = longest.max(program.n_values());
        let mut draw = |n: usize| -> Vec<f64> { (0..n).map(|_| rng::standard_normal(&mut generator.source)).collect() };
        let points: Vec<Vec<f64>> = (0..5).map(|_| draw(4)).collect();
        // cancellation in sums of several terms costs some digits
        compare(&program, &points, &draw(3), 1e-9, &format!("{texts:?}"));
    }
    assert!(longest > 40, "{longest}");
}

#[test]
fn a_constant_output_has_a_value_for_every_sample_and_no_slope() {
    let program = program("2 + 1", &["x"]);
    let x = Tensor::new(&[1.0, 2.0], &Device::Cpu).unwrap();
    let values = program.evaluate_tensors(&[x]).unwrap();
    assert_eq!(program.output_tensor(0, &values).to_vec1::<f64>().unwrap(), [3.0, 3.0]);
    let bar = Tensor::new(&[1.0, 1.0], &Device::Cpu).unwrap();
    assert!(program.vjp_tensors(&values, &[bar]).unwrap()[0].is_none());
}
