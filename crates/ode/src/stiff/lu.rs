//! Dense LU factors with row exchanges, and solves with the matrix and its transpose.

/// PA = LU.
#[derive(Debug, Clone)]
pub(super) struct Lu {
    n: usize,
    /// `[n, n]` row-major: L below the diagonal (its own diagonal is 1), U from it on.
    factors: Vec<f64>,
    /// Row of A in each row of LU.
    rows: Vec<usize>,
}

impl Lu {
    /// Factors of a matrix `[n, n]`, row-major; `None` if it is singular or not finite.
    pub(super) fn new(n: usize, mut a: Vec<f64>) -> Option<Self> {
        let mut rows: Vec<usize> = (0..n).collect();
        for k in 0..n {
            let pivot = (k..n).max_by(|&i, &j| a[i * n + k].abs().total_cmp(&a[j * n + k].abs()))?;
            if !(a[pivot * n + k].abs() > 0.0 && a[pivot * n + k].is_finite()) {
                return None;
            }
            if pivot != k {
                rows.swap(pivot, k);
                (0..n).for_each(|j| a.swap(pivot * n + j, k * n + j));
            }
            for i in k + 1..n {
                let factor = a[i * n + k] / a[k * n + k];
                a[i * n + k] = factor;
                (k + 1..n).for_each(|j| a[i * n + j] -= factor * a[k * n + j]);
            }
        }
        Some(Self { n, factors: a, rows })
    }

    /// x of A x = b.
    pub(super) fn solve(&self, b: &[f64]) -> Vec<f64> {
        let (n, a) = (self.n, &self.factors);
        let mut x: Vec<f64> = self.rows.iter().map(|&row| b[row]).collect();
        for i in 0..n {
            let sum: f64 = (0..i).map(|j| a[i * n + j] * x[j]).sum();
            x[i] -= sum;
        }
        for i in (0..n).rev() {
            let sum: f64 = (i + 1..n).map(|j| a[i * n + j] * x[j]).sum();
            x[i] = (x[i] - sum) / a[i * n + i];
        }
        x
    }

    /// x of Aᵀ x = b.
    pub(super) fn solve_transposed(&self, b: &[f64]) -> Vec<f64> {
        let (n, a) = (self.n, &self.factors);
        let mut z = b.to_vec();
        for i in 0..n {
            let sum: f64 = (0..i).map(|j| a[j * n + i] * z[j]).sum();
            z[i] = (z[i] - sum) / a[i * n + i];
        }
        for i in (0..n).rev() {
            let sum: f64 = (i + 1..n).map(|j| a[j * n + i] * z[j]).sum();
            z[i] -= sum;
        }
        let mut x = vec![0.0; n];
        self.rows.iter().zip(z).for_each(|(&row, z)| x[row] = z);
        x
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
            let lu = Lu::new(n, a.clone()).unwrap();
            let b: Vec<f64> = (0..n).map(|i| (0..n).map(|j| a[i * n + j] * x[j]).sum()).collect();
            let bt: Vec<f64> = (0..n).map(|i| (0..n).map(|j| a[j * n + i] * x[j]).sum()).collect();
            for found in [lu.solve(&b), lu.solve_transposed(&bt)] {
                assert!(found.iter().zip(&x).all(|(a, b)| (a - b).abs() < 1e-11), "{n}");
            }
        }
        assert!(Lu::new(2, vec![1.0, 2.0, 2.0, 4.0]).is_none() && Lu::new(1, vec![f64::NAN]).is_none());
    }
}
