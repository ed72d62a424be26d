//! Time of one training step (solve, mean squared error, gradient) in lanes and in tensors on candle's CPU device,
//! against the number of trajectories: a 4-64-64-4 network over 20 times.
//!
//! `RAYON_NUM_THREADS=1 cargo run --release -p surprisal-ode --example tensors`
//!
//! Tensors are how a CUDA device solves; here is what their many small operations cost where lanes could do it.
//! CPU milliseconds of all threads, the least of three means; tapes are limited to 1 GiB, beyond which steps are
//! computed again in the reverse pass.
#![allow(clippy::print_stdout)] // the printed table is the program's purpose

use std::time::Instant;

use candle_core::Device;
use surprisal_core::rng;
use surprisal_ode::{BuildField, MlpField, OnDevice, Problem, Solver, Tsit5, VectorField};

/// The allocator of the program.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// CPU seconds of all threads where the system tells (Linux), else elapsed seconds.
fn cpu_seconds(start: Instant) -> f64 {
    let nanoseconds = |task: std::io::Result<std::fs::DirEntry>| {
        let text = std::fs::read_to_string(task.ok()?.path().join("schedstat")).ok()?;
        text.split_whitespace().next()?.parse::<f64>().ok()
    };
    match std::fs::read_dir("/proc/self/task") {
        Ok(tasks) => 1e-9 * tasks.filter_map(nanoseconds).sum::<f64>(),
        Err(_) => start.elapsed().as_secs_f64(),
    }
}

/// Field evaluations of a step; and CPU milliseconds of it.
fn measure(solver: &dyn Solver, field: &dyn VectorField, parameters: &[f64], problems: &[Problem]) -> (usize, f64) {
    let clock = Instant::now();
    let (mut least, mut evaluations) = (f64::INFINITY, 0);
    for _ in 0..3 {
        let (before, mut steps) = (cpu_seconds(clock), 0);
        while steps == 0 || cpu_seconds(clock) - before < 0.3 {
            let batch = solver.solve_many(field, parameters, problems);
            let solved = batch.trajectories.iter().flatten();
            evaluations = solved.clone().map(|t| t.statistics.n_evaluations).sum();
            let cotangents: Vec<Vec<f64>> = solved.map(|t| t.states.clone()).collect();
            assert!(batch.pullback(field, parameters, &cotangents).parameters.iter().sum::<f64>().is_finite());
            steps += 1;
        }
        least = least.min(1e3 * (cpu_seconds(clock) - before) / f64::from(steps));
    }
    (evaluations, least)
}

fn main() {
    let field = MlpField { hidden: vec![64, 64], ..MlpField::default() }.build(4);
    let mut parameters = field.initial_parameters(1);
    let n = parameters.len();
    // as lively as a trained one: undo the small last layer
    parameters[n - 4 * 65..].iter_mut().for_each(|w| *w *= 10.0);
    let mut source = rng::stream(1, "tensors", 0);
    let times: Vec<f64> = (0..20).map(|k| 0.25 * f64::from(k)).collect();
    let mut start = || (0..4).map(|_| rng::standard_normal(&mut source)).collect();
    let problems: Vec<Problem> = (0..16_384).map(|_| Problem { y0: start(), times: times.clone() }).collect();
    let lanes = Tsit5 { memory_limit_mib: 1024, ..Tsit5::new(1e-6, 1e-6) };
    let tensors = OnDevice { solver: lanes.clone(), device: Device::Cpu };
    println!("trajectories  evaluations  lanes/ms  tensors/ms  ratio  tensors/µs per trajectory");
    for n in [1, 32, 1_024, 16_384] {
        let (evaluations, lanes) = measure(&lanes, field.as_ref(), &parameters, &problems[..n]);
        let (_, tensors) = measure(&tensors, field.as_ref(), &parameters, &problems[..n]);
        println!(
            "{n:12}  {evaluations:11}  {lanes:8.2}  {tensors:10.2}  {:5.1}  {:8.1}",
            tensors / lanes,
            1e3 * tensors / n as f64
        );
    }
}
