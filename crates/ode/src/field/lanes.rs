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

    /// Adds the remembered Σ vᵀP to `parameter_bar` `[p]` and forgets it.
    fn take_gradient(&mut self, parameter_bar: &mut [f64]);
}
