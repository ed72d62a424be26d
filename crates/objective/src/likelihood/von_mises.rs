//! Von Mises distribution of an angle (radians), by a vector (c, s) that points to its mean direction
//! µ = atan2(s, c) and its concentration κ.
//!
//! −log p = ln 2π + ln(e^{−κ}I₀(κ)) + κ(1 − cos(y − µ)). With the unit vectors of y and µ,
//! 1 − cos(y − µ) = ½‖e_y − e_µ‖² (Mardia & Jupp 2000, eq. 3.5.17): neither the Bessel function
//! overflows nor do two large numbers cancel, and no angle has a seam.

use candle_core::{D, Result, Tensor};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use surprisal_ops::special::{Pointwise, atan2};

use super::{
    BlockValues, Dispersion, Kind, Likelihood, Link, LocationLink, Marginal, Natural, ParameterSpec, Source,
    Standardization, TargetError, VonMisesMarginal,
};

/// Von Mises distribution of angles in radians.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct VonMises {
    /// Concentration κ > 0 (about 1/variance where it is large): "network", "constant", or a number.
    #[serde(default)]
    pub concentration: Source,
}

/// Keeps the direction of a vector of length 0 defined.
const SMALL: f64 = 1e-24;

impl Likelihood for VonMises {
    fn kind(&self) -> Kind {
        Kind::Angle
    }

    fn standardization(&self) -> Standardization {
        Standardization::None
    }

    fn has_joint_form(&self, block_dim: usize) -> bool {
        block_dim == 1
    }

    fn parameters(&self, _: usize) -> Vec<ParameterSpec> {
        vec![ParameterSpec::scalar("concentration", self.concentration, Link::Exponential, 0)]
    }

    fn location_width(&self, block_dim: usize) -> usize {
        2 * block_dim
    }

    fn location_link(&self) -> Option<LocationLink> {
        Some(LocationLink::Direction)
    }

    fn location(&self, raw: &[f64]) -> Vec<f64> {
        vec![raw[1].atan2(raw[0])]
    }

    fn mean(&self, p: &Natural) -> Result<Tensor> {
        atan2(&p.location.narrow(2, 1, 1)?.contiguous()?, &p.location.narrow(2, 0, 1)?.contiguous()?)
    }

    fn nll(&self, p: &Natural, y: &Tensor) -> Result<Tensor> {
        let [kappa] = p.parameters.as_slice() else { candle_core::bail!("von_mises has one parameter") };
        let length = (p.location.sqr()?.sum_keepdim(D::Minus1)? + SMALL)?.sqrt()?;
        let direction = p.location.broadcast_div(&length)?;
        let observed = Tensor::cat(&[y.cos()?, y.sin()?], D::Minus1)?;
        let distance = (observed - direction)?.sqr()?.sum(D::Minus1)?;
        let normalizer = (Pointwise::LogI0e.apply(kappa)? + std::f64::consts::TAU.ln())?;
        normalizer + ((kappa * distance)? * 0.5)?
    }

    fn check_target(&self, y: f64) -> std::result::Result<(), TargetError> {
        if y.abs() <= std::f64::consts::TAU {
            return Ok(());
        }
        let hint = "multiply degrees by π/180";
        Err(TargetError { likelihood: "von_mises", domain: "angles in radians, within ±2π", value: y, hint })
    }

    fn dispersion(&self) -> Option<Dispersion> {
        Some(Dispersion { parameter: 0, power: -2.0, raw_location: |angle| vec![angle.cos(), angle.sin()] })
    }

    fn marginal(&self, block: &BlockValues<'_>, component: usize) -> Box<dyn Marginal> {
        Box::new(VonMisesMarginal { loc: block.location[component], concentration: block.parameters[0] })
    }
}
