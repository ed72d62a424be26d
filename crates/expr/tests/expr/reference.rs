//! Values and gradients against mpmath and sympy (`scripts/reference/expr.py`).

use serde_json::Value;
use surprisal_expr::{Expression, Program};

#[test]
fn values_and_gradients() {
    let cases: Value = serde_json::from_str(include_str!("../reference/expressions.json")).unwrap();
    let cases = cases.as_array().unwrap();
    assert!(cases.len() >= 30);
    for case in cases {
        let text = case["expression"].as_str().unwrap();
        let symbols: Vec<&str> = case["symbols"].as_array().unwrap().iter().map(|s| s.as_str().unwrap()).collect();
        let expression = Expression::parse(text).unwrap();
        let program = Program::compile(&symbols, &[], &[&expression]).unwrap();
        let (mut values, mut scratch) = (vec![0.0; program.n_values()], vec![0.0; program.n_values()]);
        for point in case["points"].as_array().unwrap() {
            let numbers = |key: &str| -> Vec<f64> {
                point[key].as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect()
            };
            let (at, gradient) = (numbers("at"), numbers("gradient"));
            let value = point["value"].as_f64().unwrap();
            program.evaluate(&at, &mut values);
            let ours = program.output(0, &values);
            assert!((ours - value).abs() <= 1e-13 * (1.0 + value.abs()), "{text} at {at:?}: {ours} against {value}");
            let mut bar = vec![0.0; symbols.len()];
            program.vjp(&values, &[1.0], &mut scratch, &mut bar);
            for ((ours, theirs), symbol) in bar.iter().zip(&gradient).zip(&symbols) {
                assert!(
                    (ours - theirs).abs() <= 1e-12 * (1.0 + theirs.abs()),
                    "{text} at {at:?}: ∂/∂{symbol} = {ours} against {theirs}"
                );
            }
        }
    }
}
