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
    let scale: Vec<f64> = (0..n)
        .map(|i| {
            let size = matrix.at(i, i).abs().sqrt();
            if size > 0.0 { size } else { 1.0 }
        })
        .collect();
    let eigen = Symmetric::new(n, |i, j| matrix.at(i, j) / (scale[i] * scale[j])).eigen();
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

#[cfg(test)]
mod tests {
    use super::*;

    fn of(rows: [[f64; 3]; 3], gradient: [f64; 3]) -> Errors {
        let matrix = Symmetric::new(3, |i, j| rows[i][j]);
        errors(&Information { matrix, gradient: gradient.to_vec(), asymmetry: 0.0 })
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
    fn a_saddle_is_called_one() {
        let found = of([[1.0, 0.0, 0.0], [0.0, -2.0, 0.0], [0.0, 0.0, 4.0]], [0.0; 3]);
        assert!(found.standard[1].is_nan() && found.standard[0] == 1.0);
        assert_eq!(found.undetermined[0].kind, Kind::Falling);
    }
}
