//! Derivatives of a network's derivative, for fields that are made of one.
//!
//! With N the network, x its input and u a direction, N and its change Ṅ = (∂N/∂x)u are computed
//! together, layer by layer (forward mode):
//! żₖ = Wₖẋₖ₋₁, ẋₖ = σ′(zₖ)żₖ, ẋ₀ = u. The reverse of that computation gives the gradient of
//! a·N + c·Ṅ with respect to x, u and θ, of which ∂²(c·N)/∂x² u is a part. "Forward over reverse" and
//! "reverse over forward" are the same products (B. A. Pearlmutter, Neural Comput. 6 (1994) 147,
//! eq. 7–9): nothing is differentiated twice in reverse, and nothing by differences. For float64 networks.

use super::mlp::{Layer, Mlp};

/// What a·N + c·Ṅ consists of.
#[derive(Clone, Copy)]
pub(super) struct Change<'a, L = f64> {
    /// `[n_in]`: u.
    pub(super) along: &'a [L],
    /// `[n_out]`: a.
    pub(super) value_bar: &'a [L],
    /// `[n_out]`: c.
    pub(super) change_bar: &'a [L],
}

impl Mlp {
    /// `x_bar` = aᵀ ∂N/∂x, and nothing for the parameters.
    ///
    /// # Shapes
    /// `tape` is the one of the evaluation at x; `cotangent` `[n_out]`, `x_bar` `[n_in]`.
    pub(super) fn input_gradient(&self, parameters: &[f64], tape: &[f64], cotangent: &[f64], x_bar: &mut [f64]) {
        let mut z_bar = cotangent.to_vec();
        for (k, layer) in self.layers.iter().enumerate().rev() {
            let mut below = vec![0.0; layer.n_in];
            for (row, &z) in weight(layer, parameters).chunks_exact(layer.n_in).zip(&z_bar) {
                add_scaled(z, row, &mut below);
            }
            if k > 0 {
                self.scale_by_slope::<f64, _>(layer, tape, &mut below, |s, slope| s * slope);
            }
            z_bar = below;
        }
        x_bar.copy_from_slice(&z_bar[..x_bar.len()]);
    }

    /// Adds the gradient of a·N + c·Ṅ to `x_bar` and `along_bar` `[n_in]`, and to `parameter_bar` `[p]`
    /// where it is wanted.
    pub(super) fn change_gradient(
        &self,
        parameters: &[f64],
        tape: &[f64],
        of: Change<'_>,
        x_bar: &mut [f64],
        along_bar: &mut [f64],
        mut parameter_bar: Option<&mut [f64]>,
    ) {
        let (mut z_dot, mut x_dot) = (vec![0.0; self.n_inputs], vec![0.0; self.n_inputs]);
        x_dot[..of.along.len()].copy_from_slice(of.along);
        for pair in self.layers.windows(2) {
            let (layer, next) = (&pair[0], &pair[1]);
            let (below, above) = x_dot.split_at_mut(next.input);
            let below = &below[layer.input..][..layer.n_in];
            let above = &mut above[..next.n_in];
            for (out, row) in above.iter_mut().zip(weight(layer, parameters).chunks_exact(layer.n_in)) {
                *out = row.iter().zip(below).map(|(w, x)| w * x).sum();
            }
            z_dot[next.input..][..next.n_in].copy_from_slice(above);
            self.scale_by_slope::<f64, _>(next, tape, above, |s, slope| s * slope);
        }
        let (mut z_bar, mut dot_bar) = (of.value_bar.to_vec(), of.change_bar.to_vec());
        for (k, layer) in self.layers.iter().enumerate().rev() {
            let (x, dots) = (&tape[layer.input..][..layer.n_in], &x_dot[layer.input..][..layer.n_in]);
            let (mut below, mut below_dot) = (vec![0.0; layer.n_in], vec![0.0; layer.n_in]);
            for (i, row) in weight(layer, parameters).chunks_exact(layer.n_in).enumerate() {
                add_scaled(z_bar[i], row, &mut below);
                add_scaled(dot_bar[i], row, &mut below_dot);
                if let Some(bar) = parameter_bar.as_deref_mut() {
                    let row_bar = &mut bar[layer.weight + i * layer.n_in..][..layer.n_in];
                    add_scaled(z_bar[i], x, row_bar);
                    add_scaled(dot_bar[i], dots, row_bar);
                    bar[layer.bias() + i] += z_bar[i];
                }
            }
            if k > 0 {
                let curvatures = self.curvatures(k, parameters, tape);
                self.scale_by_slope::<f64, _>(layer, tape, &mut below, |s, slope| s * slope);
                for ((below, &dot), (&c, &z)) in
                    below.iter_mut().zip(&below_dot).zip(curvatures.iter().zip(&z_dot[layer.input..]))
                {
                    *below += c * z * dot;
                }
                self.scale_by_slope::<f64, _>(layer, tape, &mut below_dot, |s, slope| s * slope);
            }
            (z_bar, dot_bar) = (below, below_dot);
        }
        x_bar.iter_mut().zip(&z_bar).for_each(|(sum, bar)| *sum += bar);
        along_bar.iter_mut().zip(&dot_bar).for_each(|(sum, bar)| *sum += bar);
    }

    /// σ″ at the input of layer `k` > 0. The tape has no z where σ″ needs it: it is computed again.
    fn curvatures(&self, k: usize, parameters: &[f64], tape: &[f64]) -> Vec<f64> {
        let (before, layer) = (&self.layers[k - 1], &self.layers[k]);
        let x = &tape[before.input..][..before.n_in];
        let values = &tape[layer.input..][..layer.n_in];
        let rows = weight(before, parameters).chunks_exact(before.n_in).zip(&parameters[before.bias()..]);
        rows.zip(values)
            .map(|((row, b), &a)| {
                self.activation.second_derivative_from_value(a).unwrap_or_else(|| {
                    self.activation.second_derivative(b + row.iter().zip(x).map(|(w, x)| w * x).sum::<f64>())
                })
            })
            .collect()
    }
}

fn weight<'a>(layer: &Layer, parameters: &'a [f64]) -> &'a [f64] {
    &parameters[layer.weight..layer.bias()]
}

/// `out` += s x.
fn add_scaled(s: f64, x: &[f64], out: &mut [f64]) {
    out.iter_mut().zip(x).for_each(|(o, &x)| *o += s * x);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::field::VectorField;
    use crate::field::activation::Activation;
    use crate::field::mlp::MlpField;
    use surprisal_core::rng;

    fn draw(index: u64, n: usize) -> Vec<f64> {
        let mut source = rng::stream(9, "curvature", index);
        (0..n).map(|_| 0.7 * rng::standard_normal(&mut source)).collect()
    }

    /// a·N + c·Ṅ by the network's own forward products.
    fn value(net: &Mlp, parameters: &[f64], x: &[f64], u: &[f64], a: &[f64], c: &[f64]) -> f64 {
        let (mut out, mut dot, mut tape) = (vec![0.0; 2], vec![0.0; 2], vec![0.0; net.tape_len()]);
        net.rhs(parameters, 0.3, x, &mut out, &mut tape);
        net.jvp(parameters, 0.3, x, &tape, u, &mut dot);
        (0..2).map(|i| a[i] * out[i] + c[i] * dot[i]).sum()
    }

    #[test]
    fn gradients_match_central_differences() {
        for activation in Activation::ALL {
            for hidden in [vec![], vec![5], vec![6, 4, 7]] {
                for time_input in [false, true] {
                    let config = MlpField { hidden: hidden.clone(), activation, time_input, ..MlpField::default() };
                    let net = Mlp::between(3, &config, 2);
                    let (parameters, x, u) = (draw(0, net.n_parameters()), draw(1, 3), draw(2, 3));
                    let (a, c) = (draw(3, 2), draw(4, 2));
                    let (mut out, mut tape) = (vec![0.0; 2], vec![0.0; net.tape_len()]);
                    net.rhs(&parameters, 0.3, &x, &mut out, &mut tape);
                    let (mut x_bar, mut u_bar, mut p_bar) = (vec![0.0; 3], vec![0.0; 3], vec![0.0; parameters.len()]);
                    let of = Change { along: &u, value_bar: &a, change_bar: &c };
                    net.change_gradient(&parameters, &tape, of, &mut x_bar, &mut u_bar, Some(&mut p_bar));
                    let h = 1e-5;
                    let moved = |v: &[f64], i: usize, h: f64| {
                        let mut v = v.to_vec();
                        v[i] += h;
                        v
                    };
                    let close = |what: &str, found: f64, f: &dyn Fn(f64) -> f64| {
                        let difference = (f(h) - f(-h)) / (2.0 * h);
                        assert!(
                            (found - difference).abs() < 1e-8 * (1.0 + found.abs()),
                            "{config:?} {what}: {found} against {difference}"
                        );
                    };
                    for i in 0..3 {
                        close("x", x_bar[i], &|h| value(&net, &parameters, &moved(&x, i, h), &u, &a, &c));
                        close("u", u_bar[i], &|h| value(&net, &parameters, &x, &moved(&u, i, h), &a, &c));
                    }
                    for i in 0..parameters.len() {
                        close("θ", p_bar[i], &|h| value(&net, &moved(&parameters, i, h), &x, &u, &a, &c));
                    }
                    // the derivative along u is linear in it
                    let mut gradient = vec![0.0; 3];
                    net.input_gradient(&parameters, &tape, &c, &mut gradient);
                    assert!(gradient.iter().zip(&u_bar).all(|(g, u)| (g - u).abs() < 1e-13));
                }
            }
        }
    }
}
