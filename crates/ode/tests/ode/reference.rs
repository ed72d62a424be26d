//! States and gradients against scipy (`scripts/reference/ode.py`): DOP853 at 2e-14 with forward
//! sensitivities.

use serde::Deserialize;
use surprisal_ode::{Activation, BuildField, MlpField, Tsit5, VectorField, solve};

use crate::fields;

#[derive(Deserialize)]
pub(crate) struct Reference {
    pub(crate) parameters: Vec<f64>,
    pub(crate) y0: Vec<f64>,
    pub(crate) times: Vec<f64>,
    pub(crate) states: Vec<f64>,
    loss: f64,
    pub(crate) gradient: ReferenceGradient,
}

#[derive(Deserialize)]
pub(crate) struct ReferenceGradient {
    pub(crate) y0: Vec<f64>,
    pub(crate) parameters: Vec<f64>,
}

/// ‖a − b‖∞ / max(1, ‖b‖∞); NaN where any difference is.
pub(crate) fn distance(a: &[f64], b: &[f64]) -> f64 {
    assert_eq!(a.len(), b.len());
    let size = b.iter().fold(1.0, |m: f64, b| m.max(b.abs()));
    let larger = |m: f64, d: f64| if d > m || d.is_nan() { d } else { m };
    a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, larger) / size
}

pub(crate) fn check(name: &str, json: &str, field: &dyn VectorField) {
    let expected: Reference = serde_json::from_str(json).unwrap();
    let solution =
        solve(field, &expected.parameters, &expected.y0, &expected.times, &Tsit5::new(1e-11, 1e-12)).unwrap();
    let error = distance(&solution.states, &expected.states);
    assert!(error < 2e-8, "{name}: states differ by {error:e}");
    let residual: Vec<f64> = solution.states.iter().map(|y| y - 0.1).collect();
    let loss = 0.5 * residual.iter().map(|r| r * r).sum::<f64>();
    assert!(
        (loss - expected.loss).abs() < 1e-8 * (1.0 + expected.loss),
        "{name}: loss {loss} against {}",
        expected.loss
    );
    let gradient = solution.tape.pullback(field, &expected.parameters, &residual);
    for (part, ours, theirs) in [
        ("y0", &gradient.y0, &expected.gradient.y0),
        ("parameters", &gradient.parameters, &expected.gradient.parameters),
    ] {
        let error = distance(ours, theirs);
        assert!(error < 1e-7, "{name}: gradient of {part} differs by {error:e}");
    }
}

#[test]
fn cubic_spiral() {
    check("cubic spiral", include_str!("../reference/cubic_spiral.json"), &fields::cubic_spiral());
}

#[test]
fn lotka_volterra() {
    check("Lotka–Volterra", include_str!("../reference/lotka_volterra.json"), &fields::lotka_volterra());
}

#[test]
fn damped_pendulum() {
    check("damped pendulum", include_str!("../reference/damped_pendulum.json"), &fields::damped_pendulum());
}

#[test]
fn networks() {
    let tanh = MlpField { hidden: vec![8, 7], ..MlpField::default() };
    check("tanh network", include_str!("../reference/mlp_tanh.json"), tanh.build(3).as_ref());
    let silu = MlpField { hidden: vec![9], activation: Activation::Silu, time_input: true, ..MlpField::default() };
    check("silu network with time", include_str!("../reference/mlp_silu_time.json"), silu.build(2).as_ref());
}
