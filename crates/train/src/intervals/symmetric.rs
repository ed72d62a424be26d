//! Eigenvalues and eigenvectors of a small symmetric matrix by cyclic Jacobi rotations.
//!
//! Each rotation makes one pair of off-diagonal entries zero with t = sgn(τ)/(|τ| + √(1 + τ²)),
//! τ = (a_qq − a_pp)/(2 a_pq) (Golub & Van Loan 2013, Matrix Computations, alg. 8.5.1). Slow beside
//! tridiagonal methods, but small eigenvalues come out with small relative errors.

/// A symmetric matrix, row-major.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Symmetric {
    n: usize,
    values: Vec<f64>,
}

/// A = Σ λ_k v_k v_kᵀ.
#[derive(Debug, Clone)]
pub(crate) struct Eigen {
    /// λ, `[n]`, ascending.
    pub(crate) values: Vec<f64>,
    /// v_k, `[n]` each, of length 1.
    pub(crate) vectors: Vec<Vec<f64>>,
}

const MOST_SWEEPS: usize = 60;

impl Symmetric {
    /// From `f(i, j)` for i ≤ j.
    pub(crate) fn new(n: usize, f: impl Fn(usize, usize) -> f64) -> Self {
        let values = (0..n * n).map(|k| f((k / n).min(k % n), (k / n).max(k % n))).collect();
        Self { n, values }
    }

    pub(crate) fn n(&self) -> usize {
        self.n
    }

    pub(crate) fn at(&self, i: usize, j: usize) -> f64 {
        self.values[i * self.n + j]
    }

    /// All eigenvalues and eigenvectors.
    pub(crate) fn eigen(&self) -> Eigen {
        let n = self.n;
        let mut a = self.values.clone();
        // row k becomes v_k
        let mut v: Vec<f64> = (0..n * n).map(|k| f64::from(u8::from(k / n == k % n))).collect();
        let size = a.iter().map(|x| x * x).sum::<f64>().sqrt();
        for _ in 0..MOST_SWEEPS {
            let off: f64 = (0..n * n).filter(|k| k / n != k % n).map(|k| a[k] * a[k]).sum();
            if off.sqrt() <= 1e-15 * size {
                break;
            }
            for p in 0..n {
                for q in p + 1..n {
                    rotate(&mut a, &mut v, n, p, q);
                }
            }
        }
        let mut order: Vec<usize> = (0..n).collect();
        order.sort_by(|&i, &j| a[i * n + i].total_cmp(&a[j * n + j]));
        Eigen {
            values: order.iter().map(|&k| a[k * n + k]).collect(),
            vectors: order.iter().map(|&k| v[k * n..(k + 1) * n].to_vec()).collect(),
        }
    }
}

/// Makes a_pq zero.
fn rotate(a: &mut [f64], v: &mut [f64], n: usize, p: usize, q: usize) {
    let apq = a[p * n + q];
    if apq == 0.0 {
        return;
    }
    let tau = (a[q * n + q] - a[p * n + p]) / (2.0 * apq);
    let t = tau.signum() / (tau.abs() + (1.0 + tau * tau).sqrt());
    let c = 1.0 / (1.0 + t * t).sqrt();
    let s = t * c;
    for k in 0..n {
        let (x, y) = (a[k * n + p], a[k * n + q]);
        (a[k * n + p], a[k * n + q]) = (c * x - s * y, s * x + c * y);
    }
    for matrix in [a, v] {
        for k in 0..n {
            let (x, y) = (matrix[p * n + k], matrix[q * n + k]);
            (matrix[p * n + k], matrix[q * n + k]) = (c * x - s * y, s * x + c * y);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parts_make_up_the_matrix() {
        for n in [1, 2, 7, 30] {
            let a = Symmetric::new(n, |i, j| ((i * i + 3 * j) as f64).sin() + f64::from(u8::from(i == j)) * i as f64);
            let Eigen { values, vectors } = a.eigen();
            assert!(values.windows(2).all(|w| w[0] <= w[1]));
            for i in 0..n {
                for j in 0..n {
                    let sum: f64 = (0..n).map(|k| values[k] * vectors[k][i] * vectors[k][j]).sum();
                    assert!((sum - a.at(i, j)).abs() < 1e-12 * n as f64, "{n}: {sum} {}", a.at(i, j));
                    let product: f64 = vectors[i].iter().zip(&vectors[j]).map(|(x, y)| x * y).sum();
                    assert!((product - f64::from(u8::from(i == j))).abs() < 1e-13);
                }
            }
        }
    }

    /// The Hilbert matrix of order 3: its determinant, its trace, and λ₁ by mpmath in 30 digits.
    #[test]
    fn small_eigenvalues_are_right() {
        let found = Symmetric::new(3, |i, j| 1.0 / (i + j + 1) as f64).eigen().values;
        assert!((found.iter().product::<f64>() * 2160.0 - 1.0).abs() < 1e-12);
        assert!((found.iter().sum::<f64>() - 23.0 / 15.0).abs() < 1e-14);
        assert!((found[0] - 0.002_687_340_355_773_529).abs() < 1e-15, "{}", found[0]);
    }
}
