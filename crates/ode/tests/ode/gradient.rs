//! The discrete adjoint against central differences of the same steps.

use surprisal_core::rng;
use surprisal_ode::{Activation, BuildField, MlpField, Problem, Solver, Tsit5, VectorField, solve};

use crate::fields;

/// Compares `pullback` with central differences of `replay` along every coordinate.
pub(crate) fn check(name: &str, field: &dyn VectorField, parameters: &[f64], y0: &[f64], times: &[f64]) {
    check_resting(name, field, parameters, y0, times, 0);
}

/// The last `n_fixed` states are names and not numbers: they are not moved.
pub(crate) fn check_resting(
    name: &str,
    field: &dyn VectorField,
    parameters: &[f64],
    y0: &[f64],
    times: &[f64],
    n_fixed: usize,
) {
    let solution = solve(field, parameters, y0, times, &Tsit5::new(1e-5, 1e-7)).unwrap();
    assert_eq!(solution.tape.replay(field, parameters, y0), solution.states, "{name}: a replay is the solve");
    let mut source = rng::stream(11, "gradient", 0);
    let cotangent: Vec<f64> = solution.states.iter().map(|_| rng::standard_normal(&mut source)).collect();
    let gradient = solution.tape.pullback(field, parameters, &cotangent);
    let value = |parameters: &[f64], y0: &[f64]| {
        solution.tape.replay(field, parameters, y0).iter().zip(&cotangent).map(|(y, g)| y * g).sum::<f64>()
    };
    // sixth-order central difference
    let difference = |x: &[f64], i: usize, value: &dyn Fn(&[f64]) -> f64| {
        let h = 2e-3 * (1.0 + x[i].abs());
        let at = |m: f64| {
            let mut x = x.to_vec();
            x[i] += m * h;
            value(&x)
        };
        (3.0 / 4.0 * (at(1.0) - at(-1.0)) - 3.0 / 20.0 * (at(2.0) - at(-2.0)) + 1.0 / 60.0 * (at(3.0) - at(-3.0))) / h
    };
    let compare = |part: &str, ours: &[f64], differences: Vec<f64>| {
        let size = differences.iter().fold(0.0, |m: f64, d| m.max(d.abs()));
        for (i, (ours, theirs)) in ours.iter().zip(&differences).enumerate() {
            let error = (ours - theirs).abs() / size;
            assert!(error < 1e-8, "{name}: ∂/∂{part}[{i}]: {ours} against {theirs}, {error:e} of the largest");
        }
    };
    let y0_differences = (0..y0.len() - n_fixed).map(|i| difference(y0, i, &|y0| value(parameters, y0))).collect();
    compare("y0", &gradient.y0, y0_differences);
    let parameter_differences = (0..parameters.len()).map(|i| difference(parameters, i, &|p| value(p, y0))).collect();
    compare("parameters", &gradient.parameters, parameter_differences);
}

#[test]
fn closed_forms() {
    // data times at a step's inside, several in one step, and the end
    let times = [0.0, 0.01, 0.02, 0.7, 0.71, 1.9];
    check("cubic spiral", &fields::cubic_spiral(), &[-0.1, 1.0, -1.0, -0.1], &[1.2, 0.3], &times);
    check("Lotka–Volterra", &fields::lotka_volterra(), &[1.5, 1.0, 3.0, 1.0], &[1.0, 1.2], &times);
    check("damped pendulum", &fields::damped_pendulum(), &[0.25, 5.0], &[1.5, 0.0], &times);
    check("seasonal growth", &fields::seasonal_growth(), &[1.3], &[0.4], &[-2.0, -1.0, 3.0]);
}

#[test]
fn networks() {
    for activation in Activation::ALL {
        let field = MlpField { hidden: vec![6, 5], activation, time_input: true, ..MlpField::default() }.build(2);
        let mut source = rng::stream(5, "weights", 0);
        let parameters: Vec<f64> = (0..field.n_parameters()).map(|_| 0.5 * rng::standard_normal(&mut source)).collect();
        check(&format!("{activation:?} network"), field.as_ref(), &parameters, &[0.5, -0.2], &[0.0, 0.3, 1.0, 2.0]);
    }
}

#[test]
fn a_single_time_passes_its_cotangent_to_the_initial_state() {
    let field = fields::lotka_volterra();
    let solution = solve(&field, &[1.0; 4], &[2.0, 3.0], &[0.5], &Tsit5::new(1e-6, 1e-8)).unwrap();
    assert_eq!((solution.states.as_slice(), solution.tape.n_steps()), ([2.0, 3.0].as_slice(), 0));
    let gradient = solution.tape.pullback(&field, &[1.0; 4], &[5.0, 7.0]);
    assert_eq!((gradient.y0, gradient.parameters), (vec![5.0, 7.0], vec![0.0; 4]));
    assert_eq!(solution.dense(&[0.5]), [2.0, 3.0]);
}

#[test]
fn dense_output_agrees_with_the_states_at_the_data_times() {
    let times: Vec<f64> = (0..30).map(|i| 0.13 * f64::from(i)).collect();
    let field = fields::lotka_volterra();
    let solution = solve(&field, &[1.5, 1.0, 3.0, 1.0], &[1.0, 1.2], &times, &Tsit5::new(1e-6, 1e-8)).unwrap();
    for (dense, state) in solution.dense(&times).iter().zip(&solution.states) {
        assert!((dense - state).abs() < 1e-12);
    }
}

#[test]
fn a_batch_is_its_problems_one_by_one() {
    let field = fields::damped_pendulum();
    let (parameters, solver) = ([0.25, 5.0], Tsit5::new(1e-6, 1e-8));
    let problems: Vec<Problem> = (0..5)
        .map(|i| Problem { y0: vec![0.3 * f64::from(i), 0.1], times: (0..=i).map(|k| 0.4 * f64::from(k)).collect() })
        .collect();
    let batch = solver.solve_many(&field, &parameters, &problems);
    let cotangents: Vec<Vec<f64>> = batch.trajectories.iter().map(|t| t.as_ref().unwrap().states.clone()).collect();
    let gradient = batch.pullback(&field, &parameters, &cotangents);
    let mut sum = vec![0.0; 2];
    for ((problem, cotangent), y0_bar) in problems.iter().zip(&cotangents).zip(&gradient.y0) {
        let alone = solve(&field, &parameters, &problem.y0, &problem.times, &solver).unwrap();
        assert_eq!(&alone.states, cotangent);
        let alone = alone.tape.pullback(&field, &parameters, cotangent);
        assert_eq!(&alone.y0, y0_bar);
        sum.iter_mut().zip(&alone.parameters).for_each(|(s, g)| *s += g);
    }
    for (batch, alone) in gradient.parameters.iter().zip(&sum) {
        assert!((batch - alone).abs() <= 1e-13 * (1.0 + alone.abs()));
    }
}
