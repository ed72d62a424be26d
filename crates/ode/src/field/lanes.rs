//! Eight evaluations of a field at once, one per lane of a vector register.
//!
//! A [`Row`] holds one quantity of eight trajectories. Weights are then loaded once for eight
//! products, and every sum of the solver is a vector operation.

pub use surprisal_core::lanes::{LANES, Row};

/// A field with its parameters, prepared to evaluate eight lanes at once.
///
/// # Shapes
/// In rows: `y`, `dy`, `cotangent`, `y_bar` are `[n]`; `tape` is `[tape_rows]`.
///
/// A column of a tape may hold anything in 64 bits per row; cleared to zeros it stands for nothing.
///
/// A lane may be idle: its `cotangent` is then 0 and its column of the tape all zeros, and it must
/// not contribute to the gradient.
pub trait LaneField {
    /// Rows of the tape of one evaluation.
    fn tape_rows(&self) -> usize;

    /// `dy` = f(t, y; θ) in every lane; fills the tape.
    fn rhs(&mut self, t: &Row, y: &[Row], dy: &mut [Row], tape: &mut [Row]);

    /// `y_bar` = vᵀJ in every lane; vᵀP is remembered, summed over lanes and calls.
    fn vjp(&mut self, tape: &[Row], cotangent: &[Row], y_bar: &mut [Row]);

    /// `y_bar` = vᵀJ alone, in every lane. What [`vjp`](LaneField::vjp) remembered is worth nothing
    /// afterwards: who wants Jacobians and gradients keeps one value of the field for each.
    fn pull_back(&mut self, tape: &[Row], cotangent: &[Row], y_bar: &mut [Row]) {
        self.vjp(tape, cotangent, y_bar);
    }

    /// `jacobian` = J `[n, n]`, row-major, in every lane, as [`pull_back`](LaneField::pull_back) gives it.
    fn jacobian(&mut self, tape: &[Row], jacobian: &mut [Row]) {
        let n = jacobian.len().isqrt();
        let mut unit = vec![Row::ZERO; n];
        for (i, row) in jacobian.chunks_exact_mut(n).enumerate() {
            unit[i] = Row::splat(1.0);
            self.pull_back(tape, &unit, row);
            unit[i] = Row::ZERO;
        }
    }

    /// Adds the remembered Σ vᵀP to `parameter_bar` `[p]` and forgets it.
    fn take_gradient(&mut self, parameter_bar: &mut [f64]);
}
