//! Where an axis has ticks and what they say.

use super::canvas::TEXT_SIZE;
use super::font;

/// How a quantity is laid along an axis.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Scale {
    /// Evenly from the first to the second.
    Linear(f64, f64),
    /// Evenly in the logarithm, both positive; downwards where the first is the larger.
    Log(f64, f64),
}

impl Scale {
    /// A linear scale with 4 % of air around the finite `values`; a unit interval if there are none.
    pub(crate) fn linear(values: impl IntoIterator<Item = f64>) -> Self {
        match range(values.into_iter()) {
            Some((low, high)) => {
                let size = low.abs().max(high.abs());
                let air = if high - low > 1e-4 * size {
                    0.04 * (high - low)
                } else if high > low {
                    // as good as constant: labels should not need nine digits to say so
                    0.01 * size
                } else {
                    0.5 * low.abs().max(1e-3)
                };
                Self::Linear(low - air, high + air)
            }
            None => Self::Linear(0.0, 1.0),
        }
    }

    /// A logarithmic scale with air around the positive finite `values`; a decade if there are none.
    pub(crate) fn log(values: impl IntoIterator<Item = f64>) -> Self {
        match range(values.into_iter().filter(|v| *v > 0.0)) {
            Some((low, high)) => {
                let air = (high / low).powf(0.05).max(1.1);
                Self::Log(low / air, high * air)
            }
            None => Self::Log(0.1, 1.0),
        }
    }

    /// 0 at the lower end, 1 at the upper.
    pub(crate) fn fraction(&self, value: f64) -> f64 {
        match *self {
            Self::Linear(low, high) => (value - low) / (high - low),
            Self::Log(low, high) => (value / low).ln() / (high / low).ln(),
        }
    }

    /// The ticks of an axis `length` points long; `along` says whether labels lie along the axis (x)
    /// or across it (y), which decides how many fit.
    pub(crate) fn ticks(&self, length: f64, along: bool) -> Vec<Tick> {
        match *self {
            Self::Linear(low, high) => linear(low, high, length, along),
            Self::Log(low, high) => {
                let (low, high) = (low.min(high), low.max(high));
                let ticks = log(low, high);
                // a narrow range lies between the numbers that a logarithmic axis likes
                let n_labels = ticks.iter().filter(|tick| tick.label.is_some()).count();
                if n_labels < 2 { linear(low, high, length, along) } else { ticks }
            }
        }
    }
}

/// One tick.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Tick {
    /// Where.
    pub(crate) value: f64,
    /// What it says; `None` for a minor tick.
    pub(crate) label: Option<String>,
}

fn range(values: impl Iterator<Item = f64>) -> Option<(f64, f64)> {
    values.filter(|v| v.is_finite()).fold(None, |range, v| match range {
        None => Some((v, v)),
        Some((low, high)) => Some((v.min(low), v.max(high))),
    })
}

fn linear(low: f64, high: f64, length: f64, along: bool) -> Vec<Tick> {
    let exponent = (high - low).log10().floor() as i32 - 2;
    // 1, 2, 5 per decade, the finest whose labels do not touch.
    for step in (0..12).map(|i| [1.0, 2.0, 5.0][i % 3] * 10f64.powi(exponent + (i / 3) as i32)) {
        let first = (low / step - 1e-9).ceil() as i64;
        let last = (high / step + 1e-9).floor() as i64;
        if last - first > 60 {
            continue;
        }
        let ticks: Vec<Tick> = (first..=last)
            .map(|i| Tick { value: i as f64 * step, label: Some(plain(i as f64 * step, step, low, high)) })
            .collect();
        let room = length * step / (high - low);
        let needed = if along {
            ticks.iter().flat_map(|t| &t.label).map(|l| font::width(l, TEXT_SIZE)).fold(0.0, f64::max) + 8.0
        } else {
            2.1 * TEXT_SIZE
        };
        if room >= needed {
            return ticks;
        }
    }
    vec![]
}

/// A number with no more decimals than its step needs; in powers of ten where it would be long.
fn plain(value: f64, step: f64, low: f64, high: f64) -> String {
    let largest = low.abs().max(high.abs());
    if value == 0.0 {
        return "0".into();
    }
    if !(1e-3..1e5).contains(&largest) {
        let exponent = largest.log10().floor() as i32;
        let mantissa = value / 10f64.powi(exponent);
        let decimals = (exponent - step.log10().floor() as i32).max(0) as usize;
        return format!("{}×{}", minus(&format!("{mantissa:.decimals$}")), power_of_ten(exponent));
    }
    let decimals = (-(step.log10() + 1e-9).floor()).max(0.0) as usize;
    minus(&format!("{value:.decimals$}"))
}

fn log(low: f64, high: f64) -> Vec<Tick> {
    let decades = (high / low).log10();
    let labelled: &[i32] = if decades < 1.3 {
        &[1, 2, 3, 5, 7]
    } else if decades < 2.2 {
        &[1, 2, 5]
    } else {
        &[1]
    };
    let every = if decades > 6.0 { 2 } else { 1 };
    let (first, last) = (low.log10().floor() as i32, high.log10().ceil() as i32);
    let mut ticks = vec![];
    for exponent in first..=last {
        for digit in 1..10 {
            let value = f64::from(digit) * 10f64.powi(exponent);
            if value < low * (1.0 - 1e-9) || value > high * (1.0 + 1e-9) {
                continue;
            }
            let label = (labelled.contains(&digit) && exponent.rem_euclid(every) == 0).then(|| {
                if labelled.len() == 1 {
                    power_of_ten(exponent)
                } else if (-3..4).contains(&exponent) {
                    let decimals = (-exponent).max(0) as usize;
                    format!("{value:.decimals$}")
                } else if digit == 1 {
                    power_of_ten(exponent)
                } else {
                    format!("{digit}×{}", power_of_ten(exponent))
                }
            });
            ticks.push(Tick { value, label });
        }
    }
    ticks
}

/// `10⁻²`.
pub(crate) fn power_of_ten(exponent: i32) -> String {
    let digits = exponent
        .to_string()
        .chars()
        .map(|c| match c {
            '-' => '⁻',
            '0' => '⁰',
            '1' => '¹',
            '2' => '²',
            '3' => '³',
            digit => char::from_u32(0x2070 + digit as u32 - '0' as u32).unwrap_or(digit),
        })
        .collect::<String>();
    format!("10{digits}")
}

/// A true minus sign instead of a hyphen.
pub(crate) fn minus(number: &str) -> String {
    number.replace('-', "−")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(scale: Scale, length: f64) -> Vec<String> {
        scale.ticks(length, true).into_iter().filter_map(|t| t.label).collect()
    }

    #[test]
    fn linear_ticks_are_nice_and_bare() {
        assert_eq!(labels(Scale::Linear(0.0, 100.0), 180.0), ["0", "20", "40", "60", "80", "100"]);
        assert_eq!(labels(Scale::Linear(-0.31, 0.29), 150.0), ["−0.2", "0", "0.2"]);
        assert_eq!(labels(Scale::Linear(0.0, 4e-5), 140.0), ["0", "2×10⁻⁵", "4×10⁻⁵"]);
    }

    #[test]
    fn log_ticks_are_powers_of_ten() {
        assert_eq!(labels(Scale::Log(0.5e-2, 2e2), 150.0), ["10⁻²", "10⁻¹", "10⁰", "10¹", "10²"]);
        assert_eq!(labels(Scale::Log(0.04, 0.3), 150.0), ["0.05", "0.07", "0.1", "0.2", "0.3"]);
        assert_eq!(labels(Scale::Log(0.033, 0.044), 150.0), ["0.035", "0.040"]);
    }
}
