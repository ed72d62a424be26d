//! One evaluation of the multilayer perceptron, its reverse and its tangents, in either type.

use std::cell::RefCell;

use surprisal_core::Precision;

use super::activation::Activation;
use super::lanes::Row;
use super::mlp::{Layer, Mlp};
use super::number::Number;

impl Mlp {
    /// The values of a layer's input in a tape.
    fn input<'a, T: Number>(layer: &Layer, tape: &'a [f64]) -> &'a [T] {
        &T::numbers(&tape[layer.input..])[..layer.n_in]
    }

    /// f; fills the tape.
    pub(super) fn forward<T: Number>(&self, parameters: &[f64], t: f64, y: &[f64], dy: &mut [f64], tape: &mut [f64]) {
        let (values, slopes) = tape.split_at_mut(self.n_inputs);
        let (values, slopes) = (T::numbers_mut(values), T::numbers_mut(slopes));
        values[..self.n_states].iter_mut().zip(y).for_each(|(x, &y)| *x = T::of(y));
        if self.time_input {
            values[self.n_states] = T::of(t);
        }
        for (k, layer) in self.layers.iter().enumerate() {
            let weight = &parameters[layer.weight..layer.bias()];
            let bias = &parameters[layer.bias()..][..layer.n_out];
            let rows = weight.chunks_exact(layer.n_in).zip(bias);
            let (below, above) = values.split_at_mut(T::UNITS * (layer.input + T::slots(layer.n_in)));
            let input = &below[T::UNITS * layer.input..][..layer.n_in];
            let Some(next) = self.layers.get(k + 1) else {
                for (dy, (row, &b)) in dy.iter_mut().zip(rows) {
                    *dy = (T::of(b) + dot(row, input, T::of)).wide();
                }
                return;
            };
            let output = &mut above[..layer.n_out];
            for (z, (row, &b)) in output.iter_mut().zip(rows) {
                *z = T::of(b) + dot(row, input, T::of);
            }
            if !self.activation.derivative_follows_from_value() {
                let slope = &mut slopes[T::UNITS * (next.slope - self.n_inputs)..][..layer.n_out];
                slope.iter_mut().zip(&*output).for_each(|(s, z)| *s = T::of(self.activation.derivative(z.wide())));
            }
            if self.activation == Activation::Tanh {
                T::tanh_slice(output);
            } else {
                output.iter_mut().for_each(|z| *z = T::of(self.activation.value(z.wide())));
            }
        }
    }

    /// `y_bar` = vᵀJ and `parameter_bar` += vᵀP.
    pub(super) fn reverse<T: Number>(
        &self,
        parameters: &[f64],
        tape: &[f64],
        cotangent: &[f64],
        y_bar: &mut [f64],
        parameter_bar: &mut [f64],
    ) {
        with_scratch(2 * self.width, |scratch| {
            let (mut z_bar, mut x_bar) = T::numbers_mut(scratch).split_at_mut(self.width);
            z_bar[..self.n_out].iter_mut().zip(cotangent).for_each(|(z, &v)| *z = T::of(v));
            for (k, layer) in self.layers.iter().enumerate().rev() {
                let weight = &parameters[layer.weight..layer.bias()];
                let input = Self::input::<T>(layer, tape);
                let (weight_bar, rest) = parameter_bar[layer.weight..].split_at_mut(layer.n_in * layer.n_out);
                let below = &mut x_bar[..layer.n_in];
                below.fill(T::default());
                for (i, &z) in z_bar[..layer.n_out].iter().enumerate() {
                    rest[i] += z.wide();
                    let bar = &mut weight_bar[i * layer.n_in..][..layer.n_in];
                    bar.iter_mut().zip(input).for_each(|(bar, &x)| *bar += (z * x).wide());
                    let row = &weight[i * layer.n_in..][..layer.n_in];
                    below.iter_mut().zip(row).for_each(|(below, &w)| *below += z * T::of(w));
                }
                if k > 0 {
                    self.scale_by_slope::<T, _>(layer, tape, below, |s, slope| T::of(slope) * s);
                }
                std::mem::swap(&mut z_bar, &mut x_bar);
            }
            y_bar.iter_mut().zip(&z_bar[..self.n_states]).for_each(|(y, z)| *y = z.wide());
        });
    }

    /// Ju in float64, at the weights and values of `T`; t is held fixed.
    pub(super) fn change<T: Number>(&self, parameters: &[f64], tape: &[f64], tangent: &[f64], dy_dot: &mut [f64]) {
        with_scratch(2 * self.width, |scratch| {
            let (mut x_dot, mut z_dot) = scratch.split_at_mut(self.width);
            x_dot[..tangent.len()].copy_from_slice(tangent);
            x_dot[tangent.len()..self.layers[0].n_in].fill(0.0);
            for (k, layer) in self.layers.iter().enumerate() {
                let x = &mut x_dot[..layer.n_in];
                if k > 0 {
                    self.scale_by_slope::<T, _>(layer, tape, x, |s, slope| slope * s);
                }
                let weight = &parameters[layer.weight..layer.bias()];
                for (z, row) in z_dot.iter_mut().zip(weight.chunks_exact(layer.n_in)) {
                    *z = dot(row, x, |w| T::of(w).wide());
                }
                std::mem::swap(&mut x_dot, &mut z_dot);
            }
            dy_dot.copy_from_slice(&x_dot[..self.n_out]);
        });
    }

    /// Tangents of the outputs from those of the inputs, in the direction of every lane.
    ///
    /// # Shapes
    /// `tape` of an evaluation, `x_dot` `[n_inputs]`, `scratch` of at least [`Mlp::tangent_rows`],
    /// `out` `[n_outputs]`.
    #[inline(always)]
    pub(crate) fn tangents(
        &self,
        parameters: &[f64],
        tape: &[f64],
        x_dot: &[Row],
        scratch: &mut [Row],
        out: &mut [Row],
    ) {
        match self.dtype {
            Precision::Float32 => self.tangents_at::<f32>(parameters, tape, x_dot, scratch, out),
            Precision::Float64 => self.tangents_at::<f64>(parameters, tape, x_dot, scratch, out),
        }
    }

    #[inline(always)]
    fn tangents_at<T: Number>(
        &self,
        parameters: &[f64],
        tape: &[f64],
        x_dot: &[Row],
        scratch: &mut [Row],
        out: &mut [Row],
    ) {
        let (mut x, mut z) = scratch.split_at_mut(self.width);
        x[..x_dot.len()].copy_from_slice(x_dot);
        for (k, layer) in self.layers.iter().enumerate() {
            let weight = &parameters[layer.weight..layer.bias()];
            if k > 0 {
                self.scale_by_slope::<T, _>(layer, tape, &mut x[..layer.n_in], |mut row: Row, slope| {
                    row.0.iter_mut().for_each(|u| *u *= slope);
                    row
                });
            }
            for (z, weights) in z.iter_mut().zip(weight.chunks_exact(layer.n_in)) {
                let mut sum = Row::ZERO;
                weights.iter().zip(&*x).for_each(|(&w, x)| sum.add_scaled(T::of(w).wide(), x));
                *z = sum;
            }
            std::mem::swap(&mut x, &mut z);
        }
        out.copy_from_slice(&x[..self.n_out]);
    }

    /// `signal` = `scaled(signal, σ′)` at the input of a layer behind the first.
    #[inline(always)]
    pub(super) fn scale_by_slope<T: Number, X: Copy>(
        &self,
        layer: &Layer,
        tape: &[f64],
        signal: &mut [X],
        scaled: impl Fn(X, f64) -> X,
    ) {
        let values = Self::input::<T>(layer, tape);
        if self.activation.derivative_follows_from_value() {
            for (s, a) in signal.iter_mut().zip(values) {
                *s = scaled(*s, self.activation.derivative_from_value(a.wide()).unwrap_or(f64::NAN));
            }
        } else {
            let slopes = &T::numbers(&tape[layer.slope..])[..layer.n_in];
            signal.iter_mut().zip(slopes).for_each(|(s, slope)| *s = scaled(*s, slope.wide()));
        }
    }
}

thread_local! {
    /// What the products of single evaluations on this thread write to.
    static SCRATCH: RefCell<Vec<f64>> = const { RefCell::new(vec![]) };
}

/// Calls `f` with `length` slots of any content.
fn with_scratch<R>(length: usize, f: impl FnOnce(&mut [f64]) -> R) -> R {
    SCRATCH.with_borrow_mut(|scratch| {
        scratch.resize(scratch.len().max(length), 0.0);
        f(&mut scratch[..length])
    })
}

/// Σ w(aᵢ)bᵢ in eight partial sums, which the compiler keeps in vector registers.
#[inline(always)]
fn dot<T: Number>(a: &[f64], b: &[T], w: impl Fn(f64) -> T) -> T {
    let mut partial = [T::default(); 8];
    let (a_chunks, b_chunks) = (a.chunks_exact(8), b.chunks_exact(8));
    let tail: T = a_chunks.remainder().iter().zip(b_chunks.remainder()).map(|(&x, &y)| w(x) * y).sum();
    for (a, b) in a_chunks.zip(b_chunks) {
        for l in 0..8 {
            partial[l] += w(a[l]) * b[l];
        }
    }
    partial.iter().copied().sum::<T>() + tail
}
