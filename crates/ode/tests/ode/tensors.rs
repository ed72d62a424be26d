//! Batches in tensors against the lanes, on candle's CPU device.

use candle_core::{Device, Tensor};
use surprisal_core::{Precision, rng};
use surprisal_ode::equations::{Signal, Signals};
use surprisal_ode::{
    Activation, BuildField, Equations, MlpField, OdeError, OnDevice, Problem, SecondOrderField, Solver, System,
    Tolerance, Tsit5, Units, VectorField,
};

fn on_device(solver: &Tsit5) -> OnDevice {
    OnDevice { solver: solver.clone(), device: Device::Cpu }
}

fn close(what: &str, ours: &[f64], theirs: &[f64], tolerance: f64) {
    assert_eq!(ours.len(), theirs.len(), "{what}");
    let size = theirs.iter().fold(1e-3, |m: f64, x| m.max(x.abs()));
    for (i, (a, b)) in ours.iter().zip(theirs).enumerate() {
        assert!((a - b).abs() <= tolerance * size, "{what}[{i}]: {a} against {b}");
    }
}

fn cotangents(problems: &[Problem], dim: usize) -> Vec<Vec<f64>> {
    let mut source = rng::stream(2, "tensors", 0);
    problems.iter().map(|p| (0..p.times.len() * dim).map(|_| rng::standard_normal(&mut source)).collect()).collect()
}

/// Same numbers of steps, states and gradients to rounding, which the size of every step feels; same failures
/// with the same partial states.
fn compare(
    name: &str,
    field: &dyn VectorField,
    parameters: &[f64],
    problems: &[Problem],
    solver: &Tsit5,
    tolerance: f64,
) {
    let lanes = solver.solve_many(field, parameters, problems);
    let tensors = on_device(solver).solve_many(field, parameters, problems);
    let mut n_steps = 0;
    for (p, (ours, theirs)) in tensors.trajectories.iter().zip(&lanes.trajectories).enumerate() {
        match (ours, theirs) {
            (Ok(ours), Ok(theirs)) => {
                close(&format!("{name}: states {p}"), &ours.states, &theirs.states, tolerance);
                assert_eq!(ours.statistics, theirs.statistics, "{name}: {p}");
                n_steps += ours.statistics.n_accepted;
            }
            (Err(ours), Err(theirs)) => {
                assert_eq!(std::mem::discriminant(ours), std::mem::discriminant(theirs), "{name}: {p}");
                close(&format!("{name}: partial {p}"), ours.partial(), theirs.partial(), tolerance);
            }
            (ours, theirs) => panic!("{name}: {p}: {ours:?} against {theirs:?}"),
        }
    }
    let cotangents = cotangents(problems, field.dim());
    let theirs = lanes.pullback(field, parameters, &cotangents);
    let ours = tensors.pullback(field, parameters, &cotangents);
    for (p, (ours, theirs)) in ours.y0.iter().zip(&theirs.y0).enumerate() {
        close(&format!("{name}: y0 {p}"), ours, theirs, 2.0 * tolerance);
    }
    close(&format!("{name}: parameters"), &ours.parameters, &theirs.parameters, 2.0 * tolerance);
    assert!(n_steps > 0, "{name}: nothing was solved");
}

fn weights(field: &dyn VectorField, scale: f64) -> Vec<f64> {
    let mut source = rng::stream(8, "weights", 0);
    (0..field.n_parameters()).map(|_| scale * rng::standard_normal(&mut source)).collect()
}

fn problems(n_problems: usize, dim: usize, seed: u64) -> Vec<Problem> {
    let mut source = rng::stream(seed, "problems", 0);
    (0..n_problems)
        .map(|p| Problem {
            y0: (0..dim).map(|_| rng::standard_normal(&mut source)).collect(),
            // lengths, starts and ends of their own, single times among them
            times: (0..1 + (5 * p + 8) % 17).map(|k| 0.1 * p as f64 + 0.23 * k as f64).collect(),
        })
        .collect()
}

#[test]
fn every_activation_and_size_of_batch() {
    for activation in Activation::ALL {
        for (n_problems, time_input) in [(1, false), (5, true), (29, true)] {
            let field = MlpField { hidden: vec![13, 6], activation, time_input, ..MlpField::default() }.build(3);
            let name = format!("{activation:?}, {n_problems} problems");
            let problems = problems(n_problems, 3, 4);
            compare(&name, field.as_ref(), &weights(field.as_ref(), 0.5), &problems, &Tsit5::new(1e-6, 1e-6), 1e-10);
        }
    }
}

#[test]
fn augmented_and_linear_fields_and_tolerances_of_components() {
    let solver = Tsit5::new(1e-6, Tolerance::PerComponent(vec![1e-8, 1e-3, 1e-6, 1e-7, 1e-5]));
    for hidden in [vec![], vec![8]] {
        let field = MlpField { hidden, augment: 2, ..MlpField::default() }.build(5);
        compare("augmented", field.as_ref(), &weights(field.as_ref(), 0.4), &problems(13, 5, 9), &solver, 1e-10);
    }
}

#[test]
fn second_order_systems() {
    let units = Units { columns: vec![1.3, 0.4, 2.0, 3.0], time: 0.7 };
    for json in [
        r#"{ "hidden": [9], "velocities": "measured", "time_input": true }"#,
        r#"{ "hidden": [9], "velocities": "measured", "velocity_input": false, "activation": "softplus" }"#,
        r#"{ "hidden": [9] }"#,
    ] {
        let field = serde_json::from_str::<SecondOrderField>(json).unwrap().build_in(&units);
        let (parameters, problems) = (weights(field.as_ref(), 0.5), problems(13, field.dim(), 9));
        compare(json, field.as_ref(), &parameters, &problems, &Tsit5::new(1e-6, 1e-6), 1e-10);
    }
}

#[test]
fn failures_stay_with_their_samples() {
    let field = MlpField { hidden: vec![], ..MlpField::default() }.build(1);
    let mut problems: Vec<Problem> =
        (0..20).map(|p| Problem { y0: vec![0.1 * f64::from(p)], times: vec![0.0, 0.1, 0.3] }).collect();
    problems[3].times = vec![0.0, 0.1, 60.0];
    problems[9].y0 = vec![f64::NAN];
    problems[11].times = vec![0.0, 0.0];
    problems[12].y0 = vec![1e307];
    problems[14].y0 = vec![1e308];
    problems[15].times = vec![0.0];
    let solver = Tsit5 { max_steps: 300, ..Tsit5::new(1e-6, 1e-8) };
    compare("linear", field.as_ref(), &[30.0, 0.5], &problems, &solver, 1e-12);
    let batch = on_device(&solver).solve_many(field.as_ref(), &[30.0, 0.5], &problems);
    assert!(matches!(&batch.trajectories[3], Err(OdeError::MaxSteps { partial, .. }) if partial.len() == 2));
    assert!(matches!(batch.trajectories[14], Err(OdeError::FieldNotFinite { .. })));
    assert!(matches!(batch.trajectories[9], Err(OdeError::InitialStateNotFinite { .. })));
}

/// What a device that runs out of memory must not do is lose the gradient silently: what is not kept is computed
/// again, the very same numbers.
#[test]
fn a_limit_of_memory_changes_no_number() {
    let field = MlpField { hidden: vec![9, 7], ..MlpField::default() }.build(3);
    let (parameters, problems) = (weights(field.as_ref(), 0.4), problems(21, 3, 5));
    let run = |memory_limit_mib: usize| {
        let solver = Tsit5 { memory_limit_mib, ..Tsit5::new(1e-6, 1e-6) };
        let batch = on_device(&solver).solve_many(field.as_ref(), &parameters, &problems);
        let gradient = batch.pullback(field.as_ref(), &parameters, &cotangents(&problems, 3));
        (batch.trajectories, gradient)
    };
    assert_eq!(run(0), run(4096));
}

fn system(states: &str, parameters: &str, networks: &str, inputs: &[&str]) -> System {
    let equations = Equations {
        states: serde_json::from_str(states).unwrap(),
        parameters: serde_json::from_str(parameters).unwrap(),
        networks: serde_json::from_str(networks).unwrap(),
        ..Equations::default()
    };
    let columns = ["x", "y"].map(String::from);
    let inputs: Vec<String> = inputs.iter().map(|name| (*name).to_owned()).collect();
    equations.compile(&columns, &[2.0, 0.5], &inputs).unwrap()
}

/// Equations with everything: two networks, shared and own parameters, inputs of so long intervals, time.
fn everything([of_x, of_y]: [&str; 2], interval: f64) -> (System, Vec<f64>, Vec<Problem>) {
    let mut system = system(
        &format!(
            r#"{{
                "x": {{ "rhs": "{of_x} + nn.u + 0.1*drive" }},
                "y": {{ "rhs": "-c*y + nn.w + other.v + log1p(heat) + {of_y}" }}
            }}"#
        ),
        r#"{
            "a": { "init": 0.7 }, "c": { "init": 0.9, "positive": true },
            "b": { "init": 0.4, "per_trajectory": true }
        }"#,
        r#"{
            "nn": { "inputs": ["x", "y/2", "b"], "outputs": ["u", "w"], "hidden": [7, 5], "output_scale": 0.3 },
            "other": { "inputs": ["drive*x"], "outputs": ["v"], "hidden": [6], "activation": "silu" }
        }"#,
        &["drive", "heat"],
    );
    let mut source = rng::stream(5, "everything", 0);
    let mut signal = |n: usize| {
        let times = (0..n).map(|k| interval * k as f64 - 0.3).collect();
        Signal::new(times, (0..n).map(|_| rng::uniform(&mut source)).collect())
    };
    system.set_signals(Signals { of_trajectory: (0..7).map(|p| vec![signal(2 + p), signal(9 - p)]).collect() });
    let problems = (0..19)
        .map(|p| Problem {
            y0: vec![
                rng::standard_normal(&mut source),
                rng::standard_normal(&mut source),
                0.2 + rng::uniform(&mut source),
                f64::from(p % 7),
            ],
            times: (0..2 + p % 11).map(|k| 0.31 * f64::from(k)).collect(),
        })
        .collect();
    let parameters = system.field().initial_parameters(3).iter().map(|p| if *p == 0.0 { 0.1 } else { *p }).collect();
    (system, parameters, problems)
}

const SMOOTH: [&str; 2] = ["a*x/(1 + y^2) - tanh(x*y*b)", "sin(t)*exp(-x^2)"];
const KINKED: [&str; 2] =
    ["a*x/(1 + where(x > y, y^2, abs(x))) - min(x*y, 3*b)", "max(tanh(x), nn.w, sin(t))*exp(-abs(y))"];

#[test]
fn equations_with_everything() {
    let (system, parameters, problems) = everything(SMOOTH, 10.0);
    compare("smooth", system.field(), &parameters, &problems, &Tsit5::new(1e-6, 1e-8), 1e-10);
    compare("alone", system.field(), &parameters, &problems[3..4], &Tsit5::new(1e-4, 1e-6), 1e-10);
}

/// Kinks and jumps within a step magnify every rounding, so that solutions agree to the tolerance alone; the field
/// itself agrees to rounding.
#[test]
fn conditions_and_kinked_inputs() {
    let (system, parameters, problems) = everything(KINKED, 0.4);
    let (field, n) = (system.field(), system.field().dim());
    let mut source = rng::stream(6, "evaluations", 0);
    let samples: Vec<(f64, &Problem)> = problems.iter().map(|p| (4.0 * rng::uniform(&mut source) - 0.4, p)).collect();
    let flat = |values: &dyn Fn(&(f64, &Problem)) -> Vec<f64>| samples.iter().flat_map(values).collect::<Vec<f64>>();
    let matrix = |values: Vec<f64>| Tensor::from_vec(values, (samples.len(), n), &Device::Cpu).unwrap();
    let cotangent: Vec<f64> = (0..samples.len() * n).map(|_| rng::standard_normal(&mut source)).collect();
    let mut tensors = field.tensors(&parameters, &Device::Cpu).unwrap().unwrap();
    let t = Tensor::new(flat(&|s| vec![s.0]), &Device::Cpu).unwrap();
    let (dz, evaluation) = tensors.rhs(&t, &matrix(flat(&|s| s.1.y0.clone()))).unwrap();
    let z_bar = tensors.vjp(&evaluation, &matrix(cotangent.clone())).unwrap();
    let mut bar = vec![0.0; parameters.len()];
    tensors.take_gradient(&mut bar).unwrap();

    let mut of_parameters = vec![0.0; parameters.len()];
    for (i, (t, problem)) in samples.iter().enumerate() {
        let (mut slope, mut z, mut tape) = (vec![0.0; n], vec![0.0; n], vec![0.0; field.tape_len()]);
        field.rhs(&parameters, *t, &problem.y0, &mut slope, &mut tape);
        field.vjp(&parameters, *t, &problem.y0, &tape, &cotangent[i * n..][..n], &mut z, &mut of_parameters);
        close(&format!("rhs {i}"), &dz.get(i).unwrap().to_vec1::<f64>().unwrap(), &slope, 1e-13);
        close(&format!("vjp {i}"), &z_bar.get(i).unwrap().to_vec1::<f64>().unwrap(), &z, 1e-13);
    }
    close("parameters", &bar, &of_parameters, 1e-13);

    for (rates, tolerance) in [(SMOOTH, 1e-4), (KINKED, 3e-3)] {
        let (system, parameters, problems) = everything(rates, 0.4);
        let (field, solver) = (system.field(), Tsit5::new(1e-7, 1e-9));
        let batches = [
            solver.solve_many(field, &parameters, &problems),
            on_device(&solver).solve_many(field, &parameters, &problems),
        ];
        let [theirs, ours] = batches.map(|batch| batch.pullback(field, &parameters, &cotangents(&problems, n)));
        close("solved", &ours.parameters, &theirs.parameters, tolerance);
    }
}

#[test]
fn equations_without_networks_that_leave_their_domain() {
    let system =
        system(r#"{ "x": { "rhs": "-k*sqrt(x)" }, "y": { "rhs": "x - y" } }"#, r#"{ "k": { "init": 1 } }"#, "{}", &[]);
    // √x reaches 0 at t = 2√x₀ and is NaN behind it
    let problem = |x: f64, t: f64| Problem { y0: vec![x, 0.3], times: vec![0.0, 0.25 * t, 0.5 * t, t] };
    let problems = [problem(0.5, 1.0), problem(0.5, 9.0), problem(2.0, 1.5), problem(1.0, 1.9)];
    compare("√x", system.field(), &[1.0], &problems, &Tsit5::new(1e-6, 1e-8), 1e-10);
    let batch = on_device(&Tsit5::new(1e-6, 1e-8)).solve_many(system.field(), &[1.0], &problems);
    assert_eq!(batch.trajectories.iter().filter(|t| t.is_err()).count(), 1);
}

/// Central differences of the numbers of one field with the steps held: those of a single trajectory's tape, whose
/// steps are the same.
#[test]
fn gradients_are_those_of_the_steps_taken() {
    let (system, parameters, problems) = everything(SMOOTH, 10.0);
    let (field, solver) = (system.field(), Tsit5::new(1e-5, 1e-7));
    let cotangents = cotangents(&problems, field.dim());
    let batch = on_device(&solver).solve_many(field, &parameters, &problems);
    let gradient = batch.pullback(field, &parameters, &cotangents);
    let tapes: Vec<_> = problems
        .iter()
        .map(|p| surprisal_ode::solve(field, &parameters, &p.y0, &p.times, &solver).unwrap().tape)
        .collect();
    let loss = |parameters: &[f64]| -> f64 {
        let one = |((p, tape), g): ((&Problem, &surprisal_ode::Tape), &Vec<f64>)| -> f64 {
            tape.replay(field, parameters, &p.y0).iter().zip(g).map(|(y, g)| y * g).sum()
        };
        problems.iter().zip(&tapes).zip(&cotangents).map(one).sum()
    };
    let size = gradient.parameters.iter().fold(1.0, |m: f64, g| m.max(g.abs()));
    for i in 0..parameters.len() {
        let h = 1e-5;
        let moved = |h: f64| {
            let mut moved = parameters.clone();
            moved[i] += h;
            loss(&moved)
        };
        let wide = (moved(h) - moved(-h)) / (2.0 * h);
        let narrow = (moved(0.5 * h) - moved(-0.5 * h)) / h;
        let difference = (4.0 * narrow - wide) / 3.0;
        let error = (gradient.parameters[i] - difference).abs();
        assert!(error <= 1e-8 * size, "{i}: {} against {difference}", gradient.parameters[i]);
    }
}

#[test]
fn a_field_without_tensors_is_refused() {
    let field = surprisal_ode::HamiltonianField::build(&serde_json::from_str(r#"{ "hidden": [4] }"#).unwrap(), 2);
    let problems = [Problem { y0: vec![1.0, 0.0], times: vec![0.0, 1.0] }];
    let parameters = field.initial_parameters(1);
    let batch = on_device(&Tsit5::new(1e-6, 1e-8)).solve_many(field.as_ref(), &parameters, &problems);
    assert_eq!(batch.trajectories[0], Err(OdeError::NoTensors));
}

#[test]
fn networks_of_float32() {
    let field = MlpField { hidden: vec![13, 6], dtype: Precision::Float32, ..MlpField::default() }.build(3);
    let (parameters, problems, solver) = (weights(field.as_ref(), 0.5), problems(13, 3, 4), Tsit5::new(1e-5, 1e-5));
    let batches = [
        solver.solve_many(field.as_ref(), &parameters, &problems),
        on_device(&solver).solve_many(field.as_ref(), &parameters, &problems),
    ];
    let [theirs, ours] = batches.map(|batch| batch.pullback(field.as_ref(), &parameters, &cotangents(&problems, 3)));
    close("parameters", &ours.parameters, &theirs.parameters, 1e-4);
    assert!(ours != theirs, "both round alike");
}
