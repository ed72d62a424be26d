//! Networks in float32: against the float64 network at the same rounded weights, whose derivatives are known
//! to be right.

use surprisal_core::{Precision, rng};
use surprisal_ode::{
    Activation, BuildField, Equations, Kvaerno5, MlpField, Problem, Rk4, SecondOrderField, Solver, System, Tsit5,
    Units, VectorField, Velocities, solve,
};

use crate::lanes;

/// Relative to the largest number of an output, and to sums of numbers of order 1 that cancel: 2⁻²⁴ for each of
/// some hundred operations on its way.
const ROUNDING: f64 = 1e-5;

fn draw(index: u64, n: usize, scale: f64) -> Vec<f64> {
    let mut source = rng::stream(33, "single", index);
    (0..n).map(|_| scale * rng::standard_normal(&mut source)).collect()
}

/// Numbers that float32 has.
fn rounded(values: Vec<f64>) -> Vec<f64> {
    values.into_iter().map(|x| f64::from(x as f32)).collect()
}

fn close(what: &str, ours: &[f64], theirs: &[f64], tolerance: f64) {
    assert_eq!(ours.len(), theirs.len(), "{what}");
    let size = theirs.iter().fold(0.1, |m: f64, x| m.max(x.abs()));
    for (i, (a, b)) in ours.iter().zip(theirs).enumerate() {
        assert!((a - b).abs() <= tolerance * size, "{what}[{i}]: {a} against {b}");
    }
}

/// The same network in float32 and float64.
fn both(hidden: &[usize], activation: Activation, time_input: bool, n: usize) -> [Box<dyn VectorField>; 2] {
    [Precision::Float32, Precision::Float64].map(|dtype| {
        MlpField { hidden: hidden.to_vec(), activation, time_input, dtype, ..MlpField::default() }.build(n)
    })
}

/// f, Ju, vᵀJ, vᵀP of one evaluation.
fn products(field: &dyn VectorField, parameters: &[f64], y: &[f64]) -> [Vec<f64>; 4] {
    let n = y.len();
    let (u, v) = (draw(2, n, 1.0), draw(3, n, 1.0));
    let (mut dy, mut tape) = (vec![0.0; n], vec![0.0; field.tape_len()]);
    field.rhs(parameters, 0.4, y, &mut dy, &mut tape);
    let (mut ju, mut y_bar, mut bar) = (vec![f64::NAN; n], vec![f64::NAN; n], vec![0.0; parameters.len()]);
    field.jvp(parameters, 0.4, y, &tape, &u, &mut ju);
    field.vjp(parameters, 0.4, y, &tape, &v, &mut y_bar, &mut bar);
    [dy, ju, y_bar, bar]
}

#[test]
fn products_are_those_of_the_float64_network_at_the_rounded_weights() {
    for activation in Activation::ALL {
        for hidden in [vec![], vec![5], vec![17, 8], vec![4, 3, 9]] {
            for time_input in [false, true] {
                for n in [1, 2, 3] {
                    let [single, double] = both(&hidden, activation, time_input, n);
                    let parameters = draw(0, single.n_parameters(), 0.6);
                    let ours = products(single.as_ref(), &parameters, &rounded(draw(1, n, 1.0)));
                    let theirs = products(double.as_ref(), &rounded(parameters), &rounded(draw(1, n, 1.0)));
                    for (k, (ours, theirs)) in ours.iter().zip(&theirs).enumerate() {
                        let name = format!("{activation:?} {hidden:?} {time_input}, product {k}");
                        close(&name, ours, theirs, ROUNDING);
                        assert!(hidden.is_empty() || ours != theirs, "{name}: float32 rounds");
                    }
                }
            }
        }
    }
}

#[test]
fn lanes_are_single_evaluations_and_idle_ones_leave_no_trace() {
    for activation in Activation::ALL {
        for (hidden, time_input, n) in [(vec![], false, 3), (vec![5], true, 2), (vec![17, 8], true, 3)] {
            let [single, _] = both(&hidden, activation, time_input, n);
            let field = single.as_ref();
            let parameters = draw(0, field.n_parameters(), 0.6);
            assert_eq!(field.lanes(&parameters).unwrap().tape_rows(), field.tape_len());
            let name = format!("{activation:?} {hidden:?} {time_input}");
            lanes::single_evaluations(&name, field, &parameters, ROUNDING);
        }
    }
}

fn problems(n_problems: usize, n: usize) -> Vec<Problem> {
    let times = |p: usize| (0..2 + p % 5).map(|k| 0.4 * k as f64).collect();
    (0..n_problems).map(|p| Problem { y0: rounded(draw(20 + p as u64, n, 1.0)), times: times(p) }).collect()
}

/// States and gradients of whole trajectories.
#[test]
fn trajectories_and_gradients_follow_those_of_float64() {
    let [single, double] = both(&[16, 16], Activation::Tanh, true, 3);
    let parameters = rounded(draw(0, single.n_parameters(), 0.4));
    let problems = problems(19, 3);
    let run = |field: &dyn VectorField, solver: &dyn Solver| {
        let batch = solver.solve_many(field, &parameters, &problems);
        let states: Vec<f64> = batch.trajectories.iter().flat_map(|t| t.as_ref().unwrap().states.clone()).collect();
        let cotangents: Vec<Vec<f64>> = problems.iter().map(|p| vec![0.3; 3 * p.times.len()]).collect();
        (states, batch.pullback(field, &parameters, &cotangents))
    };
    let (rk4, tsit5, kvaerno5) = (Rk4 { step: 0.05 }, Tsit5::new(1e-6, 1e-6), Kvaerno5::new(1e-6, 1e-6));
    let precise = Tsit5::new(1e-10, 1e-10);
    // the same steps, then steps chosen by errors that rounding is part of
    let cases: [(&dyn Solver, &dyn Solver, f64); 3] =
        [(&rk4, &rk4, 5e-6), (&tsit5, &precise, 2e-5), (&kvaerno5, &precise, 2e-4)];
    for (solver, reference, tolerance) in cases {
        let (states, gradient) = run(single.as_ref(), solver);
        let (exact, exact_gradient) = run(double.as_ref(), reference);
        close("states", &states, &exact, tolerance);
        close("parameters", &gradient.parameters, &exact_gradient.parameters, tolerance);
        close("y0", &gradient.y0.concat(), &exact_gradient.y0.concat(), tolerance);
    }
    // one trajectory at a time
    let (states, _) = run(single.as_ref(), &tsit5);
    let alone: Vec<f64> = problems
        .iter()
        .flat_map(|p| solve(single.as_ref(), &parameters, &p.y0, &p.times, &tsit5).unwrap().states)
        .collect();
    close("one by one", &states, &alone, 2e-5);
}

/// The adjoint is the derivative of what was computed: rounding aside, of frozen steps. float32 leaves central
/// differences a few digits.
#[test]
fn the_adjoint_is_the_derivative_of_the_steps_taken() {
    let [single, _] = both(&[7], Activation::Silu, false, 2);
    let parameters = draw(0, single.n_parameters(), 0.5);
    let (y0, times) = ([0.5, -0.2], [0.0, 0.5, 1.0]);
    let solution = solve(single.as_ref(), &parameters, &y0, &times, &Tsit5::new(1e-4, 1e-4)).unwrap();
    let gradient = solution.tape.pullback(single.as_ref(), &parameters, &[1.0; 6]);
    let h = 0.02;
    for i in 0..parameters.len() {
        let value = |h: f64| {
            let mut moved = parameters.clone();
            moved[i] += h;
            solution.tape.replay(single.as_ref(), &moved, &y0).iter().sum::<f64>()
        };
        let difference = (8.0 * (value(h) - value(-h)) - (value(2.0 * h) - value(-2.0 * h))) / (12.0 * h);
        let error = (gradient.parameters[i] - difference).abs();
        assert!(error < 1e-4, "{i}: {} against {difference}", gradient.parameters[i]);
    }
}

/// An acceleration in float32, of positions and velocities in units of their own.
#[test]
fn accelerations() {
    let [single, double] = [Precision::Float32, Precision::Float64].map(|dtype| {
        let velocities = Velocities::Measured;
        let config = SecondOrderField {
            hidden: vec![9],
            velocity_input: true,
            time_input: true,
            velocities,
            dtype,
            ..SecondOrderField::default()
        };
        config.build_in(&Units { columns: vec![0.5, 0.9, 1.3, 1.7], time: 1.7 })
    });
    let (parameters, y) = (rounded(draw(0, single.n_parameters(), 0.6)), draw(1, 4, 1.0));
    lanes::single_evaluations("second_order", single.as_ref(), &parameters, ROUNDING);
    let names = ["f", "Ju", "vᵀJ", "vᵀP"];
    let all = products(single.as_ref(), &parameters, &y).into_iter().zip(products(double.as_ref(), &parameters, &y));
    for (name, (ours, theirs)) in names.iter().zip(all) {
        close(name, &ours, &theirs, ROUNDING);
    }
    assert!(single.rounding() > 0.0 && double.rounding() == 0.0 && single.tape_len() < double.tape_len());
}

/// A wide network scatters by 4·10⁻⁷, a good part of the tolerance: counted as an error it would cost 40 % more steps.
#[test]
fn rounding_does_not_shorten_steps() {
    let [single, double] = both(&[128, 128], Activation::Tanh, false, 4);
    let mut parameters = double.initial_parameters(1);
    let (n, n_last) = (parameters.len(), 129 * 4);
    parameters[n - n_last..].iter_mut().for_each(|w| *w *= 10.0);
    let problems: Vec<Problem> =
        (0..16).map(|p| Problem { y0: draw(60 + p, 4, 1.5), times: vec![0.0, 10.0] }).collect();
    let steps = |field: &dyn VectorField| -> usize {
        let batch = Tsit5::new(1e-6, 1e-6).solve_many(field, &parameters, &problems);
        let of = batch.trajectories.iter().map(|t| t.as_ref().unwrap().statistics);
        of.map(|s| s.n_accepted + s.n_rejected).sum()
    };
    let (ours, theirs) = (steps(single.as_ref()), steps(double.as_ref()));
    assert!(theirs > 50 && (ours as f64) < 1.28 * theirs as f64, "{ours} against {theirs}");
}

/// Known equations around a float32 network, with formulas and parameters in float64.
#[test]
fn networks_within_equations() {
    let system = |dtype: &str| -> System {
        let network = format!(
            r#"{{ "nn": {{ "inputs": ["x", "t", "y^2"], "outputs": ["u"], "hidden": [9, 5], "dtype": "{dtype}" }} }}"#
        );
        let equations = Equations {
            states: serde_json::from_str(
                r#"{ "x": { "rhs": "a*x - nn.u*y", "scale": 2.0 }, "y": { "rhs": "-y + 0.3*nn.u" } }"#,
            )
            .unwrap(),
            parameters: serde_json::from_str(r#"{ "a": { "init": 0.3 } }"#).unwrap(),
            networks: serde_json::from_str(&network).unwrap(),
            ..Equations::default()
        };
        equations.compile(&["x", "y"].map(String::from), &[1.0, 1.0], &[]).unwrap()
    };
    let (single, double) = (system("float32"), system("float64"));
    assert!(single.field().tape_len() < double.field().tape_len());
    let mut parameters = rounded(draw(0, single.field().n_parameters(), 0.6));
    parameters[0] = 0.1 + 1e-9;
    let problems = problems(11, 2);
    let run = |system: &System| {
        let (field, solver) = (system.field(), Rk4 { step: 0.05 });
        let batch = solver.solve_many(field, &parameters, &problems);
        let cotangents: Vec<Vec<f64>> = problems.iter().map(|p| vec![0.3; 2 * p.times.len()]).collect();
        let (mut jacobian, mut tape) = (vec![0.0; 4], vec![0.0; field.tape_len()]);
        field.rhs(&parameters, 0.1, &[0.5, -0.25], &mut [0.0; 2], &mut tape);
        field.jacobian(&parameters, 0.1, &[0.5, -0.25], &tape, &mut jacobian);
        [jacobian, batch.pullback(field, &parameters, &cotangents).parameters]
    };
    for (ours, theirs) in run(&single).iter().zip(&run(&double)) {
        close("Jacobian, then gradient", ours, theirs, 1e-5);
    }
}
