//! From a value that a model gives in the data's own space to the unconstrained numbers of a location.
//!
//! | link | η(y) | families |
//! |---|---|---|
//! | identity | y | those on the whole real line |
//! | log | ln y | counts, positive values |
//! | logit | ln(y/(1 − y)) | shares, labels |
//! | direction | (cos y, sin y) | angles |
//!
//! A perceptron predicts η itself. A differential equation has states, and nothing keeps a state that
//! should be positive above zero: not an approximate solution, and not a network that is still being
//! trained. Below a floor f the logarithm therefore goes on as its tangent,
//!
//! η(y) = ln f + (y − f)/f for y < f,
//!
//! and the logit does so on both ends, with ln(y/(1 − y)) ≈ ln y there. Value and slope are continuous,
//! so that the gradient is that of what was computed, and its size pushes back to where y means
//! something. What is scored there is the distribution at η(y), whose mean is f·exp((y − f)/f) and not
//! y: the price of a floor.

/// How a value in the data's own space becomes a location.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LocationLink {
    /// The value itself.
    Identity,
    /// Its logarithm.
    Log,
    /// The logarithm of its odds.
    Logit,
    /// The unit vector of an angle.
    Direction,
}

impl LocationLink {
    /// Unconstrained numbers of one value.
    pub fn width(self) -> usize {
        match self {
            Self::Identity | Self::Log | Self::Logit => 1,
            Self::Direction => 2,
        }
    }

    /// Whether values have to be above zero, or between zero and one, and this one is not by more than
    /// the floor.
    pub fn is_floored(self, y: f64, floor: f64) -> bool {
        match self {
            Self::Identity | Self::Direction => false,
            Self::Log => y < floor,
            Self::Logit => y < floor || 1.0 - y < floor,
        }
    }

    /// η(y), appended to `raw`.
    pub fn apply(self, y: f64, floor: f64, raw: &mut Vec<f64>) {
        match self {
            Self::Identity => raw.push(y),
            Self::Log => raw.push(log(y, floor).0),
            Self::Logit => raw.push(log(y, floor).0 - log(1.0 - y, floor).0),
            Self::Direction => raw.extend([y.cos(), y.sin()]),
        }
    }

    /// The cotangent of y from that of η(y), which has [`LocationLink::width`] entries.
    pub fn vjp(self, y: f64, floor: f64, raw_bar: &[f64]) -> f64 {
        match self {
            Self::Identity => raw_bar[0],
            Self::Log => log(y, floor).1 * raw_bar[0],
            Self::Logit => (log(y, floor).1 + log(1.0 - y, floor).1) * raw_bar[0],
            Self::Direction => y.cos() * raw_bar[1] - y.sin() * raw_bar[0],
        }
    }
}

/// ln y and its derivative, on the tangent below the floor.
fn log(y: f64, floor: f64) -> (f64, f64) {
    if y < floor { (floor.ln() + (y - floor) / floor, 1.0 / floor) } else { (y.ln(), 1.0 / y) }
}

#[cfg(test)]
mod tests {
    use super::LocationLink::{self, Direction, Identity, Log, Logit};

    fn raw(link: LocationLink, y: f64) -> Vec<f64> {
        let mut raw = vec![];
        link.apply(y, 1e-3, &mut raw);
        raw
    }

    #[test]
    fn cotangents_are_those_of_differences_on_both_sides_of_the_floor() {
        for link in [Identity, Log, Logit, Direction] {
            for y in [-0.4, -1e-3, 5e-4, 2e-3, 0.3, 0.9, 0.9985, 0.9999, 1.2] {
                // the logarithm has no value to compare with beyond its end
                let h = 1e-7;
                let (above, below) = (raw(link, y + h), raw(link, y - h));
                assert_eq!(above.len(), link.width());
                let bar = [0.7, -1.3];
                let difference: f64 = (0..link.width()).map(|k| bar[k] * (above[k] - below[k]) / (2.0 * h)).sum();
                let vjp = link.vjp(y, 1e-3, &bar);
                assert!((vjp - difference).abs() < 1e-5 * (1.0 + vjp.abs()), "{link:?} at {y}: {vjp}, {difference}");
            }
        }
    }

    #[test]
    fn nothing_jumps_at_the_floor_and_above_it_values_are_themselves() {
        let edge = [raw(Log, 1e-3 - 1e-15)[0], raw(Log, 1e-3)[0]];
        assert!((edge[0] - edge[1]).abs() < 1e-11, "{edge:?}");
        assert!((raw(Log, 0.2)[0].exp() - 0.2).abs() < 1e-15);
        assert!((1.0 / (1.0 + (-raw(Logit, 0.2)[0]).exp()) - 0.2).abs() < 1e-15);
        assert!(Log.is_floored(0.0, 1e-3) && !Log.is_floored(2e-3, 1e-3));
        assert!(Logit.is_floored(0.9995, 1e-3) && !Logit.is_floored(0.5, 1e-3) && !Identity.is_floored(-1.0, 1e-3));
    }
}
