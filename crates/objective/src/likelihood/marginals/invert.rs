//! Quantiles by inverting a CDF: the equation tail(y) = p solved on the logarithm of the smaller tail,
//! which is nearly straight far out, so that small probabilities are met to their own accuracy.

/// The CDF of a distribution, its complement and its density (or mass) at one point.
pub(super) struct Point {
    /// P(Y ≤ y)
    pub(super) lower: f64,
    /// P(Y > y)
    pub(super) upper: f64,
    /// dP(Y ≤ y)/dy, or P(Y = y)
    pub(super) density: f64,
}

/// Steps until the bracket alone would have found any float.
const MOST_STEPS: usize = 200;

/// How far the point is from P(Y ≤ y) = p, as ln(tail/target) of the smaller tail: positive beyond the
/// quantile; and the Newton step that would close it.
fn excess(p: f64, at: &Point) -> (f64, f64) {
    if p < 0.5 {
        let excess = (at.lower / p).ln();
        (excess, -excess * at.lower / at.density)
    } else {
        let excess = ((1.0 - p) / at.upper).ln();
        (excess, -excess * at.upper / at.density)
    }
}

/// The point between `low` and `high` where a continuous CDF is `p`.
pub(super) fn invert(p: f64, (mut low, mut high): (f64, f64), start: f64, at: impl Fn(f64) -> Point) -> f64 {
    let mut y = if start > low && start < high { start } else { 0.5 * (low + high) };
    let mut best = (f64::INFINITY, y);
    let mut by_newton = false;
    for _ in 0..MOST_STEPS {
        let (excess, newton) = excess(p, &at(y));
        let distance = excess.abs();
        // close by, Newton squares the error: one that does not shrink is rounding
        if distance <= 2e-15 || (by_newton && best.0 < 1e-7 && distance > 0.1 * best.0) {
            return if distance < best.0 { y } else { best.1 };
        }
        // far off, it may creep along a flat stretch between two modes
        let creeps = distance > 0.5 * best.0 && distance > 1e-7;
        if distance < best.0 {
            best = (distance, y);
        }
        if excess > 0.0 {
            high = y;
        } else {
            low = y;
        }
        let candidate = y + newton;
        by_newton = candidate > low && candidate < high && !creeps;
        let next = if by_newton { candidate } else { 0.5 * (low + high) };
        if (next - y).abs() <= f64::EPSILON * y.abs() || next <= low || next >= high {
            return next;
        }
        y = next;
    }
    best.1
}

/// The smallest whole number ≥ 0 where the CDF reaches `p`.
pub(super) fn smallest_count(p: f64, start: f64, at: impl Fn(f64) -> Point) -> f64 {
    let (mut low, mut high) = (-1.0, f64::INFINITY);
    let mut k = start.floor().max(0.0);
    for step in 0..2 * MOST_STEPS {
        let here = at(k);
        // 1 − p is exact for p ≥ ½, and so this is the same as lower ≥ p there
        let reached = if p < 0.5 { here.lower >= p } else { here.upper <= 1.0 - p };
        if reached {
            high = k;
        } else {
            low = k;
        }
        if high - low <= 1.0 {
            return high;
        }
        let (_, newton) = excess(p, &here);
        let candidate = (k + newton).round();
        let (first, last) = (low + 1.0, high - 1.0);
        let next = if step % 4 == 3 || !candidate.is_finite() {
            if high.is_finite() { (0.5 * (low + high)).floor() } else { 2.0 * (k + 1.0) }
        } else {
            candidate
        };
        let next = next.clamp(first, last);
        if next <= low || next >= high {
            // beyond 2⁵³ neighbouring counts are one float
            return high;
        }
        k = next;
    }
    high
}
