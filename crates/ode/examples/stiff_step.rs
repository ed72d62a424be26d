//! CPU time of one training step (solve and gradient) on Van der Pol with µ = 1000 and a network of 2-16-1 in
//! its second equation, within the first slow phase, by every implicit solver; and how far their gradients
//! are from one of tight tolerance.
//!
//! `cargo run --release -p surprisal-ode --example stiff_step`

use std::io::Write as _;
use std::time::Instant;

use surprisal_core::rng;
use surprisal_ode::equations::{NetworkConfig, ParameterConfig, StateConfig};
use surprisal_ode::{Bdf, Equations, Esdirk3, Esdirk34, Problem, Solver};

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
    let problems = [Problem { y0: vec![2.0, 0.0], times }];
    let gradient = |solver: &dyn Solver| -> (Vec<f64>, usize) {
        let batch = solver.solve_many(field, &theta, &problems);
        let Ok(trajectory) = &batch.trajectories[0] else { return (vec![f64::NAN], 0) };
        let n = trajectory.states.len() as f64;
        let cotangent = trajectory.states.iter().map(|y| (y - 1.0) / n).collect();
        (batch.pullback(field, &theta, &[cotangent]).parameters, trajectory.statistics.n_accepted)
    };
    let reference = gradient(&Esdirk3 { max_steps: 1_000_000, ..Esdirk3::new(1e-10, 1e-12) }).0;
    let size = reference.iter().map(|g| g * g).sum::<f64>().sqrt();
    let mut out = std::io::stdout();
    for rtol in [1e-4, 1e-6] {
        let solvers: [(&str, Box<dyn Solver>); 3] = [
            ("esdirk3", Box::new(Esdirk3::new(rtol, 1e-4 * rtol))),
            ("bdf", Box::new(Bdf::new(rtol, 1e-4 * rtol))),
            ("esdirk34", Box::new(Esdirk34::new(rtol, 1e-4 * rtol))),
        ];
        for (name, solver) in &solvers {
            let (found, steps) = gradient(solver.as_ref());
            let error = found.iter().zip(&reference).map(|(a, b)| (a - b).powi(2)).sum::<f64>().sqrt() / size;
            let mut best = f64::INFINITY;
            for _ in 0..20 {
                let started = Instant::now();
                gradient(solver.as_ref());
                best = best.min(started.elapsed().as_secs_f64());
            }
            writeln!(out, "{name:9} rtol {rtol:e}: {:.3} ms, {steps} steps, gradient error {error:.1e}", 1e3 * best)?;
        }
    }
    Ok(())
}
