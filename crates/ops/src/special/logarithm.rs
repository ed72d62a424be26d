//! ln(1 + x) and the functions built on it.

/// ln(1 + x), accurate near 0.
pub fn log1p(x: f64) -> f64 {
    libm::log1p(x)
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
