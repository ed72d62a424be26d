//! [`super::lu`] over eight lanes: a matrix in each, with row exchanges of its own.
//!
//! The pivot of a column is brought to its place by comparing it with each row below in turn and exchanging
//! the two where that one's is larger, which every lane decides with a mask instead of a branch.

use pulp::{Arch, Simd, WithSimd};

use crate::field::lanes::{LANES, Row};

/// PA = LU in every lane.
#[derive(Debug, Clone)]
pub(super) struct LaneLu {
    n: usize,
    /// `[n, n]` row-major: the matrices, and once factored L below the diagonal (its own diagonal is 1), on it
    /// the reciprocals of U's, and U above.
    pub(super) values: Vec<Row>,
    /// `[n (n − 1)/2]`: 1 where two rows were exchanged, in the order of the comparisons.
    exchanged: Vec<Row>,
    arch: Arch,
}

impl LaneLu {
    /// Room for matrices `[n, n]`.
    pub(super) fn new(n: usize) -> Self {
        let exchanged = vec![Row::ZERO; n * n.saturating_sub(1) / 2];
        Self { n, values: vec![Row::ZERO; n * n], exchanged, arch: Arch::new() }
    }

    /// Factors I − `h_gamma` J in every lane; what is singular or not finite becomes not finite.
    pub(super) fn factor(&mut self, h_gamma: &Row, jacobian: &[Row]) {
        let arch = self.arch;
        arch.dispatch(Factor { lu: self, h_gamma, jacobian });
    }

    /// `b` becomes x of A x = b, with the A of lane `l`.
    pub(super) fn solve(&self, l: usize, b: &mut [f64]) {
        let (n, a) = (self.n, &self.values);
        let mut exchanged = self.exchanged.iter();
        for k in 0..n {
            for i in k + 1..n {
                if exchanged.next().is_some_and(|mask| mask.0[l] != 0.0) {
                    b.swap(k, i);
                }
            }
        }
        for i in 1..n {
            let sum: f64 = (0..i).map(|j| a[i * n + j].0[l] * b[j]).sum();
            b[i] -= sum;
        }
        for i in (0..n).rev() {
            let sum: f64 = (i + 1..n).map(|j| a[i * n + j].0[l] * b[j]).sum();
            b[i] = (b[i] - sum) * a[i * n + i].0[l];
        }
    }

    /// `b` becomes x of A x = b in every lane.
    ///
    /// # Shapes
    /// `b` `[n]`.
    #[inline(always)]
    pub(super) fn solve_rows(&self, b: &mut [Row]) {
        let (n, a) = (self.n, &self.values);
        let mut exchanged = self.exchanged.iter();
        for k in 0..n {
            for i in k + 1..n {
                let Some(mask) = exchanged.next() else { return };
                let (x, y) = (b[k], b[i]);
                for l in 0..LANES {
                    b[k].0[l] = if mask.0[l] != 0.0 { y.0[l] } else { x.0[l] };
                    b[i].0[l] = if mask.0[l] != 0.0 { x.0[l] } else { y.0[l] };
                }
            }
        }
        for i in 1..n {
            let (before, this) = b.split_at_mut(i);
            for (a, x) in a[i * n..].iter().zip(before) {
                (0..LANES).for_each(|l| this[0].0[l] -= a.0[l] * x.0[l]);
            }
        }
        for i in (0..n).rev() {
            let (this, behind) = b[i..].split_at_mut(1);
            for (a, x) in a[i * n + i + 1..(i + 1) * n].iter().zip(behind) {
                (0..LANES).for_each(|l| this[0].0[l] -= a.0[l] * x.0[l]);
            }
            (0..LANES).for_each(|l| this[0].0[l] *= a[i * n + i].0[l]);
        }
    }

    /// `b` becomes x of Aᵀ x = b, with the A of lane `l`.
    pub(super) fn solve_transposed(&self, l: usize, b: &mut [f64]) {
        let (n, a) = (self.n, &self.values);
        for i in 0..n {
            let sum: f64 = (0..i).map(|j| a[j * n + i].0[l] * b[j]).sum();
            b[i] = (b[i] - sum) * a[i * n + i].0[l];
        }
        for i in (0..n).rev() {
            let sum: f64 = (i + 1..n).map(|j| a[j * n + i].0[l] * b[j]).sum();
            b[i] -= sum;
        }
        let mut exchanged = self.exchanged.iter().rev();
        for k in (0..n).rev() {
            for i in (k + 1..n).rev() {
                if exchanged.next().is_some_and(|mask| mask.0[l] != 0.0) {
                    b.swap(k, i);
                }
            }
        }
    }
}

/// [`LaneLu::factor`] in the widest vectors there are.
struct Factor<'a> {
    lu: &'a mut LaneLu,
    h_gamma: &'a Row,
    jacobian: &'a [Row],
}

impl WithSimd for Factor<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let Self { lu: LaneLu { n, values: a, exchanged, .. }, h_gamma, jacobian } = self;
        let n = *n;
        for (value, j) in a.iter_mut().zip(jacobian) {
            for l in 0..LANES {
                value.0[l] = -h_gamma.0[l] * j.0[l];
            }
        }
        for i in 0..n {
            a[i * n + i].0.iter_mut().for_each(|value| *value += 1.0);
        }
        let mut exchanged = exchanged.iter_mut();
        for k in 0..n {
            for i in k + 1..n {
                let (above, below) = a.split_at_mut(i * n);
                let (upper, lower) = (&mut above[k * n..][..n], &mut below[..n]);
                let mut mask = Row::ZERO;
                for l in 0..LANES {
                    mask.0[l] = if lower[k].0[l].abs() > upper[k].0[l].abs() { 1.0 } else { 0.0 };
                }
                for (x, y) in upper.iter_mut().zip(lower) {
                    for l in 0..LANES {
                        let (a, b) = (x.0[l], y.0[l]);
                        x.0[l] = if mask.0[l] != 0.0 { b } else { a };
                        y.0[l] = if mask.0[l] != 0.0 { a } else { b };
                    }
                }
                if let Some(slot) = exchanged.next() {
                    *slot = mask;
                }
            }
            let inverse = Row(a[k * n + k].0.map(|pivot| 1.0 / pivot));
            a[k * n + k] = inverse;
            for i in k + 1..n {
                let (above, below) = a.split_at_mut(i * n);
                let (upper, lower) = (&above[k * n..][..n], &mut below[..n]);
                let mut factor = Row::ZERO;
                factor.add_product(&lower[k], &inverse);
                lower[k] = factor;
                for (x, y) in upper[k + 1..].iter().zip(&mut lower[k + 1..]) {
                    for l in 0..LANES {
                        y.0[l] -= factor.0[l] * x.0[l];
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::lu::Lu;
    use super::*;
    use surprisal_core::rng;

    #[test]
    fn every_lane_solves_its_own_matrix() {
        let mut source = rng::stream(2, "lane_lu", 0);
        for n in 1..8 {
            let h_gamma = Row(std::array::from_fn(|l| 0.3 + l as f64));
            let mut draw = || Row(std::array::from_fn(|_| 3.0 * rng::standard_normal(&mut source)));
            let jacobian: Vec<Row> = (0..n * n).map(|_| draw()).collect();
            let right: Vec<Row> = (0..n).map(|_| draw()).collect();
            let mut lanes = LaneLu::new(n);
            lanes.factor(&h_gamma, &jacobian);
            let mut in_rows = right.clone();
            lanes.solve_rows(&mut in_rows);
            for l in 0..LANES {
                let mut one = Lu::new(n);
                for (index, (value, j)) in one.values.iter_mut().zip(&jacobian).enumerate() {
                    *value = if index % (n + 1) == 0 { 1.0 } else { 0.0 } - h_gamma.0[l] * j.0[l];
                }
                assert!(one.factor());
                let b: Vec<f64> = right.iter().map(|row| row.0[l]).collect();
                let (mut x, mut expected) = (b.clone(), b.clone());
                lanes.solve(l, &mut x);
                for (row, x) in in_rows.iter().zip(&x) {
                    assert!((row.0[l] - x).abs() < 1e-12 * (1.0 + x.abs()), "{n} {l}: {} against {x}", row.0[l]);
                }
                one.solve(&mut expected);
                let (mut xt, mut expected_t) = (b.clone(), b);
                lanes.solve_transposed(l, &mut xt);
                one.solve_transposed(&mut expected_t);
                for (a, b) in x.iter().chain(&xt).zip(expected.iter().chain(&expected_t)) {
                    assert!((a - b).abs() < 1e-11 * (1.0 + b.abs()), "{n} {l}: {a} against {b}");
                }
            }
        }
    }

    #[test]
    fn a_singular_lane_leaves_the_others_alone() {
        let mut lanes = LaneLu::new(2);
        let mut jacobian = vec![Row::splat(1.0); 4];
        // I − J of lane 3 is [[1, −1], [−1, 1]]
        (jacobian[0].0[3], jacobian[3].0[3]) = (0.0, 0.0);
        jacobian[1].0[5] = f64::NAN;
        lanes.factor(&Row::splat(1.0), &jacobian);
        for l in 0..LANES {
            let mut x = [1.0, 2.0];
            lanes.solve(l, &mut x);
            assert_eq!(x.iter().all(|x| x.is_finite()), l != 3 && l != 5, "{l}: {x:?}");
        }
    }
}
