//! Eight trajectories at a time against one at a time.

use surprisal_core::rng;
use surprisal_ode::{
    Activation, BuildField, LANES, MlpField, OdeError, Problem, Row, Solver, Tsit5, VectorField, solve,
};

fn close(what: &str, ours: &[f64], theirs: &[f64], tolerance: f64) {
    assert_eq!(ours.len(), theirs.len(), "{what}");
    let size = theirs.iter().fold(1e-3, |m: f64, x| m.max(x.abs()));
    for (i, (a, b)) in ours.iter().zip(theirs).enumerate() {
        assert!((a - b).abs() <= tolerance * size, "{what}[{i}]: {a} against {b}");
    }
}

pub(crate) fn compare(name: &str, field: &dyn VectorField, parameters: &[f64], problems: &[Problem], solver: &Tsit5) {
    let batch = solver.solve_many(field, parameters, problems);
    let mut source = rng::stream(2, "lanes", 0);
    let cotangents: Vec<Vec<f64>> = problems
        .iter()
        .map(|p| (0..p.times.len() * field.dim()).map(|_| rng::standard_normal(&mut source)).collect())
        .collect();
    let gradient = batch.pullback(field, parameters, &cotangents);
    let mut parameter_bar = vec![0.0; parameters.len()];
    for (p, problem) in problems.iter().enumerate() {
        let trajectory = &batch.trajectories[p];
        match solve(field, parameters, &problem.y0, &problem.times, solver) {
            Ok(alone) => {
                let trajectory = trajectory.as_ref().unwrap();
                close(&format!("{name}: states {p}"), &trajectory.states, &alone.states, 1e-9);
                assert_eq!(trajectory.statistics, alone.statistics, "{name}: {p}");
                let alone = alone.tape.pullback(field, parameters, &cotangents[p]);
                close(&format!("{name}: y0 {p}"), &gradient.y0[p], &alone.y0, 1e-8);
                parameter_bar.iter_mut().zip(alone.parameters).for_each(|(sum, g)| *sum += g);
            }
            Err(alone) => {
                assert_eq!(
                    std::mem::discriminant(trajectory.as_ref().unwrap_err()),
                    std::mem::discriminant(&alone),
                    "{name}: {p}"
                );
                assert!(gradient.y0[p].iter().all(|&g| g == 0.0));
            }
        }
    }
    close(&format!("{name}: parameters"), &gradient.parameters, &parameter_bar, 1e-8);
}

/// Every lane is an evaluation of its own, and idle ones leave no trace in the gradient, over more evaluations than
/// a field defers outer products of. Numbers are compared relative to the largest of their vector, or to 0.1.
pub(crate) fn single_evaluations(name: &str, field: &dyn VectorField, parameters: &[f64], tolerance: f64) {
    const BUSY: usize = 6;
    let n = field.dim();
    let mut lanes = field.lanes(parameters).unwrap();
    let mut expected = vec![0.0; parameters.len()];
    let row = |index: u64| {
        let mut source = rng::stream(4, "rows", index);
        Row(std::array::from_fn(|_| rng::standard_normal(&mut source)))
    };
    let near = |what: &str, ours: &[f64], theirs: &[f64]| {
        let size = theirs.iter().fold(0.1, |m: f64, x| m.max(x.abs()));
        for (i, (a, b)) in ours.iter().zip(theirs).enumerate() {
            assert!((a - b).abs() <= tolerance * size, "{name}: {what}[{i}]: {a} against {b}");
        }
    };
    for call in 0..40 {
        let rows = |first: u64| (0..n as u64).map(|i| row(1000 * call + first + i)).collect::<Vec<Row>>();
        let (t, y, mut v) = (row(1000 * call), rows(1), rows(500));
        let (mut dy, mut y_bar) = (vec![Row::ZERO; n], vec![Row::ZERO; n]);
        let mut tape = vec![Row::splat(f64::NAN); lanes.tape_rows()];
        lanes.rhs(&t, &y, &mut dy, &mut tape);
        for l in BUSY..LANES {
            tape.iter_mut().chain(&mut v).for_each(|row| row.0[l] = 0.0);
        }
        lanes.vjp(&tape, &v, &mut y_bar);
        for l in 0..LANES {
            let column = |rows: &[Row]| rows.iter().map(|row| row.0[l]).collect::<Vec<f64>>();
            let (mut slope, mut own, mut bar) = (vec![0.0; n], vec![0.0; field.tape_len()], vec![0.0; n]);
            field.rhs(parameters, t.0[l], &column(&y), &mut slope, &mut own);
            near("f", &column(&dy), &slope);
            if l < BUSY {
                field.vjp(parameters, t.0[l], &column(&y), &own, &column(&v), &mut bar, &mut expected);
            }
            near("vᵀJ", &column(&y_bar), &bar);
        }
    }
    let mut gradient = vec![0.0; parameters.len()];
    lanes.take_gradient(&mut gradient);
    near("vᵀP", &gradient, &expected);
    // it is forgotten
    lanes.take_gradient(&mut gradient);
    near("vᵀP", &gradient, &expected);
}

/// What is not kept is computed again: the very same numbers.
#[test]
fn a_limit_of_memory_changes_no_number() {
    let field = MlpField { hidden: vec![9, 7], ..MlpField::default() }.build(3);
    let (parameters, problems) = (weights(field.as_ref(), 0.4), problems(21, 3, 5));
    let cotangents: Vec<Vec<f64>> = problems.iter().map(|p| vec![0.7; p.times.len() * 3]).collect();
    let run = |memory_limit_mib: usize| {
        let solver = Tsit5 { memory_limit_mib, ..Tsit5::new(1e-6, 1e-6) };
        let batch = solver.solve_many(field.as_ref(), &parameters, &problems);
        let gradient = batch.pullback(field.as_ref(), &parameters, &cotangents);
        (batch.trajectories, gradient)
    };
    assert_eq!(run(0), run(4096));
}

fn problems(n_problems: usize, dim: usize, seed: u64) -> Vec<Problem> {
    let mut source = rng::stream(seed, "problems", 0);
    (0..n_problems)
        .map(|p| Problem {
            y0: (0..dim).map(|_| rng::standard_normal(&mut source)).collect(),
            // lengths, starts and ends of their own, single times among them
            times: (0..1 + (5 * p) % 17).map(|k| 0.1 * p as f64 + 0.23 * k as f64).collect(),
        })
        .collect()
}

fn weights(field: &dyn VectorField, scale: f64) -> Vec<f64> {
    let mut source = rng::stream(8, "weights", 0);
    (0..field.n_parameters()).map(|_| scale * rng::standard_normal(&mut source)).collect()
}

#[test]
fn every_activation_and_number_of_problems() {
    for activation in Activation::ALL {
        let field = MlpField { hidden: vec![13, 6], activation, time_input: true, ..MlpField::default() }.build(3);
        for n_problems in [1, 7, 8, 9, 29] {
            let name = format!("{activation:?}, {n_problems} problems");
            compare(
                &name,
                field.as_ref(),
                &weights(field.as_ref(), 0.5),
                &problems(n_problems, 3, 4),
                &Tsit5::new(1e-5, 1e-7),
            );
        }
    }
}

#[test]
fn a_lane_does_not_know_its_neighbours() {
    let field = MlpField { hidden: vec![20], ..MlpField::default() }.build(2);
    let (parameters, solver) = (weights(field.as_ref(), 0.7), Tsit5::new(1e-6, 1e-8));
    let problems = problems(23, 2, 5);
    let together = solver.solve_many(field.as_ref(), &parameters, &problems);
    for (problem, together) in problems.iter().zip(&together.trajectories) {
        let alone = solver.solve_many(field.as_ref(), &parameters, std::slice::from_ref(problem));
        assert_eq!(&alone.trajectories[0], together);
    }
}

#[test]
fn failures_stay_in_their_lanes() {
    // a linear field y′ = 30 y overflows from large states only; the step limit stops long ones
    let field = MlpField { hidden: vec![], ..MlpField::default() }.build(1);
    let mut problems: Vec<Problem> =
        (0..20).map(|p| Problem { y0: vec![0.1 * f64::from(p)], times: vec![0.0, 0.1, 0.3] }).collect();
    problems[3].times = vec![0.0, 0.1, 60.0];
    problems[9].y0 = vec![f64::NAN];
    problems[11].times = vec![0.0, 0.0];
    problems[12].y0 = vec![1e307];
    problems[14].y0 = vec![1e308];
    compare("linear", field.as_ref(), &[30.0, 0.5], &problems, &Tsit5 { max_steps: 300, ..Tsit5::new(1e-6, 1e-8) });
    let batch = Tsit5 { max_steps: 300, ..Tsit5::new(1e-6, 1e-8) }.solve_many(field.as_ref(), &[30.0, 0.5], &problems);
    assert!(matches!(batch.trajectories[3], Err(OdeError::MaxSteps { .. })));
    assert!(matches!(batch.trajectories[14], Err(OdeError::FieldNotFinite { .. })));
}
