//! Numbers for readers.

use crate::figure::{minus, power_of_ten};

/// A number with about `digits` significant digits, in powers of ten where it is tiny or huge.
pub(crate) fn significant(value: f64, digits: usize) -> String {
    if !value.is_finite() {
        return "–".into();
    }
    if value == 0.0 {
        return "0".into();
    }
    let exponent = value.abs().log10().floor() as i32;
    if !(-3..6).contains(&exponent) {
        let mantissa = value / 10f64.powi(exponent);
        return minus(&format!("{mantissa:.*}×{}", digits.saturating_sub(1), power_of_ten(exponent)));
    }
    let decimals = (digits as i32 - 1 - exponent).max(0) as usize;
    minus(&format!("{value:.decimals$}"))
}

#[cfg(test)]
mod tests {
    use super::significant;

    #[test]
    fn numbers_are_short() {
        assert_eq!(significant(0.029_512, 3), "0.0295");
        assert_eq!(significant(-1234.5, 3), "−1234");
        assert_eq!(significant(3.2e-7, 3), "3.20×10⁻⁷");
        assert_eq!(significant(f64::NAN, 3), "–");
    }
}
