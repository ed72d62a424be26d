//! Time and memory of one training step (solve, mean squared error, gradient) against the number of trajectories, for
//! `scripts/bench_scaling`, which draws them.
//!
//! Prints a table `n,ms,ms_limited,peak_mib`: CPU milliseconds, the least of three means, without and with the tapes limited to 256 MiB, and the
//! most memory the process has had by the end of the limited step. A 4-32-32-4 network over 20 times, one thread.
#![allow(clippy::print_stdout)] // the printed table is the program's purpose

use std::time::Instant;

use surprisal_core::rng;
use surprisal_ode::{BuildField, MlpField, Problem, Solver, Tsit5, VectorField};

/// The allocator of the program.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// CPU seconds of this thread where the system tells (Linux), else elapsed seconds.
fn cpu_seconds(start: Instant) -> f64 {
    std::fs::read_to_string("/proc/thread-self/schedstat")
        .ok()
        .and_then(|text| text.split_whitespace().next()?.parse::<f64>().ok())
        .map_or_else(|| start.elapsed().as_secs_f64(), |nanoseconds| 1e-9 * nanoseconds)
}

/// The most memory this process has had, in MiB, where the system tells.
fn peak_mib() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmHWM:"));
    line.and_then(|line| line.split_whitespace().nth(1)?.parse::<f64>().ok()).map_or(f64::NAN, |kib| kib / 1024.0)
}

fn step(field: &dyn VectorField, parameters: &[f64], problems: &[Problem], memory_limit_mib: usize) -> f64 {
    let solver = Tsit5 { memory_limit_mib, ..Tsit5::new(1e-6, 1e-6) };
    let batch = solver.solve_many(field, parameters, problems);
    let cotangents: Vec<Vec<f64>> = batch.trajectories.iter().flatten().map(|t| t.states.clone()).collect();
    batch.pullback(field, parameters, &cotangents).parameters.iter().sum()
}

fn main() {
    let field = MlpField { hidden: vec![32, 32], ..MlpField::default() }.build(4);
    let mut parameters = field.initial_parameters(1);
    let n = parameters.len();
    // as lively as a trained one: undo the small last layer
    parameters[n - 4 * 33..].iter_mut().for_each(|w| *w *= 10.0);
    let mut source = rng::stream(1, "scaling", 0);
    let times: Vec<f64> = (0..20).map(|k| 0.25 * f64::from(k)).collect();
    let mut start = || (0..4).map(|_| rng::standard_normal(&mut source)).collect();
    let problems: Vec<Problem> = (0..100_000).map(|_| Problem { y0: start(), times: times.clone() }).collect();
    println!("n,ms,ms_limited,peak_mib");
    let clock = Instant::now();
    // unlimited only as far as any machine has the memory
    for n in [10, 32, 100, 316, 1_000, 3_162, 10_000, 31_623, 100_000] {
        let time = |limit: usize| {
            let mut least = f64::INFINITY;
            for _ in 0..3 {
                // the clock of a thread ticks every few milliseconds
                let (before, mut steps) = (cpu_seconds(clock), 0);
                while steps == 0 || cpu_seconds(clock) - before < 0.15 {
                    assert!(step(field.as_ref(), &parameters, &problems[..n], limit).is_finite());
                    steps += 1;
                }
                least = least.min(1e3 * (cpu_seconds(clock) - before) / f64::from(steps));
            }
            least
        };
        let limited = time(256);
        let peak = peak_mib();
        let unlimited = if n <= 3_162 { format!("{:.4}", time(usize::MAX >> 20)) } else { String::new() };
        println!("{n},{unlimited},{limited:.4},{peak:.0}");
    }
}
