//! [`super::adjoint`] with the evaluations of eight stages at once.
//!
//! All stages are known before the reverse pass begins, and the first of a step is the last of the one before:
//! a trajectory of m steps has 1 + m (s − 1) evaluations one after the other, whose f and J are found eight at
//! a time. Only the cotangents go from stage to stage. What the parameters get of eight stages is one product.

use super::lane_lu::LaneLu;
use super::tape::StiffTape;
use crate::field::lanes::{LANES, LaneField, Row};

/// A field with what its evaluations at stages write to.
pub(super) struct StageLanes<'a> {
    /// Gives f and J.
    field: Box<dyn LaneField + 'a>,
    /// The same; remembers the gradient of the parameters.
    gradient: Box<dyn LaneField + 'a>,
    n: usize,
    t: Row,
    h_gamma: Row,
    /// `[n]`
    y: Vec<Row>,
    unused: Vec<Row>,
    tape: Vec<Row>,
    /// `[n, n]`
    jacobian: Vec<Row>,
    lu: LaneLu,
    /// `[n]`: of the slopes.
    cotangents: Vec<Row>,
}

/// Cotangents between two stages.
struct Sweep {
    /// `[n]`: ȳ.
    y: Vec<f64>,
    /// `[s, n]`: k̄.
    slopes: Vec<f64>,
    /// `[n]`: λ.
    lambda: Vec<f64>,
}

impl<'a> StageLanes<'a> {
    /// From two values of the same field.
    pub(super) fn new(field: Box<dyn LaneField + 'a>, gradient: Box<dyn LaneField + 'a>, n: usize) -> Self {
        let rows = |length| vec![Row::ZERO; length];
        let tape = rows(field.tape_rows());
        Self {
            field,
            gradient,
            n,
            t: Row::ZERO,
            h_gamma: Row::ZERO,
            y: rows(n),
            unused: rows(n),
            tape,
            jacobian: rows(n * n),
            lu: LaneLu::new(n),
            cotangents: rows(n),
        }
    }

    /// Adds what was remembered of ∂/∂θ to `parameter_bar`.
    pub(super) fn take_gradient(&mut self, parameter_bar: &mut [f64]) {
        self.gradient.take_gradient(parameter_bar);
    }

    /// Returns ∂/∂y₀ of Σ cotangent · states and remembers ∂/∂θ.
    pub(super) fn pullback(&mut self, tape: &StiffTape, cotangent: &[f64]) -> Vec<f64> {
        let (n, s) = (self.n, tape.tableau.n_stages());
        let mut outputs = cotangent.chunks_exact(n).rev();
        let mut sweep = Sweep { y: vec![0.0; n], slopes: vec![0.0; s * n], lambda: vec![0.0; n] };
        let n_evaluations = if tape.steps.is_empty() { 0 } else { 1 + tape.steps.len() * (s - 1) };
        let mut end = n_evaluations;
        while end > 0 {
            let first = end.saturating_sub(LANES);
            self.evaluate(tape, first, end);
            self.cotangents.fill(Row::ZERO);
            for evaluation in (first..end).rev() {
                let l = evaluation - first;
                let Some((step, stage)) = place(evaluation, s) else {
                    self.reverse_start(l, &mut sweep);
                    continue;
                };
                if stage == s - 1 {
                    // here begins the step behind
                    self.reverse_start(l, &mut sweep);
                    sweep.slopes.fill(0.0);
                    if tape.steps[step].is_output {
                        add(outputs.next().unwrap_or(&[]), &mut sweep.y);
                    }
                }
                self.reverse(tape, step, stage, l, &mut sweep);
            }
            self.gradient.vjp(&self.tape, &self.cotangents, &mut self.unused);
            end = first;
        }
        add(outputs.next().unwrap_or(&[]), &mut sweep.y);
        sweep.y
    }

    /// f, J and the factors of I − hγJ at evaluations `first` to `end` − 1.
    fn evaluate(&mut self, tape: &StiffTape, first: usize, end: usize) {
        let (n, tableau) = (self.n, tape.tableau);
        let s = tableau.n_stages();
        for l in 0..LANES {
            // lanes without an evaluation do another's, with a cotangent of 0
            let (step, stage) = place((first + l).min(end - 1), s).unwrap_or((0, 0));
            let h = tape.steps[step].h;
            self.t.0[l] = tape.steps[step].t + tableau.c[stage] * h;
            self.h_gamma.0[l] = h * tableau.gamma;
            let state = &tape.stages_of(step)[stage * n..];
            self.y.iter_mut().zip(state).for_each(|(row, &y)| row.0[l] = y);
        }
        self.field.rhs(&self.t, &self.y, &mut self.unused, &mut self.tape);
        self.field.jacobian(&self.tape, &mut self.jacobian);
        self.lu.factor(&self.h_gamma, &self.jacobian);
    }

    /// Takes the cotangents through the explicit first stage of a step, at the state of lane `l`.
    fn reverse_start(&mut self, l: usize, sweep: &mut Sweep) {
        let n = self.n;
        let cotangent = &sweep.slopes[..n];
        for (j, bar) in sweep.y.iter_mut().enumerate() {
            *bar += (0..n).map(|k| self.jacobian[k * n + j].0[l] * cotangent[k]).sum::<f64>();
        }
        self.cotangents.iter_mut().zip(cotangent).for_each(|(row, bar)| row.0[l] += bar);
    }

    /// Takes the cotangents through an implicit stage.
    fn reverse(&mut self, tape: &StiffTape, step: usize, stage: usize, l: usize, sweep: &mut Sweep) {
        let (n, tableau, h) = (self.n, tape.tableau, tape.steps[step].h);
        let h_gamma = h * tableau.gamma;
        let Sweep { y, slopes, lambda } = sweep;
        let (before, this) = slopes.split_at_mut(stage * n);
        let cotangent = &mut this[..n];
        if stage == tableau.n_stages() - 1 {
            // nothing else depends on the last slope
            lambda.copy_from_slice(y);
            y.fill(0.0);
        } else {
            for (j, lambda) in lambda.iter_mut().enumerate() {
                *lambda = (0..n).map(|k| self.jacobian[k * n + j].0[l] * cotangent[k]).sum();
            }
        }
        // where the matrix is singular, NaN
        self.lu.solve_transposed(l, lambda);
        for ((bar, &l_i), row) in cotangent.iter_mut().zip(&*lambda).zip(&mut self.cotangents) {
            *bar += h_gamma * l_i;
            row.0[l] += *bar;
        }
        for (&a, bar) in tableau.a[stage].iter().zip(before.chunks_exact_mut(n)) {
            bar.iter_mut().zip(&*lambda).for_each(|(bar, l)| *bar += h * a * l);
        }
        add(lambda, y);
    }
}

/// Step and stage of an evaluation of a method of s stages; `None` for the start of the first step.
fn place(evaluation: usize, s: usize) -> Option<(usize, usize)> {
    let later = evaluation.checked_sub(1)?;
    Some((later / (s - 1), 1 + later % (s - 1)))
}

/// `out` += x.
fn add(x: &[f64], out: &mut [f64]) {
    out.iter_mut().zip(x).for_each(|(out, x)| *out += x);
}
