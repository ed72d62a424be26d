//! The message block of PaiNN (eqs. 7 and 8), both ways along every pair at once.
//!
//! With φ = (φ^s, φ^v, φ^d) from the sender's scalars, the filter w = (w^s, w^v, w^d) of the pair, the
//! direction u from the receiver to the sender, and x = (s, v) the features of the atoms:
//!
//! ```text
//! s_i += Σ_j w^s ∘ φ^s_j          v_i += Σ_j w^v ∘ (φ^v_j ∘ v_j) + u (w^d ∘ φ^d_j)
//! ```
//!
//! A row of features is `[s | v_x | v_y | v_z]`, each `n_features` wide.

use std::sync::Arc;

use candle_core::{Device, Result, Tensor};
use surprisal_ops::fused::{self, Fused};
use surprisal_ops::jet::{Jet, rows, rows_mut, sum};
use surprisal_ops::{Dual, Real};

use crate::graph::Pairs;

/// x + messages.
///
/// # Shapes
/// `phi_and_x` `[n_atoms, 7 F]` (φ and x, side by side), `filter` `[n_pairs, 3 F]`, `direction`
/// `[n_pairs, 3]` → `[n_atoms, 4 F]`.
pub(super) fn message(pairs: &Arc<Pairs>, phi_and_x: &Dual, filter: &Dual, direction: &Dual) -> Result<Dual> {
    if phi_and_x.lanes().device().is_cpu() {
        let op = Message(pairs.clone());
        fused::apply(op, &[phi_and_x.lanes(), filter.lanes(), direction.lanes()]).map(Dual::from_lanes)
    } else {
        message_composed(pairs, phi_and_x, filter, direction)
    }
}

/// [`message`] by tensor operations: for other devices, and the kernel's oracle.
pub(super) fn message_composed(pairs: &Pairs, phi_and_x: &Dual, filter: &Dual, direction: &Dual) -> Result<Dual> {
    let n = phi_and_x.dims()[1] / 7;
    let device = phi_and_x.lanes().device();
    let (first, second) = (index(&pairs.first, device)?, index(&pairs.second, device)?);
    let mut x = phi_and_x.narrow(1, 3 * n, 4 * n)?;
    for (receiver, sender, sign) in [(&first, &second, 1.0), (&second, &first, -1.0)] {
        let from = phi_and_x.index_select(sender)?;
        let weighted = from.narrow(1, 0, 3 * n)?.mul(filter)?;
        let mut parts = vec![weighted.narrow(1, 0, n)?];
        for k in 0..3 {
            let turned = weighted.narrow(1, n, n)?.mul(&from.narrow(1, (4 + k) * n, n)?)?;
            let along = weighted.narrow(1, 2 * n, n)?.mul(&direction.narrow(1, k, 1)?)?.scale(sign)?;
            parts.push(turned.add(&along)?);
        }
        let messages = Dual::cat(&parts.iter().collect::<Vec<_>>(), 1)?;
        x = x.add(&messages.segment_sum(receiver, pairs.n_atoms)?)?;
    }
    Ok(x)
}

fn index(atoms: &[u32], device: &Device) -> Result<Tensor> {
    Tensor::new(atoms, device)
}

struct Message(Arc<Pairs>);

impl Message {
    /// Receiver, sender and sign of the direction, both ways along pair `p`.
    #[inline(always)]
    fn both_ways<T: Real>(&self, p: usize) -> [(usize, usize, T); 2] {
        let (i, j) = (self.0.first[p] as usize, self.0.second[p] as usize);
        [(i, j, T::one()), (j, i, -T::one())]
    }

    /// φ^v ∘ v of every atom, `[L, n_atoms, 3 F]`.
    #[inline(always)]
    fn turned<T: Real, const L: usize>(&self, nodes: &[T], n: usize) -> Vec<T> {
        let mut out = vec![T::zero(); L * self.0.n_atoms * 3 * n];
        for atom in 0..self.0.n_atoms {
            let phi: [_; L] = rows(nodes, (7 * atom + 1) * n, n);
            for k in 0..3 {
                let v: [_; L] = rows(nodes, (7 * atom + 4 + k) * n, n);
                let mut q: [_; L] = rows_mut(&mut out, (3 * atom + k) * n, n);
                for f in 0..n {
                    Jet::load(&phi, f).times(Jet::load(&v, f)).store(&mut q, f);
                }
            }
        }
        out
    }
}

impl Fused for Message {
    const NAME: &'static str = "PaiNN message";

    fn output_dims(&self, inputs: &[&[usize]]) -> Vec<usize> {
        vec![inputs[0][0], inputs[0][1], inputs[0][2] / 7 * 4]
    }

    #[inline(always)]
    fn forward<T: Real, const L: usize>(&self, inputs: &[&[T]], output: &mut [T]) {
        let [nodes, filter, direction] = [inputs[0], inputs[1], inputs[2]];
        let n = output.len() / (4 * L * self.0.n_atoms);
        for atom in 0..self.0.n_atoms {
            let x: [_; L] = rows(nodes, (7 * atom + 3) * n, 4 * n);
            let out: [_; L] = rows_mut(output, 4 * atom * n, 4 * n);
            out.into_iter().zip(x).for_each(|(out, x)| out.copy_from_slice(x));
        }
        let turned = self.turned::<T, L>(nodes, n);
        for p in 0..self.0.first.len() {
            let w: [[_; L]; 3] = std::array::from_fn(|m| rows(filter, (3 * p + m) * n, n));
            let u: [_; L] = rows(direction, 3 * p, 3);
            for (to, from, sign) in self.both_ways::<T>(p) {
                let phi_s: [_; L] = rows(nodes, 7 * from * n, n);
                let phi_d: [_; L] = rows(nodes, (7 * from + 2) * n, n);
                let mut s: [_; L] = rows_mut(output, 4 * to * n, n);
                for f in 0..n {
                    Jet::load(&w[0], f).times(Jet::load(&phi_s, f)).accumulate(&mut s, f);
                }
                for k in 0..3 {
                    let u = Jet::load(&u, k).scaled(sign);
                    let q: [_; L] = rows(&turned, (3 * from + k) * n, n);
                    let mut v: [_; L] = rows_mut(output, (4 * to + 1 + k) * n, n);
                    for f in 0..n {
                        let turned = Jet::load(&w[1], f).times(Jet::load(&q, f));
                        let along = Jet::load(&w[2], f).times(Jet::load(&phi_d, f)).times(u);
                        turned.plus(along).accumulate(&mut v, f);
                    }
                }
            }
        }
    }

    #[inline(always)]
    fn backward<T: Real, const L: usize>(&self, inputs: &[&[T]], grad: &[T], grads: &mut [Option<&mut [T]>]) {
        let [nodes, filter, direction] = [inputs[0], inputs[1], inputs[2]];
        let n_atoms = self.0.n_atoms;
        let n = grad.len() / (4 * L * n_atoms);
        let turned = self.turned::<T, L>(nodes, n);
        let [g_nodes, g_filter, g_direction] = grads else { return };
        // Cotangent of φ^v ∘ v, to be split between its factors at the end.
        let mut g_turned = vec![T::zero(); if g_nodes.is_some() { turned.len() } else { 0 }];
        // One lane after the other: Σ_k ±u_k ⊙ v̄_k per feature, and the summands of ū_k.
        let mut along = vec![T::zero(); L * n];
        let mut summands = vec![T::zero(); L * n];

        for p in 0..self.0.first.len() {
            let w: [[_; L]; 3] = std::array::from_fn(|m| rows(filter, (3 * p + m) * n, n));
            let u: [_; L] = rows(direction, 3 * p, 3);
            for (to, from, sign) in self.both_ways::<T>(p) {
                let gs: [_; L] = rows(grad, 4 * to * n, n);
                let gv: [[_; L]; 3] = std::array::from_fn(|k| rows(grad, (4 * to + 1 + k) * n, n));
                let u: [Jet<T, L>; 3] = std::array::from_fn(|k| Jet::load(&u, k).scaled(sign));
                let phi_s: [_; L] = rows(nodes, 7 * from * n, n);
                let phi_d: [_; L] = rows(nodes, (7 * from + 2) * n, n);
                {
                    let mut along: [_; L] = rows_mut(&mut along, 0, n);
                    for f in 0..n {
                        let [x, y, z]: [Jet<T, L>; 3] = std::array::from_fn(|k| Jet::load(&gv[k], f).pull(u[k]));
                        x.plus(y).plus(z).store(&mut along, f);
                    }
                }
                let along: [_; L] = rows(&along, 0, n);
                if let Some(g) = g_filter {
                    let q: [[_; L]; 3] = std::array::from_fn(|k| rows(&turned, (3 * from + k) * n, n));
                    let mut out: [_; L] = rows_mut(g, 3 * p * n, 3 * n);
                    for f in 0..n {
                        Jet::load(&gs, f).pull(Jet::load(&phi_s, f)).accumulate(&mut out, f);
                    }
                    for f in 0..n {
                        let [x, y, z]: [Jet<T, L>; 3] =
                            std::array::from_fn(|k| Jet::load(&gv[k], f).pull(Jet::load(&q[k], f)));
                        x.plus(y).plus(z).accumulate(&mut out, n + f);
                    }
                    for f in 0..n {
                        Jet::load(&along, f).pull(Jet::load(&phi_d, f)).accumulate(&mut out, 2 * n + f);
                    }
                }
                if let Some(g) = g_nodes {
                    let mut out: [_; L] = rows_mut(g, 7 * from * n, 3 * n);
                    for f in 0..n {
                        Jet::load(&gs, f).pull(Jet::load(&w[0], f)).accumulate(&mut out, f);
                    }
                    for f in 0..n {
                        Jet::load(&along, f).pull(Jet::load(&w[2], f)).accumulate(&mut out, 2 * n + f);
                    }
                    for k in 0..3 {
                        let mut out: [_; L] = rows_mut(&mut g_turned, (3 * from + k) * n, n);
                        for f in 0..n {
                            Jet::load(&gv[k], f).pull(Jet::load(&w[1], f)).accumulate(&mut out, f);
                        }
                    }
                }
                if let Some(g) = g_direction {
                    let out: [_; L] = rows_mut(g, 3 * p, 3);
                    for k in 0..3 {
                        let mut terms: [_; L] = rows_mut(&mut summands, 0, n);
                        for f in 0..n {
                            let m = Jet::load(&w[2], f).times(Jet::load(&phi_d, f));
                            Jet::load(&gv[k], f).pull(m).store(&mut terms, f);
                        }
                        for l in 0..L {
                            out[l][k] += sign * sum(&*terms[l]);
                        }
                    }
                }
            }
        }

        let Some(g) = g_nodes else { return };
        for atom in 0..n_atoms {
            for k in 0..3 {
                let gq: [_; L] = rows(&g_turned, (3 * atom + k) * n, n);
                let phi: [_; L] = rows(nodes, (7 * atom + 1) * n, n);
                let v: [_; L] = rows(nodes, (7 * atom + 4 + k) * n, n);
                let mut out: [_; L] = rows_mut(g, (7 * atom + 1) * n, n);
                for f in 0..n {
                    Jet::load(&gq, f).pull(Jet::load(&v, f)).accumulate(&mut out, f);
                }
                let mut out: [_; L] = rows_mut(g, (7 * atom + 4 + k) * n, n);
                for f in 0..n {
                    Jet::load(&gq, f).pull(Jet::load(&phi, f)).accumulate(&mut out, f);
                }
            }
            let residual: [_; L] = rows(grad, 4 * atom * n, 4 * n);
            let mut out: [_; L] = rows_mut(g, (7 * atom + 3) * n, 4 * n);
            for f in 0..4 * n {
                Jet::load(&residual, f).accumulate(&mut out, f);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use surprisal_ops::check::{normal, relative, worst_derivative_error};

    #[test]
    fn the_kernel_has_exact_derivatives_and_equals_the_composition() {
        // An atom with its own image (2, 2), and one alone (3).
        let pairs = Arc::new(Pairs { first: vec![0, 0, 1, 2], second: vec![1, 2, 2, 2], n_atoms: 4 });
        let inputs =
            [(vec![4, 7 * 5], 0), (vec![4, 3 * 5], 1), (vec![4, 3], 2)].map(|(d, i)| normal(&d, 2, i).unwrap());
        let worst = worst_derivative_error(|v| message(&pairs, &v[0], &v[1], &v[2]), &inputs).unwrap();
        assert!(worst < 1e-7, "{worst:e}");
        let duals = inputs.each_ref().map(|x| Dual::with_tangent(x, &normal(x.dims(), 3, 0).unwrap()).unwrap());
        let fused = message(&pairs, &duals[0], &duals[1], &duals[2]).unwrap();
        let plain = message_composed(&pairs, &duals[0], &duals[1], &duals[2]).unwrap();
        assert!(relative(fused.lanes(), plain.lanes()).unwrap() < 1e-13);
    }
}
