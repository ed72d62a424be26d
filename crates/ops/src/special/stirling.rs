//! Remainders of Stirling's formula and of logarithms near 1: what densities of large parameters are
//! made of.
//!
//! With lnΓ(a) = (a − ½) ln a − a + ½ ln 2π + Δ(a), the density of a gamma, beta or count family is the
//! exponential of *half deviances* m·φ(e/m), φ(δ) = (1 + δ) ln(1 + δ) − δ, which are second order in the
//! distance e of the observation from what the parameters expect, times a root and e^{±Δ}. Nothing
//! cancels however large the parameters are (Loader 2000, "Fast and accurate computation of binomial
//! probabilities").

/// Coefficients of a⁻¹, a⁻³, … in Δ(a): B₂ₖ/(2k(2k−1)), DLMF 5.11.1.
const REMAINDER: [f64; 8] = [
    1.0 / 12.0,
    -1.0 / 360.0,
    1.0 / 1260.0,
    -1.0 / 1680.0,
    1.0 / 1188.0,
    -691.0 / 360_360.0,
    1.0 / 156.0,
    -3617.0 / 122_400.0,
];

/// Above this argument the series is used as it is.
const SERIES_FROM: f64 = 10.0;

/// Δ(a) = lnΓ(a) − (a − ½) ln a + a − ½ ln 2π, for a > 0.
pub fn stirling_remainder(a: f64) -> f64 {
    let (mut a, mut sum) = (a, 0.0);
    while a < SERIES_FROM {
        sum += (a + 0.5) * libm::log1p(1.0 / a) - 1.0;
        a += 1.0;
    }
    let y = 1.0 / (a * a);
    sum + REMAINDER.iter().rev().fold(0.0, |sum, c| sum * y + c) / a
}

/// a²Δ′(a), for a > 0; −1/12 as a → ∞.
pub(crate) fn scaled_remainder_derivative(a: f64) -> f64 {
    let (mut shifted, mut sum) = (a, 0.0);
    while shifted < SERIES_FROM {
        sum += libm::log1p(1.0 / shifted) - (shifted + 0.5) / (shifted * (shifted + 1.0));
        shifted += 1.0;
    }
    let y = 1.0 / (shifted * shifted);
    let tail = REMAINDER.iter().enumerate().rev().fold(0.0, |sum, (k, c)| sum * y - (2 * k + 1) as f64 * c);
    let scale = a / shifted;
    a * a * sum + scale * scale * tail
}

/// v³/3 + v⁵/5 + …, the part of artanh v beyond v, for |v| ≤ 0.2.
fn artanh_remainder(v: f64) -> f64 {
    let square = v * v;
    let (mut power, mut sum, mut odd) = (v * square, 0.0, 3.0);
    loop {
        let term = power / odd;
        sum += term;
        if term.abs() <= 1e-17 * sum.abs() {
            return sum;
        }
        power *= square;
        odd += 2.0;
    }
}

/// Where the series in v = δ/(2 + δ) replaces the logarithm; there |v| < 0.18.
const NEAR: f64 = 0.3;

/// x ln(x/m) + m − x with x = m + `excess`: half the Poisson deviance of x from the mean m > 0.
pub fn half_deviance(mean: f64, excess: f64) -> f64 {
    let delta = excess / mean;
    if delta.abs() < NEAR {
        let v = delta / (2.0 + delta);
        // ln(1 + δ) = 2 artanh v and 1 + δ = (1 + v)/(1 − v)
        return mean * 2.0 * (v * v + (1.0 + v) * artanh_remainder(v)) / (1.0 - v);
    }
    let x = mean + excess;
    if x <= 0.0 {
        return mean;
    }
    // the quotient of two numbers may leave the range where the difference of their logarithms does not
    let log_ratio = if delta < 1e100 { (x / mean).ln() } else { x.ln() - mean.ln() };
    x * log_ratio - excess
}

/// δ − ln(1 + δ), for δ > −1.
pub(crate) fn log1p_gap(delta: f64) -> f64 {
    if delta.abs() < NEAR {
        let v = delta / (2.0 + delta);
        return 2.0 * (v * v / (1.0 - v) - artanh_remainder(v));
    }
    delta - libm::log1p(delta)
}
