//! What a trajectory's reverse pass and its dense output need: the steps and all evaluations.
//!
//! Evaluation 0 is f(t₀, y₀); every accepted step adds six. The first stage of step s is the last
//! of step s − 1, so stage j of step s is evaluation 6s + j throughout.

use crate::field::VectorField;
use crate::tableau::{A, C, N_STAGES, interpolant};

/// New evaluations per step.
const NEW: usize = N_STAGES - 1;

/// One accepted step, from t to t + h.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Step {
    pub(crate) t: f64,
    pub(crate) h: f64,
}

/// Where a data time lies: fraction θ of a step.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Output {
    pub(crate) step: usize,
    pub(crate) theta: f64,
}

/// The record of one trajectory.
#[derive(Debug, Clone)]
pub struct Tape {
    n: usize,
    field_len: usize,
    pub(crate) steps: Vec<Step>,
    /// Of every data time but the first.
    pub(crate) outputs: Vec<Output>,
    /// `[n_evaluations, n]`: where f was evaluated.
    states: Vec<f64>,
    /// `[n_evaluations, n]`: what it was.
    slopes: Vec<f64>,
    /// `[n_evaluations, tape_len]`: the field's own tapes.
    field_tapes: Vec<f64>,
}

impl Tape {
    pub(crate) fn new(field: &dyn VectorField) -> Self {
        let n = field.dim();
        Self {
            n,
            field_len: field.tape_len(),
            steps: Vec::new(),
            outputs: Vec::new(),
            states: Vec::new(),
            slopes: Vec::new(),
            field_tapes: Vec::new(),
        }
    }

    /// Number of accepted steps.
    pub fn n_steps(&self) -> usize {
        self.steps.len()
    }

    pub(crate) fn dim(&self) -> usize {
        self.n
    }

    /// Where stage `stage` of step `step` was evaluated, `[n]`.
    pub(crate) fn state(&self, step: usize, stage: usize) -> &[f64] {
        &self.states[(NEW * step + stage) * self.n..][..self.n]
    }

    /// kᵢ of stage `stage` of step `step`, `[n]`.
    pub(crate) fn slope(&self, step: usize, stage: usize) -> &[f64] {
        &self.slopes[(NEW * step + stage) * self.n..][..self.n]
    }

    /// The field's tape of stage `stage` of step `step`.
    pub(crate) fn field_tape(&self, step: usize, stage: usize) -> &[f64] {
        &self.field_tapes[(NEW * step + stage) * self.field_len..][..self.field_len]
    }

    /// Evaluates the field at (t, y₀), which must be the first evaluation.
    pub(crate) fn start(&mut self, field: &dyn VectorField, parameters: &[f64], t: f64, y0: &[f64]) {
        self.states.extend_from_slice(y0);
        self.evaluate(field, parameters, t, 0);
    }

    /// Evaluates the stages of a step behind the accepted ones; accept it by pushing it to `steps`.
    pub(crate) fn attempt(&mut self, field: &dyn VectorField, parameters: &[f64], Step { t, h }: Step) {
        let step = self.steps.len();
        let first = NEW * step;
        // stages of a rejected attempt are overwritten
        self.states.resize((first + N_STAGES) * self.n, 0.0);
        let mut state = vec![0.0; self.n];
        for stage in 1..N_STAGES {
            self.weighted_slopes(step, &A[stage][..stage], &mut state);
            state.iter_mut().zip(self.state(step, 0)).for_each(|(new, y)| *new = y + h * *new);
            self.states[(first + stage) * self.n..][..self.n].copy_from_slice(&state);
            self.evaluate(field, parameters, t + C[stage] * h, first + stage);
        }
    }

    /// `out` = Σⱼ weightsⱼ kⱼ over the first stages of a step.
    pub(crate) fn weighted_slopes(&self, step: usize, weights: &[f64], out: &mut [f64]) {
        out.fill(0.0);
        for (stage, &weight) in weights.iter().enumerate() {
            out.iter_mut().zip(self.slope(step, stage)).for_each(|(o, k)| *o += weight * k);
        }
    }

    /// `out` = y(t + θh) inside a step whose stages are evaluated.
    pub(crate) fn interpolate(&self, step: usize, h: f64, theta: f64, out: &mut [f64]) {
        self.weighted_slopes(step, &interpolant(theta), out);
        out.iter_mut().zip(self.state(step, 0)).for_each(|(o, y)| *o = y + h * *o);
    }

    /// The states at the data times, `[n_times * n]`, for other parameters or another initial state
    /// but the *same* steps: the function whose derivative [`Tape::pullback`] gives.
    pub fn replay(&self, field: &dyn VectorField, parameters: &[f64], y0: &[f64]) -> Vec<f64> {
        let mut states = y0.to_vec();
        let mut again = Tape::new(field);
        if let Some(first) = self.steps.first() {
            again.start(field, parameters, first.t, y0);
        }
        let mut outputs = self.outputs.iter().peekable();
        for (s, &step) in self.steps.iter().enumerate() {
            again.attempt(field, parameters, step);
            while let Some(output) = outputs.next_if(|output| output.step == s) {
                let at = states.len();
                states.resize(at + self.n, 0.0);
                again.interpolate(s, step.h, output.theta, &mut states[at..]);
            }
            again.steps.push(step);
        }
        states
    }

    /// Evaluates f at the state already stored as evaluation `index`, over what was there.
    fn evaluate(&mut self, field: &dyn VectorField, parameters: &[f64], t: f64, index: usize) {
        let (n, len) = (self.n, self.field_len);
        if self.slopes.len() < (index + 1) * n {
            self.slopes.resize((index + 1) * n, 0.0);
        }
        if self.field_tapes.len() < (index + 1) * len {
            self.field_tapes.resize((index + 1) * len, 0.0);
        }
        let slope = &mut self.slopes[index * n..][..n];
        let tape = &mut self.field_tapes[index * len..][..len];
        field.rhs(parameters, t, &self.states[index * n..][..n], slope, tape);
    }
}
