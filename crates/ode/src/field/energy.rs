//! The energy of a mechanical field: a number of the state that its own flow keeps, or that friction
//! takes from it.

/// An energy E(y; θ).
///
/// # Shapes
/// `parameters` and `parameter_bar` are `[p]` of the field, `y` and `y_bar` `[n]`.
pub trait Energy {
    /// E.
    fn value(&self, parameters: &[f64], y: &[f64]) -> f64;

    /// Adds `cotangent`·∂E/∂y to `y_bar` and `cotangent`·∂E/∂θ to `parameter_bar`.
    fn pull_back(&self, parameters: &[f64], y: &[f64], cotangent: f64, y_bar: &mut [f64], parameter_bar: &mut [f64]);
}
