//! The multilayer perceptron over eight lanes.
//!
//! Same tape as [`super::mlp`], in rows. Weights are packed once, in both orientations. Weight
//! gradients are not formed per evaluation: cotangents and inputs of [`DEFERRED`] evaluations are
//! kept, and their outer products summed in registers.

use pulp::{Arch, Simd, WithSimd};

use super::activation::Activation;
use super::lanes::{LANES, LaneField, Row};
use super::mlp::{Layer, Mlp};
use super::products::{Packed, add_outer_products};
use super::vector_tanh::tanh_rows;

/// Evaluations whose outer products are added at once.
const DEFERRED: usize = 16;

pub(crate) struct MlpLanes<'a> {
    mlp: &'a Mlp,
    layers: Vec<LaneLayer<'a>>,
    gradient: Vec<f64>,
    n_deferred: usize,
    /// Of products that nothing is remembered of.
    scratch: Vec<Row>,
    arch: Arch,
}

struct LaneLayer<'a> {
    forward: Packed,
    backward: Packed,
    bias: &'a [f64],
    /// `[DEFERRED, n_out]`: cotangents of z.
    cotangents: Vec<Row>,
    /// `[DEFERRED, n_in]`: inputs x.
    inputs: Vec<Row>,
}

impl<'a> MlpLanes<'a> {
    pub(crate) fn new(mlp: &'a Mlp, parameters: &'a [f64]) -> Self {
        let layers = mlp
            .layers
            .iter()
            .enumerate()
            .map(|(k, layer)| {
                let (n_in, n_out) = (layer.n_in, layer.n_out);
                let weight = &parameters[layer.weight..layer.bias()];
                // nobody asks for the cotangent of t
                let n_states_in = if k == 0 { mlp.n_states } else { n_in };
                LaneLayer {
                    forward: Packed::new(n_out, n_in, |i, j| weight[i * n_in + j]),
                    backward: Packed::new(n_states_in, n_out, |i, j| weight[j * n_in + i]),
                    bias: &parameters[layer.bias()..][..n_out],
                    cotangents: vec![],
                    inputs: vec![],
                }
            })
            .collect();
        Self { mlp, layers, gradient: vec![0.0; parameters.len()], n_deferred: 0, scratch: vec![], arch: Arch::new() }
    }
}

impl MlpLanes<'_> {
    /// `y_bar` = vᵀJ in every lane, of which nothing is remembered.
    #[inline(always)]
    pub(crate) fn pull_back(&mut self, tape: &[Row], cotangent: &[Row], y_bar: &mut [Row]) {
        let arch = self.arch;
        arch.dispatch(PullBack { field: self, tape, cotangent, y_bar });
    }
}

impl LaneField for MlpLanes<'_> {
    fn tape_rows(&self) -> usize {
        self.mlp.tape_len
    }

    fn rhs(&mut self, t: &Row, y: &[Row], dy: &mut [Row], tape: &mut [Row]) {
        self.arch.dispatch(Forward { field: self, t, y, dy, tape });
    }

    fn vjp(&mut self, tape: &[Row], cotangent: &[Row], y_bar: &mut [Row]) {
        let arch = self.arch;
        arch.dispatch(Backward { field: self, tape, cotangent, y_bar });
    }

    fn jacobian(&mut self, tape: &[Row], jacobian: &mut [Row]) {
        let n = self.mlp.n_states;
        let mut unit = vec![Row::ZERO; n];
        for (i, row) in jacobian.chunks_exact_mut(n).enumerate() {
            unit[i] = Row::splat(1.0);
            self.pull_back(tape, &unit, row);
            unit[i] = Row::ZERO;
        }
    }

    fn take_gradient(&mut self, parameter_bar: &mut [f64]) {
        let arch = self.arch;
        arch.dispatch(Flush { field: self });
        parameter_bar.iter_mut().zip(&mut self.gradient).for_each(|(bar, g)| *bar += std::mem::take(g));
    }
}

struct Forward<'f, 'a> {
    field: &'f MlpLanes<'a>,
    t: &'f Row,
    y: &'f [Row],
    dy: &'f mut [Row],
    tape: &'f mut [Row],
}

impl WithSimd for Forward<'_, '_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let mlp = self.field.mlp;
        let (values, slopes) = self.tape.split_at_mut(mlp.n_inputs);
        values[..mlp.n_states].copy_from_slice(self.y);
        if mlp.time_input {
            values[mlp.n_states] = *self.t;
        }
        for (k, (layer, lanes)) in mlp.layers.iter().zip(&self.field.layers).enumerate() {
            let (below, above) = values.split_at_mut(layer.input + layer.n_in);
            let input = &below[layer.input..];
            let Some(next) = mlp.layers.get(k + 1) else {
                lanes.forward.multiply(simd, Some(lanes.bias), input, self.dy);
                return;
            };
            let output = &mut above[..layer.n_out];
            lanes.forward.multiply(simd, Some(lanes.bias), input, output);
            if mlp.activation == Activation::Tanh {
                tanh_rows(simd, output);
                continue;
            }
            if !mlp.activation.derivative_follows_from_value() {
                let slope = &mut slopes[next.slope - mlp.n_inputs..][..layer.n_out];
                slope.iter_mut().zip(&*output).for_each(|(s, z)| *s = Row(z.0.map(|z| mlp.activation.derivative(z))));
            }
            output.iter_mut().for_each(|z| *z = Row(z.0.map(|z| mlp.activation.value(z))));
        }
    }
}

struct Backward<'f, 'a> {
    field: &'f mut MlpLanes<'a>,
    tape: &'f [Row],
    cotangent: &'f [Row],
    y_bar: &'f mut [Row],
}

impl WithSimd for Backward<'_, '_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let mlp = self.field.mlp;
        let field = self.field;
        let slot = field.n_deferred;
        if slot == 0 {
            // a solve without a reverse pass never needs them
            for (layer, lanes) in mlp.layers.iter().zip(&mut field.layers) {
                lanes.cotangents.resize(DEFERRED * layer.n_out, Row::ZERO);
                lanes.inputs.resize(DEFERRED * layer.n_in, Row::ZERO);
            }
        }
        let (values, slopes) = self.tape.split_at(mlp.n_inputs);
        if let Some((layer, lanes)) = mlp.layers.last().zip(field.layers.last_mut()) {
            lanes.cotangents[slot * layer.n_out..][..layer.n_out].copy_from_slice(self.cotangent);
        }
        for (k, layer) in mlp.layers.iter().enumerate().rev() {
            let (below, this) = field.layers.split_at_mut(k);
            let lanes = &mut this[0];
            let input = &values[layer.input..][..layer.n_in];
            for (kept, x) in lanes.inputs[slot * layer.n_in..].iter_mut().zip(input) {
                *kept = *x;
            }
            let z_bar = &lanes.cotangents[slot * layer.n_out..][..layer.n_out];
            let Some(below) = below.last_mut() else {
                lanes.backward.multiply(simd, None, z_bar, self.y_bar);
                break;
            };
            // the cotangent of the layer below is written where its outer product will look for it
            let x_bar = &mut below.cotangents[slot * layer.n_in..][..layer.n_in];
            lanes.backward.multiply(simd, None, z_bar, x_bar);
            scale_by_slope(simd, mlp, layer, (input, slopes), x_bar);
        }
        field.n_deferred += 1;
        if field.n_deferred == DEFERRED {
            Flush { field }.with_simd(simd);
        }
    }
}

/// `bar` *= σ′ at the input of a layer behind the first, from that input and all stored slopes.
#[inline(always)]
fn scale_by_slope<S: Simd>(simd: S, mlp: &Mlp, layer: &Layer, (input, slopes): (&[Row], &[Row]), bar: &mut [Row]) {
    if mlp.activation == Activation::Tanh {
        for (bar, a) in bar.iter_mut().zip(input) {
            let (bar, a) = (S::as_mut_simd_f64s(&mut bar.0).0, S::as_simd_f64s(&a.0).0);
            for (bar, &a) in bar.iter_mut().zip(a) {
                *bar = simd.negate_mul_add_e_f64s(simd.mul_f64s(*bar, a), a, *bar);
            }
        }
    } else if mlp.activation.derivative_follows_from_value() {
        for (bar, a) in bar.iter_mut().zip(input) {
            for l in 0..bar.0.len() {
                bar.0[l] *= mlp.activation.derivative_from_value(a.0[l]).unwrap_or(f64::NAN);
            }
        }
    } else {
        let slope = &slopes[layer.slope - mlp.n_inputs..][..layer.n_in];
        for (bar, slope) in bar.iter_mut().zip(slope) {
            for l in 0..bar.0.len() {
                bar.0[l] *= slope.0[l];
            }
        }
    }
}

/// A product vᵀJ without one of the parameters.
struct PullBack<'f, 'a> {
    field: &'f mut MlpLanes<'a>,
    tape: &'f [Row],
    cotangent: &'f [Row],
    y_bar: &'f mut [Row],
}

impl WithSimd for PullBack<'_, '_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let MlpLanes { mlp, layers, scratch, .. } = self.field;
        let mlp = *mlp;
        let (values, slopes) = self.tape.split_at(mlp.n_inputs);
        let width = mlp.tangent_rows() / 2;
        scratch.resize(2 * width, Row::ZERO);
        let (mut z_bar, mut x_bar) = scratch.split_at_mut(width);
        z_bar[..mlp.n_out].copy_from_slice(self.cotangent);
        for (k, (layer, lanes)) in mlp.layers.iter().zip(layers).enumerate().rev() {
            if k == 0 {
                lanes.backward.multiply(simd, None, &z_bar[..layer.n_out], self.y_bar);
                return;
            }
            let below = &mut x_bar[..layer.n_in];
            lanes.backward.multiply(simd, None, &z_bar[..layer.n_out], below);
            scale_by_slope(simd, mlp, layer, (&values[layer.input..][..layer.n_in], slopes), below);
            std::mem::swap(&mut z_bar, &mut x_bar);
        }
    }
}

/// Adds the deferred outer products to the gradient.
struct Flush<'f, 'a> {
    field: &'f mut MlpLanes<'a>,
}

impl WithSimd for Flush<'_, '_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let field = self.field;
        let n = std::mem::take(&mut field.n_deferred);
        for (layer, lanes) in field.mlp.layers.iter().zip(&field.layers) {
            let (n_in, n_out) = (layer.n_in, layer.n_out);
            let (d, a) = (&lanes.cotangents[..n * n_out], &lanes.inputs[..n * n_in]);
            let (weight_bar, rest) = field.gradient[layer.weight..].split_at_mut(n_in * n_out);
            add_outer_products(simd, n_out, n_in, d, a, weight_bar);
            for (i, bias_bar) in rest[..n_out].iter_mut().enumerate() {
                for part in 0..LANES / S::F64_LANES {
                    let mut sum = simd.splat_f64s(0.0);
                    for evaluation in 0..n {
                        sum = simd.add_f64s(sum, S::as_simd_f64s(&d[evaluation * n_out + i].0).0[part]);
                    }
                    *bias_bar += simd.reduce_sum_f64s(sum);
                }
            }
        }
    }
}
