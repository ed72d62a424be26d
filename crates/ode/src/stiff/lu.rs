//! Dense LU factors with row exchanges, and solves with the matrix and its transpose.

/// PA = LU.
#[derive(Debug, Clone)]
pub(super) struct Lu {
    n: usize,
    /// `[n, n]` row-major: the matrix, and once factored L below the diagonal (its own diagonal is 1), U
    /// from it on.
    pub(super) values: Vec<f64>,
    /// Row of A in each row of LU.
    rows: Vec<usize>,
    /// `[n]`
    z: Vec<f64>,
}

impl Lu {
    /// Room for a matrix `[n, n]`.
    pub(super) fn new(n: usize) -> Self {
        Self { n, values: vec![0.0; n * n], rows: vec![0; n], z: vec![0.0; n] }
    }

    /// Factors the matrix in `values` in place; false if it is singular or not finite.
    pub(super) fn factor(&mut self) -> bool {
        let (n, a) = (self.n, &mut self.values);
        self.rows.iter_mut().enumerate().for_each(|(i, row)| *row = i);
        for k in 0..n {
            let mut pivot = k;
            for i in k + 1..n {
                if a[i * n + k].abs() > a[pivot * n + k].abs() {
                    pivot = i;
                }
            }
            let largest = a[pivot * n + k];
            if largest == 0.0 || !largest.is_finite() {
                return false;
            }
            if pivot != k {
                self.rows.swap(pivot, k);
                (0..n).for_each(|j| a.swap(pivot * n + j, k * n + j));
            }
            for i in k + 1..n {
                let factor = a[i * n + k] / a[k * n + k];
                a[i * n + k] = factor;
                (k + 1..n).for_each(|j| a[i * n + j] -= factor * a[k * n + j]);
            }
        }
        true
    }

    /// `b` becomes x of A x = b.
    pub(super) fn solve(&mut self, b: &mut [f64]) {
        let (n, a, z) = (self.n, &self.values, &mut self.z);
        for (z, &row) in z.iter_mut().zip(&self.rows) {
            *z = b[row];
        }
        for i in 0..n {
            let sum: f64 = (0..i).map(|j| a[i * n + j] * z[j]).sum();
            z[i] -= sum;
        }
        for i in (0..n).rev() {
            let sum: f64 = (i + 1..n).map(|j| a[i * n + j] * z[j]).sum();
            z[i] = (z[i] - sum) / a[i * n + i];
        }
        b.copy_from_slice(z);
    }

    /// `b` becomes x of Aᵀ x = b.
    pub(super) fn solve_transposed(&mut self, b: &mut [f64]) {
        let (n, a, z) = (self.n, &self.values, &mut self.z);
        z.copy_from_slice(b);
        for i in 0..n {
            let sum: f64 = (0..i).map(|j| a[j * n + i] * z[j]).sum();
            z[i] = (z[i] - sum) / a[i * n + i];
        }
        for i in (0..n).rev() {
            let sum: f64 = (i + 1..n).map(|j| a[j * n + i] * z[j]).sum();
            z[i] -= sum;
        }
        self.rows.iter().zip(z).for_each(|(&row, z)| b[row] = *z);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use surprisal_core::rng;

    #[test]
    fn both_solves_invert_the_matrix() {
        let mut source = rng::stream(1, "lu", 0);
        for n in 1..8 {
            let a: Vec<f64> = (0..n * n).map(|_| rng::standard_normal(&mut source)).collect();
            let x: Vec<f64> = (0..n).map(|_| rng::standard_normal(&mut source)).collect();
            let mut lu = Lu::new(n);
            lu.values.copy_from_slice(&a);
            assert!(lu.factor());
            let mut b: Vec<f64> = (0..n).map(|i| (0..n).map(|j| a[i * n + j] * x[j]).sum()).collect();
            let mut bt: Vec<f64> = (0..n).map(|i| (0..n).map(|j| a[j * n + i] * x[j]).sum()).collect();
            lu.solve(&mut b);
            lu.solve_transposed(&mut bt);
            for found in [b, bt] {
                assert!(found.iter().zip(&x).all(|(a, b)| (a - b).abs() < 1e-11), "{n}");
            }
        }
        for (n, values) in [(2, vec![1.0, 2.0, 2.0, 4.0]), (1, vec![f64::NAN])] {
            assert!(!Lu { values, ..Lu::new(n) }.factor());
        }
    }
}
