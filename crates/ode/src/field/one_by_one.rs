//! Any field over eight lanes, evaluated one lane after the other.
//!
//! The tape of a lane is t, then y, then the field's own.

use super::VectorField;
use super::lanes::{LANES, LaneField, Row};

pub(crate) struct OneByOne<'a> {
    field: &'a dyn VectorField,
    parameters: &'a [f64],
    gradient: Vec<f64>,
}

impl<'a> OneByOne<'a> {
    pub(crate) fn new(field: &'a dyn VectorField, parameters: &'a [f64]) -> Self {
        Self { field, parameters, gradient: vec![0.0; parameters.len()] }
    }
}

fn column(rows: &[Row], l: usize) -> Vec<f64> {
    rows.iter().map(|row| row.0[l]).collect()
}

fn set_column(rows: &mut [Row], l: usize, values: &[f64]) {
    rows.iter_mut().zip(values).for_each(|(row, &value)| row.0[l] = value);
}

impl LaneField for OneByOne<'_> {
    fn tape_rows(&self) -> usize {
        1 + self.field.dim() + self.field.tape_len()
    }

    fn rhs(&mut self, t: &Row, y: &[Row], dy: &mut [Row], tape: &mut [Row]) {
        let n = y.len();
        let (mut slope, mut own) = (vec![0.0; n], vec![0.0; self.field.tape_len()]);
        for l in 0..LANES {
            let state = column(y, l);
            self.field.rhs(self.parameters, t.0[l], &state, &mut slope, &mut own);
            set_column(dy, l, &slope);
            tape[0].0[l] = t.0[l];
            set_column(&mut tape[1..], l, &state);
            set_column(&mut tape[1 + n..], l, &own);
        }
    }

    fn vjp(&mut self, tape: &[Row], cotangent: &[Row], y_bar: &mut [Row]) {
        let n = y_bar.len();
        let mut bar = vec![0.0; n];
        for l in 0..LANES {
            let (v, state, own) = (column(cotangent, l), column(&tape[1..1 + n], l), column(&tape[1 + n..], l));
            bar.fill(0.0);
            // an idle lane has no cotangent, and no state to take a Jacobian at
            if v.iter().any(|&v| v != 0.0) {
                let gradient = &mut self.gradient;
                self.field.vjp(self.parameters, tape[0].0[l], &state, &own, &v, &mut bar, gradient);
            }
            set_column(y_bar, l, &bar);
        }
    }

    fn take_gradient(&mut self, parameter_bar: &mut [f64]) {
        parameter_bar.iter_mut().zip(&mut self.gradient).for_each(|(bar, g)| *bar += std::mem::take(g));
    }
}
