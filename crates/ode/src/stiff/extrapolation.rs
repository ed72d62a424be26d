//! First guesses of the stages of a step from the steps before: Hermite extrapolation.
//!
//! The polynomial through the last ends of steps and their slopes, at most three of each, in Newton's form
//! with divided differences (E. Hairer, S. P. Nørsett, G. Wanner, *Solving Ordinary Differential Equations I*,
//! 2nd ed. (1993), section II.6). Ends are of the order of the method; the stages between are not.

/// Ends that a polynomial goes through.
const ENDS: usize = 3;

/// The last ends of steps, and the polynomial through them.
pub(super) struct Extrapolation {
    n: usize,
    /// Newest first.
    times: Vec<f64>,
    /// `[ends, 2, n]`: states and slopes, newest first.
    values: Vec<f64>,
    /// `[2 ends, n]`: divided differences.
    coefficients: Vec<f64>,
}

impl Extrapolation {
    pub(super) fn new(n: usize) -> Self {
        Self { n, times: vec![], values: vec![], coefficients: vec![] }
    }

    /// Adds the end of a step, later than those before.
    pub(super) fn push(&mut self, t: f64, y: &[f64], slope: &[f64]) {
        let n = self.n;
        self.times.insert(0, t);
        self.times.truncate(ENDS);
        self.values.splice(0..0, y.iter().chain(slope).copied());
        self.values.truncate(2 * n * ENDS);
        let m = 2 * self.times.len();
        self.coefficients.clear();
        for end in self.values.chunks_exact(2 * n) {
            self.coefficients.extend_from_slice(&end[..n]);
            self.coefficients.extend_from_slice(&end[..n]);
        }
        for order in 1..m {
            for k in (order..m).rev() {
                let (newer, older) = (self.times[(k - order) / 2], self.times[k / 2]);
                for i in 0..n {
                    self.coefficients[k * n + i] = if newer == older {
                        self.values[(k / 2 * 2 + 1) * n + i]
                    } else {
                        (self.coefficients[k * n + i] - self.coefficients[(k - 1) * n + i]) / (older - newer)
                    };
                }
            }
        }
    }

    /// The polynomial at t.
    pub(super) fn at(&self, t: f64, y: &mut [f64]) {
        y.fill(0.0);
        for (k, of_order) in self.coefficients.chunks_exact(self.n).enumerate().rev() {
            // coefficient k multiplies the product over the k nodes before it
            let distance = t - self.times[k / 2];
            for (y, c) in y.iter_mut().zip(of_order) {
                *y = c + *y * distance;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn polynomials_of_degree_five_are_continued() {
        let value = |t: f64| 1.0 + t - 2.0 * t.powi(3) + 0.5 * t.powi(5);
        let slope = |t: f64| 1.0 - 6.0 * t.powi(2) + 2.5 * t.powi(4);
        let mut extrapolation = Extrapolation::new(2);
        for t in [-0.7, 0.1, 0.4, 1.0] {
            extrapolation.push(t, &[value(t), t], &[slope(t), 1.0]);
        }
        let mut y = [0.0; 2];
        extrapolation.at(1.9, &mut y);
        assert!((y[0] - value(1.9)).abs() < 1e-11 && (y[1] - 1.9).abs() < 1e-12, "{y:?}");
    }

    #[test]
    fn one_end_is_continued_by_its_slope() {
        let mut extrapolation = Extrapolation::new(1);
        extrapolation.push(1.0, &[2.0], &[3.0]);
        let mut y = [0.0];
        extrapolation.at(1.5, &mut y);
        assert_eq!(y, [3.5]);
    }
}
