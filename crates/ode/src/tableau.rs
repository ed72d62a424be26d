//! The Runge–Kutta pair of Tsitouras, order 5(4), and its free interpolant of order 4.
//!
//! kᵢ = f(t + cᵢh, y + h Σⱼ aᵢⱼkⱼ), i = 1…7; y₁ = y + h Σ a₇ⱼkⱼ, so that k₇ is the next step's k₁
//! ("first same as last"); the error estimate is h Σ eᵢkᵢ; inside the step
//! y(t + θh) = y + h Σ bᵢ(θ)kᵢ with bᵢ(1) = a₇ᵢ.
//!
//! Ch. Tsitouras, *Runge–Kutta pairs of order 5(4) satisfying only the first column simplifying
//! assumption*, Computers & Mathematics with Applications 62 (2011) 770–775: coefficients in
//! Table 1, interpolant in section 5.

/// Stages of a step, of which the first is the last of the step before.
pub const N_STAGES: usize = 7;

/// Order of the step and, with the sign of the exponent in the controller, of the error estimate + 1.
pub const ORDER: usize = 5;

/// Nodes cᵢ.
pub const C: [f64; N_STAGES] = [0.0, 0.161, 0.327, 0.9, 0.9800255409045097, 1.0, 1.0];

/// Weights aᵢⱼ, j < i; the last row gives y₁.
pub const A: [[f64; 6]; N_STAGES] = [
    [0.0; 6],
    [0.161, 0.0, 0.0, 0.0, 0.0, 0.0],
    [-0.008480655492356989, 0.335480655492357, 0.0, 0.0, 0.0, 0.0],
    [2.897153057105493, -6.359448489975075, 4.3622954328695815, 0.0, 0.0, 0.0],
    [5.325864828439257, -11.748883564062828, 7.4955393428898365, -0.09249506636175525, 0.0, 0.0],
    [5.86145544294642, -12.92096931784711, 8.159367898576159, -0.071584973281401, -0.02826905039406838, 0.0],
    [0.09646076681806523, 0.01, 0.4798896504144996, 1.379008574103742, -3.290069515436081, 2.324710524099774],
];

/// Weights eᵢ of the difference between the solutions of order 5 and 4.
pub const E: [f64; N_STAGES] = [
    -0.001780011052225777,
    -0.0008164344596567469,
    0.007880878010261995,
    -0.1447110071732629,
    0.5823571654525552,
    -0.45808210592918697,
    0.015151515151515152,
];

/// The interpolant's weights bᵢ(θ), 0 ≤ θ ≤ 1.
#[inline]
pub fn interpolant(theta: f64) -> [f64; N_STAGES] {
    let square = theta * theta;
    let quartic = |c2: f64, c3: f64, c4: f64| square * (c2 + theta * (c3 + theta * c4));
    [
        theta + quartic(-2.763706197274826, 2.9132554618219126, -1.0530884977290216),
        quartic(0.1317, -0.2234, 0.1017),
        quartic(3.9302962368947516, -5.941033872131505, 2.490627285651253),
        quartic(-12.411077166933676, 30.33818863028232, -16.548102889244902),
        quartic(37.50931341651104, -88.1789048947664, 47.37952196281928),
        quartic(-27.896526289197286, 65.09189467479366, -34.87065786149661),
        quartic(1.5, -4.0, 2.5),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_sum_to_their_nodes_and_the_error_weights_to_nothing() {
        for (row, c) in A.iter().zip(C) {
            assert!((row.iter().sum::<f64>() - c).abs() < 1e-14);
        }
        assert!(E.iter().sum::<f64>().abs() < 1e-14);
    }

    #[test]
    fn the_step_satisfies_the_quadrature_conditions_of_order_five_and_the_interpolant_of_order_four() {
        let moment = |weights: &[f64], power: i32| weights.iter().zip(C).map(|(b, c)| b * c.powi(power)).sum::<f64>();
        for power in 0..5 {
            assert!((moment(&A[6], power) - 1.0 / f64::from(power + 1)).abs() < 1e-14);
        }
        for theta in [0.2, 0.5, 0.9_f64] {
            for power in 0..4 {
                let exact = theta.powi(power + 1) / f64::from(power + 1);
                assert!((moment(&interpolant(theta), power) - exact).abs() < 1e-13);
            }
        }
    }

    #[test]
    fn the_interpolant_ends_at_the_step() {
        let end = interpolant(1.0);
        for i in 0..6 {
            assert!((end[i] - A[6][i]).abs() < 1e-13);
        }
        assert!(end[6].abs() < 1e-15);
        assert_eq!(interpolant(0.0), [0.0; N_STAGES]);
    }
}
