//! Programs over tensors: one entry per sample of a batch, on any device.
//!
//! The same values and the same backward product as [`Program::evaluate`] and [`Program::vjp`], with the
//! conventions of [`crate`] where a derivative does not exist. Where those choose an operation per number, these
//! compute all branches and select. Nothing here is recorded for candle's own differentiation.

mod elementary;
mod operation;

use candle_core::{Result, Tensor};

use crate::operation::{Operation, Register};
use crate::program::Program;
use elementary::is_zero;
use operation::{Slope, product};

pub use elementary::{log1p, sigmoid, softplus};

impl Program {
    /// Computes all values, `[n_values]` tensors of shape `[B]`, float64.
    ///
    /// # Shapes
    /// `inputs` `[n_inputs]` tensors of shape `[B]`, at least one.
    pub fn evaluate_tensors(&self, inputs: &[Tensor]) -> Result<Vec<Tensor>> {
        let mut values: Vec<Tensor> = inputs.to_vec();
        values.reserve(self.operations.len());
        for operation in &self.operations {
            let at = |r: Register| &values[r as usize];
            let value = match *operation {
                // the place of an input that nothing reads
                Operation::Input => inputs[0].zeros_like()?,
                Operation::Constant(value) => elementary::constant(&inputs[0], value)?,
                Operation::Unary(unary, a) => unary.value_of(at(a))?,
                Operation::Power(a, c) => at(a).powf(c)?,
                Operation::Binary(binary, a, b) => binary.value_of(at(a), at(b))?,
                Operation::Select(a, b, c) => is_zero(at(a))?.where_cond(at(c), at(b))?,
            };
            values.push(value);
        }
        Ok(values)
    }

    /// Output `k` of an evaluation.
    pub fn output_tensor<'a>(&self, k: usize, values: &'a [Tensor]) -> &'a Tensor {
        &values[self.outputs[k] as usize]
    }

    /// The cotangents of the inputs that come from those of the outputs; `None` for 0.
    ///
    /// # Shapes
    /// `values` `[n_values]` of an evaluation, `cotangents` `[n_outputs]`, all tensors of shape `[B]`; returns
    /// `[n_inputs]`.
    pub fn vjp_tensors(&self, values: &[Tensor], cotangents: &[Tensor]) -> Result<Vec<Option<Tensor>>> {
        let n_inputs = self.inputs.len();
        let varies = self.varying();
        let mut bars: Vec<Option<Tensor>> = vec![None; self.n_values()];
        let add = |bars: &mut [Option<Tensor>], r: Register, g: Option<Tensor>| -> Result<()> {
            let Some(g) = g.filter(|_| varies[r as usize]) else { return Ok(()) };
            let bar = &mut bars[r as usize];
            *bar = Some(match bar.take() {
                Some(bar) => (bar + g)?,
                None => g,
            });
            Ok(())
        };
        for (g, &register) in cotangents.iter().zip(&self.outputs) {
            add(&mut bars, register, Some(g.clone()))?;
        }
        for (i, operation) in self.operations.iter().enumerate().rev() {
            let Some(g) = bars[n_inputs + i].take() else { continue };
            let (v, at) = (&values[n_inputs + i], |r: Register| &values[r as usize]);
            match *operation {
                Operation::Input | Operation::Constant(_) => {}
                Operation::Unary(unary, a) => add(&mut bars, a, unary.slope_of(at(a), v)?.times(&g)?)?,
                Operation::Power(a, c) => {
                    let slope = at(a).powf(c - 1.0)?.affine(c, 0.0)?;
                    add(&mut bars, a, Some(product(&g, &slope)?))?;
                }
                Operation::Binary(binary, a, b) => {
                    let (by_a, by_b) = binary.slopes_of(at(a), at(b), v)?;
                    for (r, slope) in [(a, by_a), (b, by_b)] {
                        let slope = if varies[r as usize] { slope } else { Slope::Zero };
                        add(&mut bars, r, slope.times(&g)?)?;
                    }
                }
                Operation::Select(a, b, c) => {
                    let (unchosen, zeros) = (is_zero(at(a))?, g.zeros_like()?);
                    add(&mut bars, b, Some(unchosen.where_cond(&zeros, &g)?))?;
                    add(&mut bars, c, Some(unchosen.where_cond(&g, &zeros)?))?;
                }
            }
        }
        bars.truncate(n_inputs);
        Ok(bars)
    }

    /// Which values depend on an input.
    fn varying(&self) -> Vec<bool> {
        let mut varies = vec![true; self.inputs.len()];
        for operation in &self.operations {
            let of = |r: Register| varies[r as usize];
            let this = match *operation {
                Operation::Input | Operation::Constant(_) => false,
                Operation::Unary(_, a) | Operation::Power(a, _) => of(a),
                Operation::Binary(_, a, b) => of(a) || of(b),
                Operation::Select(_, b, c) => of(b) || of(c),
            };
            varies.push(this);
        }
        varies
    }
}
