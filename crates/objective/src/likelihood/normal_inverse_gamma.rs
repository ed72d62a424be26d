//! Evidential regression: a normal with a normal-inverse-gamma prior, integrated out.
//!
//! For a block of m components with r² = ‖y − γ‖² and Ω = β(1+ν)/ν,
//!
//! −log p = lnΓ(α) − lnΓ(α + m/2) + m/2·ln(2πΩ) + (α + m/2)·ln(1 + r²/(2Ω)).
//!
//! m = 1 is eq. 8 of Amini et al. 2020 (Deep evidential regression): exactly a Student-t with 2α
//! degrees of freedom and scale √(β(1+ν)/(αν)). m = 3 is the joint density of a vector that shares
//! one variance; a product of three m = 1 densities would change when the vector is turned.
//!
//! Four outputs, three of them identifiable: along β ∝ ν/(1+ν) the likelihood is flat (Meinert et
//! al. 2022, The unreasonable effectiveness of deep evidential regression). The regulariser picks a
//! point on that line: without it ν is free, and with a large weight the fit blows up.
//!
//! Uncertainties of one component, as published: `aleatoric` √(β/(α−1)) and `epistemic`
//! √(β/(ν(α−1))); as corrected by Meinert et al.: `aleatoric_student` w = √(β(1+ν)/(αν)) and
//! `epistemic_inverse_root_nu` 1/√ν, which has no unit.

use candle_core::{Result, Tensor};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use surprisal_core::rng::Stream;
use surprisal_ops::special::Pointwise;

use super::student_t::draw_t;
use super::{
    BlockValues, Likelihood, Link, Marginal, Natural, ParameterSpec, Source, StudentTMarginal, TargetError, check_real,
};

/// Normal-inverse-gamma (evidential) regression.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NormalInverseGamma {
    /// Weight λ of the regulariser, ≥ 0. It acts on standardised targets.
    #[serde(default = "default_weight")]
    pub regularizer: f64,
    /// Which regulariser.
    #[serde(default)]
    pub regularizer_form: Regularizer,
    /// Evidence ν > 0 for the location: "network", "constant", or a number.
    #[serde(default)]
    pub nu: Source,
    /// Evidence α > 1 for the variance: "network", "constant", or a number.
    #[serde(default)]
    pub alpha: Source,
    /// β > 0: "network", "constant", or a number in squared units of the data.
    #[serde(default)]
    pub beta: Source,
}

fn default_weight() -> f64 {
    0.01
}

/// Penalty on evidence where the prediction is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Regularizer {
    /// ‖y − γ‖·(2ν + α), Amini et al. 2020, eq. 9.
    #[default]
    Amini,
    /// (‖y − γ‖/w)·(ν + 2α), Meinert et al. 2022.
    MeinertLinear,
    /// (‖y − γ‖/w)²·(ν + 2α), Meinert et al. 2022.
    MeinertQuadratic,
}

const ARITY: &str = "normal_inverse_gamma has three parameters";

impl Likelihood for NormalInverseGamma {
    fn parameters(&self, _: usize) -> Vec<ParameterSpec> {
        let positive = |lower: f64| Link::Softplus { lower, start: lower + std::f64::consts::LN_2 };
        vec![
            ParameterSpec::scalar("nu", self.nu, positive(0.0), 0),
            ParameterSpec::scalar("alpha", self.alpha, positive(1.0), 0),
            ParameterSpec::scalar("beta", self.beta, positive(0.0), 2),
        ]
    }

    fn nll(&self, p: &Natural, y: &Tensor) -> Result<Tensor> {
        let [nu, alpha, beta] = p.parameters.as_slice() else { candle_core::bail!("{ARITY}") };
        let m = p.block_dim;
        let half = m as f64 / 2.0;
        // 2Ω = 2β(1 + 1/ν)
        let two_omega = ((beta * 2.0)? * (nu.recip()? + 1.0)?)?;
        let normalizer = Pointwise::LgammaDifference { half_steps: m as u32 }.apply(alpha)?;
        let tail = Pointwise::Log1p.apply(&(p.squared_distance(y)? / &two_omega)?)?;
        let log_width = (two_omega.log()? + std::f64::consts::PI.ln())?;
        ((log_width * half)? - normalizer)? + ((alpha + half)? * tail)?
    }

    fn regularizer(&self, p: &Natural, y: &Tensor) -> Result<Option<Tensor>> {
        if self.regularizer == 0.0 {
            return Ok(None);
        }
        let [nu, alpha, beta] = p.parameters.as_slice() else { candle_core::bail!("{ARITY}") };
        let width = || -> Result<Tensor> { ((beta * (nu + 1.0)?)? / (alpha * nu)?)?.sqrt() };
        let distance = p.distance(y)?;
        let term = match self.regularizer_form {
            Regularizer::Amini => (distance * ((nu * 2.0)? + alpha)?)?,
            Regularizer::MeinertLinear => ((distance / width()?)? * (nu + (alpha * 2.0)?)?)?,
            Regularizer::MeinertQuadratic => ((distance / width()?)?.sqr()? * (nu + (alpha * 2.0)?)?)?,
        };
        (term * self.regularizer).map(Some)
    }

    fn check_target(&self, y: f64) -> std::result::Result<(), TargetError> {
        check_real("normal_inverse_gamma", y)
    }

    fn check_settings(&self) -> Option<(&'static str, &'static str, f64)> {
        let valid = self.regularizer.is_finite() && self.regularizer >= 0.0;
        if valid { None } else { Some(("regularizer", "a number ≥ 0", self.regularizer)) }
    }

    fn sample(&self, block: &BlockValues<'_>, stream: &mut Stream) -> Vec<f64> {
        let (nu, alpha, beta) = (block.parameters[0], block.parameters[1], block.parameters[2]);
        let scale = (beta * (1.0 + nu) / (alpha * nu)).sqrt();
        draw_t(block.location, scale, 2.0 * alpha, stream)
    }

    fn marginal(&self, block: &BlockValues<'_>, component: usize) -> Box<dyn Marginal> {
        let (nu, alpha, beta) = (block.parameters[0], block.parameters[1], block.parameters[2]);
        let scale = (beta * (1.0 + nu) / (alpha * nu)).sqrt();
        Box::new(StudentTMarginal { loc: block.location[component], scale, df: 2.0 * alpha })
    }

    fn uncertainties(&self, block: &BlockValues<'_>, _: usize) -> Vec<(&'static str, f64)> {
        let (nu, alpha, beta) = (block.parameters[0], block.parameters[1], block.parameters[2]);
        vec![
            ("aleatoric", (beta / (alpha - 1.0)).sqrt()),
            ("epistemic", (beta / (nu * (alpha - 1.0))).sqrt()),
            ("aleatoric_student", (beta * (1.0 + nu) / (alpha * nu)).sqrt()),
            ("epistemic_inverse_root_nu", 1.0 / nu.sqrt()),
        ]
    }
}
