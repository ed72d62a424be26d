//! Exponential moving average of the weights, with the bias of its start removed by a decay that
//! grows with the step: d_t = min(d, (1 + t)/(10 + t)).

use candle_core::{CpuStorage, InplaceOp2, Layout, Result, Tensor, bail};
use surprisal_core::Parameter;

/// Moves `average` towards the parameters; `step` counts from 1.
pub fn update(average: &mut [Tensor], parameters: &[Parameter], decay: f64, step: u64) -> Result<()> {
    let t = step as f64;
    let decay = decay.min((1.0 + t) / (10.0 + t));
    for (a, p) in average.iter_mut().zip(parameters) {
        if p.var.device().is_cpu() {
            a.inplace_op2(p.var.as_tensor(), &Towards { decay })?;
        } else {
            *a = (a.affine(decay, 0.0)? + p.var.as_detached_tensor().affine(1.0 - decay, 0.0)?)?;
        }
    }
    Ok(())
}

/// a ← decay·a + (1 − decay)·p, in place.
struct Towards {
    decay: f64,
}

impl InplaceOp2 for Towards {
    fn name(&self) -> &'static str {
        "moving average of weights"
    }

    fn cpu_fwd(&self, a: &mut CpuStorage, a_layout: &Layout, p: &CpuStorage, p_layout: &Layout) -> Result<()> {
        let (Some((a0, a1)), Some((p0, p1))) = (a_layout.contiguous_offsets(), p_layout.contiguous_offsets()) else {
            bail!("a weight is not contiguous")
        };
        match (a, p) {
            (CpuStorage::F64(a), CpuStorage::F64(p)) => {
                let rest = 1.0 - self.decay;
                a[a0..a1].iter_mut().zip(&p[p0..p1]).for_each(|(a, p)| *a = *a * self.decay + p * rest);
            }
            (CpuStorage::F32(a), CpuStorage::F32(p)) => {
                let (decay, rest) = (self.decay as f32, (1.0 - self.decay) as f32);
                a[a0..a1].iter_mut().zip(&p[p0..p1]).for_each(|(a, p)| *a = *a * decay + p * rest);
            }
            _ => bail!("weights must be float64 or float32"),
        }
        Ok(())
    }
}
