//! A = LLᵀ of a symmetric positive definite matrix, row-major float64.

/// The lower triangle L, `[n, n]`.
#[derive(Debug, Clone)]
pub(super) struct Cholesky {
    lower: Vec<f64>,
    n: usize,
}

impl Cholesky {
    /// Of `matrix`, `[n, n]`; `None` where it is not positive definite.
    pub(super) fn new(matrix: &[f64], n: usize) -> Option<Self> {
        let mut lower = vec![0.0; n * n];
        for i in 0..n {
            for j in 0..=i {
                let (row_i, row_j) = (&lower[i * n..i * n + j], &lower[j * n..j * n + j]);
                let rest = matrix[i * n + j] - row_i.iter().zip(row_j).map(|(a, b)| a * b).sum::<f64>();
                lower[i * n + j] = match i == j {
                    true if rest > 0.0 => rest.sqrt(),
                    true => return None,
                    false => rest / lower[j * n + j],
                };
            }
        }
        Some(Self { lower, n })
    }

    /// ln det A.
    pub(super) fn log_determinant(&self) -> f64 {
        2.0 * (0..self.n).map(|i| self.lower[i * self.n + i].ln()).sum::<f64>()
    }

    /// L⁻¹b.
    pub(super) fn forward(&self, b: &[f64]) -> Vec<f64> {
        let mut x = b.to_vec();
        for i in 0..self.n {
            let row = &self.lower[i * self.n..i * self.n + i];
            let known: f64 = row.iter().zip(&x).map(|(l, x)| l * x).sum();
            x[i] = (x[i] - known) / self.lower[i * self.n + i];
        }
        x
    }

    /// A⁻¹b.
    pub(super) fn solve(&self, b: &[f64]) -> Vec<f64> {
        let mut x = self.forward(b);
        for i in (0..self.n).rev() {
            let known: f64 = (i + 1..self.n).map(|j| self.lower[j * self.n + i] * x[j]).sum();
            x[i] = (x[i] - known) / self.lower[i * self.n + i];
        }
        x
    }

    /// A⁻¹, `[n, n]`.
    pub(super) fn inverse(&self) -> Vec<f64> {
        let column = |j: usize| {
            let unit: Vec<f64> = (0..self.n).map(|i| f64::from(u8::from(i == j))).collect();
            self.solve(&unit)
        };
        // it is symmetric: its columns are its rows
        (0..self.n).flat_map(column).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn factor_solve_determinant_and_inverse_agree() {
        let a = [4.0, 2.0, 0.6, 2.0, 5.0, 1.0, 0.6, 1.0, 3.0];
        let cholesky = Cholesky::new(&a, 3).expect("positive definite");
        let determinant: f64 = 4.0 * (15.0 - 1.0) - 2.0 * (6.0 - 0.6) + 0.6 * (2.0 - 3.0);
        assert!((cholesky.log_determinant() - determinant.ln()).abs() < 1e-14);
        let x = cholesky.solve(&[1.0, -2.0, 0.5]);
        for (i, b) in [1.0, -2.0, 0.5].iter().enumerate() {
            let product: f64 = (0..3).map(|j| a[3 * i + j] * x[j]).sum();
            assert!((product - b).abs() < 1e-14);
        }
        let inverse = cholesky.inverse();
        for i in 0..3 {
            for j in 0..3 {
                let product: f64 = (0..3).map(|k| a[3 * i + k] * inverse[3 * k + j]).sum();
                assert!((product - f64::from(u8::from(i == j))).abs() < 1e-14);
            }
        }
        assert!(Cholesky::new(&[1.0, 2.0, 2.0, 1.0], 2).is_none());
    }
}
