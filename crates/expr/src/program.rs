//! Straight-line code with its two derivative products.
//!
//! A program of inputs x and outputs y computes values v₀ … v_{m−1}: first the inputs, then one
//! value per operation, vᵢ = φᵢ(earlier values). With uᵢ the tangents and v̄ᵢ the adjoints of them,
//!
//! - forwards: uᵢ = Σⱼ ∂φᵢ/∂vⱼ·uⱼ, which turns tangents of x into those of y;
//! - backwards: v̄ⱼ += ∂φᵢ/∂vⱼ·v̄ᵢ, which turns cotangents of y into those of x
//!
//! (A. Griewank, A. Walther, *Evaluating Derivatives*, 2nd ed. (2008), tables 3.4 and 3.5). Both use
//! the stored values and evaluate nothing again.

use crate::compile::Builder;
use crate::error::ExprError;
use crate::lane::Lane;
use crate::operation::{Operation, Register, power_slope, product};
use crate::tree::Expression;

/// Compiled expressions of one list of input symbols.
#[derive(Debug, Clone)]
pub struct Program {
    pub(crate) inputs: Vec<String>,
    pub(crate) used_inputs: Vec<bool>,
    pub(crate) operations: Vec<Operation>,
    pub(crate) outputs: Vec<Register>,
}

impl Program {
    /// Compiles `outputs` over the symbols `inputs`; each of the `definitions` may be used by those
    /// after it.
    pub fn compile(
        inputs: &[&str],
        definitions: &[(&str, &Expression)],
        outputs: &[&Expression],
    ) -> Result<Self, ExprError> {
        let mut builder = Builder::new(inputs)?;
        definitions.iter().try_for_each(|(name, expression)| builder.define(name, expression))?;
        outputs.iter().try_for_each(|expression| builder.output(expression))?;
        Ok(builder.finish())
    }

    /// The input symbols.
    pub fn inputs(&self) -> &[String] {
        &self.inputs
    }

    /// Number of outputs.
    pub fn n_outputs(&self) -> usize {
        self.outputs.len()
    }

    /// Number of values of one evaluation, inputs included.
    pub fn n_values(&self) -> usize {
        self.inputs.len() + self.operations.len()
    }

    /// Whether any output depends on input `i`.
    pub fn uses(&self, i: usize) -> bool {
        self.used_inputs[i]
    }

    /// Computes all values.
    ///
    /// # Shapes
    /// `inputs` `[n_inputs]`, `values` `[n_values]`.
    #[inline(always)]
    pub fn evaluate<L: Lane>(&self, inputs: &[L], values: &mut [L]) {
        let n_inputs = self.inputs.len();
        values[..n_inputs].copy_from_slice(inputs);
        for (i, operation) in self.operations.iter().enumerate() {
            let (before, this) = values.split_at_mut(n_inputs + i);
            let at = |r: Register| before[r as usize];
            this[0] = match *operation {
                Operation::Input => continue,
                Operation::Constant(value) => L::splat(value),
                Operation::Unary(unary, a) => unary.value(at(a)),
                Operation::Power(a, c) => at(a).map(|x| x.powf(c)),
                Operation::Binary(binary, a, b) => binary.value(at(a), at(b)),
                Operation::Select(a, b, c) => at(a).zip3(at(b), at(c), |a, b, c| if a != 0.0 { b } else { c }),
            };
        }
    }

    /// Output `k` of an evaluation.
    #[inline(always)]
    pub fn output<L: Lane>(&self, k: usize, values: &[L]) -> L {
        values[self.outputs[k] as usize]
    }

    /// Tangents of the outputs from those of the inputs, in one direction or one per lane.
    ///
    /// # Shapes
    /// `values` `[n_values]` of an evaluation, `tangents` `[n_inputs]`, `scratch` `[n_values]`,
    /// `out` `[n_outputs]`.
    #[inline(always)]
    pub fn jvp<L: Lane>(&self, values: &[f64], tangents: &[L], scratch: &mut [L], out: &mut [L]) {
        let n_inputs = self.inputs.len();
        let zero = L::splat(0.0);
        let scaled = |tangent: L, slope: f64| tangent.map(|u| if u == 0.0 || slope == 0.0 { 0.0 } else { u * slope });
        scratch[..n_inputs].copy_from_slice(tangents);
        for (i, operation) in self.operations.iter().enumerate() {
            let (before, this) = scratch.split_at_mut(n_inputs + i);
            let v = values[n_inputs + i];
            let at = |r: Register| values[r as usize];
            let tangent = |r: Register| before[r as usize];
            this[0] = match *operation {
                Operation::Input => continue,
                Operation::Constant(_) => zero,
                Operation::Unary(unary, a) => scaled(tangent(a), unary.slope(at(a), v)),
                Operation::Power(a, c) => scaled(tangent(a), power_slope(at(a), c)),
                Operation::Binary(binary, a, b) => {
                    let (by_a, by_b) = binary.slopes(at(a), at(b), v);
                    scaled(tangent(a), by_a).zip(scaled(tangent(b), by_b), |a, b| a + b)
                }
                Operation::Select(a, b, c) => tangent(if at(a) != 0.0 { b } else { c }),
            };
        }
        for (out, &register) in out.iter_mut().zip(&self.outputs) {
            *out = scratch[register as usize];
        }
    }

    /// Adds the cotangents of the inputs that come from those of the outputs.
    ///
    /// # Shapes
    /// `values` `[n_values]` of an evaluation, `cotangents` `[n_outputs]`, `scratch` `[n_values]`,
    /// `input_bar` `[n_inputs]`, added to.
    #[inline(always)]
    pub fn vjp<L: Lane>(&self, values: &[L], cotangents: &[L], scratch: &mut [L], input_bar: &mut [L]) {
        let n_inputs = self.inputs.len();
        scratch[..self.n_values()].fill(L::splat(0.0));
        let add = |scratch: &mut [L], r: Register, g: L| {
            let bar = &mut scratch[r as usize];
            *bar = bar.zip(g, |bar, g| bar + g);
        };
        for (&g, &register) in cotangents.iter().zip(&self.outputs) {
            add(scratch, register, g);
        }
        for (i, operation) in self.operations.iter().enumerate().rev() {
            let (g, v) = (scratch[n_inputs + i], values[n_inputs + i]);
            let at = |r: Register| values[r as usize];
            match *operation {
                Operation::Input | Operation::Constant(_) => {}
                Operation::Unary(unary, a) => add(scratch, a, product(g, unary.slope(at(a), v))),
                Operation::Power(a, c) => add(scratch, a, product(g, power_slope(at(a), c))),
                Operation::Binary(binary, a, b) => {
                    let (by_a, by_b) = binary.slopes(at(a), at(b), v);
                    add(scratch, a, product(g, by_a));
                    add(scratch, b, product(g, by_b));
                }
                Operation::Select(a, b, c) => {
                    let chosen = at(a);
                    add(scratch, b, chosen.zip(g, |a, g| if a != 0.0 { g } else { 0.0 }));
                    add(scratch, c, chosen.zip(g, |a, g| if a != 0.0 { 0.0 } else { g }));
                }
            }
        }
        for (bar, &g) in input_bar.iter_mut().zip(&scratch[..n_inputs]) {
            *bar = bar.zip(g, |bar, g| bar + g);
        }
    }
}
