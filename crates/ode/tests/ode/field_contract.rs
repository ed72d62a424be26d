//! What every field must satisfy: its products are those of its values.

use surprisal_core::rng;
use surprisal_ode::{Activation, BuildField, LANES, MlpField, Row, VectorField};

use crate::fields;

pub(crate) fn contract(name: &str, field: &dyn VectorField) {
    let (n, p) = (field.dim(), field.n_parameters());
    let (parameters, y) = (draw(0, p, 0.6), draw(1, n, 1.0));
    contract_at(name, field, &parameters, &y);
}

fn draw(index: u64, len: usize, scale: f64) -> Vec<f64> {
    let mut source = rng::stream(3, "contract", index);
    (0..len).map(|_| scale * rng::standard_normal(&mut source)).collect()
}

/// At a given place; the last state is left alone where it is not moved by numbers but names something.
pub(crate) fn contract_at(name: &str, field: &dyn VectorField, parameters: &[f64], y: &[f64]) {
    let (n, p) = (field.dim(), field.n_parameters());
    let (mut u, v, w) = (draw(2, n, 1.0), draw(3, n, 1.0), draw(4, p, 1.0));
    if field.n_resting() > 0 {
        u[n - 1] = 0.0;
    }
    let t = 0.4;
    let value = |parameters: &[f64], y: &[f64]| {
        let (mut dy, mut tape) = (vec![0.0; n], vec![0.0; field.tape_len()]);
        field.rhs(parameters, t, y, &mut dy, &mut tape);
        (dy, tape)
    };
    let (_, tape) = value(parameters, y);
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    let moved = |x: &[f64], d: &[f64], h: f64| -> Vec<f64> { x.iter().zip(d).map(|(x, d)| x + h * d).collect() };
    let close = |what: &str, a: f64, b: f64, tolerance: f64| {
        assert!((a - b).abs() <= tolerance * (1.0 + b.abs()), "{name}: {what}: {a} against {b}");
    };

    let mut ju = vec![f64::NAN; n];
    field.jvp(parameters, t, y, &tape, &u, &mut ju);
    let (mut y_bar, mut parameter_bar) = (vec![f64::NAN; n], vec![1.0; p]);
    field.vjp(parameters, t, y, &tape, &v, &mut y_bar, &mut parameter_bar);
    parameter_bar.iter_mut().for_each(|bar| *bar -= 1.0);

    close("<v, Ju> = <vᵀJ, u>", dot(&v, &ju), dot(&y_bar, &u), 1e-13);
    // fourth-order central differences
    let h = 1e-4;
    let weights = [(1.0, 8.0 / 12.0), (-1.0, -8.0 / 12.0), (2.0, -1.0 / 12.0), (-2.0, 1.0 / 12.0)];
    for i in 0..n {
        let difference = weights.iter().map(|(m, c)| c * value(parameters, &moved(y, &u, m * h)).0[i]).sum::<f64>();
        close("Ju by differences", ju[i], difference / h, 1e-8);
    }
    let difference = weights.iter().map(|(m, c)| c * dot(&v, &value(&moved(parameters, &w, m * h), y).0)).sum::<f64>();
    close("vᵀPw by differences", dot(&parameter_bar, &w), difference / h, 1e-8);

    let Some(mut lanes) = field.lanes(parameters) else { return };
    let moving = n - field.n_resting();
    let scaled =
        |l: usize| y.iter().enumerate().map(move |(i, y)| if i < moving { (1.0 + 0.1 * l as f64) * y } else { *y });
    let mut states = vec![Row::ZERO; n];
    for l in 0..LANES {
        states.iter_mut().zip(scaled(l)).for_each(|(row, y)| row.0[l] = y);
    }
    let (mut slopes, mut lane_tape) = (vec![Row::ZERO; n], vec![Row::ZERO; lanes.tape_rows()]);
    let mut of_lanes = vec![Row::splat(f64::NAN); n * n];
    lanes.rhs(&Row::splat(t), &states, &mut slopes, &mut lane_tape);
    // twice: the second is not to depend on the first
    lanes.jacobian(&lane_tape, &mut of_lanes);
    lanes.jacobian(&lane_tape, &mut of_lanes);
    for l in 0..LANES {
        let y: Vec<f64> = scaled(l).collect();
        let (_, tape) = value(parameters, &y);
        let mut jacobian = vec![f64::NAN; n * n];
        field.jacobian(parameters, t, &y, &tape, &mut jacobian);
        for (row, j) in of_lanes.iter().zip(&jacobian) {
            close("J of a lane", row.0[l], *j, 1e-12);
        }
    }
}

#[test]
fn closed_forms() {
    contract("cubic spiral", &fields::cubic_spiral());
    contract("Lotka–Volterra", &fields::lotka_volterra());
    contract("damped pendulum", &fields::damped_pendulum());
    contract("seasonal growth", &fields::seasonal_growth());
}

#[test]
fn networks_of_every_activation_and_depth() {
    for activation in Activation::ALL {
        for hidden in [vec![], vec![5], vec![17, 8], vec![4, 3, 9]] {
            for time_input in [false, true] {
                let config = MlpField { hidden: hidden.clone(), activation, time_input, ..MlpField::default() };
                contract(&format!("{config:?}"), config.build(3).as_ref());
            }
        }
    }
}

#[test]
fn blocks_cover_the_parameters_and_the_seed_decides_them() {
    let field = MlpField { hidden: vec![5, 4], ..MlpField::default() }.build(2);
    let blocks = field.blocks();
    let names: Vec<&str> = blocks.iter().map(|block| block.name.as_str()).collect();
    assert_eq!(
        names,
        ["layers.0.weight", "layers.0.bias", "layers.1.weight", "layers.1.bias", "layers.2.weight", "layers.2.bias"]
    );
    assert_eq!(blocks[2].shape, [4, 5]);
    assert_eq!(blocks.iter().map(|block| block.len()).sum::<usize>(), field.n_parameters());
    assert_eq!(field.initial_parameters(1), field.initial_parameters(1));
    assert_ne!(field.initial_parameters(1), field.initial_parameters(2));
    assert!(field.initial_parameters(1).iter().all(|w| w.abs() <= (6.0_f64 / 7.0).sqrt()));
}

#[test]
fn configurations_are_read_and_typos_refused() {
    use surprisal_ode::{FieldConfig, SolverConfig};
    let field: FieldConfig = serde_json::from_str(r#"{"mlp": {"hidden": [8], "activation": "silu"}}"#).unwrap();
    assert_eq!((field.name(), field.get().build(2).n_parameters()), ("mlp", 42));
    let solver: SolverConfig = serde_json::from_str(r#"{"tsit5": {"rtol": 1e-6, "atol": [1e-8, 1e-9]}}"#).unwrap();
    let SolverConfig::Tsit5(tsit5) = &solver else { panic!("{solver:?}") };
    assert_eq!((tsit5.max_steps, tsit5.atol.of(1)), (10_000, 1e-9));
    for wrong in [r#"{"tsit5": {"rtol": 1e-6}}"#, r#"{"tsit5": {"rtol": 1e-6, "atol": 1e-8, "max_step": 1}}"#] {
        assert!(serde_json::from_str::<SolverConfig>(wrong).is_err());
    }
    assert!(serde_json::from_str::<FieldConfig>(r#"{"mlp": {"hidden": [8], "activation": "relu"}}"#).is_err());
}
