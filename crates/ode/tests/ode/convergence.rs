//! Measured orders of the step and of the interpolant, and the tolerance as a promise kept.

use surprisal_ode::{Tsit5, VectorField, solve};

use crate::fields;

const THETA: [f64; 1] = [1.7];

fn exact(t: f64) -> f64 {
    1.3 * (THETA[0] * t.sin()).exp()
}

/// Largest errors of y at the ends of `n` equal steps of [0, 2], and inside them.
fn errors(n: usize) -> (f64, f64) {
    let field = fields::seasonal_growth();
    let h = 2.0 / n as f64;
    let (mut at_steps, mut inside) = (0.0_f64, 0.0_f64);
    let mut y = vec![1.3];
    for s in 0..n {
        let t = s as f64 * h;
        let solution = one_step(&field, &y, t, h);
        let dense = solution.dense(&[t + 0.37 * h, t + 0.71 * h]);
        inside = inside.max((dense[0] - exact(t + 0.37 * h)).abs()).max((dense[1] - exact(t + 0.71 * h)).abs());
        y = solution.states[1..].to_vec();
        at_steps = at_steps.max((y[0] - exact(t + h)).abs());
    }
    (at_steps, inside)
}

/// A relative tolerance so loose that the first guess of the step is longer than the interval.
fn one_step(field: &dyn VectorField, y: &[f64], t: f64, h: f64) -> surprisal_ode::Solution {
    let solution = solve(field, &THETA, y, &[t, t + h], &Tsit5::new(10.0, 1e-30)).unwrap();
    assert_eq!(solution.statistics.n_accepted, 1);
    solution
}

#[test]
fn the_step_has_order_five() {
    let (coarse, fine) = (errors(20).0, errors(40).0);
    let order = (coarse / fine).log2();
    assert!((4.8..5.4).contains(&order), "order {order}");
}

#[test]
fn the_interpolant_has_local_order_five_so_that_dense_output_has_global_order_four_or_better() {
    let local = |h: f64| {
        let solution = one_step(&fields::seasonal_growth(), &[exact(0.3)], 0.3, h);
        (solution.dense(&[0.3 + 0.5 * h])[0] - exact(0.3 + 0.5 * h)).abs()
    };
    let order = (local(0.1) / local(0.05)).log2();
    assert!((4.7..5.4).contains(&order), "local order {order}");
    let order = (errors(20).1 / errors(40).1).log2();
    assert!(order > 3.8, "global order {order}");
}

#[test]
fn the_error_follows_the_tolerance() {
    let field = fields::seasonal_growth();
    let error = |rtol: f64| {
        let solution = solve(&field, &THETA, &[1.3], &[0.0, 1.1, 3.7, 9.0], &Tsit5::new(rtol, rtol)).unwrap();
        [1.1, 3.7, 9.0].iter().zip(&solution.states[1..]).map(|(&t, y)| (y - exact(t)).abs()).fold(0.0, f64::max)
    };
    for rtol in [1e-4, 1e-6, 1e-8, 1e-10] {
        assert!(error(rtol) < 100.0 * rtol, "rtol {rtol}: {}", error(rtol));
    }
    assert!(error(1e-10) < 1e-3 * error(1e-6));
}

#[test]
fn a_tolerance_per_component_loosens_only_that_component() {
    let field = fields::damped_pendulum();
    let cost =
        |config: &Tsit5| solve(&field, &[0.25, 5.0], &[2.5, 0.0], &[0.0, 10.0], config).unwrap().statistics.n_accepted;
    let tight = cost(&Tsit5::new(1e-12, 1e-9));
    assert_eq!(tight, cost(&Tsit5::new(1e-12, surprisal_ode::Tolerance::PerComponent(vec![1e-9, 1e-9]))));
    assert!(cost(&Tsit5::new(1e-12, surprisal_ode::Tolerance::PerComponent(vec![1e-9, 1e-3]))) < tight);
}
