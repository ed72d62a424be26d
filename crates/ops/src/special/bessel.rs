//! Scaled modified Bessel functions: I₀(x)e^{−|x|}, I₁(x)e^{−|x|} and their logarithm.
//!
//! Below |x| = 20 the power series of DLMF 10.25.2, whose terms are all positive; above it the
//! asymptotic series of DLMF 10.40.1, whose smallest term is there e^{−2x} < 1e-17: the two agree to
//! rounding, so the function has no kink where they meet.

/// Where the power series hands over to the asymptotic one.
const ASYMPTOTIC_FROM: f64 = 20.0;

/// I₀(x) − 1, by its power series.
fn i0_minus_one(x: f64) -> f64 {
    let q = 0.25 * x * x;
    let (mut term, mut sum, mut k) = (1.0, 0.0, 1.0);
    loop {
        term *= q / (k * k);
        sum += term;
        if term <= 1e-18 * (1.0 + sum) {
            return sum;
        }
        k += 1.0;
    }
}

/// √(2πx)·e^{−x}·I_order(x) for large x > 0; `mu` is 4·order².
fn asymptotic(x: f64, mu: f64) -> f64 {
    let (mut term, mut sum) = (1.0f64, 1.0f64);
    for k in 1..60 {
        let odd = f64::from(2 * k - 1);
        let next = -term * (mu - odd * odd) / (f64::from(k) * 8.0 * x);
        // an asymptotic series is summed to its smallest term
        if next.abs() >= term.abs() && k > 1 {
            break;
        }
        term = next;
        sum += term;
        if term.abs() < 1e-18 {
            break;
        }
    }
    sum
}

/// e^{−|x|}·I₀(x).
pub fn i0e(x: f64) -> f64 {
    let x = x.abs();
    if x < ASYMPTOTIC_FROM {
        (1.0 + i0_minus_one(x)) * (-x).exp()
    } else {
        asymptotic(x, 0.0) / (std::f64::consts::TAU * x).sqrt()
    }
}

/// e^{−|x|}·I₁(x), odd in x.
pub fn i1e(x: f64) -> f64 {
    let magnitude = x.abs();
    let value = if magnitude < ASYMPTOTIC_FROM {
        let q = 0.25 * magnitude * magnitude;
        let (mut term, mut sum, mut k) = (0.5 * magnitude, 0.5 * magnitude, 1.0);
        while term > 1e-18 * sum {
            term *= q / (k * (k + 1.0));
            sum += term;
            k += 1.0;
        }
        sum * (-magnitude).exp()
    } else {
        asymptotic(magnitude, 4.0) / (std::f64::consts::TAU * magnitude).sqrt()
    };
    value.copysign(x)
}

/// ln(e^{−|x|}·I₀(x)), which stays finite where I₀ overflows.
pub fn log_i0e(x: f64) -> f64 {
    let x = x.abs();
    if x < ASYMPTOTIC_FROM {
        libm::log1p(i0_minus_one(x)) - x
    } else {
        asymptotic(x, 0.0).ln() - 0.5 * (std::f64::consts::TAU * x).ln()
    }
}

/// I₁(x)/I₀(x) − sign(x): the derivative of [`log_i0e`]; 0 at x = 0.
pub fn log_i0e_derivative(x: f64) -> f64 {
    if x == 0.0 { 0.0 } else { i1e(x) / i0e(x) - 1f64.copysign(x) }
}
