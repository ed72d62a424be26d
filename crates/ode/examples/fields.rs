//! What kinds of fields cost: a training step (solve, mean squared error, pull back) with networks in float32
//! against float64, and of mechanical fields in lanes against one trajectory at a time; and how far gradients in
//! float32 can be trusted at which tolerance.
//!
//! `cargo run --release -p surprisal-ode --example fields`
//!
//! CPU milliseconds on one thread: medians of blocks that take turns.
#![allow(clippy::print_stdout)] // the printed table is the program's purpose

use std::time::Instant;

use surprisal_core::{Precision, rng};
use surprisal_ode::{
    Batch, BuildField, HamiltonianField, LagrangianField, MlpField, ParameterBlock, Problem, SecondOrderField, Solver,
    Tsit5, VectorField, Velocities,
};

/// The allocator of the program, which the memory of a step is part of.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Blocks whose median is taken, and elapsed seconds of each.
const BLOCKS: usize = 25;
const SECONDS: f64 = 0.04;

/// CPU seconds of this thread where the system tells (Linux), else elapsed seconds.
fn cpu_seconds(start: Instant) -> f64 {
    std::fs::read_to_string("/proc/thread-self/schedstat")
        .ok()
        .and_then(|text| text.split_whitespace().next()?.parse::<f64>().ok())
        .map_or_else(|| start.elapsed().as_secs_f64(), |nanoseconds| 1e-9 * nanoseconds)
}

/// Medians of the CPU milliseconds of two steps.
fn medians(steps: [&dyn Fn() -> f64; 2]) -> [f64; 2] {
    let (start, mut ms) = (Instant::now(), [vec![], vec![]]);
    for _ in 0..BLOCKS {
        for (step, ms) in steps.iter().zip(&mut ms) {
            let (before, block, mut n) = (cpu_seconds(start), Instant::now(), 0);
            while n == 0 || block.elapsed().as_secs_f64() < SECONDS {
                assert!(step().is_finite());
                n += 1;
            }
            ms.push(1e3 * (cpu_seconds(start) - before) / f64::from(n));
        }
    }
    ms.map(|mut ms| {
        ms.sort_by(f64::total_cmp);
        ms[ms.len() / 2]
    })
}

/// Many trajectories of a field, which also is their target a little later.
struct Task {
    problems: Vec<Problem>,
    scale: f64,
}

impl Task {
    fn new(dim: usize, n_problems: usize, n_times: usize, t_end: f64, size: f64) -> Self {
        let mut source = rng::stream(1, "fields", 0);
        let times: Vec<f64> = (0..n_times).map(|k| t_end * k as f64 / (n_times - 1) as f64).collect();
        let problems = (0..n_problems)
            .map(|_| Problem {
                y0: (0..dim).map(|_| size * rng::standard_normal(&mut source)).collect(),
                times: times.clone(),
            })
            .collect();
        Self { problems, scale: 2.0 / (n_problems * n_times * dim) as f64 }
    }

    /// The gradient of the mean square of the states.
    fn gradient(&self, field: &dyn VectorField, parameters: &[f64], solver: &Tsit5) -> Vec<f64> {
        let batch = solver.solve_many(field, parameters, &self.problems);
        let cotangents: Vec<Vec<f64>> =
            batch.trajectories.iter().flatten().map(|t| t.states.iter().map(|y| self.scale * y).collect()).collect();
        batch.pullback(field, parameters, &cotangents).parameters
    }

    fn solve(&self, field: &dyn VectorField, parameters: &[f64], solver: &Tsit5) -> Batch {
        solver.solve_many(field, parameters, &self.problems)
    }
}

/// A field as lively as a trained one: the small last layer is undone.
fn weights(field: &dyn VectorField) -> Vec<f64> {
    let mut parameters = field.initial_parameters(1);
    if let [.., weight, bias] = field.blocks().as_slice()
        && weight.shape.len() == 2
    {
        let end = parameters.len() - bias.len();
        parameters[end - weight.len()..end].iter_mut().for_each(|w| *w *= 10.0);
    }
    parameters
}

fn precisions(name: &str, hidden: &[usize], dim: usize, task: &Task) {
    let [single, double] = [Precision::Float32, Precision::Float64]
        .map(|dtype| MlpField { hidden: hidden.to_vec(), dtype, ..MlpField::default() }.build(dim));
    let (single, double) = (single.as_ref(), double.as_ref());
    let parameters = weights(double);
    let solver = Tsit5::new(1e-6, 1e-6);
    let sum = |field: &dyn VectorField| task.gradient(field, &parameters, &solver).iter().sum::<f64>();
    let [in_single, in_double] = medians([&|| sum(single), &|| sum(double)]);
    println!(
        "{name}: float32 {in_single:.3} ms, float64 {in_double:.3} ms, {:.2} times as fast; tape {} of {} slots",
        in_double / in_single,
        single.tape_len(),
        double.tape_len()
    );
    let exact = task.gradient(double, &parameters, &Tsit5::new(1e-11, 1e-11));
    let size = exact.iter().map(|g| g * g).sum::<f64>().sqrt();
    println!("  {:>6}  {:>17}  {:>17}  {:>12}", "rtol", "error, float32", "error, float64", "steps");
    for rtol in [1e-3, 1e-4, 1e-5, 1e-6, 3e-7, 1e-7, 3e-8, 1e-8] {
        let solver = Tsit5::new(rtol, rtol);
        let of = |field: &dyn VectorField| {
            let gradient = task.gradient(field, &parameters, &solver);
            let error = gradient.iter().zip(&exact).map(|(g, e)| (g - e).powi(2)).sum::<f64>().sqrt() / size;
            let (mut accepted, mut rejected) = (0, 0);
            for t in task.solve(field, &parameters, &solver).trajectories.iter().flatten() {
                accepted += t.statistics.n_accepted;
                rejected += t.statistics.n_rejected;
            }
            (error, format!("{accepted} + {rejected}"))
        };
        let ((error, steps), (error_of_double, steps_of_double)) = (of(single), of(double));
        println!("  {rtol:6.0e}  {error:17.1e}  {error_of_double:17.1e}  {steps} against {steps_of_double}");
    }
}

/// A field that knows no lanes.
struct Alone<'a>(&'a dyn VectorField);

impl VectorField for Alone<'_> {
    fn dim(&self) -> usize {
        self.0.dim()
    }

    fn blocks(&self) -> Vec<ParameterBlock> {
        self.0.blocks()
    }

    fn initial_parameters(&self, seed: u64) -> Vec<f64> {
        self.0.initial_parameters(seed)
    }

    fn tape_len(&self) -> usize {
        self.0.tape_len()
    }

    fn rhs(&self, parameters: &[f64], t: f64, y: &[f64], dy: &mut [f64], tape: &mut [f64]) {
        self.0.rhs(parameters, t, y, dy, tape);
    }

    fn vjp(
        &self,
        parameters: &[f64],
        t: f64,
        y: &[f64],
        tape: &[f64],
        cotangent: &[f64],
        y_bar: &mut [f64],
        parameter_bar: &mut [f64],
    ) {
        self.0.vjp(parameters, t, y, tape, cotangent, y_bar, parameter_bar);
    }

    fn jvp(&self, parameters: &[f64], t: f64, y: &[f64], tape: &[f64], tangent: &[f64], dy_dot: &mut [f64]) {
        self.0.jvp(parameters, t, y, tape, tangent, dy_dot);
    }
}

fn mechanics(name: &str, config: &dyn BuildField, dim: usize) {
    let field = config.build(dim);
    let (field, parameters) = (field.as_ref(), field.initial_parameters(1));
    let (task, solver) = (Task::new(dim, 32, 20, 5.0, 0.7), Tsit5::new(1e-6, 1e-6));
    let sum = |field: &dyn VectorField| task.gradient(field, &parameters, &solver).iter().sum::<f64>();
    let [lanes, alone] = medians([&|| sum(field), &|| sum(&Alone(field))]);
    println!("{name}: lanes {lanes:.3} ms, one by one {alone:.3} ms, {:.2} times as fast", alone / lanes);
}

fn main() {
    precisions("A 2-50-2, 20 × 10", &[50], 2, &Task::new(2, 20, 10, 1.5, 1.5));
    precisions("B 4-64-64-4, 32 × 100", &[64, 64], 4, &Task::new(4, 32, 100, 10.0, 1.5));
    precisions("C 4-128-128-4, 32 × 100", &[128, 128], 4, &Task::new(4, 32, 100, 10.0, 1.5));
    let hidden = vec![32, 32];
    let separable = HamiltonianField { hidden: hidden.clone(), separable: true, ..HamiltonianField::default() };
    let whole = HamiltonianField { hidden: hidden.clone(), ..HamiltonianField::default() };
    mechanics("hamiltonian 2-32-32-1, 32 × 20", &whole, 2);
    mechanics("hamiltonian 4-32-32-1, 32 × 20", &whole, 4);
    mechanics("hamiltonian separable 2 (1-32-32-1), 32 × 20", &separable, 2);
    let velocities = Velocities::Measured;
    let lagrangian = LagrangianField { hidden: hidden.clone(), velocities, ..LagrangianField::default() };
    mechanics("lagrangian 1-32-32-2, 32 × 20", &lagrangian, 2);
    mechanics("lagrangian 2-32-32-4, 32 × 20", &lagrangian, 4);
    let second = SecondOrderField { hidden, velocity_input: true, velocities, ..SecondOrderField::default() };
    mechanics("second_order 2-32-32-1, 32 × 20", &second, 2);
}
