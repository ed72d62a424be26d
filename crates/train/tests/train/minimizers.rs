//! Minimisers on functions whose minimum is known: in closed form, by another program, by their
//! optimality conditions.

use candle_core::Tensor;
use serde::Deserialize;
use surprisal_objective::PenaltyConfig;
use surprisal_objective::penalty::{Kind, ProximalPenalty};
use surprisal_train::TrainError;
use surprisal_train::optimizer::{Fista, Iteration, Lbfgs, Minimizer, Problem, Status};

/// Made by `scripts/reference/lasso.py`.
#[derive(Debug, Deserialize)]
pub(crate) struct Reference {
    pub(crate) inputs: Vec<Vec<f64>>,
    pub(crate) target: Vec<f64>,
    pub(crate) label: Vec<f64>,
    pub(crate) squares: Vec<Solution>,
    pub(crate) logistic: Vec<Solution>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Solution {
    pub(crate) weight: f64,
    #[serde(default)]
    pub(crate) l1_ratio: f64,
    pub(crate) coefficients: Vec<f64>,
    pub(crate) intercept: f64,
    pub(crate) objective: f64,
}

pub(crate) fn reference() -> Reference {
    serde_json::from_str(include_str!("../reference/lasso.json")).unwrap()
}

pub(crate) fn penalty(value: serde_json::Value) -> PenaltyConfig {
    serde_json::from_value(value).unwrap()
}

fn lbfgs(tolerance: f64) -> Lbfgs {
    Lbfgs { memory: 10, tolerance }
}

/// Iterates to the end; fails unless it converges.
fn minimize(
    minimizer: &dyn Minimizer,
    problem: &mut dyn Problem,
    x: &mut Vec<f64>,
    limit: usize,
) -> (Iteration, usize) {
    let mut memory: Vec<Tensor> = vec![];
    for n in 1..=limit {
        let found = minimizer.iterate(problem, x, &mut memory).unwrap();
        match found.status {
            Status::Moving => {}
            Status::Converged => return (found, n),
            Status::Stalled => panic!("stalled at iteration {n}: {found:?}"),
        }
    }
    panic!("not converged after {limit} iterations")
}

/// A smooth function of a few variables with no penalty.
struct Smooth<F: FnMut(&[f64]) -> (f64, Vec<f64>)>(F);

impl<F: FnMut(&[f64]) -> (f64, Vec<f64>)> Problem for Smooth<F> {
    fn smooth(&mut self, x: &[f64]) -> Result<(f64, Vec<f64>), TrainError> {
        Ok((self.0)(x))
    }
    fn penalty(&self, _: &[f64]) -> f64 {
        0.0
    }
    fn proximal(&self, _: &mut [f64], _: f64) {}
    fn absolute_weights(&self) -> Option<Vec<f64>> {
        Some(vec![0.0; 2])
    }
}

/// Rosenbrock's valley (1960), with a wall of NaN where x > 3 that a search must come back from.
#[test]
fn the_curved_valley() {
    let mut n_evaluations = 0;
    let mut valley = Smooth(|x: &[f64]| {
        n_evaluations += 1;
        if x[0] > 3.0 {
            return (f64::NAN, vec![f64::NAN; 2]);
        }
        let (a, b) = (1.0 - x[0], x[1] - x[0] * x[0]);
        (a * a + 100.0 * b * b, vec![-2.0 * a - 400.0 * x[0] * b, 200.0 * b])
    });
    let mut x = vec![-1.2, 1.0];
    let (found, _) = minimize(&lbfgs(1e-10), &mut valley, &mut x, 100);
    assert!(found.smooth < 1e-20 && (x[0] - 1.0).abs() < 1e-10 && (x[1] - 1.0).abs() < 1e-10, "{x:?} {found:?}");
    assert!(n_evaluations < 80, "{n_evaluations}");
}

#[test]
fn a_function_that_only_rises_numerically_stalls_and_says_so() {
    // the gradient points the wrong way, so that nothing along it goes down
    let mut wrong = Smooth(|x: &[f64]| (x[0] * x[0] + x[1] * x[1], vec![-2.0 * x[0], -2.0 * x[1]]));
    let (mut x, mut memory) = (vec![1.0, 2.0], vec![]);
    let found = lbfgs(1e-10).iterate(&mut wrong, &mut x, &mut memory).unwrap();
    assert_eq!((found.status, x), (Status::Stalled, vec![1.0, 2.0]));
}

/// Mean logistic loss log(1 + eᵘ) − yu, u = Xw + b, of standardised columns, with a penalty on w.
struct Logistic {
    rows: Vec<Vec<f64>>,
    label: Vec<f64>,
    penalty: Option<PenaltyConfig>,
    /// Shape of w for the penalty.
    shape: Vec<usize>,
}

fn standardized(rows: &[Vec<f64>]) -> Vec<Vec<f64>> {
    let n = rows.len() as f64;
    let moments: Vec<(f64, f64)> = (0..rows[0].len())
        .map(|j| {
            let mean = rows.iter().map(|r| r[j]).sum::<f64>() / n;
            (mean, (rows.iter().map(|r| (r[j] - mean).powi(2)).sum::<f64>() / n).sqrt())
        })
        .collect();
    rows.iter().map(|r| r.iter().zip(&moments).map(|(x, (mean, sd))| (x - mean) / sd).collect()).collect()
}

impl Logistic {
    fn new(penalty: Option<PenaltyConfig>) -> Self {
        let Reference { inputs, label, .. } = reference();
        let shape = vec![1, inputs[0].len()];
        Self { rows: standardized(&inputs), label, penalty, shape }
    }

    fn proximal_penalty(&self) -> Option<&dyn ProximalPenalty> {
        match self.penalty.as_ref()?.get().kind() {
            Kind::Proximal(proximal) => Some(proximal),
            _ => None,
        }
    }
}

impl Problem for Logistic {
    fn smooth(&mut self, x: &[f64]) -> Result<(f64, Vec<f64>), TrainError> {
        let (w, b) = x.split_at(x.len() - 1);
        let n = self.rows.len() as f64;
        let (mut value, mut gradient) = (0.0, vec![0.0; x.len()]);
        for (row, y) in self.rows.iter().zip(&self.label) {
            let u = b[0] + row.iter().zip(w).map(|(x, w)| x * w).sum::<f64>();
            value += (u.max(0.0) + (-u.abs()).exp().ln_1p() - y * u) / n;
            let slope = (1.0 / (1.0 + (-u).exp()) - y) / n;
            row.iter().chain([&1.0]).zip(&mut gradient).for_each(|(x, g)| *g += slope * x);
        }
        Ok((value, gradient))
    }

    fn penalty(&self, x: &[f64]) -> f64 {
        self.proximal_penalty().map_or(0.0, |p| p.value(&x[..x.len() - 1], &self.shape))
    }

    fn proximal(&self, v: &mut [f64], step: f64) {
        let n = v.len() - 1;
        if let Some(p) = self.proximal_penalty() {
            p.proximal(&mut v[..n], &self.shape, &vec![step; n]);
        }
    }

    fn absolute_weights(&self) -> Option<Vec<f64>> {
        let mut weights = vec![0.0; self.rows[0].len() + 1];
        if let Some(p) = self.proximal_penalty() {
            weights[..self.rows[0].len()].fill(p.absolute_weight()?);
        }
        Some(weights)
    }
}

#[test]
fn logistic_lasso_against_another_program() {
    for Solution { weight, coefficients, intercept, objective, .. } in reference().logistic {
        for (name, minimizer) in [("lbfgs", &lbfgs(1e-10) as &dyn Minimizer), ("fista", &Fista { tolerance: 1e-10 })] {
            let mut problem = Logistic::new(Some(penalty(serde_json::json!({"l1": {"weight": weight}}))));
            let mut x = vec![0.0; 9];
            let (found, n) = minimize(minimizer, &mut problem, &mut x, 3000);
            let what = format!("{name} at {weight}, {n} iterations: {x:?}");
            assert!(n < if name == "lbfgs" { 60 } else { 1500 }, "{what}");
            assert!((found.smooth + found.penalty - objective).abs() < 1e-10, "{what}");
            assert!((x[8] - intercept).abs() < 1e-5, "{what}");
            for (found, expected) in x.iter().zip(&coefficients) {
                assert!((found - expected).abs() < 1e-5, "{what}");
                assert_eq!(*found == 0.0, expected.abs() < 1e-7, "{what}: exact zeros");
            }
        }
    }
}

/// Newton's method with its exact Hessian knows the same minimum.
#[test]
fn logistic_regression_without_penalty() {
    let mut problem = Logistic::new(None);
    let mut x = vec![0.0; 9];
    let (_, n) = minimize(&lbfgs(1e-11), &mut problem, &mut x, 200);
    let (mut y, n_fista) = (vec![0.0; 9], 5000);
    minimize(&Fista { tolerance: 1e-11 }, &mut problem, &mut y, n_fista);
    x.iter().zip(&y).for_each(|(x, y)| assert!((x - y).abs() < 1e-8, "{x} {y}"));
    let (_, gradient) = problem.smooth(&x).unwrap();
    assert!(n < 60 && gradient.iter().all(|g| g.abs() < 1e-11), "{n} {gradient:?}");
}

/// Pairs of columns as the groups of two: a group vanishes or stays as a whole, as its conditions say.
#[test]
fn group_lasso_by_its_optimality_conditions() {
    for (weight, n_zero) in [(1.0, 4), (0.1, 1), (1e-3, 0)] {
        let mut problem = Logistic::new(Some(penalty(serde_json::json!({"group_lasso": {"weight": weight}}))));
        // w as a matrix [2, 4]: column j is (w_j, w_{j+4})
        problem.shape = vec![2, 4];
        let mut x = vec![0.1; 9];
        minimize(&Fista { tolerance: 1e-10 }, &mut problem, &mut x, 5000);
        let (_, gradient) = problem.smooth(&x).unwrap();
        let found = problem.proximal_penalty().unwrap().stationarity(&x[..8], &[2, 4], &gradient[..8]);
        assert!(found.zeros_excess <= 1e-9 && found.nonzeros_residual < 1e-9, "{weight}: {found:?}");
        assert_eq!(found.n_zero, n_zero, "{weight}: {x:?}");
    }
}

#[test]
fn quasi_newton_refuses_other_kinks_with_the_remedy() {
    for (value, refused) in [
        (serde_json::json!({"l1": {"weight": 0.1}}), false),
        (serde_json::json!({"elastic_net": {"weight": 0.1, "l1_ratio": 0.5}}), true),
        (serde_json::json!({"group_lasso": {"weight": 0.1}}), true),
    ] {
        let entry = penalty(value);
        let Kind::Proximal(proximal) = entry.get().kind() else { panic!() };
        let remedy = lbfgs(1e-8).refuses(proximal);
        assert_eq!(remedy.is_some_and(|r| r.contains("optimizer.fista")), refused, "{}", entry.name());
        assert!(Fista { tolerance: 1e-8 }.refuses(proximal).is_none());
    }
}
