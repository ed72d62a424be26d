//! Values and slopes of a noisy series by local quadratic regression (Fan & Gijbels 1996, Local
//! polynomial modelling and its applications, §3.1; for differential equations Liang & Wu 2008).
//!
//! At t, the k nearest observations get tricube weights (1 − (d/h)³)³ by their distance d, h being just
//! beyond the farthest of them, and a + b·x + c·x², x = (τ − t)/h, is fitted to them by least squares: the
//! value is a, the slope b/h. k is the number with the smallest leave-one-out error of the values
//! (Stone 1974).

/// Fewest observations a quadratic with anything to smooth is fitted to.
const FEWEST: usize = 5;
/// From one number of neighbours to the next that is tried.
const GROWTH: f64 = 1.4;

/// Observations of one quantity, ready to be smoothed.
#[derive(Debug, Clone)]
pub(super) struct Smoothing<'a> {
    times: &'a [f64],
    values: &'a [f64],
    n_neighbors: usize,
}

impl<'a> Smoothing<'a> {
    /// Chooses the number of neighbours; `None` of fewer than five observations. Times increase.
    pub(super) fn new(times: &'a [f64], values: &'a [f64]) -> Option<Self> {
        let n = times.len();
        if n < FEWEST {
            return None;
        }
        let mut best = (f64::INFINITY, FEWEST);
        let mut k = FEWEST - 1;
        while k < n {
            let with = Self { times, values, n_neighbors: k };
            let errors = (0..n).map(|i| values[i] - with.fit(times[i], Some(i)).0);
            let error = errors.map(|e| e * e).sum::<f64>();
            if error < best.0 {
                best = (error, k);
            }
            k = ((k as f64 * GROWTH) as usize).max(k + 1);
        }
        Some(Self { times, values, n_neighbors: best.1 })
    }

    /// Value and slope at t.
    pub(super) fn at(&self, t: f64) -> (f64, f64) {
        self.fit(t, None)
    }

    /// The same without one of the observations.
    fn fit(&self, t: f64, without: Option<usize>) -> (f64, f64) {
        let kept = |i: &usize| Some(*i) != without;
        let behind = self.times.partition_point(|s| *s < t);
        let mut before = (0..behind).rev().filter(kept).peekable();
        let mut after = (behind..self.times.len()).filter(kept).peekable();
        let distance = |i: &usize| (self.times[*i] - t).abs();
        let mut near = Vec::with_capacity(self.n_neighbors);
        while near.len() < self.n_neighbors {
            let next = match (before.peek(), after.peek()) {
                (Some(b), Some(a)) if distance(b) <= distance(a) => before.next(),
                (_, Some(_)) => after.next(),
                (_, None) => before.next(),
            };
            let Some(i) = next else { break };
            near.push(i);
        }
        let h = near.last().map_or(1.0, distance) * (1.0 + 1.0 / near.len() as f64);
        let points = near.iter().map(|&i| {
            let x = (self.times[i] - t) / h;
            ((1.0 - x.abs().powi(3)).powi(3), x, self.values[i])
        });
        let [a, b, _] = quadratic(points);
        (a, b / h)
    }
}

/// The coefficients of the quadratic that fits points (weight, x, y) best.
fn quadratic(points: impl Iterator<Item = (f64, f64, f64)>) -> [f64; 3] {
    let mut matrix = [[0.0; 4]; 3];
    for (weight, x, y) in points {
        let powers = [1.0, x, x * x];
        for (row, left) in matrix.iter_mut().zip(powers) {
            powers.iter().chain(&[y]).zip(row).for_each(|(right, sum)| *sum += weight * left * right);
        }
    }
    // symmetric and positive definite: no exchange of rows is needed
    for i in 0..3 {
        let pivot = matrix[i];
        for row in &mut matrix[i + 1..] {
            let factor = row[i] / pivot[i];
            row.iter_mut().zip(pivot).for_each(|(x, p)| *x -= factor * p);
        }
    }
    let [first, second, third] = matrix;
    let c = third[3] / third[2];
    let b = (second[3] - second[2] * c) / second[1];
    [(first[3] - first[1] * b - first[2] * c) / first[0], b, c]
}

#[cfg(test)]
#[allow(clippy::unwrap_used)] // a failed unwrap is a failed test
mod tests {
    use surprisal_core::rng;

    use super::Smoothing;

    #[test]
    fn a_quadratic_is_its_own_smooth() {
        let times = [0.0, 0.4, 0.5, 1.1, 1.7, 2.0, 2.9];
        let values = times.map(|t| 1.0 - 2.0 * t + 0.7 * t * t);
        let smoothing = Smoothing::new(&times, &values).unwrap();
        for t in [0.0, 0.45, 1.3, 2.9] {
            let (value, slope) = smoothing.at(t);
            assert!((value - (1.0 - 2.0 * t + 0.7 * t * t)).abs() < 1e-11, "{t}");
            assert!((slope - (1.4 * t - 2.0)).abs() < 1e-10, "{t}");
        }
        assert!(Smoothing::new(&times[..4], &values[..4]).is_none());
    }

    #[test]
    fn noise_takes_more_neighbours_and_slopes_come_near() {
        let times: Vec<f64> = (0..200).map(|i| 0.05 * f64::from(i)).collect();
        let with = |noise: f64| -> Vec<f64> {
            let mut draws = rng::stream(1, "smoothing", 0);
            times.iter().map(|t| t.sin() + noise * rng::standard_normal(&mut draws)).collect()
        };
        let (clean, noisy) = (with(0.0), with(0.1));
        let (clean, noisy) = (Smoothing::new(&times, &clean).unwrap(), Smoothing::new(&times, &noisy).unwrap());
        assert!(clean.n_neighbors < 10 && noisy.n_neighbors > 20, "{} {}", clean.n_neighbors, noisy.n_neighbors);
        let rms = |smoothing: &Smoothing<'_>| {
            let errors = times.iter().map(|&t| (smoothing.at(t).1 - t.cos()).powi(2));
            (errors.sum::<f64>() / times.len() as f64).sqrt()
        };
        assert!(rms(&clean) < 0.005 && rms(&noisy) < 0.15, "{} {}", rms(&clean), rms(&noisy));
    }
}
