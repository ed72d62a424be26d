//! What compilation saves.

use surprisal_core::lanes::Row;
use surprisal_expr::{Builder, Expression, Program};

fn compile(inputs: &[&str], outputs: &[&str]) -> Program {
    let outputs: Vec<Expression> = outputs.iter().map(|text| Expression::parse(text).unwrap()).collect();
    Program::compile(inputs, &[], &outputs.iter().collect::<Vec<_>>()).unwrap()
}

/// Operations beside the inputs.
fn cost(inputs: &[&str], outputs: &[&str]) -> usize {
    compile(inputs, outputs).n_values() - inputs.len()
}

#[test]
fn common_parts_are_computed_once() {
    assert_eq!(cost(&["x", "y"], &["x*y", "y*x"]), 1);
    assert_eq!(cost(&["x", "y"], &["x*y + sin(x*y)", "sin(y*x)"]), 3);
    assert_eq!(cost(&["x"], &["x^2 + x*x"]), 2);
    assert_eq!(cost(&["x", "y"], &["x - y", "y - x"]), 2);
}

#[test]
fn constants_are_folded() {
    assert_eq!(cost(&["x"], &["2*pi/3*x"]), 2);
    assert_eq!(cost(&["x"], &["x + (3 - 3)", "1*x", "x/1", "x^1", "--x"]), 0);
    assert_eq!(cost(&["x"], &["where(1 < 2, x, log(x))"]), 0);
    assert_eq!(cost(&["x"], &["x^0"]), 1);
}

#[test]
fn what_is_not_used_is_not_computed() {
    let mut builder = Builder::new(&["x", "y"]).unwrap();
    builder.define("unused", &Expression::parse("exp(sin(x))*y").unwrap()).unwrap();
    builder.define("rate", &Expression::parse("2*x").unwrap()).unwrap();
    builder.output(&Expression::parse("rate^2").unwrap()).unwrap();
    let program = builder.finish();
    assert_eq!(program.n_values(), 2 + 3);
    assert_eq!((program.uses(0), program.uses(1)), (true, false));
    let mut values = vec![0.0; program.n_values()];
    program.evaluate(&[3.0, f64::NAN], &mut values);
    assert_eq!(program.output(0, &values), 36.0);
}

#[test]
fn eight_lanes_are_eight_numbers() {
    let program = compile(
        &["x", "y"],
        &["where(x > y, log(x)*y, x^3/y) + max(x, y)*tanh(x)", "abs(x)^y + softplus(y) + x^2.5", "min(x, y)/sqrt(x)"],
    );
    let (nv, ni, no) = (program.n_values(), 2, 3);
    let x = Row(std::array::from_fn(|l| 0.3 + 0.2 * l as f64));
    let y = Row(std::array::from_fn(|l| 1.4 - 0.3 * l as f64));
    let cotangents: Vec<Row> = (0..no).map(|k| Row(std::array::from_fn(|l| 0.5 + k as f64 - 0.1 * l as f64))).collect();
    let tangents: Vec<Row> = (0..ni).map(|k| Row(std::array::from_fn(|l| 0.7 - k as f64 + 0.2 * l as f64))).collect();
    let (mut values, mut scratch) = (vec![Row::ZERO; nv], vec![Row::ZERO; nv]);
    let (mut bar, mut out) = (vec![Row::splat(1.0); ni], vec![Row::ZERO; no]);
    program.evaluate(&[x, y], &mut values);
    program.vjp(&values, &cotangents, &mut scratch, &mut bar);
    // tangents in eight directions at one point
    let (mut point, mut directions) = (vec![0.0; nv], vec![Row::ZERO; nv]);
    program.evaluate(&[0.9, 0.8], &mut point);
    program.jvp(&point, &tangents, &mut directions, &mut out);
    for l in 0..8 {
        let column = |rows: &[Row]| -> Vec<f64> { rows.iter().map(|row| row.0[l]).collect() };
        let (mut one, mut scratch) = (vec![0.0; nv], vec![0.0; nv]);
        let (mut one_bar, mut one_out) = (vec![1.0; ni], vec![0.0; no]);
        program.evaluate(&[x.0[l], y.0[l]], &mut one);
        program.vjp(&one, &column(&cotangents), &mut scratch, &mut one_bar);
        program.jvp(&point, &column(&tangents), &mut scratch, &mut one_out);
        // NaN (a negative number to a fraction) must be in the same places
        let same = |a: Vec<f64>, b: Vec<f64>| a.iter().zip(&b).all(|(a, b)| a == b || (a.is_nan() && b.is_nan()));
        assert!(same(column(&values), one) && same(column(&bar), one_bar) && same(column(&out), one_out), "lane {l}");
    }
}
