//! From the information to standard errors, and what cannot have any.
//!
//! H is scaled to a unit diagonal, C = D⁻¹HD⁻¹ with D = √|diag H|, so that units play no part, and
//! taken apart, C = Σ λ_k v_k v_kᵀ. The variance of x_i is Σ_k v_ki²/λ_k / D_i². Where λ_k is no larger
//! than the noise of H, the data do not determine the combination v_k/D of parameters, and the
//! parameters in it have no standard error.

use super::information::Information;
use super::symmetric::Symmetric;

/// Eigenvalues below this are zero, whatever the asymmetry.
const SMALLEST: f64 = 1e-6;
/// A parameter whose share v² in an undetermined combination is above this is not determined either.
const SHARE: f64 = 1e-4;

/// Standard errors in the space that is trained.
pub(super) struct Errors {
    /// `[n]`; NaN where there is none.
    pub(super) standard: Vec<f64>,
    /// The Newton step to the nearby minimum, `[n]`; NaN likewise.
    pub(super) newton: Vec<f64>,
    /// Each combination of parameters that is not determined.
    pub(super) undetermined: Vec<Undetermined>,
}

/// A direction along which the data say nothing, or the loss falls.
pub(super) struct Undetermined {
    /// Largest component 1, `[n]`.
    pub(super) direction: Vec<f64>,
    pub(super) kind: Kind,
}

/// What is wrong with a direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// No curvature.
    Flat,
    /// The loss is curved downwards.
    Falling,
}

pub(super) fn errors(information: &Information) -> Errors {
    let (matrix, n) = (&information.matrix, information.matrix.n());
    let scale = scales(matrix);
    let eigen = scaled(matrix, &scale).eigen();
    let noise = information.asymmetry.max(SMALLEST);
    let (mut variance, mut newton) = (vec![0.0; n], vec![0.0; n]);
    let mut undetermined = vec![];
    for (&value, vector) in eigen.values.iter().zip(&eigen.vectors) {
        // a NaN is no information either
        if !(value > noise) {
            for i in (0..n).filter(|&i| !(vector[i] * vector[i] <= SHARE)) {
                (variance[i], newton[i]) = (f64::NAN, f64::NAN);
            }
            let direction: Vec<f64> = vector.iter().zip(&scale).map(|(v, s)| v / s).collect();
            let largest = direction.iter().fold(0.0, |a: f64, &b| if b.abs() > a.abs() { b } else { a });
            undetermined.push(Undetermined {
                direction: direction.iter().map(|v| v / largest).collect(),
                kind: if value < -noise { Kind::Falling } else { Kind::Flat },
            });
            continue;
        }
        let slope: f64 = vector.iter().zip(&information.gradient).zip(&scale).map(|((v, g), s)| v * g / s).sum();
        for i in 0..n {
            variance[i] += vector[i] * vector[i] / (value * scale[i] * scale[i]);
            newton[i] -= vector[i] * slope / (value * scale[i]);
        }
    }
    Errors { standard: variance.into_iter().map(f64::sqrt).collect(), newton, undetermined }
}

/// D.
fn scales(matrix: &Symmetric) -> Vec<f64> {
    let size = |i: usize| matrix.at(i, i).abs().sqrt();
    (0..matrix.n()).map(|i| if size(i) > 0.0 { size(i) } else { 1.0 }).collect()
}

/// C.
fn scaled(matrix: &Symmetric, scale: &[f64]) -> Symmetric {
    Symmetric::new(matrix.n(), |i, j| matrix.at(i, j) / (scale[i] * scale[j]))
}

/// Columns of a square root of the covariance, D⁻¹v_k/√λ_k: independent directions, each one standard
/// deviation long. Directions that the data do not determine are left out.
pub(super) fn directions(matrix: &Symmetric, asymmetry: f64) -> Vec<Vec<f64>> {
    let scale = scales(matrix);
    let eigen = scaled(matrix, &scale).eigen();
    let determined = eigen.values.iter().zip(&eigen.vectors).filter(|(value, _)| **value > asymmetry.max(SMALLEST));
    determined.map(|(value, v)| v.iter().zip(&scale).map(|(v, s)| v / (s * value.sqrt())).collect()).collect()
}

/// The same of every direction, with λ_k ≥ `floor`, for a change of variables in which H is near 1.
pub(super) fn whitening(matrix: &Symmetric, floor: f64) -> Vec<Vec<f64>> {
    let scale = scales(matrix);
    let eigen = scaled(matrix, &scale).eigen();
    let all = eigen.values.iter().zip(&eigen.vectors);
    all.map(|(value, v)| v.iter().zip(&scale).map(|(v, s)| v / (s * value.max(floor).sqrt())).collect()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(rows: [[f64; 3]; 3], gradient: [f64; 3]) -> Errors {
        let matrix = Symmetric::new(3, |i, j| rows[i][j]);
        errors(&Information { joint: matrix.clone(), matrix, gradient: gradient.to_vec(), asymmetry: 0.0 })
    }

    #[test]
    fn variances_are_the_diagonal_of_the_inverse() {
        // the inverse of [[4, 2], [2, 3]] is [[3, −2], [−2, 4]]/8; the third stands alone, in small units
        let found = of([[4.0, 2.0, 0.0], [2.0, 3.0, 0.0], [0.0, 0.0, 1e-12]], [1.0, 0.0, 0.0]);
        for (found, expected) in found.standard.iter().zip([3.0 / 8.0, 4.0 / 8.0, 1e12f64]) {
            assert!((found * found / expected - 1.0).abs() < 1e-12, "{found} {expected}");
        }
        assert!((found.newton[0] + 3.0 / 8.0).abs() < 1e-12 && (found.newton[1] - 2.0 / 8.0).abs() < 1e-12);
        assert!(found.undetermined.is_empty());
    }

    #[test]
    fn a_product_determines_neither_factor_and_leaves_the_others_alone() {
        let found = of([[1.0, 2.0, 0.0], [2.0, 4.0, 0.0], [0.0, 0.0, 4.0]], [0.0; 3]);
        assert!(found.standard[0].is_nan() && found.standard[1].is_nan());
        assert!((found.standard[2] - 0.5).abs() < 1e-12);
        let [Undetermined { direction, kind: Kind::Flat }] = &found.undetermined[..] else { panic!("one is flat") };
        assert!((direction[0] - 1.0).abs() < 1e-9 && (direction[1] + 0.5).abs() < 1e-9, "{direction:?}");
    }

    #[test]
    fn directions_make_up_the_covariance() {
        let rows = [[4.0, 2.0, 0.0], [2.0, 3.0, 0.0], [0.0, 0.0, 1e-12]];
        let found = directions(&Symmetric::new(3, |i, j| rows[i][j]), 0.0);
        let covariance = |i: usize, j: usize| found.iter().map(|d| d[i] * d[j]).sum::<f64>();
        for (i, j, expected) in [(0, 0, 3.0 / 8.0), (0, 1, -2.0 / 8.0), (1, 1, 4.0 / 8.0), (2, 2, 1e12)] {
            assert!((covariance(i, j) / expected - 1.0).abs() < 1e-12, "{i} {j}");
        }
        // one direction of a product is not determined, and its opposite is
        let product = Symmetric::new(2, |i, j| [[1.0, 2.0], [2.0, 4.0]][i][j]);
        let [one] = &directions(&product, 0.0)[..] else { panic!("one direction") };
        assert!((one[0] / one[1] - 2.0).abs() < 1e-6, "{one:?}");
        assert_eq!(whitening(&product, 1e-4).len(), 2);
    }

    #[test]
    fn a_saddle_is_called_one() {
        let found = of([[1.0, 0.0, 0.0], [0.0, -2.0, 0.0], [0.0, 0.0, 4.0]], [0.0; 3]);
        assert!(found.standard[1].is_nan() && found.standard[0] == 1.0);
        assert_eq!(found.undetermined[0].kind, Kind::Falling);
    }
}
