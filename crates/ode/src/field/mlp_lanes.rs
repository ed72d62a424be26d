//! The multilayer perceptron over eight lanes.
//!
//! Same tape as [`super::mlp`], in rows. Weights are packed once, in both orientations. Weight
//! gradients are not formed per evaluation: cotangents and inputs of some evaluations are kept, and their
//! outer products summed in registers.

use pulp::{Arch, Simd, WithSimd};

use super::activation::Activation;
use super::lanes::{LANES, LaneField, Row};
use super::mlp::Mlp;
use super::number::Number;
use super::products::{Packed, add_outer_products};

/// Outer products that are added at once, times the units of a slot: as much memory in both types.
const DEFERRED: usize = 16;

pub(crate) struct MlpLanes<'a, T> {
    pub(super) mlp: &'a Mlp,
    pub(super) layers: Vec<LaneLayer<T>>,
    /// `[2, slots(width)]`: what the layers' numbers go through.
    scratch: Vec<Row>,
    gradient: Vec<f64>,
    n_deferred: usize,
    /// Every so many outer products, the first is one of cotangents of z, whose sum is that of the bias.
    per_bias: usize,
    pub(super) arch: Arch,
}

pub(super) struct LaneLayer<T> {
    pub(super) forward: Packed<T>,
    pub(super) backward: Packed<T>,
    /// `[n_out]`, in the first numbers of slots.
    pub(super) bias: Vec<f64>,
    /// `[n_deferred, slots(n_out)]`: cotangents of z.
    pub(super) cotangents: Vec<Row>,
    /// `[n_deferred, slots(n_in)]`: inputs x.
    pub(super) inputs: Vec<Row>,
}

impl<'a, T: Number> MlpLanes<'a, T> {
    pub(crate) fn new(mlp: &'a Mlp, parameters: &'a [f64]) -> Self {
        Self::with_products(mlp, parameters, 1)
    }

    /// With `per_bias` outer products for each that the bias takes part in.
    pub(super) fn with_products(mlp: &'a Mlp, parameters: &'a [f64], per_bias: usize) -> Self {
        let layers = mlp
            .layers
            .iter()
            .enumerate()
            .map(|(k, layer)| {
                let (n_in, n_out) = (layer.n_in, layer.n_out);
                let weight = &parameters[layer.weight..layer.bias()];
                // nobody asks for the cotangent of t
                let n_states_in = if k == 0 { mlp.n_states } else { n_in };
                let bias = &parameters[layer.bias()..][..n_out];
                LaneLayer {
                    forward: Packed::new(n_out, n_in, |i, j| weight[i * n_in + j]),
                    backward: Packed::new(n_states_in, n_out, |i, j| weight[j * n_in + i]),
                    bias: bias.iter().map(|&b| T::slot(|unit| if unit == 0 { b } else { 0.0 })).collect(),
                    cotangents: vec![],
                    inputs: vec![],
                }
            })
            .collect();
        Self {
            mlp,
            layers,
            scratch: vec![Row::ZERO; 2 * T::slots(mlp.width)],
            gradient: vec![0.0; parameters.len()],
            n_deferred: 0,
            per_bias,
            arch: Arch::new(),
        }
    }

    /// The place for `n` more outer products.
    #[inline(always)]
    pub(super) fn defer<S: Simd>(&mut self, simd: S, n: usize) -> usize {
        let most = DEFERRED * T::UNITS;
        if self.n_deferred + n > most {
            self.flush(simd);
        }
        if self.n_deferred == 0 {
            // a solve without a reverse pass never needs them
            for (layer, lanes) in self.mlp.layers.iter().zip(&mut self.layers) {
                lanes.cotangents.resize(most * T::slots(layer.n_out), Row::ZERO);
                lanes.inputs.resize(most * T::slots(layer.n_in), Row::ZERO);
            }
        }
        self.n_deferred += n;
        self.n_deferred - n
    }

    /// Adds the deferred outer products to the gradient.
    #[inline(always)]
    fn flush<S: Simd>(&mut self, simd: S) {
        let n = std::mem::take(&mut self.n_deferred);
        if n == 0 {
            return;
        }
        for (layer, lanes) in self.mlp.layers.iter().zip(&self.layers) {
            let (n_in, n_out) = (layer.n_in, layer.n_out);
            let (d_len, a_len) = (T::slots(n_out), T::slots(n_in));
            let (d, a) = (&lanes.cotangents[..n * d_len], &lanes.inputs[..n * a_len]);
            let (weight_bar, rest) = self.gradient[layer.weight..].split_at_mut(n_in * n_out);
            add_outer_products::<T, S>(simd, n_out, n_in, d, a, weight_bar);
            for (i, bars) in rest[..n_out].chunks_mut(T::UNITS).enumerate() {
                for part in 0..LANES / S::F64_LANES {
                    let mut sum = simd.splat_f64s(0.0);
                    for product in (0..n).step_by(self.per_bias) {
                        sum = T::add_rows(simd, sum, S::as_simd_f64s(&d[product * d_len + i].0).0[part]);
                    }
                    bars.iter_mut().zip(T::sums(simd, sum)).for_each(|(bar, sum)| *bar += sum);
                }
            }
        }
    }

    /// Rows of `x`, then of t where it is an input.
    #[inline(always)]
    fn pack_input(&self, t: &Row, x: &[Row], rows: &mut [Row]) {
        T::pack(x, &mut rows[..T::slots(x.len())]);
        if self.mlp.time_input {
            let (slot, unit) = (x.len() / T::UNITS, x.len() % T::UNITS);
            let numbers = T::numbers_mut(&mut rows[slot].0);
            if unit == 0 {
                numbers.fill(T::default());
            }
            numbers[unit..].iter_mut().step_by(T::UNITS).zip(&t.0).for_each(|(number, &t)| *number = T::of(t));
        }
    }

    /// `signal` *= σ′ at the input of layer `k` > 0.
    #[inline(always)]
    pub(super) fn scale_by_slope<S: Simd>(mlp: &Mlp, simd: S, k: usize, tape: &[Row], signal: &mut [Row]) {
        let layer = &mlp.layers[k];
        let values = &tape[layer.input..][..T::slots(layer.n_in)];
        if mlp.activation == Activation::Tanh {
            for (bar, a) in signal.iter_mut().zip(values) {
                let (bar, a) = (S::as_mut_simd_f64s(&mut bar.0).0, S::as_simd_f64s(&a.0).0);
                for (bar, &a) in bar.iter_mut().zip(a) {
                    *bar = T::negate_mul_add_rows(simd, T::mul_rows(simd, *bar, a), a, *bar);
                }
            }
        } else if mlp.activation.derivative_follows_from_value() {
            for (bar, a) in signal.iter_mut().zip(values) {
                T::zip(a, bar, |a, bar| bar * mlp.activation.derivative_from_value(a).unwrap_or(f64::NAN));
            }
        } else {
            for (bar, slope) in signal.iter_mut().zip(&tape[layer.slope..]) {
                let (bar, slope) = (S::as_mut_simd_f64s(&mut bar.0).0, S::as_simd_f64s(&slope.0).0);
                for (bar, &slope) in bar.iter_mut().zip(slope) {
                    *bar = T::mul_rows(simd, *bar, slope);
                }
            }
        }
    }
}

impl<T: Number> LaneField for MlpLanes<'_, T> {
    fn tape_rows(&self) -> usize {
        self.mlp.tape_len
    }

    fn rhs(&mut self, t: &Row, y: &[Row], dy: &mut [Row], tape: &mut [Row]) {
        T::dispatch(self.arch, Forward { field: self, t, y, dy, tape });
    }

    fn vjp(&mut self, tape: &[Row], cotangent: &[Row], y_bar: &mut [Row]) {
        T::dispatch(self.arch, Backward { field: self, tape, cotangent, y_bar });
    }

    fn pull_back(&mut self, tape: &[Row], cotangent: &[Row], y_bar: &mut [Row]) {
        T::dispatch(self.arch, PullBack { field: self, tape, cotangent, y_bar });
    }

    fn take_gradient(&mut self, parameter_bar: &mut [f64]) {
        T::dispatch(self.arch, Flush { field: self });
        parameter_bar.iter_mut().zip(&mut self.gradient).for_each(|(bar, g)| *bar += std::mem::take(g));
    }
}

struct Forward<'f, 'a, T> {
    field: &'f mut MlpLanes<'a, T>,
    t: &'f Row,
    y: &'f [Row],
    dy: &'f mut [Row],
    tape: &'f mut [Row],
}

impl<T: Number> WithSimd for Forward<'_, '_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let mlp = self.field.mlp;
        let (values, slopes) = self.tape.split_at_mut(mlp.n_inputs);
        self.field.pack_input(self.t, self.y, values);
        for (k, (layer, lanes)) in mlp.layers.iter().zip(&self.field.layers).enumerate() {
            let (below, above) = values.split_at_mut(layer.input + T::slots(layer.n_in));
            let (input, n_out) = (&below[layer.input..], T::slots(layer.n_out));
            let Some(next) = mlp.layers.get(k + 1) else {
                let out = &mut self.field.scratch[..n_out];
                lanes.forward.multiply(simd, Some(&lanes.bias), input, out);
                T::unpack(out, self.dy);
                return;
            };
            let output = &mut above[..n_out];
            lanes.forward.multiply(simd, Some(&lanes.bias), input, output);
            if mlp.activation == Activation::Tanh {
                T::tanh(simd, output);
                continue;
            }
            if !mlp.activation.derivative_follows_from_value() {
                let slope = &mut slopes[next.slope - mlp.n_inputs..][..n_out];
                slope.iter_mut().zip(&*output).for_each(|(s, z)| T::zip(z, s, |z, _| mlp.activation.derivative(z)));
            }
            for z in output {
                let old = *z;
                T::zip(&old, z, |z, _| mlp.activation.value(z));
            }
        }
    }
}

struct Backward<'f, 'a, T> {
    field: &'f mut MlpLanes<'a, T>,
    tape: &'f [Row],
    cotangent: &'f [Row],
    y_bar: &'f mut [Row],
}

impl<T: Number> WithSimd for Backward<'_, '_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { field, tape, cotangent, y_bar } = self;
        let place = field.defer(simd, 1);
        let mlp = field.mlp;
        if let Some((layer, lanes)) = mlp.layers.last().zip(field.layers.last_mut()) {
            let n_out = T::slots(layer.n_out);
            T::pack(cotangent, &mut lanes.cotangents[place * n_out..][..n_out]);
        }
        for (k, layer) in mlp.layers.iter().enumerate().rev() {
            let (below, this) = field.layers.split_at_mut(k);
            let lanes = &mut this[0];
            let (n_in, n_out) = (T::slots(layer.n_in), T::slots(layer.n_out));
            let input = &tape[layer.input..][..n_in];
            for (kept, x) in lanes.inputs[place * n_in..].iter_mut().zip(input) {
                *kept = *x;
            }
            let z_bar = &lanes.cotangents[place * n_out..][..n_out];
            let Some(below) = below.last_mut() else {
                let x_bar = &mut field.scratch[..T::slots(mlp.n_states)];
                lanes.backward.multiply(simd, None, z_bar, x_bar);
                T::unpack(x_bar, y_bar);
                break;
            };
            // the cotangent of the layer below is written where its outer product will look for it
            let x_bar = &mut below.cotangents[place * n_in..][..n_in];
            lanes.backward.multiply(simd, None, z_bar, x_bar);
            MlpLanes::<T>::scale_by_slope(mlp, simd, k, tape, x_bar);
        }
    }
}

/// A product vᵀJ without one of the parameters.
struct PullBack<'f, 'a, T> {
    field: &'f mut MlpLanes<'a, T>,
    tape: &'f [Row],
    cotangent: &'f [Row],
    y_bar: &'f mut [Row],
}

impl<T: Number> WithSimd for PullBack<'_, '_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { field: MlpLanes { mlp, layers, scratch, .. }, tape, cotangent, y_bar } = self;
        let (mut z_bar, mut below) = scratch.split_at_mut(T::slots(mlp.width));
        T::pack(cotangent, &mut z_bar[..T::slots(mlp.n_out)]);
        for (k, (layer, lanes)) in mlp.layers.iter().zip(layers).enumerate().rev() {
            let z = &z_bar[..T::slots(layer.n_out)];
            let x_bar = &mut below[..T::slots(if k == 0 { mlp.n_states } else { layer.n_in })];
            lanes.backward.multiply(simd, None, z, x_bar);
            if k == 0 {
                T::unpack(x_bar, y_bar);
                return;
            }
            MlpLanes::<T>::scale_by_slope(mlp, simd, k, tape, x_bar);
            std::mem::swap(&mut z_bar, &mut below);
        }
    }
}

struct Flush<'f, 'a, T> {
    field: &'f mut MlpLanes<'a, T>,
}

impl<T: Number> WithSimd for Flush<'_, '_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        self.field.flush(simd);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::field::VectorField;
    use crate::field::mlp::MlpField;
    use surprisal_core::Precision;

    fn check<T: Number>(dtype: Precision) {
        for activation in Activation::ALL {
            let config = MlpField { hidden: vec![5, 7], activation, time_input: true, dtype, ..MlpField::default() };
            let mlp = Mlp::new(&config, 3);
            let parameters = mlp.initial_parameters(2);
            let mut lanes = MlpLanes::<T>::new(&mlp, &parameters);
            let rows =
                |s: f64| (0..3).map(|i| Row(std::array::from_fn(|l| s * (i * 8 + l) as f64))).collect::<Vec<_>>();
            let mut tape = vec![Row::ZERO; lanes.tape_rows()];
            lanes.rhs(&Row::splat(0.3), &rows(0.1), &mut rows(0.0), &mut tape);
            let (mut once, mut again) = (rows(0.0), rows(0.0));
            lanes.pull_back(&tape, &rows(0.2), &mut once);
            let mut gradient = vec![0.0; parameters.len()];
            lanes.take_gradient(&mut gradient);
            assert!(gradient.iter().all(|&g| g == 0.0));
            lanes.vjp(&tape, &rows(0.2), &mut again);
            assert!(once == again && once[2].0[7] != 0.0, "{activation:?}");
        }
    }

    #[test]
    fn a_product_that_nothing_is_remembered_of_is_the_same() {
        check::<f64>(Precision::Float64);
        check::<f32>(Precision::Float32);
    }
}
