//! Step sizes: the proportional–integral controller and the first step.
//!
//! With the scaled error norm e of a step of size h (accepted where e ≤ 1), the next is
//! h·min(10, max(1/5, 0.9·e^−α·e₀^β)), where e₀ is the norm of the last accepted step,
//! β = 0.04 and α = 1/5 − 3β/4; after a rejection h does not grow. After a rejected step:
//! h·max(1/10, 0.9·e^−1/5), or h/10 where the error was not a number.
//!
//! E. Hairer, S. P. Nørsett, G. Wanner, *Solving Ordinary Differential Equations I*, 2nd ed. (1993):
//! first step in section II.4, controller and β as in their code DOPRI5; K. Gustafsson, ACM TOMS 17
//! (1991) 533.

use crate::tableau::ORDER;
use crate::tsit5::Tsit5;

const SAFETY: f64 = 0.9;
const BETA: f64 = 0.04;
const MIN_FACTOR: f64 = 0.2;
const MAX_FACTOR: f64 = 10.0;
const MIN_FACTOR_REJECTED: f64 = 0.1;
/// The least e₀ that counts, and the first.
const LEAST_PREVIOUS: f64 = 1e-4;

/// Error that is assumed where rounding hides it, relative to rounding.
const DROWNED: f64 = 0.02;

/// What the controller remembers of a trajectory.
#[derive(Debug, Clone, Copy)]
pub struct Controller {
    /// ln e₀.
    previous: f64,
    rejected: bool,
}

impl Default for Controller {
    fn default() -> Self {
        Self { previous: LEAST_PREVIOUS.ln(), rejected: false }
    }
}

impl Controller {
    /// Factor of the step size after an accepted step of this error norm.
    pub fn accept(&mut self, error: f64) -> f64 {
        const ALPHA: f64 = 1.0 / ORDER as f64 - 0.75 * BETA;
        // a step without error must not give an infinite one
        let error = error.max(1e-10).ln();
        let factor = SAFETY * (BETA * self.previous - ALPHA * error).exp();
        let most = if self.rejected { 1.0 } else { MAX_FACTOR };
        self.previous = error.max(LEAST_PREVIOUS.ln());
        self.rejected = false;
        factor.clamp(MIN_FACTOR, most)
    }

    /// Factor of the step size after a rejected step of this error norm, which may be NaN.
    pub fn reject(&mut self, error: f64) -> f64 {
        self.rejected = true;
        if error.is_finite() {
            (SAFETY * error.powf(-1.0 / ORDER as f64)).clamp(MIN_FACTOR_REJECTED, 1.0)
        } else {
            MIN_FACTOR_REJECTED
        }
    }
}

/// √(Σ (vᵢ / (atolᵢ + rtol·sᵢ))² / n) over the first n components; `sizes` are the magnitudes of the
/// states.
pub fn scaled_norm(
    config: &Tsit5,
    values: impl Iterator<Item = f64>,
    sizes: impl Iterator<Item = f64>,
    n: usize,
) -> f64 {
    let sum: f64 = values
        .zip(sizes)
        .take(n)
        .enumerate()
        .map(|(i, (value, size))| {
            let scaled = value / (config.atol.of(i) + config.rtol * size);
            scaled * scaled
        })
        .sum();
    (sum / n as f64).sqrt()
}

/// What is left of an error norm without what rounding contributes, which is as large at any number of steps:
/// h·`rounding`·‖f‖, with the rounding of f relative to f. An error that drowns in it is taken as a
/// fiftieth, so that steps grow, but not by leaps.
#[inline]
pub fn without_rounding(error: f64, rounding: f64, h: f64, slope_norm: f64) -> f64 {
    let scatter = rounding * h * slope_norm;
    let rest = error - scatter;
    // NaN stays
    if rest < DROWNED * scatter { DROWNED * scatter } else { rest }
}

/// First guess h₀ of the first step from the norms of y₀ and f₀, before a second evaluation.
pub fn first_guess(y_norm: f64, slope_norm: f64) -> f64 {
    if y_norm < 1e-5 || slope_norm < 1e-5 { 1e-6 } else { 0.01 * y_norm / slope_norm }
}

/// The first step, given h₀, the norm of f₀, and the norm of f(t₀ + h₀, y₀ + h₀f₀) − f₀.
pub fn first_step(h0: f64, slope_norm: f64, slope_change_norm: f64) -> f64 {
    let largest = slope_norm.max(slope_change_norm / h0);
    let h1 = if largest <= 1e-15 { (1e-3 * h0).max(1e-6) } else { (0.01 / largest).powf(1.0 / ORDER as f64) };
    // a field that is not finite there leaves h0, and the step is rejected if need be
    if h1.is_finite() { (100.0 * h0).min(h1) } else { h0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_grows_after_small_errors_but_not_right_after_a_rejection() {
        let mut controller = Controller::default();
        assert_eq!(controller.accept(0.0), MAX_FACTOR);
        assert!(controller.reject(32.0) < 0.5);
        assert_eq!(controller.accept(1e-6), 1.0);
        assert!(controller.accept(1e-6) > 1.0);
    }

    #[test]
    fn what_rounding_explains_is_no_error_and_what_is_no_number_stays_none() {
        let left = |error: f64| without_rounding(error, 1e-3, 0.5, 20.0);
        assert!((left(0.5) - 0.49).abs() < 1e-15);
        assert_eq!((left(0.01), left(0.0)), (DROWNED * 0.01, DROWNED * 0.01));
        assert!(left(f64::NAN).is_nan() && left(f64::INFINITY) == f64::INFINITY);
        assert_eq!(without_rounding(0.3, 0.0, 0.5, 20.0), 0.3);
    }

    #[test]
    fn a_step_that_is_not_a_number_is_cut_to_a_tenth() {
        assert_eq!(Controller::default().reject(f64::NAN), MIN_FACTOR_REJECTED);
        assert_eq!(Controller::default().reject(f64::INFINITY), MIN_FACTOR_REJECTED);
    }

    #[test]
    fn the_first_step_is_finite_for_a_field_at_rest_and_a_field_that_is_not_finite() {
        assert_eq!(first_guess(1.0, 0.0), 1e-6);
        assert_eq!(first_step(1e-6, 0.0, 0.0), 1e-6);
        assert_eq!(first_step(1e-3, 10.0, f64::NAN), (0.01_f64 / 10.0).powf(0.2).min(0.1));
    }
}
