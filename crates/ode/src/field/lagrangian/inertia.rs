//! The inertia M = ΛΛᵀ + εI by its lower triangle Λ, and how Λ follows from outputs of a network; of one place or
//! of eight.

use surprisal_expr::Lane;

/// ε: what is left of M where Λ is singular.
const EPSILON: f64 = 1e-4;

/// ln(e − 1): softplus of it is 1.
const UNIT: f64 = 0.541_324_854_612_918_1;

/// Places of the diagonal among the rows of a triangle, one after the other.
fn diagonal(m: usize) -> impl Iterator<Item = usize> {
    (0..m).map(|i| i * (i + 3) / 2)
}

/// a b.
#[inline(always)]
fn product<L: Lane>(a: L, b: L) -> L {
    a.zip(b, |a, b| a * b)
}

/// `sum` + a b.
#[inline(always)]
fn plus_product<L: Lane>(sum: L, a: L, b: L) -> L {
    sum.zip3(a, b, |sum, a, b| sum + a * b)
}

/// `sum` − a b.
#[inline(always)]
fn minus_product<L: Lane>(sum: L, a: L, b: L) -> L {
    sum.zip3(a, b, |sum, a, b| sum - a * b)
}

/// The first two derivatives of the diagonal Λᵢᵢ = ln(1 + e^{oᵢᵢ + UNIT}) with respect to outputs o; it is 1
/// where they are 0.
pub(super) struct Diagonal<L> {
    slopes: Vec<L>,
    curvatures: Vec<L>,
}

impl<L: Lane> Diagonal<L> {
    /// Λ and what its diagonal's derivatives are.
    #[inline(always)]
    pub(super) fn of(m: usize, outputs: &[L]) -> (Triangle<L>, Self) {
        let mut values = outputs.to_vec();
        let (mut slopes, mut curvatures) = (vec![], vec![]);
        for i in diagonal(m) {
            let z = values[i].map(|o| o + UNIT);
            let s = z.map(|z| 1.0 / (1.0 + (-z).exp()));
            values[i] = z.map(|z| 0.5 * (z + z.abs()) + (-z.abs()).exp().ln_1p());
            slopes.push(s);
            curvatures.push(s.map(|s| s * (1.0 - s)));
        }
        (Triangle::new(m, &values), Self { slopes, curvatures })
    }

    /// The change of Λ from that of outputs, or the cotangents of outputs from those of Λ's entries.
    #[inline(always)]
    pub(super) fn scale(&self, outputs: &mut [L]) {
        diagonal(self.slopes.len()).zip(&self.slopes).for_each(|(i, &s)| outputs[i] = product(outputs[i], s));
    }

    /// Adds what `change_bar`, the cotangents of Λ's change, says of the outputs at which it was taken,
    /// where the outputs change by `change`.
    #[inline(always)]
    pub(super) fn add_bend(&self, change_bar: &[L], change: &[L], outputs_bar: &mut [L]) {
        for (i, &c) in diagonal(self.slopes.len()).zip(&self.curvatures) {
            outputs_bar[i] = plus_product(outputs_bar[i], product(change_bar[i], c), change[i]);
        }
    }
}

/// A lower triangular matrix `[m, m]`, row-major in full.
#[derive(Debug, Clone)]
pub(super) struct Triangle<L> {
    m: usize,
    entries: Vec<L>,
}

impl<L: Lane> Triangle<L> {
    /// From its rows without zeros, one after the other: the first of `outputs`.
    #[inline(always)]
    pub(super) fn new(m: usize, outputs: &[L]) -> Self {
        let mut entries = vec![L::splat(0.0); m * m];
        let mut next = outputs.iter();
        for i in 0..m {
            entries[i * m..=i * m + i].iter_mut().zip(&mut next).for_each(|(entry, output)| *entry = *output);
        }
        Self { m, entries }
    }

    /// Λx.
    #[inline(always)]
    pub(super) fn times(&self, x: &[L]) -> Vec<L> {
        self.entries.chunks_exact(self.m).map(|row| dot(row, x)).collect()
    }

    /// Λᵀx.
    #[inline(always)]
    pub(super) fn transpose_times(&self, x: &[L]) -> Vec<L> {
        let mut out = vec![L::splat(0.0); self.m];
        for (row, &x) in self.entries.chunks_exact(self.m).zip(x) {
            out.iter_mut().zip(row).for_each(|(out, &l)| *out = plus_product(*out, l, x));
        }
        out
    }

    /// Mx.
    pub(super) fn inertia_times(&self, x: &[L]) -> Vec<L> {
        let products = self.times(&self.transpose_times(x));
        products.into_iter().zip(x).map(|(y, &x)| y.zip(x, |y, x| y + EPSILON * x)).collect()
    }

    /// Adds s·∂(x·Λᵀy)/∂Λ = s·yxᵀ to the cotangents of Λ's rows without zeros.
    #[inline(always)]
    pub(super) fn add_outer(bar: &mut [L], s: f64, y: &[L], x: &[L]) {
        let mut next = bar.iter_mut();
        for (i, y) in y.iter().enumerate() {
            let scaled = y.map(|y| s * y);
            x[..=i].iter().zip(&mut next).for_each(|(&x, bar)| *bar = plus_product(*bar, scaled, x));
        }
    }

    /// M⁻¹b, by the Cholesky factor of M.
    #[inline(always)]
    pub(super) fn solve_inertia(&self, b: &[L]) -> Vec<L> {
        let m = self.m;
        let row = |i: usize| &self.entries[i * m..][..m];
        let mut factor = vec![L::splat(0.0); m * m];
        for i in 0..m {
            for j in 0..=i {
                let inertia = dot(row(i), row(j)).map(|sum| if i == j { sum + EPSILON } else { sum });
                let rest = (0..j).fold(inertia, |rest, k| minus_product(rest, factor[i * m + k], factor[j * m + k]));
                factor[i * m + j] =
                    if i == j { rest.map(f64::sqrt) } else { rest.zip(factor[j * m + j], |a, b| a / b) };
            }
        }
        let mut x = b.to_vec();
        for i in 0..m {
            let rest = (0..i).fold(x[i], |rest, k| minus_product(rest, factor[i * m + k], x[k]));
            x[i] = rest.zip(factor[i * m + i], |a, b| a / b);
        }
        for i in (0..m).rev() {
            let rest = (i + 1..m).fold(x[i], |rest, k| minus_product(rest, factor[k * m + i], x[k]));
            x[i] = rest.zip(factor[i * m + i], |a, b| a / b);
        }
        x
    }
}

#[inline(always)]
fn dot<L: Lane>(a: &[L], b: &[L]) -> L {
    a.iter().zip(b).fold(L::splat(0.0), |sum, (&a, &b)| plus_product(sum, a, b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_solve_undoes_the_inertia() {
        let lower = Triangle::new(3, &[1.4, -0.3, 2.2, 0.7, 2.0, 0.1, 17.0]);
        let x = [0.3, -2.0, 1.1];
        for (found, x) in lower.solve_inertia(&lower.inertia_times(&x)).iter().zip(x) {
            assert!((found - x).abs() < 1e-10, "{found} {x}");
        }
        assert_eq!(lower.times(&[1.0, 0.0, 0.0]), [1.4, -0.3, 0.7]);
        assert_eq!(lower.transpose_times(&[0.0, 0.0, 1.0]), [0.7, 2.0, 0.1]);
        let (identity, _) = Diagonal::of(2, &[0.0; 4]);
        assert!(identity.entries.iter().zip([1.0, 0.0, 0.0, 1.0]).all(|(a, b)| (a - b).abs() < 1e-15));
    }
}
