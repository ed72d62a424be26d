//! Regularised incomplete gamma functions P(a, x) and Q(a, x) = 1 − P(a, x).
//!
//! - x < a + 1: the power series of P (DLMF 8.11.4);
//! - above: the continued fraction of Q (DLMF 8.9.2);
//! - a ≤ 1 and x ≤ 1: Q by its own series, since 1 − P would lose it as a → 0;
//! - a > 1e7: Temme's uniform expansion around the normal (DLMF 8.12.3), whose terms beyond the first
//!   two are below 1e-16 there.
//!
//! The number of terms grows as √a up to a = 1e7 and no further.

use super::error_function::erfcx;
use super::stirling::{half_deviance, stirling_remainder};

/// Above this a Temme's expansion is used.
const NEARLY_NORMAL: f64 = 1e7;

/// x^a·e^{−x}/Γ(a), for a > 0 and x ≥ 0: the density of ln X for X of the gamma distribution.
pub fn gamma_density_of_log(a: f64, x: f64) -> f64 {
    if x <= 0.0 || x == f64::INFINITY {
        return 0.0;
    }
    (a / std::f64::consts::TAU).sqrt() * (-half_deviance(x, a - x) - stirling_remainder(a)).exp()
}

/// (P(a, x), Q(a, x)) for a > 0 and x ≥ 0, the smaller one relatively accurate.
pub fn gamma_tails(a: f64, x: f64) -> (f64, f64) {
    if x <= 0.0 {
        return (0.0, 1.0);
    }
    if x == f64::INFINITY {
        return (1.0, 0.0);
    }
    if a > NEARLY_NORMAL {
        return uniform(a, x);
    }
    if a <= 1.0 && x <= 1.0 {
        let upper = upper_near_zero(a, x);
        let lower = if upper < 0.5 { 1.0 - upper } else { lower_series(a, x) };
        return (lower, upper);
    }
    if x < a + 1.0 {
        let lower = lower_series(a, x);
        (lower, 1.0 - lower)
    } else {
        let upper = upper_fraction(a, x);
        (1.0 - upper, upper)
    }
}

fn lower_series(a: f64, x: f64) -> f64 {
    let (mut term, mut sum, mut shifted) = (1.0, 1.0, a);
    loop {
        shifted += 1.0;
        term *= x / shifted;
        sum += term;
        if term <= 1e-17 * sum {
            return gamma_density_of_log(a, x) * sum / a;
        }
    }
}

fn upper_fraction(a: f64, x: f64) -> f64 {
    // 1/(x+1−a − 1(1−a)/(x+3−a − 2(2−a)/(x+5−a − …))), by Lentz's method
    let mut b = x + 1.0 - a;
    let mut d = 1.0 / b;
    let mut c = 1e300;
    let mut fraction = d;
    let mut i = 1.0;
    loop {
        let numerator = i * (a - i);
        b += 2.0;
        d = 1.0 / (numerator * d + b);
        c = b + numerator / c;
        fraction *= c * d;
        // numerators turn negative beyond a; the fraction has then converged or is about to
        if (c * d - 1.0).abs() < 2e-16 || i > 1e6 {
            return gamma_density_of_log(a, x) * fraction;
        }
        i += 1.0;
    }
}

/// Q(a, x) for a ≤ 1 and x ≤ 1: Γ(1+a)·Q = (Γ(1+a) − 1) − (x^a − 1) − a·x^a·Σ (−x)^k/(k!(a+k)).
fn upper_near_zero(a: f64, x: f64) -> f64 {
    let (mut power, mut sum, mut k) = (1.0, 0.0, 1.0);
    loop {
        power *= -x / k;
        let term: f64 = power / (a + k);
        sum += term;
        if term.abs() <= 1e-17 * sum.abs() {
            break;
        }
        k += 1.0;
    }
    let log_gamma = lgamma_one_plus(a);
    let log_power = a * x.ln();
    ((log_gamma.exp_m1() - log_power.exp_m1() - a * log_power.exp() * sum) / log_gamma.exp()).max(0.0)
}

/// lnΓ(1 + a), relatively accurate as a → 0 (DLMF 5.7.3).
fn lgamma_one_plus(a: f64) -> f64 {
    /// −γ, then (−1)^k·ζ(k)/k from k = 2.
    const COEFFICIENTS: [f64; 12] = [
        -0.577_215_664_901_532_9,
        0.822_467_033_424_113_2,
        -0.400_685_634_386_531_4,
        0.270_580_808_427_784_5,
        -0.207_385_551_028_673_98,
        0.169_557_176_997_408_2,
        -0.144_049_896_768_846_1,
        0.125_509_669_524_743_05,
        -0.111_334_265_869_564_69,
        0.100_099_457_512_781_8,
        -0.090_954_017_145_829_04,
        0.083_353_840_546_109,
    ];
    if a.abs() < 0.05 { a * COEFFICIENTS.iter().rev().fold(0.0, |sum, c| sum * a + c) } else { libm::lgamma(1.0 + a) }
}

/// Temme's expansion for large a: Q = ½ erfc(√D) + e^{−D}/√(2πa)·(C₀ + C₁/a), with the signs of √D and η
/// those of x − a, D = ½aη² the half deviance.
fn uniform(a: f64, x: f64) -> (f64, f64) {
    let deviance = half_deviance(x, a - x);
    let distance = (x - a) / a;
    let eta = (2.0 * deviance / a).sqrt().copysign(distance);
    let c0 = if eta.abs() < 0.05 {
        -1.0 / 3.0
            + eta
                * (1.0 / 12.0
                    + eta * (-2.0 / 135.0 + eta * (1.0 / 864.0 + eta * (1.0 / 2835.0 - eta * 139.0 / 777_600.0))))
    } else {
        1.0 / distance - 1.0 / eta
    };
    // e^{−D} is taken out of erfc, so that both sides keep their relative accuracy far out
    let density = (-deviance).exp();
    let correction = (c0 - 1.0 / (540.0 * a)) / (std::f64::consts::TAU * a).sqrt();
    let half = 0.5 * erfcx(deviance.sqrt());
    if distance >= 0.0 {
        let upper = (density * (half + correction)).max(0.0);
        (1.0 - upper, upper)
    } else {
        let lower = (density * (half - correction)).max(0.0);
        (lower, 1.0 - lower)
    }
}
