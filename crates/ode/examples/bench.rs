//! Gradients and their CPU time for `scripts/bench_ode`, which compares them with those of other codes.
//!
//! Started with a file of problems, the program answers requests, one line of JSON each:
//! `{"problem": "A", "mode": "tsit5", "tolerance": 1e-6}` gives the loss and its gradient at that tolerance, relative
//! and absolute;
//! with `"seconds": 0.5` also the CPU milliseconds of one training step, the mean over that time: solve, mean
//! squared error, gradient with respect to the weights. One thread, float64.
#![allow(clippy::print_stdout)] // answering is the program's purpose

use std::collections::HashMap;
use std::error::Error;
use std::io::{BufRead, stdin};
use std::time::Instant;

use serde::Deserialize;
use surprisal_ode::{BuildField, Equations, Esdirk3, Kvaerno5, MlpField, Problem, Solver, System, Tsit5, VectorField};

/// The allocator of the program, which the memory of a step is part of.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// A network as field, dy/dt = net(y^power), or within the oscillator of van der Pol.
#[derive(Deserialize)]
struct Task {
    hidden: Vec<usize>,
    power: u32,
    /// Of van der Pol's.
    mu: Option<f64>,
    /// Every layer's W `[out, in]`, row by row, then its b `[out]`.
    weights: Vec<f64>,
    /// `[n_trajectories][dim]`
    y0: Vec<Vec<f64>>,
    /// `[n_times]`, the same for all.
    times: Vec<f64>,
    /// `[n_trajectories][n_times · dim]`
    target: Vec<Vec<f64>>,
    /// `[dim]`: weights of the states in the loss.
    observed: Vec<f64>,
}

#[derive(Deserialize)]
struct Request {
    problem: String,
    mode: String,
    tolerance: f64,
    #[serde(default)]
    seconds: f64,
}

/// A task with its field and problems.
struct Ready {
    task: Task,
    field: Owner,
    problems: Vec<Problem>,
}

enum Owner {
    Network(Box<dyn VectorField>),
    Equations(Box<System>),
}

impl Owner {
    fn field(&self) -> &dyn VectorField {
        match self {
            Self::Network(field) => field.as_ref(),
            Self::Equations(system) => system.field(),
        }
    }
}

impl Ready {
    fn new(task: Task) -> Result<Self, Box<dyn Error>> {
        let dim = task.y0[0].len();
        let field = match task.power {
            _ if task.mu.is_some() => Owner::Equations(Box::new(van_der_pol(&task.hidden)?)),
            1 => Owner::Network(MlpField { hidden: task.hidden.clone(), ..MlpField::default() }.build(dim)),
            power => Owner::Equations(Box::new(of_powers(&task.hidden, power, dim)?)),
        };
        let problems = task.y0.iter().map(|y0| Problem { y0: y0.clone(), times: task.times.clone() }).collect();
        Ok(Self { task, field, problems })
    }

    /// The mean squared error and its gradient.
    fn step(&self, solver: &dyn Solver) -> Result<(f64, Vec<f64>), Box<dyn Error>> {
        let (field, weights) = (self.field.field(), &self.task.weights);
        let batch = solver.solve_many(field, weights, &self.problems);
        let n: usize = self.task.target.iter().map(Vec::len).sum();
        let (mut loss, mut cotangents) = (0.0, vec![]);
        for (solved, target) in batch.trajectories.iter().zip(&self.task.target) {
            let states = &solved.as_ref().map_err(Clone::clone)?.states;
            let errors = states.iter().zip(target).zip(self.task.observed.iter().cycle());
            let cotangent: Vec<f64> = errors.map(|((y, t), weight)| 2.0 * weight * (y - t) / n as f64).collect();
            loss += states.iter().zip(target).zip(&cotangent).map(|((y, t), c)| 0.5 * c * (y - t)).sum::<f64>();
            cotangents.push(cotangent);
        }
        Ok((loss, batch.pullback(field, weights, &cotangents).parameters))
    }
}

/// The oscillator with a network in its force.
fn van_der_pol(hidden: &[usize]) -> Result<System, Box<dyn Error>> {
    let network = format!(r#"{{ "nn": {{ "inputs": ["x", "v/100"], "outputs": ["u"], "hidden": {hidden:?} }} }}"#);
    let equations = Equations {
        states: serde_json::from_str(r#"{ "x": { "rhs": "v" }, "v": { "rhs": "mu*((1 - x^2)*v) - x + nn.u" } }"#)?,
        parameters: serde_json::from_str(r#"{ "mu": { "init": 1000 } }"#)?,
        networks: serde_json::from_str(&network)?,
        ..Equations::default()
    };
    Ok(equations.compile(&["x", "v"].map(String::from), &[1.0, 1.0], &[])?)
}

/// Equations around a network of the states' powers.
fn of_powers(hidden: &[usize], power: u32, dim: usize) -> Result<System, Box<dyn Error>> {
    let names: Vec<String> = (0..dim).map(|i| format!("y{i}")).collect();
    let list = |text: &dyn Fn(usize) -> String| (0..dim).map(text).collect::<Vec<_>>().join(", ");
    let states = list(&|i| format!(r#""y{i}": {{ "rhs": "nn.f{i}" }}"#));
    let inputs = list(&|i| format!(r#""y{i}^{power}""#));
    let outputs = list(&|i| format!(r#""f{i}""#));
    let network = format!(r#"{{ "nn": {{ "inputs": [{inputs}], "outputs": [{outputs}], "hidden": {hidden:?} }} }}"#);
    let equations = Equations {
        states: serde_json::from_str(&format!("{{ {states} }}"))?,
        networks: serde_json::from_str(&network)?,
        ..Equations::default()
    };
    Ok(equations.compile(&names, &vec![1.0; dim], &[])?)
}

/// CPU seconds of this thread where the system tells (Linux), else elapsed seconds.
fn cpu_seconds(start: Instant) -> f64 {
    std::fs::read_to_string("/proc/thread-self/schedstat")
        .ok()
        .and_then(|text| text.split_whitespace().next()?.parse::<f64>().ok())
        .map_or_else(|| start.elapsed().as_secs_f64(), |nanoseconds| 1e-9 * nanoseconds)
}

fn main() -> Result<(), Box<dyn Error>> {
    let path = std::env::args().nth(1).ok_or("name the file of problems; scripts/bench_ode makes it")?;
    let tasks: HashMap<String, Task> = serde_json::from_str(&std::fs::read_to_string(path)?)?;
    let ready: HashMap<String, Ready> =
        tasks.into_iter().map(|(name, task)| Ok((name, Ready::new(task)?))).collect::<Result<_, Box<dyn Error>>>()?;
    let start = Instant::now();
    for line in stdin().lock().lines() {
        let request: Request = serde_json::from_str(&line?)?;
        let ready = ready.get(&request.problem).ok_or("there is no such problem")?;
        let tolerance = request.tolerance;
        let solver: Box<dyn Solver> = match request.mode.as_str() {
            "tsit5" => Box::new(Tsit5::new(tolerance, tolerance)),
            "kvaerno5" => Box::new(Kvaerno5 { max_steps: 1_000_000, ..Kvaerno5::new(tolerance, tolerance) }),
            "esdirk3" => Box::new(Esdirk3 { max_steps: 1_000_000, ..Esdirk3::new(tolerance, tolerance) }),
            other => return Err(format!("there is no mode {other}").into()),
        };
        let solver = solver.as_ref();
        let (loss, gradient) = ready.step(solver)?;
        let (before, mut n, mut batch) = (cpu_seconds(start), 0, 1);
        while cpu_seconds(start) - before < request.seconds {
            // reading the clock takes as long as a tenth of a small step
            for _ in 0..batch {
                ready.step(solver)?;
            }
            n += batch;
            batch = (n / 4).clamp(1, 64);
        }
        let ms = 1e3 * (cpu_seconds(start) - before) / f64::from(n.max(1_u32));
        let gradient = serde_json::to_string(&gradient)?;
        println!(r#"{{"ms": {ms:e}, "loss": {loss:e}, "gradient": {gradient}}}"#);
    }
    Ok(())
}
