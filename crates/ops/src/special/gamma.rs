//! ln Γ, its derivatives, and differences of them that do not cancel.
//!
//! `lgamma_difference(a, m)` = lnΓ(a + m/2) − lnΓ(a) appears in every Student-t density, where a is
//! half the degrees of freedom and m the number of components. For large a the two logarithms agree
//! in all their digits; the difference is built from
//!
//! - whole steps: lnΓ(a+1) − lnΓ(a) = ln a, exactly;
//! - one half step: lnΓ(a+½) − lnΓ(a) = ½ ln a − 1/(8a) + 1/(192a³) − 1/(640a⁵) + …, whose
//!   coefficients are (2^{1−n} − 2)·Bₙ / (n(n−1)) for even n (DLMF 5.11.8 with h = ½ and h = 0),
//!   used above a = 16 and carried down by the recurrence.

/// Coefficients of a⁻¹, a⁻³, … in lnΓ(a+½) − lnΓ(a) − ½ ln a.
const HALF_STEP: [f64; 7] =
    [-1.0 / 8.0, 1.0 / 192.0, -1.0 / 640.0, 17.0 / 14336.0, -31.0 / 18432.0, 691.0 / 180224.0, -5461.0 / 425984.0];

/// Above this argument the series is used as it is.
const SERIES_FROM: f64 = 16.0;

/// ln |Γ(x)|.
pub fn lgamma(x: f64) -> f64 {
    libm::lgamma(x)
}

/// ψ(x) = d lnΓ/dx; NaN at the poles 0, −1, −2, …
pub fn digamma(x: f64) -> f64 {
    if x <= 0.0 {
        if x == x.floor() {
            return f64::NAN;
        }
        // reflection, DLMF 5.5.4
        return digamma(1.0 - x) - std::f64::consts::PI / (std::f64::consts::PI * x).tan();
    }
    let (mut x, mut sum) = (x, 0.0);
    while x < SERIES_FROM {
        sum -= 1.0 / x;
        x += 1.0;
    }
    // DLMF 5.11.2: ln x − 1/(2x) − Σ B₂ₖ/(2k x²ᵏ)
    let y = 1.0 / (x * x);
    let tail = y
        * (1.0 / 12.0
            - y * (1.0 / 120.0 - y * (1.0 / 252.0 - y * (1.0 / 240.0 - y * (1.0 / 132.0 - y * 691.0 / 32760.0)))));
    sum + x.ln() - 0.5 / x - tail
}

/// ψ′(x) for x > 0; NaN elsewhere.
pub fn trigamma(x: f64) -> f64 {
    if x.is_nan() || x <= 0.0 {
        return f64::NAN;
    }
    let (mut x, mut sum) = (x, 0.0);
    while x < SERIES_FROM {
        sum += 1.0 / (x * x);
        x += 1.0;
    }
    // derivative of the series of ψ
    let y = 1.0 / (x * x);
    let tail = y
        * (1.0 / 6.0 - y * (1.0 / 30.0 - y * (1.0 / 42.0 - y * (1.0 / 30.0 - y * (5.0 / 66.0 - y * 691.0 / 2730.0)))));
    sum + (1.0 + 0.5 / x + tail) / x
}

/// lnΓ(a + m/2) − lnΓ(a) for a > 0.
pub fn lgamma_difference(a: f64, half_steps: u32) -> f64 {
    let (start, base) = if half_steps.is_multiple_of(2) { (a, 0.0) } else { (a + 0.5, half_step(a)) };
    (0..half_steps / 2).fold(base, |sum, i| sum + (start + f64::from(i)).ln())
}

/// ψ(a + m/2) − ψ(a) for a > 0: the derivative of [`lgamma_difference`].
pub fn digamma_difference(a: f64, half_steps: u32) -> f64 {
    let (start, base) = if half_steps.is_multiple_of(2) { (a, 0.0) } else { (a + 0.5, half_step_derivative(a)) };
    (0..half_steps / 2).fold(base, |sum, i| sum + 1.0 / (start + f64::from(i)))
}

/// lnΓ(a+½) − lnΓ(a).
fn half_step(a: f64) -> f64 {
    // Γ(a+½)/Γ(a) = Γ(a+n+½)/Γ(a+n) · Π (a+i)/(a+i+½)
    let (mut x, mut ratio) = (a, 1.0);
    while x < SERIES_FROM {
        ratio *= x / (x + 0.5);
        x += 1.0;
    }
    let y = 1.0 / (x * x);
    let tail = HALF_STEP.iter().rev().fold(0.0, |sum, c| sum * y + c) / x;
    // the sum crosses zero near a = 1.2, where one logarithm loses nothing and two would cancel
    (ratio * x.sqrt()).ln() + tail
}

/// ψ(a+½) − ψ(a).
fn half_step_derivative(a: f64) -> f64 {
    let (mut x, mut sum) = (a, 0.0);
    while x < SERIES_FROM {
        sum += 0.5 / (x * (x + 0.5));
        x += 1.0;
    }
    let y = 1.0 / (x * x);
    let tail = HALF_STEP.iter().enumerate().rev().fold(0.0, |sum, (k, c)| sum * y - (2 * k + 1) as f64 * c);
    sum + 0.5 / x + tail * y
}
