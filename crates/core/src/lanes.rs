//! Eight numbers at a time: one quantity of eight independent evaluations.
//!
//! What is computed over rows loads its coefficients once for eight results, and the compiler keeps
//! every operation in vector registers. A lane's number never depends on what the others hold.

/// Number of lanes.
pub const LANES: usize = 8;

/// One quantity of [`LANES`] evaluations; aligned to a cache line.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
#[repr(C, align(64))]
pub struct Row(pub [f64; LANES]);

impl Row {
    /// Zero in every lane.
    pub const ZERO: Self = Self([0.0; LANES]);

    /// The same value in every lane.
    #[inline]
    pub fn splat(value: f64) -> Self {
        Self([value; LANES])
    }

    /// `self` += s x.
    #[inline]
    pub fn add_scaled(&mut self, s: f64, x: &Row) {
        for l in 0..LANES {
            self.0[l] += s * x.0[l];
        }
    }

    /// `self` += a b.
    #[inline]
    pub fn add_product(&mut self, a: &Row, b: &Row) {
        for l in 0..LANES {
            self.0[l] += a.0[l] * b.0[l];
        }
    }
}
