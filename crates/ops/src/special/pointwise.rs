//! Special functions as differentiable operations on tensors.

use candle_core::cpu_backend::{binary_map, unary_map};
use candle_core::{CpuStorage, CustomOp1, Layout, Result, Shape, Tensor, bail};

use super::{bessel, error_function, gamma, logarithm, stirling};

/// A function applied to every element, float32 or float64, on the CPU. float32 is computed in
/// float64 and rounded once. The derivative is exact; it has itself no derivative in the graph.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pointwise {
    /// ln |Γ(x)|
    Lgamma,
    /// ψ(x)
    Digamma,
    /// lnΓ(x + m/2) − lnΓ(x)
    LgammaDifference {
        /// m
        half_steps: u32,
    },
    /// ln(1 + x)
    Log1p,
    /// eˣ − 1
    Expm1,
    /// lnΓ(x) − (x − ½) ln x + x − ½ ln 2π, x > 0
    StirlingRemainder,
    /// ln(1 + x)/x, x > −1
    Log1pRatio,
    /// ln(1 + eˣ)
    Softplus,
    /// ln(e^{−|x|}·I₀(x))
    LogI0e,
    /// ln erfc(x)
    LogErfc,
}

impl Pointwise {
    /// The function's value at each element.
    pub fn apply(self, x: &Tensor) -> Result<Tensor> {
        x.apply_op1(self)
    }

    /// The function at one number.
    pub fn value(self, x: f64) -> f64 {
        match self {
            Self::Lgamma => gamma::lgamma(x),
            Self::Digamma => gamma::digamma(x),
            Self::LgammaDifference { half_steps } => gamma::lgamma_difference(x, half_steps),
            Self::Log1p => logarithm::log1p(x),
            Self::Log1pRatio => logarithm::log1p_ratio(x),
            Self::Expm1 => x.exp_m1(),
            Self::StirlingRemainder => stirling::stirling_remainder(x),
            Self::Softplus => logarithm::softplus(x),
            Self::LogI0e => bessel::log_i0e(x),
            Self::LogErfc => error_function::log_erfc(x),
        }
    }

    /// Its derivative at one number.
    pub fn derivative(self, x: f64) -> f64 {
        match self {
            Self::Lgamma => gamma::digamma(x),
            Self::Digamma => gamma::trigamma(x),
            Self::LgammaDifference { half_steps } => gamma::digamma_difference(x, half_steps),
            Self::Log1p => 1.0 / (1.0 + x),
            Self::Log1pRatio => logarithm::log1p_ratio_derivative(x),
            Self::Expm1 => x.exp(),
            Self::StirlingRemainder => stirling::scaled_remainder_derivative(x) / (x * x),
            Self::Softplus => logarithm::sigmoid(x),
            Self::LogI0e => bessel::log_i0e_derivative(x),
            Self::LogErfc => error_function::log_erfc_derivative(x),
        }
    }
}

/// `function` of every element, whatever the strides.
fn map(
    name: &str,
    storage: &CpuStorage,
    layout: &Layout,
    function: impl Fn(f64) -> f64,
) -> Result<(CpuStorage, Shape)> {
    let mapped = match storage {
        CpuStorage::F64(values) => CpuStorage::F64(unary_map(values, layout, function)),
        CpuStorage::F32(values) => CpuStorage::F32(unary_map(values, layout, |x| function(f64::from(x)) as f32)),
        _ => bail!("{name} needs float32 or float64"),
    };
    Ok((mapped, layout.shape().clone()))
}

/// `function` of every pair of elements of two tensors of one shape, whatever the strides.
pub(super) fn map_pairs(
    name: &str,
    first: (&CpuStorage, &Layout),
    second: (&CpuStorage, &Layout),
    function: impl Fn(f64, f64) -> f64,
) -> Result<(CpuStorage, Shape)> {
    let (layout, other) = (first.1, second.1);
    if layout.shape() != other.shape() {
        bail!("{name} needs two tensors of one shape, found {:?} and {:?}", layout.shape(), other.shape());
    }
    let mapped = match (first.0, second.0) {
        (CpuStorage::F64(a), CpuStorage::F64(b)) => CpuStorage::F64(binary_map(layout, other, a, b, function)),
        (CpuStorage::F32(a), CpuStorage::F32(b)) => {
            CpuStorage::F32(binary_map(layout, other, a, b, |a, b| function(f64::from(a), f64::from(b)) as f32))
        }
        _ => bail!("{name} needs two tensors of float32 or two of float64"),
    };
    Ok((mapped, layout.shape().clone()))
}

impl CustomOp1 for Pointwise {
    fn name(&self) -> &'static str {
        match self {
            Self::Lgamma => "lgamma",
            Self::Digamma => "digamma",
            Self::LgammaDifference { .. } => "lgamma_difference",
            Self::Log1p => "log1p",
            Self::Log1pRatio => "log1p_ratio",
            Self::Expm1 => "expm1",
            Self::StirlingRemainder => "stirling_remainder",
            Self::Softplus => "softplus",
            Self::LogI0e => "log_i0e",
            Self::LogErfc => "log_erfc",
        }
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        map(self.name(), storage, layout, |x| self.value(x))
    }

    fn bwd(&self, argument: &Tensor, _: &Tensor, gradient: &Tensor) -> Result<Option<Tensor>> {
        (gradient * argument.apply_op1_no_bwd(&Derivative(*self))?).map(Some)
    }
}

/// The derivative of a [`Pointwise`] function, as it is used in its backward pass.
struct Derivative(Pointwise);

impl CustomOp1 for Derivative {
    fn name(&self) -> &'static str {
        self.0.name()
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        map(self.name(), storage, layout, |x| self.0.derivative(x))
    }
}
