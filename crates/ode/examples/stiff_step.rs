//! CPU time of one training step (solve and gradient) on Van der Pol with µ = 1000 and a network of 2-16-1 in
//! its second equation, within the first slow phase, by every implicit solver; how far their gradients are from one
//! of tight tolerance; and the time per trajectory of 64, which our own solvers take eight at a time.
//!
//! `cargo run --release -p surprisal-ode --example stiff_step`

use std::io::Write as _;
use std::time::Instant;

use surprisal_core::rng;
use surprisal_ode::equations::{NetworkConfig, ParameterConfig, StateConfig};
use surprisal_ode::{Bdf, Equations, Esdirk3, Esdirk34, Kvaerno5, Problem, Solver};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let state =
        |rhs: &str, scale: f64| StateConfig { rhs: rhs.to_owned(), scale: Some(scale), observed: None, initial: None };
    let parameter: ParameterConfig = serde_json::from_str(r#"{ "init": 1000 }"#)?;
    let network: NetworkConfig = serde_json::from_str(r#"{ "inputs": ["x", "v"], "outputs": ["u"], "hidden": [16] }"#)?;
    let equations = Equations {
        states: [("x".into(), state("v", 1.0)), ("v".into(), state("mu*(1 - x^2)*v - x + nn.u", 1.0))].into(),
        parameters: [("mu".into(), parameter)].into(),
        networks: [("nn".into(), network)].into(),
        ..Equations::default()
    };
    let system = equations.compile(&["x".to_owned(), "v".to_owned()], &[1.0, 1.0], &[])?;
    let field = system.field();
    let mut theta = field.initial_parameters(3);
    let mut source = rng::stream(5, "weights", 0);
    theta.iter_mut().skip(1).for_each(|w| *w += 0.05 * rng::standard_normal(&mut source));
    theta[0] = 1000.0;
    let times: Vec<f64> = (0..20).map(|i| 30.0 * f64::from(i)).collect();
    let problem = |k: u32| Problem { y0: vec![2.0 + f64::from(k) / 640.0, 0.0], times: times.clone() };
    let (one, many) = ([problem(0)], (0..64).map(problem).collect::<Vec<_>>());
    let gradient = |solver: &dyn Solver, problems: &[Problem]| -> (Vec<f64>, usize) {
        let batch = solver.solve_many(field, &theta, problems);
        let solved: Vec<_> = batch.trajectories.iter().flatten().collect();
        if solved.len() < problems.len() {
            return (vec![f64::NAN], 0);
        }
        let n = solved.iter().map(|t| t.states.len()).sum::<usize>() as f64;
        let cotangents: Vec<Vec<f64>> =
            solved.iter().map(|t| t.states.iter().map(|y| (y - 1.0) / n).collect()).collect();
        (batch.pullback(field, &theta, &cotangents).parameters, solved[0].statistics.n_accepted)
    };
    let reference = gradient(&Esdirk3 { max_steps: 1_000_000, ..Esdirk3::new(1e-10, 1e-12) }, &one).0;
    let size = reference.iter().map(|g| g * g).sum::<f64>().sqrt();
    let mut out = std::io::stdout();
    for rtol in [1e-4, 1e-6] {
        let solvers: [(&str, Box<dyn Solver>); 4] = [
            ("esdirk3", Box::new(Esdirk3::new(rtol, 1e-4 * rtol))),
            ("kvaerno5", Box::new(Kvaerno5::new(rtol, 1e-4 * rtol))),
            ("bdf", Box::new(Bdf::new(rtol, 1e-4 * rtol))),
            ("esdirk34", Box::new(Esdirk34::new(rtol, 1e-4 * rtol))),
        ];
        for (name, solver) in &solvers {
            let (found, steps) = gradient(solver.as_ref(), &one);
            let error = found.iter().zip(&reference).map(|(a, b)| (a - b).powi(2)).sum::<f64>().sqrt() / size;
            let least_ms = |problems: &[Problem], n: u32| {
                let mut best = f64::INFINITY;
                for _ in 0..n {
                    let started = Instant::now();
                    gradient(solver.as_ref(), problems);
                    best = best.min(1e3 * started.elapsed().as_secs_f64());
                }
                best / problems.len() as f64
            };
            let (alone, of_many) = (least_ms(&one, 50), least_ms(&many, 10));
            writeln!(
                out,
                "{name:9} rtol {rtol:e}: {alone:.3} ms, one of 64: {of_many:.3} ms, {steps} steps, \
                 gradient error {error:.1e}"
            )?;
        }
    }
    Ok(())
}
