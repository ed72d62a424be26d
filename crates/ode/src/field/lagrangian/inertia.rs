//! The inertia M = ΛΛᵀ + εI by its lower triangle Λ, and how Λ follows from outputs of a network.

/// ε: what is left of M where Λ is singular.
const EPSILON: f64 = 1e-4;

/// ln(e − 1): softplus of it is 1.
const UNIT: f64 = 0.541_324_854_612_918_1;

/// Places of the diagonal among the rows of a triangle, one after the other.
fn diagonal(m: usize) -> impl Iterator<Item = usize> {
    (0..m).map(|i| i * (i + 3) / 2)
}

/// The first two derivatives of the diagonal Λᵢᵢ = ln(1 + e^{oᵢᵢ + UNIT}) with respect to outputs o; it is 1
/// where they are 0.
pub(super) struct Diagonal {
    slopes: Vec<f64>,
    curvatures: Vec<f64>,
}

impl Diagonal {
    /// Λ and what its diagonal's derivatives are.
    pub(super) fn of(m: usize, outputs: &[f64]) -> (Triangle, Self) {
        let mut values = outputs.to_vec();
        let (mut slopes, mut curvatures) = (vec![], vec![]);
        for i in diagonal(m) {
            let z = values[i] + UNIT;
            let s = 1.0 / (1.0 + (-z).exp());
            values[i] = 0.5 * (z + z.abs()) + (-z.abs()).exp().ln_1p();
            slopes.push(s);
            curvatures.push(s * (1.0 - s));
        }
        (Triangle::new(m, &values), Self { slopes, curvatures })
    }

    /// The change of Λ from that of outputs, or the cotangents of outputs from those of Λ's entries.
    pub(super) fn scale(&self, outputs: &mut [f64]) {
        diagonal(self.slopes.len()).zip(&self.slopes).for_each(|(i, s)| outputs[i] *= s);
    }

    /// Adds what `change_bar`, the cotangents of Λ's change, says of the outputs at which it was taken,
    /// where the outputs change by `change`.
    pub(super) fn add_bend(&self, change_bar: &[f64], change: &[f64], outputs_bar: &mut [f64]) {
        for (i, c) in diagonal(self.slopes.len()).zip(&self.curvatures) {
            outputs_bar[i] += change_bar[i] * c * change[i];
        }
    }
}

/// A lower triangular matrix `[m, m]`, row-major in full.
#[derive(Debug, Clone)]
pub(super) struct Triangle {
    m: usize,
    entries: Vec<f64>,
}

impl Triangle {
    /// From its rows without zeros, one after the other: the first of `outputs`.
    pub(super) fn new(m: usize, outputs: &[f64]) -> Self {
        let mut entries = vec![0.0; m * m];
        let mut next = outputs.iter();
        for i in 0..m {
            entries[i * m..=i * m + i].iter_mut().zip(&mut next).for_each(|(entry, output)| *entry = *output);
        }
        Self { m, entries }
    }

    /// Λx.
    pub(super) fn times(&self, x: &[f64]) -> Vec<f64> {
        self.entries.chunks_exact(self.m).map(|row| row.iter().zip(x).map(|(l, x)| l * x).sum()).collect()
    }

    /// Λᵀx.
    pub(super) fn transpose_times(&self, x: &[f64]) -> Vec<f64> {
        let mut out = vec![0.0; self.m];
        for (row, x) in self.entries.chunks_exact(self.m).zip(x) {
            out.iter_mut().zip(row).for_each(|(out, l)| *out += l * x);
        }
        out
    }

    /// Mx.
    pub(super) fn inertia_times(&self, x: &[f64]) -> Vec<f64> {
        self.times(&self.transpose_times(x)).iter().zip(x).map(|(y, x)| y + EPSILON * x).collect()
    }

    /// Adds s·∂(x·Λᵀy)/∂Λ = s·yxᵀ to the cotangents of Λ's rows without zeros.
    pub(super) fn add_outer(bar: &mut [f64], s: f64, y: &[f64], x: &[f64]) {
        let mut next = bar.iter_mut();
        for (i, y) in y.iter().enumerate() {
            x[..=i].iter().zip(&mut next).for_each(|(x, bar)| *bar += s * y * x);
        }
    }

    /// M⁻¹b, by the Cholesky factor of M.
    pub(super) fn solve_inertia(&self, b: &[f64]) -> Vec<f64> {
        let m = self.m;
        let row = |i: usize| &self.entries[i * m..][..m];
        let mut factor = vec![0.0; m * m];
        for i in 0..m {
            for j in 0..=i {
                let inertia: f64 =
                    row(i).iter().zip(row(j)).map(|(a, b)| a * b).sum::<f64>() + if i == j { EPSILON } else { 0.0 };
                let known: f64 = (0..j).map(|k| factor[i * m + k] * factor[j * m + k]).sum();
                factor[i * m + j] =
                    if i == j { (inertia - known).sqrt() } else { (inertia - known) / factor[j * m + j] };
            }
        }
        let mut x = b.to_vec();
        for i in 0..m {
            let known: f64 = (0..i).map(|k| factor[i * m + k] * x[k]).sum();
            x[i] = (x[i] - known) / factor[i * m + i];
        }
        for i in (0..m).rev() {
            let known: f64 = (i + 1..m).map(|k| factor[k * m + i] * x[k]).sum();
            x[i] = (x[i] - known) / factor[i * m + i];
        }
        x
    }
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
