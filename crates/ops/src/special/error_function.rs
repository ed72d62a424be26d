//! Scaled complementary error function and its logarithm: normal tails that do not underflow.

/// Above this argument the continued fraction is used.
const FRACTION_FROM: f64 = 5.0;

/// e^{x²}·erfc(x); infinite where e^{x²} is, for x below −26.6.
pub fn erfcx(x: f64) -> f64 {
    if x < FRACTION_FROM {
        return (x * x).exp() * libm::erfc(x);
    }
    // DLMF 7.9.1: √π·erfcx(x) = 1/(x + (1/2)/(x + (2/2)/(x + (3/2)/(x + …)))), from the far end
    let depth = if x > 30.0 { 12 } else { 60 };
    let fraction = (1..=depth).rev().fold(x, |tail, k| x + 0.5 * f64::from(k) / tail);
    1.0 / (fraction * std::f64::consts::PI.sqrt())
}

/// ln erfc(x), finite where erfc underflows (x > 26.5).
pub fn log_erfc(x: f64) -> f64 {
    if x < 1.0 {
        // erfc(x) = 1 − erf(x), which is near 1 for small |x| and near 2 for x → −∞
        if x.abs() < 0.25 { libm::log1p(-libm::erf(x)) } else { libm::erfc(x).ln() }
    } else {
        erfcx(x).ln() - x * x
    }
}

/// d ln erfc(x)/dx = −2/√π·e^{−x²}/erfc(x).
pub fn log_erfc_derivative(x: f64) -> f64 {
    if x < 0.0 {
        -std::f64::consts::FRAC_2_SQRT_PI * (-x * x).exp() / libm::erfc(x)
    } else {
        -std::f64::consts::FRAC_2_SQRT_PI / erfcx(x)
    }
}
