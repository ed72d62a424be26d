//! Stated uncertainties before and after repair on held-out data.
//!
//! Everything is fitted on the split `valid` and applied to the named tests. That split was also used
//! to choose the epoch, so what it says of the model is a little too good, and so is the repair.

pub(crate) mod labels;
mod values;

use surprisal_objective::calibration::recalibration::{Dispersed, Factor};
use surprisal_objective::likelihood::{Kind, Marginal};

use crate::run_data::SplitData;

/// The split that is fitted.
pub const FITTED_ON: &str = "valid";

/// How uncertainties are repaired.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// One factor on every scale.
    SigmaScaling,
    /// One factor on every spread, within the family.
    DispersionScaling,
    /// A map of the probability integral transform.
    Isotonic,
    /// Equally wide intervals from past errors.
    Conformal,
    /// Intervals from past z-scores, as wide as σ says.
    ConformalNormalized,
    /// One temperature for all logits.
    Temperature,
    /// Sets of classes from past probabilities of the label.
    Sets,
    /// Sets of classes that grow where the model is unsure.
    AdaptiveSets,
}

impl Method {
    /// Name in `metrics.json`.
    pub fn name(self) -> &'static str {
        match self {
            Self::SigmaScaling => "sigma_scaling",
            Self::DispersionScaling => "dispersion_scaling",
            Self::Isotonic => "isotonic",
            Self::Conformal => "conformal",
            Self::ConformalNormalized => "conformal_normalized",
            Self::Temperature => "temperature",
            Self::Sets => "conformal_sets",
            Self::AdaptiveSets => "conformal_sets_adaptive",
        }
    }

    /// Name for readers.
    pub fn title(self) -> &'static str {
        match self {
            Self::SigmaScaling => "σ-scaling",
            Self::DispersionScaling => "dispersion scaling",
            Self::Isotonic => "isotonic",
            Self::Conformal => "conformal",
            Self::ConformalNormalized => "conformal, × σ",
            Self::Temperature => "temperature",
            Self::Sets => "conformal sets",
            Self::AdaptiveSets => "adaptive conformal sets",
        }
    }
}

/// What recalibration needs of a split.
pub struct Predictions<'a> {
    /// The split.
    pub split: &'a SplitData,
    /// The predictive distribution of each component, `[n·d]`; `None` where there is none.
    pub marginals: &'a [Option<Box<dyn Marginal>>],
    /// NLL of each sample, `[n]`, when every distribution is stretched by a factor; `None` where the
    /// family is not one of location and scale.
    pub stretched_nll: Option<Box<dyn Fn(f64) -> Vec<f64> + 'a>>,
    /// The distributions with another spread; `None` where the family is one of location and scale or has
    /// no such parameter.
    pub dispersed: Option<&'a Dispersed<'a>>,
    /// Whether a sample's density is the product of its components'.
    pub independent: Independence,
}

/// How the components of a sample hang together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Independence {
    /// Their joint density is the product of their own: a single component, or components of one model
    /// without coupling.
    Independent,
    /// It is not: vectors with one density, or the mixture of an ensemble.
    Coupled,
}

/// What was fitted and what it did.
#[derive(Debug, Clone)]
pub struct Recalibration {
    /// The split it was fitted on.
    pub fitted_on: String,
    /// Fitted factors: of σ, of the spread, or the temperature.
    pub factors: Vec<(Method, Factor)>,
    /// The splits it was applied to.
    pub splits: Vec<Recalibrated>,
}

/// A split after repair.
#[derive(Debug, Clone)]
pub struct Recalibrated {
    /// The split.
    pub name: String,
    /// One entry per method.
    pub methods: Vec<(Method, Judged)>,
}

/// How repaired predictions do.
#[derive(Debug, Clone)]
pub enum Judged {
    /// Of numbers.
    Intervals {
        /// NLL of each sample, nats, `[n]`; `None` where the repair gives no density.
        nll: Option<Vec<f64>>,
        /// Level of the narrowest central interval that holds each component, `[n·d]`.
        reached: Vec<f64>,
        /// 1 where the interval of each of the calibration levels holds the component, `[n_levels][n·d]`.
        covered: Vec<Vec<f64>>,
        /// Winkler score at each of the levels, `[n_levels][n·d]`.
        winkler: Vec<Vec<f64>>,
    },
    /// Of labels.
    Probabilities(crate::labels::Labels),
    /// Of labels: sets of classes at each of the levels.
    Sets {
        /// The sample that each forecast belongs to, `[n]`.
        sample: Vec<usize>,
        /// 1 where the set holds the label, `[n_levels][n]`.
        covered: Vec<Vec<f64>>,
        /// Classes in the set, `[n_levels][n]`.
        size: Vec<Vec<f64>>,
    },
}

impl Recalibration {
    /// Fits every method that the kind of target allows to `valid` and applies it to `tests`. `None`
    /// where nothing was observed in `valid`.
    pub fn fit(kind: Kind, seed: u64, valid: &Predictions<'_>, tests: &[Predictions<'_>]) -> Option<Self> {
        match kind {
            Kind::Real | Kind::Count | Kind::Angle => values::fit(seed, valid, tests),
            Kind::Label => labels::fit(seed, valid, tests),
        }
    }

    /// What was done to a split.
    pub fn of(&self, split: &str) -> Option<&Recalibrated> {
        self.splits.iter().find(|s| s.name == split)
    }
}
