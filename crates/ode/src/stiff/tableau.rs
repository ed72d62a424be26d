//! The implicit part of the pair ARK3(2)4L\[2\]SA: an ESDIRK method of order 3 with an embedded one of
//! order 2.
//!
//! Y₁ = y; Yᵢ = y + h Σ_{j<i} aᵢⱼkⱼ + hγkᵢ with kᵢ = f(t + cᵢh, Yᵢ), i = 2…4; y₁ = Y₄ (stiffly
//! accurate). It is L-stable; the error estimate is h Σ (bᵢ − b̂ᵢ)kᵢ.
//!
//! C. A. Kennedy, M. H. Carpenter, *Additive Runge–Kutta schemes for convection–diffusion–reaction
//! equations*, Applied Numerical Mathematics 44 (2003) 139–181, appendix C.

/// Stages, the first of which is explicit.
pub const N_STAGES: usize = 4;

/// The diagonal coefficient of the implicit stages.
pub const GAMMA: f64 = 1767732205903.0 / 4055673282236.0;

/// Nodes cᵢ.
pub const C: [f64; N_STAGES] = [0.0, 2.0 * GAMMA, 0.6, 1.0];

/// Weights aᵢⱼ, j < i; the last row is b without its last entry γ.
pub const A: [[f64; 3]; N_STAGES] = [
    [0.0; 3],
    [GAMMA, 0.0, 0.0],
    [2746238789719.0 / 10658868560708.0, -640167445237.0 / 6845629431997.0, 0.0],
    [1471266399579.0 / 7840856788654.0, -4482444167858.0 / 7529755066697.0, 11266239266428.0 / 11593286722821.0],
];

/// Weights b̂ᵢ of the embedded method.
pub const EMBEDDED: [f64; N_STAGES] = [
    2756255671327.0 / 12835298489170.0,
    -10771552573575.0 / 22201958757719.0,
    9247589265047.0 / 10645013368117.0,
    2193209047091.0 / 5459859503100.0,
];

/// bᵢ.
pub fn weight(i: usize) -> f64 {
    if i + 1 == N_STAGES { GAMMA } else { A[N_STAGES - 1][i] }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_method_has_order_three_and_the_embedded_one_order_two() {
        let full = |i: usize, j: usize| if i == j && i > 0 { GAMMA } else { A[i].get(j).copied().unwrap_or(0.0) };
        let sum = |w: &dyn Fn(usize) -> f64, f: &dyn Fn(usize) -> f64| (0..N_STAGES).map(|i| w(i) * f(i)).sum::<f64>();
        for i in 0..N_STAGES {
            assert!(((0..N_STAGES).map(|j| full(i, j)).sum::<f64>() - C[i]).abs() < 1e-14, "row {i}");
        }
        let embedded = |i: usize| EMBEDDED[i];
        for w in [&weight as &dyn Fn(usize) -> f64, &embedded] {
            assert!((sum(w, &|_| 1.0) - 1.0).abs() < 1e-14);
            assert!((sum(w, &|i| C[i]) - 0.5).abs() < 1e-14);
        }
        assert!((sum(&weight, &|i| C[i] * C[i]) - 1.0 / 3.0).abs() < 1e-14);
        let nested = |i: usize| (0..N_STAGES).map(|j| full(i, j) * C[j]).sum::<f64>();
        assert!((sum(&weight, &nested) - 1.0 / 6.0).abs() < 1e-14);
        assert!((sum(&embedded, &|i| C[i] * C[i]) - 1.0 / 3.0).abs() > 1e-3, "the embedded method is another one");
    }
}
