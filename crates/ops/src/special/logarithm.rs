//! ln(1 + x) and the functions built on it.

/// ln(1 + x), accurate near 0.
pub fn log1p(x: f64) -> f64 {
    libm::log1p(x)
}

/// ln(1 + x)/x, 1 at 0.
pub(crate) fn log1p_ratio(x: f64) -> f64 {
    if x == 0.0 { 1.0 } else { libm::log1p(x) / x }
}

/// Its derivative (1/(1 + x) − ln(1 + x)/x)/x; near 0, where the two cancel, the series −½ + ⅔x − ¾x² + ….
pub(crate) fn log1p_ratio_derivative(x: f64) -> f64 {
    if x.abs() < 0.03 {
        // Σₖ (−x)^{k−1}·(−k/(k + 1)), k = 1 … 12
        return (1..=12).rev().fold(0.0, |sum, k| sum * -x - f64::from(k) / f64::from(k + 1));
    }
    (1.0 / (1.0 + x) - log1p_ratio(x)) / x
}

/// 1/(1 + e^{−x}), without overflow and accurate in both tails.
pub fn sigmoid(x: f64) -> f64 {
    if x >= 0.0 {
        1.0 / (1.0 + (-x).exp())
    } else {
        let e = x.exp();
        e / (1.0 + e)
    }
}

/// ln(1 + eˣ), without overflow and accurate in both tails.
pub fn softplus(x: f64) -> f64 {
    x.max(0.0) + libm::log1p((-x.abs()).exp())
}

/// The x with softplus(x) = y, for y > 0; NaN elsewhere.
pub fn softplus_inverse(y: f64) -> f64 {
    // ln(eʸ − 1) = y + ln(1 − e^{−y})
    y + (-(-y).exp_m1()).ln()
}
