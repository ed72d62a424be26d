//! When Newton's method with Jacobians that are used more than once has converged.
//!
//! First updates are far from small beside the tolerance, but small: iterations after the first use its Jacobian
//! once more. With d₁ and d₂ the norms of two updates what is left after the second is about 2d₂²/d₁, since a step
//! with the old Jacobian errs by twice as much as the one with the new Jacobian that it was.

/// Iterations that use the Jacobian of the first once more, while each update is at most [`FAST`] times the one
/// before.
pub(super) const CHORDS: usize = 2;
pub(super) const FAST: f64 = 1e-2;
/// With a new Jacobian an update of this scaled norm is the last; the next would be of the size of its square.
const SMALL: f64 = 1e-2;
/// Scaled norm of what may be left.
const LEFT: f64 = 1e-8;

/// The progress of one iteration.
pub(super) struct Convergence {
    previous: f64,
    /// The last update as a share of the one before.
    pub(super) rate: f64,
}

impl Default for Convergence {
    fn default() -> Self {
        Self { previous: f64::INFINITY, rate: 0.0 }
    }
}

impl Convergence {
    /// Whether it has converged after update number `iteration` of this scaled norm, whose Jacobian `is_new` or
    /// not; `None` where it does not.
    pub(super) fn after(&mut self, iteration: usize, size: f64, is_new: bool) -> Option<bool> {
        // also NaN, of a field that is not finite or a matrix that is singular
        if !(size <= f64::MAX) {
            return None;
        }
        self.rate = size / self.previous;
        self.previous = size;
        // in the first two updates different states may prevail, whose ratio then promises too much
        let left = match iteration {
            1 => f64::INFINITY,
            2 => 1e3 * 2.0 * self.rate * size,
            _ => 2.0 * self.rate * size,
        };
        if (is_new && size <= SMALL) || left <= LEFT {
            return Some(true);
        }
        if iteration > 2 && self.rate > 1.0 { None } else { Some(false) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_updates_end_it_and_growing_ones_too() {
        let run = |sizes: &[f64]| {
            let mut convergence = Convergence::default();
            let mut after = |(i, &size): (usize, &f64)| convergence.after(i + 1, size, i == 0);
            sizes.iter().enumerate().map(&mut after).collect::<Vec<_>>()
        };
        assert_eq!(run(&[1e-3]), [Some(true)]);
        assert_eq!(run(&[1e3, 1e-5]), [Some(false), Some(true)]);
        // a chord that is as small but of a slower iteration
        assert_eq!(run(&[1e-1, 1e-5, 1e-8]), [Some(false), Some(false), Some(true)]);
        assert_eq!(run(&[1.0, 2.0, 4.0]), [Some(false), Some(false), None]);
        assert_eq!(run(&[f64::NAN]), [None]);
        assert_eq!(run(&[f64::INFINITY]), [None]);
    }
}
