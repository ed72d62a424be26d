//! CPU time of one training step (solve, mean squared error, pull back), one thread: two networks as
//! fields, equations as text, equations around a network, and a stiff system.
//!
//! `cargo run --release -p surprisal-ode --example step_cost`
#![allow(clippy::print_stdout)] // the printed table is the program's purpose

use std::time::Instant;

use surprisal_core::rng;
use surprisal_ode::{BuildField, Equations, Esdirk3, Kvaerno5, MlpField, Problem, Solver, Tsit5, VectorField, solve};

/// CPU seconds of this thread where the system tells (Linux), else elapsed seconds.
fn cpu_seconds(start: Instant) -> f64 {
    std::fs::read_to_string("/proc/thread-self/schedstat")
        .ok()
        .and_then(|text| text.split_whitespace().next()?.parse::<f64>().ok())
        .map_or_else(|| start.elapsed().as_secs_f64(), |nanoseconds| 1e-9 * nanoseconds)
}

/// CPU milliseconds of a step: the least of ten means, each over a time that the clock resolves.
fn least_ms(mut step: impl FnMut() -> f64) -> f64 {
    let start = Instant::now();
    let mut least = f64::INFINITY;
    for _ in 0..10 {
        let (before, block, mut n) = (cpu_seconds(start), Instant::now(), 0);
        while block.elapsed().as_secs_f64() < 0.15 {
            assert!(step().is_finite());
            n += 1;
        }
        least = least.min(1e3 * (cpu_seconds(start) - before) / f64::from(n));
    }
    least
}

fn weights(field: &dyn VectorField) -> Vec<f64> {
    let mut parameters = field.initial_parameters(1);
    // a field as lively as a trained one: undo the small last layer
    if let [.., weight, bias] = field.blocks().as_slice()
        && weight.shape.len() == 2
    {
        let end = parameters.len() - bias.len();
        parameters[end - weight.len()..end].iter_mut().for_each(|w| *w *= 10.0);
    }
    parameters
}

fn network(name: &str, hidden: &[usize], dim: usize, n_problems: usize, n_times: usize, t_end: f64) {
    let field = MlpField { hidden: hidden.to_vec(), ..MlpField::default() }.build(dim);
    measure(name, field.as_ref(), n_problems, n_times, t_end, |normal| 1.5 * normal);
}

/// Prey and predators, of which `eaten` per time.
fn predator_prey(name: &str, eaten: &str) {
    let tables = [
        format!(r#"{{ "x": {{ "rhs": "1.5*a*x - {eaten}" }}, "y": {{ "rhs": "-c*y + d*{eaten}" }} }}"#),
        r#"{ "a": { "init": 1 }, "c": { "init": 1 }, "d": { "init": 0.5 } }"#.to_owned(),
        r#"{ "nn": { "inputs": ["x", "y"], "outputs": ["u"], "hidden": [32, 32] } }"#.to_owned(),
    ];
    let columns = ["x", "y"].map(String::from);
    let read = || -> Result<Equations, serde_json::Error> {
        Ok(Equations {
            states: serde_json::from_str(&tables[0])?,
            parameters: serde_json::from_str(&tables[1])?,
            networks: if eaten.contains("nn") { serde_json::from_str(&tables[2])? } else { Default::default() },
            ..Equations::default()
        })
    };
    match read().map(|equations| equations.compile(&columns, &[1.0, 1.0], &[])) {
        Ok(Ok(system)) => measure(name, system.field(), 20, 20, 5.0, |normal| 0.5 + normal.abs()),
        Ok(Err(error)) => println!("{name}: {error}"),
        Err(error) => println!("{name}: {error}"),
    }
}

fn measure(name: &str, field: &dyn VectorField, n_problems: usize, n_times: usize, t_end: f64, start: fn(f64) -> f64) {
    let (dim, parameters) = (field.dim(), weights(field));
    let solver = Tsit5::new(1e-6, 1e-6);
    let mut source = rng::stream(1, "step_cost", 0);
    let times: Vec<f64> = (0..n_times).map(|k| t_end * k as f64 / (n_times - 1) as f64).collect();
    let problems: Vec<Problem> = (0..n_problems)
        .map(|_| Problem {
            y0: (0..dim).map(|_| start(rng::standard_normal(&mut source))).collect(),
            times: times.clone(),
        })
        .collect();
    let scale = 2.0 / (n_problems * n_times * dim) as f64;

    let mut evaluations = 0;
    let forward = least_ms(|| {
        let batch = solver.solve_many(field, &parameters, &problems);
        batch.trajectories.iter().flatten().map(|t| t.states[0]).sum()
    });
    let lanes = least_ms(|| {
        let batch = solver.solve_many(field, &parameters, &problems);
        let solved = batch.trajectories.iter().flatten();
        evaluations = solved.clone().map(|t| t.statistics.n_evaluations).sum();
        let cotangents: Vec<Vec<f64>> = solved.map(|t| t.states.iter().map(|y| scale * y).collect()).collect();
        batch.pullback(field, &parameters, &cotangents).parameters.iter().sum()
    });
    let one_by_one = least_ms(|| {
        let mut sum = 0.0;
        for Problem { y0, times } in &problems {
            let Ok(solution) = solve(field, &parameters, y0, times, &solver) else { return f64::NAN };
            let cotangent: Vec<f64> = solution.states.iter().map(|y| scale * y).collect();
            sum += solution.tape.pullback(field, &parameters, &cotangent).parameters.iter().sum::<f64>();
        }
        sum
    });
    println!(
        "{name}: {n_problems} × {n_times} times, {evaluations} evaluations: lanes {lanes:.3} ms CPU (solve {forward:.3}), one by one {one_by_one:.3} ms; {:.1} ns per evaluation with its reverse",
        1e6 * lanes / evaluations as f64
    );
}

/// Van der Pol's oscillator, µ = 1000, with a network in its force, over two relaxation jumps.
fn van_der_pol() {
    let tables = [
        r#"{ "x": { "rhs": "v" }, "v": { "rhs": "mu*(1 - x^2)*v - x + nn.u" } }"#,
        r#"{ "mu": { "init": 1000 } }"#,
        r#"{ "nn": { "inputs": ["x", "v/100"], "outputs": ["u"], "hidden": [16] } }"#,
    ];
    let columns = ["x", "v"].map(String::from);
    let read = || -> Result<Equations, serde_json::Error> {
        Ok(Equations {
            states: serde_json::from_str(tables[0])?,
            parameters: serde_json::from_str(tables[1])?,
            networks: serde_json::from_str(tables[2])?,
            ..Equations::default()
        })
    };
    let Ok(Ok(system)) = read().map(|equations| equations.compile(&columns, &[1.0, 1.0], &[])) else { return };
    let (field, parameters) = (system.field(), system.field().initial_parameters(1));
    let times = (0..21).map(|k| 100.0 * f64::from(k)).collect();
    let problems = [Problem { y0: vec![2.0, 0.0], times }];
    for (name, rtol) in [("esdirk3", 1e-4), ("esdirk3", 1e-6), ("kvaerno5", 1e-4), ("kvaerno5", 1e-6)] {
        let mut steps = 0;
        let solver: &dyn Solver =
            if name == "esdirk3" { &Esdirk3::new(rtol, 1e-2 * rtol) } else { &Kvaerno5::new(rtol, 1e-2 * rtol) };
        let ms = least_ms(|| {
            let batch = solver.solve_many(field, &parameters, &problems);
            let solved: Vec<_> = batch.trajectories.iter().flatten().collect();
            steps = solved.iter().map(|t| t.statistics.n_accepted).sum();
            let cotangents: Vec<Vec<f64>> = solved.iter().map(|t| t.states.clone()).collect();
            batch.pullback(field, &parameters, &cotangents).parameters.iter().sum()
        });
        println!("Van der Pol around 2-16-1, {name}, rtol {rtol:e}: {steps} steps, {ms:.3} ms CPU");
    }
}

fn main() {
    network("A 2-50-2", &[50], 2, 20, 10, 1.5);
    network("B 4-64-64-4", &[64, 64], 4, 32, 100, 10.0);
    predator_prey("Lotka–Volterra as text", "x*y");
    predator_prey("Lotka–Volterra around 2-32-32-1", "nn.u");
    van_der_pol();
}
