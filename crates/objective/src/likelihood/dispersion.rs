//! Which parameter says how far a family spreads about its location.

/// The parameter, and how the spread depends on it; for families that are none of location and scale.
#[derive(Debug, Clone, Copy)]
pub struct Dispersion {
    /// Its place among the family's parameters.
    pub parameter: usize,
    /// The parameter times sᵖ makes the spread s-fold (for large concentrations and precisions; the part
    /// beyond the Poisson spread of a Negative Binomial).
    pub power: f64,
    /// The unconstrained location, as a predictor gives it, of a reported one.
    pub raw_location: fn(f64) -> Vec<f64>,
}
