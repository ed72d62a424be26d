//! Exponential moving average of the weights, with the bias of its start removed by a decay that
//! grows with the step: d_t = min(d, (1 + t)/(10 + t)).

use candle_core::{Result, Tensor};
use surprisal_core::Parameter;

/// Moves `average` towards the parameters; `step` counts from 1.
pub fn update(average: &mut [Tensor], parameters: &[Parameter], decay: f64, step: u64) -> Result<()> {
    let t = step as f64;
    let decay = decay.min((1.0 + t) / (10.0 + t));
    for (a, p) in average.iter_mut().zip(parameters) {
        *a = (a.affine(decay, 0.0)? + p.var.as_detached_tensor().affine(1.0 - decay, 0.0)?)?;
    }
    Ok(())
}
