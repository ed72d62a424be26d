//! One AdamW update of one tensor: three passes in place on the CPU, a composition of ordinary
//! operations elsewhere. A dozen small tensors per step are then the cost of their numbers and not of
//! their allocation.

use candle_core::{CpuStorage, InplaceOp2, InplaceOp3, Layout, Result, Tensor, Var, bail};

/// The numbers of an update.
#[derive(Debug, Clone, Copy)]
pub(super) struct Update {
    pub(super) beta1: f64,
    pub(super) beta2: f64,
    /// 1/(1 − β₂ᵗ).
    pub(super) correction2: f64,
    pub(super) epsilon: f64,
    /// η/(1 − β₁ᵗ).
    pub(super) rate: f64,
    /// 1 − ηλ.
    pub(super) kept: f64,
}

impl Update {
    /// Moves moments and parameter; all of one shape and contiguous.
    pub(super) fn apply(&self, parameter: &Var, g: &Tensor, m: &mut Tensor, v: &mut Tensor) -> Result<()> {
        if parameter.device().is_cpu() {
            m.inplace_op2(g, &Average { decay: self.beta1, power: Power::First })?;
            v.inplace_op2(g, &Average { decay: self.beta2, power: Power::Second })?;
            return parameter.as_tensor().inplace_op3(m, v, self);
        }
        *m = (m.affine(self.beta1, 0.0)? + g.affine(1.0 - self.beta1, 0.0)?)?;
        *v = (v.affine(self.beta2, 0.0)? + g.sqr()?.affine(1.0 - self.beta2, 0.0)?)?;
        let size =
            v.affine(self.correction2, 0.0)?.sqrt()?.affine(1.0, self.epsilon)?.recip()?.affine(self.rate, 0.0)?;
        parameter.set(&(parameter.as_detached_tensor().affine(self.kept, 0.0)? - (&size * &*m)?)?)
    }
}

/// Which power of the gradient is averaged.
#[derive(Debug, Clone, Copy)]
enum Power {
    First,
    Second,
}

/// a ← decay·a + (1 − decay)·gᵖ.
struct Average {
    decay: f64,
    power: Power,
}

/// The numbers of contiguous storage.
macro_rules! slice {
    ($storage:expr, $layout:expr) => {
        match $layout.contiguous_offsets() {
            Some((from, to)) => &$storage[from..to],
            None => bail!("an optimiser's tensor is not contiguous"),
        }
    };
    (mut $storage:expr, $layout:expr) => {
        match $layout.contiguous_offsets() {
            Some((from, to)) => &mut $storage[from..to],
            None => bail!("an optimiser's tensor is not contiguous"),
        }
    };
}

impl InplaceOp2 for Average {
    fn name(&self) -> &'static str {
        "moving average"
    }

    fn cpu_fwd(&self, a: &mut CpuStorage, a_layout: &Layout, g: &CpuStorage, g_layout: &Layout) -> Result<()> {
        macro_rules! update {
            ($a:expr, $g:expr, $t:ty) => {{
                let (decay, rest) = (self.decay as $t, (1.0 - self.decay) as $t);
                let pairs = slice!(mut $a, a_layout).iter_mut().zip(slice!($g, g_layout));
                match self.power {
                    Power::First => pairs.for_each(|(a, g)| *a = *a * decay + g * rest),
                    Power::Second => pairs.for_each(|(a, g)| *a = *a * decay + g * g * rest),
                }
            }};
        }
        match (a, g) {
            (CpuStorage::F64(a), CpuStorage::F64(g)) => update!(a, g, f64),
            (CpuStorage::F32(a), CpuStorage::F32(g)) => update!(a, g, f32),
            _ => bail!("an optimiser's tensors must be all float64 or all float32"),
        }
        Ok(())
    }
}

/// θ ← kept·θ − rate·m/(√(v·correction2) + ε).
impl InplaceOp3 for Update {
    fn name(&self) -> &'static str {
        "AdamW update"
    }

    fn cpu_fwd(
        &self,
        parameter: &mut CpuStorage,
        parameter_layout: &Layout,
        m: &CpuStorage,
        m_layout: &Layout,
        v: &CpuStorage,
        v_layout: &Layout,
    ) -> Result<()> {
        macro_rules! update {
            ($parameter:expr, $m:expr, $v:expr, $t:ty) => {{
                let (kept, rate) = (self.kept as $t, self.rate as $t);
                let (correction, epsilon) = (self.correction2 as $t, self.epsilon as $t);
                let moments = slice!($m, m_layout).iter().zip(slice!($v, v_layout));
                for (p, (m, v)) in slice!(mut $parameter, parameter_layout).iter_mut().zip(moments) {
                    *p = *p * kept - rate / ((v * correction).sqrt() + epsilon) * m;
                }
            }};
        }
        match (parameter, m, v) {
            (CpuStorage::F64(p), CpuStorage::F64(m), CpuStorage::F64(v)) => update!(p, m, v, f64),
            (CpuStorage::F32(p), CpuStorage::F32(m), CpuStorage::F32(v)) => update!(p, m, v, f32),
            _ => bail!("an optimiser's tensors must be all float64 or all float32"),
        }
        Ok(())
    }
}
