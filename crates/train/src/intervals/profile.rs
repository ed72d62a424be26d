//! The profile likelihood of one trained number (Venzon & Moolgavkar 1988, A method for computing
//! profile-likelihood-based confidence intervals, eq. 1).
//!
//! With r the number in the space that is trained and x all others, the profile is
//!
//! D(r) = min_x NLL(r, x) − min_{r, x} NLL(r, x),
//!
//! and the interval is where D ≤ ½χ²₁(0.95) = 1.9207: it needs no curvature and follows the likelihood
//! where that is not a parabola. Priors and penalties of the loss are part of it. The signed root
//! z = ±√(2D) is nearly linear in r, so steps are chosen, and the end is found, in z: outwards with steps
//! of about ½ in z, each fit beginning where a line through the last two points leads, then by false
//! position (the Illinois variant: Dowell & Jarratt 1971). A side on which D stays below the threshold
//! is open: the data set no bound.

use super::refit::{Fitted, Likelihood};
use crate::TrainError;

/// ½χ²₁(0.95), nats.
pub const THRESHOLD: f64 = 1.920_729_410_347_062;
/// Fits on one side.
const MOST: usize = 24;
/// Points of a profile: the minimum, and the fits of both sides.
pub const POINTS: usize = 2 * MOST + 1;
/// Distance between points in z.
const STRIDE: f64 = 0.5;
/// |D − threshold| at which an end is found, nats.
const TOLERANCE: f64 = 2e-4;
/// How far a side is followed, in units of the number or, where that is more, of its standard error.
const FARTHEST: f64 = 20.0;

/// What was found of one number.
pub(super) struct Walked {
    /// By r; the minimum is among them.
    pub(super) places: Vec<Place>,
    /// Where D is the threshold; `None` where it stays below.
    pub(super) ends: [Option<Fitted>; 2],
    /// Whether every fit came to an end.
    pub(super) converged: bool,
}

/// A point of the profile.
pub(super) struct Place {
    pub(super) x: Vec<f64>,
    /// D, nats.
    pub(super) drop: f64,
}

/// Follows the profile of coordinate `i` to both sides of `best`, the minimum over all coordinates.
/// `directions` displace all others that vary; `error` is the standard error of r, NaN where there is none.
pub(super) fn walk(
    likelihood: &mut Likelihood<'_>,
    best: &Fitted,
    i: usize,
    error: f64,
    directions: &[Vec<f64>],
) -> Result<Walked, TrainError> {
    let mut walk = Walk { likelihood, best, i, directions, places: vec![], converged: true };
    let ends = [walk.side(-1.0, error)?, walk.side(1.0, error)?];
    let (mut places, converged) = (walk.places, walk.converged);
    places.push(Place { x: best.x.clone(), drop: 0.0 });
    places.sort_by(|a, b| a.x[i].total_cmp(&b.x[i]));
    Ok(Walked { places, ends, converged })
}

struct Walk<'a, 'b> {
    likelihood: &'a mut Likelihood<'b>,
    best: &'a Fitted,
    i: usize,
    directions: &'a [Vec<f64>],
    places: Vec<Place>,
    converged: bool,
}

impl Walk<'_, '_> {
    /// Where the profile reaches the threshold on one side.
    fn side(&mut self, sign: f64, error: f64) -> Result<Option<Fitted>, TrainError> {
        let start = self.best.x[self.i];
        let unit = if error.is_finite() { error } else { 0.1 * start.abs().max(1.0) };
        let farthest = FARTHEST * unit.max(1.0);
        let (mut before, mut inside): (Option<Fitted>, Fitted) = (None, self.best.clone());
        let mut step = STRIDE * unit;
        for n_left in (0..MOST).rev() {
            let at = inside.x[self.i] + sign * step;
            if (at - start).abs() > farthest {
                return Ok(None);
            }
            let from = before.as_ref().unwrap_or(&inside);
            let fitted = self.fit(at, &along(from, &inside, self.i, at))?;
            // beyond what the solver can do there is no saying: nearer, and if that is in vain, open
            if !fitted.nll.is_finite() {
                step *= 0.5;
                continue;
            }
            if self.drop(&fitted) >= THRESHOLD {
                return self.between(inside, fitted, n_left).map(Some);
            }
            let gained = self.root(&fitted) - self.root(&inside);
            step *= if gained > 0.0 { (STRIDE / gained).clamp(0.5, 2.0) } else { 2.0 };
            before = Some(std::mem::replace(&mut inside, fitted));
        }
        Ok(None)
    }

    /// The place between two at which the profile is the threshold.
    fn between(&mut self, mut inside: Fitted, mut outside: Fitted, n_left: usize) -> Result<Fitted, TrainError> {
        let target = (2.0 * THRESHOLD).sqrt();
        let (mut below, mut above) = (self.root(&inside) - target, self.root(&outside) - target);
        let mut last_off = 0.0f64;
        for _ in 0..n_left {
            let share = if above.is_finite() { (below / (below - above)).clamp(0.02, 0.98) } else { 0.5 };
            let at = inside.x[self.i] + share * (outside.x[self.i] - inside.x[self.i]);
            let fitted = self.fit(at, &along(&inside, &outside, self.i, at))?;
            let off = self.drop(&fitted) - THRESHOLD;
            if off.abs() <= TOLERANCE {
                return Ok(fitted);
            }
            let root = self.root(&fitted) - target;
            // an end that stays twice is given half its weight
            let stays = if off * last_off > 0.0 { 0.5 } else { 1.0 };
            last_off = off;
            if off > 0.0 {
                (outside, above) = (fitted, root);
                below *= stays;
            } else {
                (inside, below) = (fitted, root);
                above *= stays;
            }
        }
        // the wider of both: an interval that is too short would be the worse mistake
        Ok(outside)
    }

    fn fit(&mut self, at: f64, guess: &[f64]) -> Result<Fitted, TrainError> {
        let mut x = guess.to_vec();
        x[self.i] = at;
        let mut fitted = self.likelihood.minimize(x, self.directions)?;
        if !fitted.nll.is_finite() {
            // a guess may lie where there is no solution, and the best fit does not
            let mut x = self.best.x.clone();
            x[self.i] = at;
            fitted = self.likelihood.minimize(x, self.directions)?;
        }
        if fitted.nll.is_finite() {
            self.converged &= fitted.converged;
            self.places.push(Place { x: fitted.x.clone(), drop: self.drop(&fitted) });
        }
        Ok(fitted)
    }

    fn drop(&self, fitted: &Fitted) -> f64 {
        fitted.nll - self.best.nll
    }

    /// √(2D).
    fn root(&self, fitted: &Fitted) -> f64 {
        (2.0 * self.drop(fitted).max(0.0)).sqrt()
    }
}

/// The place at r on the line through two others.
fn along(from: &Fitted, to: &Fitted, i: usize, r: f64) -> Vec<f64> {
    let width = to.x[i] - from.x[i];
    if width == 0.0 {
        return to.x.clone();
    }
    let share = (r - from.x[i]) / width;
    from.x.iter().zip(&to.x).map(|(a, b)| a + share * (b - a)).collect()
}
