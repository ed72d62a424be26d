//! ESDIRK methods: Runge–Kutta methods whose first stage is explicit and whose others are implicit in
//! one state each, with one diagonal coefficient γ.
//!
//! Y₁ = y; Yᵢ = y + h Σ_{j<i} aᵢⱼkⱼ + hγkᵢ with kᵢ = f(t + cᵢh, Yᵢ); y₁ is the last stage (stiffly
//! accurate). Both methods here are L-stable; the error estimate is h Σ eᵢkᵢ.
//!
//! | | order | from |
//! |---|---|---|
//! | [`ESDIRK3`] | 3(2) | the implicit part of ARK3(2)4L\[2\]SA: C. A. Kennedy, M. H. Carpenter, *Additive Runge–Kutta schemes for convection–diffusion–reaction equations*, Applied Numerical Mathematics 44 (2003) 139–181, appendix C |
//! | [`KVAERNO5`] | 5(4) | A. Kværnø, *Singly diagonally implicit Runge–Kutta methods with an explicit first stage*, BIT Numerical Mathematics 44 (2004) 489–502, method 5/4 with γ = 0.26 |

/// The coefficients of a method of s stages.
#[derive(Debug)]
pub struct Tableau {
    /// γ.
    pub gamma: f64,
    /// `[s]`: nodes cᵢ.
    pub c: &'static [f64],
    /// `[s]`, row i of length i − 1: aᵢⱼ, j < i.
    pub a: &'static [&'static [f64]],
    /// `[s]`: eᵢ.
    pub error: &'static [f64],
    /// Order of the method.
    pub order: u8,
    /// Order of the local error that is estimated.
    pub error_order: u8,
}

impl Tableau {
    /// Number of stages s.
    pub fn n_stages(&self) -> usize {
        self.c.len()
    }

    /// Weights of a first guess of stage i from the stages before it: the polynomial through the last
    /// four of them, of which those at the node of another are left out.
    pub fn predictor(&self, i: usize) -> Vec<f64> {
        let mut nodes: Vec<usize> = vec![];
        for j in (0..i).rev().filter(|&j| i > 1 || j > 0) {
            if nodes.len() < 4 && nodes.iter().all(|&k| (self.c[k] - self.c[j]).abs() > 1e-6) {
                nodes.push(j);
            }
        }
        let lagrange = |j: usize| -> f64 {
            let others = nodes.iter().filter(|&&k| k != j);
            others.map(|&k| (self.c[i] - self.c[k]) / (self.c[j] - self.c[k])).product()
        };
        (0..i).map(|j| if nodes.contains(&j) { lagrange(j) } else { 0.0 }).collect()
    }
}

const GAMMA3: f64 = 1767732205903.0 / 4055673282236.0;
const B3: [f64; 3] =
    [1471266399579.0 / 7840856788654.0, -4482444167858.0 / 7529755066697.0, 11266239266428.0 / 11593286722821.0];

/// Order 3(2), four stages.
pub static ESDIRK3: Tableau = Tableau {
    gamma: GAMMA3,
    c: &[0.0, 2.0 * GAMMA3, 0.6, 1.0],
    a: &[&[], &[GAMMA3], &[2746238789719.0 / 10658868560708.0, -640167445237.0 / 6845629431997.0], &B3],
    error: &[
        B3[0] - 2756255671327.0 / 12835298489170.0,
        B3[1] + 10771552573575.0 / 22201958757719.0,
        B3[2] - 9247589265047.0 / 10645013368117.0,
        GAMMA3 - 2193209047091.0 / 5459859503100.0,
    ],
    order: 3,
    error_order: 3,
};

const A6: [f64; 5] =
    [0.138_556_402_312_682_24, 0.0, -0.042_453_372_017_520_43, 0.024_466_578_980_031_41, 0.619_430_390_724_806_8];
const A7: [f64; 6] = [
    0.136_597_511_776_402_91,
    0.0,
    -0.054_969_087_965_383_76,
    -0.041_186_267_283_210_46,
    0.629_933_048_990_164,
    0.069_624_794_482_027_28,
];

/// Order 5(4), seven stages; the sixth is the solution of order 4.
pub static KVAERNO5: Tableau = Tableau {
    gamma: 0.26,
    c: &[0.0, 0.52, 1.230333209967908, 0.8957659843500759, 0.43639360985864756, 1.0, 1.0],
    a: &[
        &[],
        &[0.26],
        &[0.13, 0.840_333_209_967_908_1],
        &[0.22371961478320505, 0.476_755_323_197_997, -0.06470895363112615],
        &[0.16648564323248321, 0.104_500_188_415_917_2, 0.03631482272098715, -0.13090704451073998],
        &A6,
        &A7,
    ],
    error: &[A7[0] - A6[0], 0.0, A7[2] - A6[2], A7[3] - A6[3], A7[4] - A6[4], A7[5] - 0.26, 0.26],
    order: 5,
    error_order: 5,
};

#[cfg(test)]
mod tests {
    use super::*;

    /// Σ w over trees: the conditions up to order 4, written out.
    fn defects(tableau: &Tableau, weights: &[f64], order: u8) -> f64 {
        let s = tableau.n_stages();
        let full = |i: usize, j: usize| {
            if i == j && i > 0 { tableau.gamma } else { tableau.a[i].get(j).copied().unwrap_or(0.0) }
        };
        let apply = |v: &[f64]| -> Vec<f64> { (0..s).map(|i| (0..s).map(|j| full(i, j) * v[j]).sum()).collect() };
        let times = |u: &[f64], v: &[f64]| -> Vec<f64> { u.iter().zip(v).map(|(a, b)| a * b).collect() };
        let (one, c) = (vec![1.0; s], tableau.c.to_vec());
        let c2 = times(&c, &c);
        let ac = apply(&c);
        let trees = [
            (1, one, 1.0),
            (2, c.clone(), 1.0 / 2.0),
            (3, c2.clone(), 1.0 / 3.0),
            (3, ac.clone(), 1.0 / 6.0),
            (4, times(&c2, &c), 1.0 / 4.0),
            (4, times(&c, &ac), 1.0 / 8.0),
            (4, apply(&c2), 1.0 / 12.0),
            (4, apply(&ac), 1.0 / 24.0),
            (5, times(&c2, &c2), 1.0 / 5.0),
            (5, times(&c2, &ac), 1.0 / 10.0),
            (5, times(&c, &apply(&c2)), 1.0 / 15.0),
            (5, times(&c, &apply(&ac)), 1.0 / 30.0),
            (5, times(&ac, &ac), 1.0 / 20.0),
            (5, apply(&times(&c2, &c)), 1.0 / 20.0),
            (5, apply(&times(&c, &ac)), 1.0 / 40.0),
            (5, apply(&apply(&c2)), 1.0 / 60.0),
            (5, apply(&apply(&ac)), 1.0 / 120.0),
        ];
        let sum = |v: &[f64]| weights.iter().zip(v).map(|(w, v)| w * v).sum::<f64>();
        trees.iter().filter(|(of, ..)| *of <= order).map(|(_, v, exact)| (sum(v) - exact).abs()).fold(0.0, f64::max)
    }

    #[test]
    fn the_methods_satisfy_the_conditions_of_their_orders_and_no_more() {
        for tableau in [&ESDIRK3, &KVAERNO5] {
            let s = tableau.n_stages();
            for i in 0..s {
                let sum: f64 = tableau.a[i].iter().sum::<f64>() + if i > 0 { tableau.gamma } else { 0.0 };
                assert!((sum - tableau.c[i]).abs() < 1e-14, "row {i}: {sum} against {}", tableau.c[i]);
            }
            let weights: Vec<f64> = tableau.a[s - 1].iter().copied().chain([tableau.gamma]).collect();
            let embedded: Vec<f64> = weights.iter().zip(tableau.error).map(|(b, e)| b - e).collect();
            let (order, below) = (tableau.order, tableau.error_order - 1);
            assert!(defects(tableau, &weights, order) < 1e-13, "{}", defects(tableau, &weights, order));
            assert!(defects(tableau, &embedded, below) < 1e-13, "{}", defects(tableau, &embedded, below));
            assert!(defects(tableau, &embedded, below + 1) > 1e-4);
        }
        assert!(defects(&ESDIRK3, &[B3[0], B3[1], B3[2], GAMMA3], 4) > 1e-4);
    }

    #[test]
    fn predictors_are_exact_for_what_their_polynomials_are() {
        for tableau in [&ESDIRK3, &KVAERNO5] {
            for i in 3..tableau.n_stages() {
                let guess: f64 =
                    tableau.predictor(i).iter().zip(tableau.c).map(|(w, c)| w * (1.0 + c - 3.0 * c * c)).sum();
                let c = tableau.c[i];
                assert!((guess - (1.0 + c - 3.0 * c * c)).abs() < 1e-12, "stage {i}");
            }
        }
    }
}
