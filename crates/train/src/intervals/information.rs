//! The observed information of the training data.
//!
//! With L the training loss (a mean over N samples), x everything that is trained and g = N ∂L/∂x, the
//! information is H = ∂g/∂x at the weights kept (Efron & Hinkley 1978, Assessing the accuracy of the
//! maximum likelihood estimator, eq. 1.2). Column i comes from two exact gradients,
//!
//! H_i = (g(x + h e_i) − g(x − h e_i))/2h,  h = 10⁻³ max(1, |x_i|):
//!
//! every likelihood, penalty and prior is in it, and no second derivative has to be written. The step
//! is large because adaptive solvers change their steps: the gradient is rough at the size of their
//! tolerance. How far H is from symmetric says how rough it was.
//!
//! **Nuisance.** Of x = (θ, w), w is of no interest: weights of networks. Held fixed, the information
//! about θ is H_θθ. Marginalised, it is the Schur complement H_θθ − H_θw (H_ww⁺ + 1)⁻¹ H_wθ, where
//! negative curvature of H_ww, which a minimum has not, is taken as none, and every weight has a
//! standard normal before the data, without which directions that change nothing would have no scale.

use super::symmetric::Symmetric;
use crate::TrainError;
use crate::optimizer::Problem;

/// h of a number of order 1.
pub(super) const STEP: f64 = 1e-3;
/// 1/variance of a weight of a network before the data.
pub(super) const WEIGHT_PRECISION: f64 = 1.0;

/// What the data say about θ, in nats per square of its own units.
pub(super) struct Information {
    pub(super) matrix: Symmetric,
    /// Gradient in which the nuisance has been taken to its minimum, `[n_θ]`.
    pub(super) gradient: Vec<f64>,
    /// Largest |H_ij − H_ji|/√(H_ii H_jj) among the θ.
    pub(super) asymmetry: f64,
    /// About θ and the nuisance together, `[n_θ + n_w]`: [[H_θθ, H_θw], [H_wθ, H_ww⁺ + 1]].
    pub(super) joint: Symmetric,
}

/// The information about the coordinates `of`; `nuisance` are those to be marginalised.
pub(super) fn observed(
    problem: &mut dyn Problem,
    x: &[f64],
    n_samples: f64,
    of: &[usize],
    nuisance: &[usize],
) -> Result<Information, TrainError> {
    let gradient: Vec<f64> = problem.smooth(x)?.1.iter().map(|g| n_samples * g).collect();
    let mut columns = |coordinates: &[usize]| -> Result<Vec<Vec<f64>>, TrainError> {
        coordinates.iter().map(|&i| column(problem, x, n_samples, i)).collect()
    };
    let (direct, crossed) = (columns(of)?, columns(nuisance)?);
    Ok(Information::new(&gradient, &direct, &crossed, of, nuisance))
}

impl Information {
    /// From N times the gradient, and the columns of H that belong to `of` and to `nuisance`, all of them
    /// over all coordinates.
    pub(super) fn new(
        gradient: &[f64],
        direct: &[Vec<f64>],
        crossed: &[Vec<f64>],
        of: &[usize],
        nuisance: &[usize],
    ) -> Self {
        let n = of.len();
        let at = |i: usize, j: usize| 0.5 * (direct[i][of[j]] + direct[j][of[i]]);
        let mut asymmetry = 0.0f64;
        for i in 0..n {
            for j in 0..i {
                let size = (direct[i][of[i]] * direct[j][of[j]]).abs().sqrt();
                if size > 0.0 {
                    asymmetry = asymmetry.max((direct[i][of[j]] - direct[j][of[i]]).abs() / size);
                }
            }
        }
        let own: Vec<f64> = of.iter().map(|&i| gradient[i]).collect();
        if nuisance.is_empty() {
            let matrix = Symmetric::new(n, at);
            return Self { joint: matrix.clone(), matrix, gradient: own, asymmetry };
        }
        let block = Symmetric::new(nuisance.len(), |i, j| 0.5 * (crossed[i][nuisance[j]] + crossed[j][nuisance[i]]));
        let eigen = block.eigen();
        let precision: Vec<f64> = eigen.values.iter().map(|value| value.max(0.0) + WEIGHT_PRECISION).collect();
        let joint = Symmetric::new(n + nuisance.len(), |i, j| match (i < n, j < n) {
            (true, true) => at(i, j),
            (true, false) => 0.5 * (direct[i][nuisance[j - n]] + crossed[j - n][of[i]]),
            // only pairs i ≤ j are asked for
            (false, _) => eigen.vectors.iter().zip(&precision).map(|(v, p)| v[i - n] * p * v[j - n]).sum(),
        });
        // rows of H_θw, and g_w, along the eigenvectors
        let along = |row: &dyn Fn(usize) -> f64| -> Vec<f64> {
            eigen.vectors.iter().map(|v| v.iter().enumerate().map(|(k, v)| v * row(k)).sum()).collect()
        };
        let across: Vec<Vec<f64>> =
            (0..n).map(|i| along(&|k| 0.5 * (direct[i][nuisance[k]] + crossed[k][of[i]]))).collect();
        let pull = along(&|k| gradient[nuisance[k]]);
        let explained = |a: &[f64], b: &[f64]| -> f64 {
            a.iter().zip(b).zip(&precision).map(|((a, b), precision)| a * b / precision).sum()
        };
        Self {
            matrix: Symmetric::new(n, |i, j| at(i, j) - explained(&across[i], &across[j])),
            gradient: own.iter().zip(&across).map(|(g, row)| g - explained(row, &pull)).collect(),
            asymmetry,
            joint,
        }
    }
}

fn column(problem: &mut dyn Problem, x: &[f64], n_samples: f64, i: usize) -> Result<Vec<f64>, TrainError> {
    let h = STEP * x[i].abs().max(1.0);
    let mut gradient = |shift: f64| -> Result<Vec<f64>, TrainError> {
        let mut moved = x.to_vec();
        moved[i] += shift;
        Ok(problem.smooth(&moved)?.1)
    };
    let (above, below) = (gradient(h)?, gradient(-h)?);
    Ok(above.iter().zip(&below).map(|(a, b)| n_samples * (a - b) / (2.0 * h)).collect())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)] // a failed unwrap is a failed test
mod tests {
    use super::*;

    /// f = ½ xᵀAx + ⅓ Σ x³, whose second derivative is A + 2 diag(x).
    struct Cubic;

    const A: [[f64; 3]; 3] = [[4.0, 1.0, 0.5], [1.0, 3.0, -0.7], [0.5, -0.7, 2.0]];

    impl Problem for Cubic {
        fn smooth(&mut self, x: &[f64]) -> Result<(f64, Vec<f64>), TrainError> {
            let g = (0..3).map(|i| (0..3).map(|j| A[i][j] * x[j]).sum::<f64>() + x[i] * x[i]).collect();
            Ok((0.0, g))
        }
        fn penalty(&self, _: &[f64]) -> f64 {
            0.0
        }
        fn proximal(&self, _: &mut [f64], _: f64) {}
        fn absolute_weights(&self) -> Option<Vec<f64>> {
            None
        }
    }

    #[test]
    fn differences_of_gradients_are_the_second_derivative_and_nuisance_is_marginalised() {
        let x = [0.3, -0.2, 0.1];
        let h = |i: usize, j: usize| 10.0 * (A[i][j] + if i == j { 2.0 * x[i] } else { 0.0 });
        let fixed = observed(&mut Cubic, &x, 10.0, &[0, 2], &[]).unwrap();
        for (i, j, of) in [(0, 0, (0, 0)), (0, 1, (0, 2)), (1, 1, (2, 2))] {
            assert!((fixed.matrix.at(i, j) - h(of.0, of.1)).abs() < 1e-8);
        }
        assert!(fixed.asymmetry < 1e-10);
        let marginal = observed(&mut Cubic, &x, 10.0, &[0, 2], &[1]).unwrap();
        for (i, a) in [0, 2].into_iter().enumerate() {
            for (j, b) in [0, 2].into_iter().enumerate() {
                let expected = h(a, b) - h(a, 1) * h(b, 1) / (h(1, 1) + 1.0);
                assert!((marginal.matrix.at(i, j) - expected).abs() < 1e-8);
            }
            let g = Cubic.smooth(&x).unwrap().1;
            let expected = 10.0 * (g[a] - h(a, 1) * g[1] / (h(1, 1) + 1.0));
            assert!((marginal.gradient[i] - expected).abs() < 1e-8);
        }
    }
}
