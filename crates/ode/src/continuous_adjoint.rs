//! The continuous adjoint: the gradient of the flow instead of the steps.
//!
//! For a loss L of the states at the data times, with g_d = ∂L/∂y(t_d), J = ∂f/∂y and P = ∂f/∂θ along the
//! solution, λ obeys
//!
//! dλ/dt = −Jᵀλ, λ(t_d−) = λ(t_d+) + g_d, ∂L/∂θ = ∫ Pᵀλ dt, ∂L/∂y₀ = λ(t₀)
//!
//! (L. S. Pontryagin et al., *The Mathematical Theory of Optimal Processes* (1962); R. T. Q. Chen et al.,
//! NeurIPS 31 (2018), eqs. 4 and 5). Nothing of the forward solve is kept but the states at the data times,
//! from which each interval is solved again and interpolated, so that memory does not grow with the
//! steps. λ is integrated from interval to interval with an absolute tolerance relative to its own largest
//! component: the tolerances of the states say nothing about it. The integral over θ is Gauss' of three
//! points in every step of λ.
//!
//! It is not the gradient of the numbers that the loss saw, but of the true flow to its tolerance, and
//! slower than the discrete adjoint: for long series with much memory, and as a check of the other.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::batch::{Batch, BatchGradient, BatchTape, Problem, Trajectory};
use crate::error::OdeError;
use crate::field::{ParameterBlock, VectorField};
use crate::precision::{REFINEMENT, refined};
use crate::solve::{Solution, solve};
use crate::solver::Solver;
use crate::tape::Step;
use crate::tsit5::Tsit5;

/// Which gradient of a solve is computed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub enum GradientConfig {
    /// That of the steps taken, exactly.
    #[serde(rename = "discrete")]
    Discrete(Discrete),
    /// That of the flow, by a solve backwards in time.
    #[serde(rename = "continuous_adjoint")]
    ContinuousAdjoint(ContinuousAdjoint),
}

impl Default for GradientConfig {
    fn default() -> Self {
        Self::Discrete(Discrete {})
    }
}

/// The exact reverse of the steps taken, for every solver.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Discrete {}

/// The adjoint equations solved backwards, with the solver `tsit5`: memory does not grow with the steps.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ContinuousAdjoint {
    /// Tolerance of the adjoint states, relative to the largest of them.
    pub rtol: f64,
}

impl ContinuousAdjoint {
    /// Forward solves by `solver`, gradients by this.
    pub fn with(&self, solver: &Tsit5) -> Adjoined {
        Adjoined { adjoint: self.clone(), solver: solver.clone() }
    }
}

/// A solver whose gradient is the continuous adjoint.
#[derive(Debug, Clone, PartialEq)]
pub struct Adjoined {
    adjoint: ContinuousAdjoint,
    solver: Tsit5,
}

impl Adjoined {
    /// The same with a hundredth of all tolerances.
    pub fn refined(&self) -> Self {
        Self { adjoint: ContinuousAdjoint { rtol: REFINEMENT * self.adjoint.rtol }, solver: refined(&self.solver) }
    }

    /// What is wrong with the adjoint's own tolerance, in words.
    pub fn adjoint_problem(&self) -> Option<String> {
        Tsit5::new(self.adjoint.rtol, self.adjoint.rtol).problem(1)
    }
}

impl Solver for Adjoined {
    fn solve_many(&self, field: &dyn VectorField, parameters: &[f64], problems: &[Problem]) -> Batch {
        let trajectories = self.solver.solve_many(field, parameters, problems).trajectories;
        let known = problems.iter().zip(&trajectories).map(|(problem, solved)| match solved {
            Ok(Trajectory { states, .. }) => Some(Known { times: problem.times.clone(), states: states.clone() }),
            Err(_) => None,
        });
        let tape = States { known: known.collect(), adjoint: self.adjoint.clone(), solver: self.solver.clone() };
        Batch::new(trajectories, Box::new(tape))
    }

    fn problem(&self, dim: usize) -> Option<String> {
        self.solver.problem(dim).or_else(|| self.adjoint_problem())
    }
}

/// The states at the data times of one problem.
struct Known {
    times: Vec<f64>,
    /// `[n_times * n]`.
    states: Vec<f64>,
}

/// All that is kept of solved problems; `None` where one failed.
struct States {
    known: Vec<Option<Known>>,
    adjoint: ContinuousAdjoint,
    solver: Tsit5,
}

impl BatchTape for States {
    fn pullback(&self, field: &dyn VectorField, parameters: &[f64], cotangents: &[Vec<f64>]) -> BatchGradient {
        let mut parameter_bar = vec![0.0; parameters.len()];
        let y0 = self.known.iter().zip(cotangents).map(|(known, cotangent)| match known {
            Some(known) => {
                self.backwards(field, parameters, known, cotangent, &mut parameter_bar).unwrap_or_else(|_| {
                    // better no gradient than one that is silently wrong
                    parameter_bar.fill(f64::NAN);
                    vec![f64::NAN; field.dim()]
                })
            }
            None => vec![0.0; field.dim()],
        });
        let y0 = y0.collect();
        BatchGradient { y0, parameters: parameter_bar }
    }
}

/// Nodes on [0, 1] and weights of Gauss' quadrature of order 6.
const GAUSS: [(f64, f64); 3] =
    [(0.112_701_665_379_258_3, 5.0 / 18.0), (0.5, 4.0 / 9.0), (0.887_298_334_620_741_7, 5.0 / 18.0)];

impl States {
    /// λ(t₀); ∂L/∂θ is added to `parameter_bar`.
    fn backwards(
        &self,
        field: &dyn VectorField,
        parameters: &[f64],
        known: &Known,
        cotangent: &[f64],
        parameter_bar: &mut [f64],
    ) -> Result<Vec<f64>, OdeError> {
        let n = field.dim();
        let mut lambda = vec![0.0; n];
        for d in (0..known.times.len()).rev() {
            lambda.iter_mut().zip(&cotangent[d * n..]).for_each(|(l, g)| *l += g);
            let largest = lambda.iter().fold(0.0, |m: f64, l| m.max(l.abs()));
            if d == 0 || largest == 0.0 {
                continue;
            }
            let (from, until) = (known.times[d - 1], known.times[d]);
            let states = solve(field, parameters, &known.states[(d - 1) * n..d * n], &[from, until], &self.solver)?;
            let reversed = Reversed { field, parameters, states: &states, until };
            let rtol = self.adjoint.rtol;
            let config = Tsit5 { max_steps: self.solver.max_steps, ..Tsit5::new(rtol, rtol * largest) };
            let solution = solve(&reversed, &[], &lambda, &[0.0, until - from], &config)?;
            for &Step { t: s, h } in &solution.tape.steps {
                for (node, weight) in GAUSS {
                    let at = s + node * h;
                    let bar: Vec<f64> = solution.dense(&[at]).iter().map(|l| weight * h * l).collect();
                    reversed.vjp_of_field(at, &bar, parameter_bar);
                }
            }
            lambda.copy_from_slice(&solution.states[n..]);
        }
        Ok(lambda)
    }
}

/// dλ/ds = Jᵀλ in the time s = t_d − t, along interpolated states: a field without parameters.
struct Reversed<'a> {
    field: &'a dyn VectorField,
    parameters: &'a [f64],
    states: &'a Solution,
    until: f64,
}

impl Reversed<'_> {
    /// t and the state and the tape of the field there.
    fn at(&self, s: f64) -> (f64, Vec<f64>, Vec<f64>) {
        let t = self.until - s;
        let y = self.states.dense(&[t]);
        let (mut slope, mut tape) = (vec![0.0; y.len()], vec![0.0; self.field.tape_len()]);
        self.field.rhs(self.parameters, t, &y, &mut slope, &mut tape);
        (t, y, tape)
    }

    /// Jᵀv; Pᵀv is added to `parameter_bar`.
    fn vjp_of_field(&self, s: f64, v: &[f64], parameter_bar: &mut [f64]) -> Vec<f64> {
        let (t, y, tape) = self.at(s);
        let mut out = vec![0.0; v.len()];
        self.field.vjp(self.parameters, t, &y, &tape, v, &mut out, parameter_bar);
        out
    }
}

impl VectorField for Reversed<'_> {
    fn dim(&self) -> usize {
        self.field.dim()
    }

    fn blocks(&self) -> Vec<ParameterBlock> {
        vec![]
    }

    fn initial_parameters(&self, _seed: u64) -> Vec<f64> {
        vec![]
    }

    fn tape_len(&self) -> usize {
        0
    }

    fn rhs(&self, _parameters: &[f64], s: f64, lambda: &[f64], dy: &mut [f64], _tape: &mut [f64]) {
        let mut unused = vec![0.0; self.parameters.len()];
        dy.copy_from_slice(&self.vjp_of_field(s, lambda, &mut unused));
    }

    fn vjp(
        &self,
        _parameters: &[f64],
        s: f64,
        _lambda: &[f64],
        _tape: &[f64],
        cotangent: &[f64],
        y_bar: &mut [f64],
        _parameter_bar: &mut [f64],
    ) {
        let (t, y, tape) = self.at(s);
        self.field.jvp(self.parameters, t, &y, &tape, cotangent, y_bar);
    }

    fn jvp(&self, _parameters: &[f64], s: f64, _lambda: &[f64], _tape: &[f64], tangent: &[f64], dy_dot: &mut [f64]) {
        let mut unused = vec![0.0; self.parameters.len()];
        dy_dot.copy_from_slice(&self.vjp_of_field(s, tangent, &mut unused));
    }
}
