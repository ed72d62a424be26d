//! Inverse Hessian times vector from the last steps (Nocedal & Wright 2006, algorithm 7.4).
//!
//! With pairs s = xₖ₊₁ − xₖ, y = ∇fₖ₊₁ − ∇fₖ, ρ = 1/sᵀy, the inverse Hessian is that of m BFGS updates
//! of γI, γ = sᵀy/yᵀy of the newest pair (their eq. 7.20).

use candle_core::Tensor;

use super::minimizer::{dot, remembered, rounding, vectors};

/// Iterations without progress after which there will be none.
const PATIENCE: usize = 20;

/// f at a place.
#[derive(Debug, Clone)]
pub(super) struct Point {
    pub(super) value: f64,
    pub(super) gradient: Vec<f64>,
}

/// Where a quasi-Newton iteration stands: f at the present x, and the last steps, oldest first.
#[derive(Debug, Clone)]
pub(super) struct History {
    pub(super) point: Point,
    pairs: Vec<(Vec<f64>, Vec<f64>)>,
    /// Smallest residual so far.
    best: f64,
    /// Iterations since F or the residual last got smaller.
    idle: usize,
}

impl History {
    /// No step yet.
    pub(super) fn new(point: Point) -> Self {
        Self { point, pairs: vec![], best: f64::INFINITY, idle: 0 }
    }

    /// The history that [`History::remember`] wrote; `None` before the first iteration.
    pub(super) fn recall(memory: &[Tensor]) -> candle_core::Result<Option<Self>> {
        let mut vectors = vectors(memory)?.into_iter();
        let (Some(numbers), Some(gradient)) = (vectors.next(), vectors.next()) else { return Ok(None) };
        let mut pairs = vec![];
        while let (Some(s), Some(y)) = (vectors.next(), vectors.next()) {
            pairs.push((s, y));
        }
        let point = Point { value: numbers[0], gradient };
        Ok(Some(Self { point, pairs, best: numbers[1], idle: numbers[2] as usize }))
    }

    /// Value and counters, gradient, then s and y of every pair.
    pub(super) fn remember(self, memory: &mut Vec<Tensor>) -> candle_core::Result<()> {
        memory.clear();
        memory.push(remembered(vec![self.point.value, self.best, self.idle as f64])?);
        memory.push(remembered(self.point.gradient)?);
        for (s, y) in self.pairs {
            memory.push(remembered(s)?);
            memory.push(remembered(y)?);
        }
        Ok(())
    }

    /// Whether an iteration from F = `before` to `after` was one of many in which nothing got better:
    /// on a kink of f, where the gradient does not vanish.
    pub(super) fn idles(&mut self, before: f64, after: f64, residual: f64) -> bool {
        let better = after < before - rounding(before) || residual < 0.9 * self.best;
        self.best = self.best.min(residual);
        self.idle = if better { 0 } else { self.idle + 1 };
        self.idle >= PATIENCE
    }

    pub(super) fn is_empty(&self) -> bool {
        self.pairs.is_empty()
    }

    pub(super) fn forget(&mut self) {
        self.pairs.clear();
    }

    /// Moves on to `point`, `step` away; at most `limit` pairs are kept. A pair without positive
    /// curvature says nothing of a minimum and is left out.
    pub(super) fn advance(&mut self, step: Vec<f64>, point: Point, limit: usize) {
        let y: Vec<f64> = point.gradient.iter().zip(&self.point.gradient).map(|(new, old)| new - old).collect();
        if dot(&step, &y) > f64::EPSILON * dot(&y, &y) {
            self.pairs.push((step, y));
            let surplus = self.pairs.len().saturating_sub(limit);
            self.pairs.drain(..surplus);
        }
        self.point = point;
    }

    /// −H·gradient on the coordinates that are `free`, 0 on the others.
    pub(super) fn direction(&self, gradient: &[f64], free: &[bool]) -> Vec<f64> {
        let on_free = |v: &[f64]| -> Vec<f64> { v.iter().zip(free).map(|(v, f)| if *f { *v } else { 0.0 }).collect() };
        let pairs: Vec<(Vec<f64>, Vec<f64>, f64)> = self
            .pairs
            .iter()
            .map(|(s, y)| (on_free(s), on_free(y)))
            .map(|(s, y)| {
                let curvature = dot(&s, &y);
                (s, y, curvature)
            })
            .filter(|(_, y, curvature)| *curvature > f64::EPSILON * dot(y, y))
            .collect();
        let mut q = on_free(gradient);
        let mut weights = Vec::with_capacity(pairs.len());
        for (s, y, curvature) in pairs.iter().rev() {
            let weight = dot(s, &q) / curvature;
            q.iter_mut().zip(y).for_each(|(q, y)| *q -= weight * y);
            weights.push(weight);
        }
        if let Some((_, y, curvature)) = pairs.last() {
            let gamma = curvature / dot(y, y);
            q.iter_mut().for_each(|q| *q *= gamma);
        }
        for ((s, y, curvature), weight) in pairs.iter().zip(weights.iter().rev()) {
            let correction = weight - dot(y, &q) / curvature;
            q.iter_mut().zip(s).for_each(|(q, s)| *q += correction * s);
        }
        q.iter_mut().for_each(|q| *q = -*q);
        q
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// After n independent steps of a quadratic with conjugate directions BFGS knows its Hessian.
    #[test]
    fn steps_along_the_axes_of_a_quadratic_give_its_newton_step() {
        let curvature = [4.0, 0.5, 9.0];
        let mut history = History::new(Point { value: 0.0, gradient: vec![0.0; 3] });
        let mut x = [0.0f64; 3];
        for i in 0..3 {
            let mut s = vec![0.0; 3];
            s[i] = 1.0 + i as f64;
            x[i] += s[i];
            let gradient = x.iter().zip(curvature).map(|(x, c)| c * x).collect();
            history.advance(s, Point { value: 0.0, gradient }, 5);
        }
        let step = history.direction(&[4.0, 0.5, 9.0], &[true; 3]);
        step.iter().for_each(|d| assert!((d + 1.0).abs() < 1e-14, "{step:?}"));
        let held = history.direction(&[4.0, 0.5, 9.0], &[true, false, true]);
        assert!(held[1] == 0.0 && (held[0] + 1.0).abs() < 1e-14 && (held[2] + 1.0).abs() < 1e-14, "{held:?}");

        let mut memory = vec![];
        history.clone().remember(&mut memory).unwrap();
        let recalled = History::recall(&memory).unwrap().unwrap();
        assert_eq!(recalled.direction(&[1.0, 2.0, 3.0], &[true; 3]), history.direction(&[1.0, 2.0, 3.0], &[true; 3]));
        assert!(History::recall(&[]).unwrap().is_none());
    }
}
