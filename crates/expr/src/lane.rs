//! What a program computes with: a number, or eight of them side by side.

use surprisal_core::lanes::{LANES, Row};

/// One number per lane.
pub trait Lane: Copy {
    /// The same value in every lane.
    fn splat(value: f64) -> Self;

    /// f of every lane.
    fn map(self, f: impl Fn(f64) -> f64) -> Self;

    /// f of every pair of lanes.
    fn zip(self, other: Self, f: impl Fn(f64, f64) -> f64) -> Self;

    /// f of every triple of lanes.
    fn zip3(self, b: Self, c: Self, f: impl Fn(f64, f64, f64) -> f64) -> Self;
}

impl Lane for f64 {
    #[inline(always)]
    fn splat(value: f64) -> Self {
        value
    }

    #[inline(always)]
    fn map(self, f: impl Fn(f64) -> f64) -> Self {
        f(self)
    }

    #[inline(always)]
    fn zip(self, other: Self, f: impl Fn(f64, f64) -> f64) -> Self {
        f(self, other)
    }

    #[inline(always)]
    fn zip3(self, b: Self, c: Self, f: impl Fn(f64, f64, f64) -> f64) -> Self {
        f(self, b, c)
    }
}

impl Lane for Row {
    #[inline(always)]
    fn splat(value: f64) -> Self {
        Row::splat(value)
    }

    #[inline(always)]
    fn map(mut self, f: impl Fn(f64) -> f64) -> Self {
        for l in 0..LANES {
            self.0[l] = f(self.0[l]);
        }
        self
    }

    #[inline(always)]
    fn zip(mut self, other: Self, f: impl Fn(f64, f64) -> f64) -> Self {
        for l in 0..LANES {
            self.0[l] = f(self.0[l], other.0[l]);
        }
        self
    }

    #[inline(always)]
    fn zip3(mut self, b: Self, c: Self, f: impl Fn(f64, f64, f64) -> f64) -> Self {
        for l in 0..LANES {
            self.0[l] = f(self.0[l], b.0[l], c.0[l]);
        }
        self
    }
}
