//! The update block of PaiNN (eqs. 9 and 10), around the two-layer network a(s, ‖Vv‖).
//!
//! With Uv and Vv linear maps of the vector features v, side by side in `uv`:
//!
//! ```text
//! s += a^ss + a^sv ∘ ⟨Uv, Vv⟩          v += a^vv ∘ Uv
//! ```
//!
//! The norm is √(‖Vv‖² + ε), so that it has a gradient where v is zero by symmetry.

use candle_core::Result;
use surprisal_ops::dual::SqrtShifted;
use surprisal_ops::fused::{self, Fused};
use surprisal_ops::jet::{Jet, rows, rows_mut};
use surprisal_ops::{Dual, Real};

/// ε of the norm; features are of order one.
const EPSILON: f64 = 1e-4;

/// (s, ‖Vv‖), what the network of the update sees.
///
/// # Shapes
/// x `[n_atoms, 4 F]`, uv `[3 n_atoms, 2 F]` (rows: x, y, z of one atom after the other) →
/// `[n_atoms, 2 F]`.
pub(super) fn invariants(x: &Dual, uv: &Dual) -> Result<Dual> {
    if x.lanes().device().is_cpu() {
        fused::apply(Invariants { n: x.dims()[1] / 4 }, &[x.lanes(), uv.lanes()]).map(Dual::from_lanes)
    } else {
        invariants_composed(x, uv)
    }
}

/// [`invariants`] by tensor operations: for other devices, and the kernel's oracle.
pub(super) fn invariants_composed(x: &Dual, uv: &Dual) -> Result<Dual> {
    let (atoms, n) = (x.dims()[0], x.dims()[1] / 4);
    let v = uv.narrow(1, n, n)?.reshape(&[atoms, 3, n])?;
    let norm = v.mul(&v)?.sum_keepdim(1)?.map_composed(SqrtShifted { epsilon: EPSILON })?;
    Dual::cat(&[&x.narrow(1, 0, n)?, &norm.reshape(&[atoms, n])?], 1)
}

/// x after the update, given a = (a^ss, a^sv, a^vv).
///
/// # Shapes
/// x `[n_atoms, 4 F]`, uv `[3 n_atoms, 2 F]`, a `[n_atoms, 3 F]` → `[n_atoms, 4 F]`.
pub(super) fn update(x: &Dual, uv: &Dual, a: &Dual) -> Result<Dual> {
    if x.lanes().device().is_cpu() {
        fused::apply(Update { n: x.dims()[1] / 4 }, &[x.lanes(), uv.lanes(), a.lanes()]).map(Dual::from_lanes)
    } else {
        update_composed(x, uv, a)
    }
}

/// [`update`] by tensor operations: for other devices, and the kernel's oracle.
pub(super) fn update_composed(x: &Dual, uv: &Dual, a: &Dual) -> Result<Dual> {
    let (atoms, n) = (x.dims()[0], x.dims()[1] / 4);
    let u = uv.narrow(1, 0, n)?.reshape(&[atoms, 3, n])?;
    let v = uv.narrow(1, n, n)?.reshape(&[atoms, 3, n])?;
    let product = u.mul(&v)?.sum_keepdim(1)?.reshape(&[atoms, n])?;
    let ds = a.narrow(1, 0, n)?.add(&a.narrow(1, n, n)?.mul(&product)?)?;
    let dv = a.narrow(1, 2 * n, n)?.reshape(&[atoms, 1, n])?.mul(&u)?.reshape(&[atoms, 3 * n])?;
    x.add(&Dual::cat(&[&ds, &dv], 1)?)
}

struct Invariants {
    /// Number of features.
    n: usize,
}

impl Fused for Invariants {
    const NAME: &'static str = "PaiNN invariants";

    fn output_dims(&self, inputs: &[&[usize]]) -> Vec<usize> {
        vec![inputs[0][0], inputs[0][1], inputs[0][2] / 2]
    }

    #[inline(always)]
    fn forward<T: Real, const L: usize>(&self, inputs: &[&[T]], output: &mut [T]) {
        let (x, uv) = (inputs[0], inputs[1]);
        let n = self.n;
        for atom in 0..x.len() / (4 * n * L) {
            let s: [_; L] = rows(x, 4 * atom * n, n);
            let v: [[_; L]; 3] = std::array::from_fn(|k| rows(uv, ((3 * atom + k) * 2 + 1) * n, n));
            let mut out: [_; L] = rows_mut(output, 2 * atom * n, 2 * n);
            for f in 0..n {
                Jet::load(&s, f).store(&mut out, f);
            }
            for f in 0..n {
                let [a, b, c]: [Jet<T, L>; 3] = std::array::from_fn(|k| Jet::load(&v[k], f));
                let q = a.times(a).plus(b.times(b)).plus(c.times(c));
                let root = (q.0[0] + T::of(EPSILON)).sqrt();
                q.through(root, T::of(0.5) / root).store(&mut out, n + f);
            }
        }
    }

    #[inline(always)]
    fn backward<T: Real, const L: usize>(&self, inputs: &[&[T]], grad: &[T], grads: &mut [Option<&mut [T]>]) {
        let (x, uv) = (inputs[0], inputs[1]);
        let [g_x, g_uv] = grads else { return };
        let n = self.n;
        for atom in 0..x.len() / (4 * n * L) {
            if let Some(g_x) = g_x {
                let g: [_; L] = rows(grad, 2 * atom * n, n);
                let mut out: [_; L] = rows_mut(g_x, 4 * atom * n, n);
                for f in 0..n {
                    Jet::load(&g, f).store(&mut out, f);
                }
            }
            let Some(g_uv) = g_uv else { continue };
            let g: [_; L] = rows(grad, (2 * atom + 1) * n, n);
            let v: [[_; L]; 3] = std::array::from_fn(|k| rows(uv, ((3 * atom + k) * 2 + 1) * n, n));
            for k in 0..3 {
                let mut out: [_; L] = rows_mut(g_uv, ((3 * atom + k) * 2 + 1) * n, n);
                for f in 0..n {
                    let [a, b, c]: [Jet<T, L>; 3] = std::array::from_fn(|k| Jet::load(&v[k], f));
                    let q = a.times(a).plus(b.times(b)).plus(c.times(c));
                    let root = (q.0[0] + T::of(EPSILON)).sqrt();
                    let first = T::of(0.5) / root;
                    let gq = Jet::load(&g, f).pull_through(q, first, -(first + first) * first * first);
                    gq.pull(Jet::load(&v[k], f)).scaled(T::of(2.0)).store(&mut out, f);
                }
            }
        }
    }
}

struct Update {
    /// Number of features.
    n: usize,
}

impl Fused for Update {
    const NAME: &'static str = "PaiNN update";

    fn output_dims(&self, inputs: &[&[usize]]) -> Vec<usize> {
        inputs[0].to_vec()
    }

    #[inline(always)]
    fn forward<T: Real, const L: usize>(&self, inputs: &[&[T]], output: &mut [T]) {
        let [x, uv, a] = [inputs[0], inputs[1], inputs[2]];
        let n = self.n;
        output.copy_from_slice(x);
        for atom in 0..x.len() / (4 * n * L) {
            let [ss, sv, vv]: [[_; L]; 3] = std::array::from_fn(|m| rows(a, (3 * atom + m) * n, n));
            let u: [[_; L]; 3] = std::array::from_fn(|k| rows(uv, (3 * atom + k) * 2 * n, n));
            let v: [[_; L]; 3] = std::array::from_fn(|k| rows(uv, ((3 * atom + k) * 2 + 1) * n, n));
            let mut s: [_; L] = rows_mut(output, 4 * atom * n, n);
            for f in 0..n {
                let product = inner(&u, &v, f);
                Jet::load(&ss, f).plus(Jet::load(&sv, f).times(product)).accumulate(&mut s, f);
            }
            for k in 0..3 {
                let mut out: [_; L] = rows_mut(output, (4 * atom + 1 + k) * n, n);
                for f in 0..n {
                    Jet::load(&vv, f).times(Jet::load(&u[k], f)).accumulate(&mut out, f);
                }
            }
        }
    }

    #[inline(always)]
    fn backward<T: Real, const L: usize>(&self, inputs: &[&[T]], grad: &[T], grads: &mut [Option<&mut [T]>]) {
        let [x, uv, a] = [inputs[0], inputs[1], inputs[2]];
        let n = self.n;
        let [g_x, g_uv, g_a] = grads else { return };
        if let Some(g_x) = g_x {
            g_x.copy_from_slice(grad);
        }
        for atom in 0..x.len() / (4 * n * L) {
            let [_, sv, vv]: [[_; L]; 3] = std::array::from_fn(|m| rows(a, (3 * atom + m) * n, n));
            let u: [[_; L]; 3] = std::array::from_fn(|k| rows(uv, (3 * atom + k) * 2 * n, n));
            let v: [[_; L]; 3] = std::array::from_fn(|k| rows(uv, ((3 * atom + k) * 2 + 1) * n, n));
            let gs: [_; L] = rows(grad, 4 * atom * n, n);
            let gv: [[_; L]; 3] = std::array::from_fn(|k| rows(grad, (4 * atom + 1 + k) * n, n));
            if let Some(g_a) = g_a {
                let mut out: [_; L] = rows_mut(g_a, 3 * atom * n, 3 * n);
                for f in 0..n {
                    let gs = Jet::load(&gs, f);
                    gs.store(&mut out, f);
                    gs.pull(inner(&u, &v, f)).store(&mut out, n + f);
                    inner_pull(&gv, &u, f).store(&mut out, 2 * n + f);
                }
            }
            let Some(g_uv) = g_uv else { continue };
            for k in 0..3 {
                let mut out: [_; L] = rows_mut(g_uv, (3 * atom + k) * 2 * n, 2 * n);
                for f in 0..n {
                    let g_product = Jet::load(&gs, f).pull(Jet::load(&sv, f));
                    let from_v = Jet::load(&gv[k], f).pull(Jet::load(&vv, f));
                    g_product.pull(Jet::load(&v[k], f)).plus(from_v).store(&mut out, f);
                    g_product.pull(Jet::load(&u[k], f)).store(&mut out, n + f);
                }
            }
        }
    }
}

/// Σ_k u_k v_k.
#[inline(always)]
fn inner<T: Real, const L: usize>(u: &[[&[T]; L]; 3], v: &[[&[T]; L]; 3], f: usize) -> Jet<T, L> {
    let [x, y, z]: [Jet<T, L>; 3] = std::array::from_fn(|k| Jet::load(&u[k], f).times(Jet::load(&v[k], f)));
    x.plus(y).plus(z)
}

/// Σ_k ḡ_k ⊙ u_k.
#[inline(always)]
fn inner_pull<T: Real, const L: usize>(g: &[[&[T]; L]; 3], u: &[[&[T]; L]; 3], f: usize) -> Jet<T, L> {
    let [x, y, z]: [Jet<T, L>; 3] = std::array::from_fn(|k| Jet::load(&g[k], f).pull(Jet::load(&u[k], f)));
    x.plus(y).plus(z)
}

#[cfg(test)]
mod tests {
    use super::*;
    use surprisal_ops::check::{normal, relative, worst_derivative_error};

    #[test]
    fn the_kernels_have_exact_derivatives_and_equal_the_compositions() {
        let inputs = [(vec![2, 20], 0), (vec![6, 10], 1), (vec![2, 15], 2)].map(|(d, i)| normal(&d, 2, i).unwrap());
        for worst in [
            worst_derivative_error(|v| invariants(&v[0], &v[1]), &inputs[..2]).unwrap(),
            worst_derivative_error(|v| update(&v[0], &v[1], &v[2]), &inputs).unwrap(),
        ] {
            assert!(worst < 1e-7, "{worst:e}");
        }
        let [x, uv, a] = inputs.each_ref().map(|x| Dual::with_tangent(x, &normal(x.dims(), 3, 0).unwrap()).unwrap());
        let same = |a: Dual, b: Dual| assert!(relative(a.lanes(), b.lanes()).unwrap() < 1e-13);
        same(invariants(&x, &uv).unwrap(), invariants_composed(&x, &uv).unwrap());
        same(update(&x, &uv, &a).unwrap(), update_composed(&x, &uv, &a).unwrap());
    }
}
