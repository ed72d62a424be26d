//! What can be wrong with an objective or with what it is given.

use surprisal_core::{Blame, Diagnose};
use surprisal_expr::ExprError;

use crate::likelihood::TargetError;

/// What can be wrong with an objective or with what it is given.
#[derive(Debug, thiserror::Error)]
pub enum ObjectiveError {
    /// A parameter fixed in the configuration lies outside its domain.
    #[error("likelihood `{likelihood}`: `{parameter}` must be a finite number above {lower}, found {value}")]
    FixedOutOfDomain {
        /// Name of the likelihood.
        likelihood: &'static str,
        /// Name of the parameter.
        parameter: &'static str,
        /// The number given.
        value: f64,
        /// Exclusive lower end of the domain.
        lower: f64,
    },
    /// A setting of a likelihood, risk or penalty outside its domain.
    #[error("`{entry}`: `{setting}` must be {domain}, found {value}")]
    Setting {
        /// Name of the registry entry.
        entry: &'static str,
        /// Name of the setting.
        setting: &'static str,
        /// The domain in words.
        domain: &'static str,
        /// The number given.
        value: f64,
    },
    /// A likelihood without a joint density of this many components.
    #[error(
        "likelihood `{likelihood}` has no density of vectors of {block_dim} components that does not depend on the axes"
    )]
    NoJointForm {
        /// Name of the likelihood.
        likelihood: &'static str,
        /// Components per block.
        block_dim: usize,
    },
    /// Target scales that are not positive, or differ between jointly distributed components.
    #[error("target scales {scales:?} must be positive{}", if *joint { " and equal for jointly distributed components" } else { "" })]
    TargetScale {
        /// The scales given.
        scales: Vec<f64>,
        /// Whether the components are coupled.
        joint: bool,
    },
    /// A value outside the support of the likelihood.
    #[error("sample {sample}, component {component}: {source}")]
    Target {
        /// Sample of the batch, counted from 0.
        sample: usize,
        /// Component, counted from 0.
        component: usize,
        /// What is wrong with it.
        source: TargetError,
    },
    /// A jointly distributed sample with a missing component.
    #[error("sample {sample} of the batch has {n_observed} of {dim} components; a joint likelihood needs all or none")]
    PartlyMissing {
        /// Sample of the batch, counted from 0.
        sample: usize,
        /// Components observed.
        n_observed: usize,
        /// Components of a sample.
        dim: usize,
    },
    /// A batch in which nothing was observed.
    #[error("no component of any sample of the batch was observed")]
    NothingObserved,
    /// Widths that do not fit the likelihood's layout.
    #[error("the prediction's {part} has width {found}, the likelihood needs {expected}")]
    Width {
        /// Which tensor.
        part: &'static str,
        /// Its width.
        found: usize,
        /// The width asked for.
        expected: usize,
    },
    /// An energy likelihood that asks the network for a parameter.
    #[error("energy likelihood `{likelihood}`: `{parameter}` = \"network\" is not available for energies")]
    EnergyFromNetwork {
        /// Name of the likelihood.
        likelihood: &'static str,
        /// Name of the parameter.
        parameter: &'static str,
    },
    /// An energy term without energies.
    #[error("an energy likelihood is configured, but the {side} has no energies")]
    NoEnergy {
        /// Predictor or data.
        side: &'static str,
    },
    /// A penalty that does not apply to what is predicted.
    #[error("penalty `{penalty}` needs {need}")]
    PenaltyMisplaced {
        /// Name of the penalty.
        penalty: &'static str,
        /// Its place among the penalties.
        index: usize,
        /// What it needs.
        need: String,
    },
    /// An expression of a penalty that cannot be compiled.
    #[error("penalty `{penalty}`, `{setting}`: {error}")]
    Expression {
        /// Name of the penalty.
        penalty: &'static str,
        /// Its place among the penalties.
        index: usize,
        /// The setting that the expression stands in.
        setting: &'static str,
        /// What is wrong with it.
        error: Box<ExprError>,
    },
    /// A risk that weighs samples for data that does not.
    #[error("risk `{risk}` needs weights of the rows")]
    NoWeights {
        /// Name of the risk.
        risk: &'static str,
    },
    /// A likelihood of vectors for single numbers.
    #[error("likelihood `{likelihood}` is for several components together, found one")]
    NeedsVector {
        /// Name of the likelihood.
        likelihood: &'static str,
    },
    /// Two penalties with kinks, whose proximal maps do not add up.
    #[error("penalties `{first}` and `{second}` both act after the step and cannot be combined")]
    TwoProximal {
        /// One of them.
        first: &'static str,
        /// The other.
        second: &'static str,
    },
    /// A tensor operation failed.
    #[error("tensor operation: {0}")]
    Tensor(#[from] candle_core::Error),
}

impl Diagnose for ObjectiveError {
    fn blame(&self) -> Blame {
        match self {
            Self::FixedOutOfDomain { .. }
            | Self::Setting { .. }
            | Self::NoJointForm { .. }
            | Self::Target { .. }
            | Self::PartlyMissing { .. }
            | Self::NothingObserved
            | Self::EnergyFromNetwork { .. }
            | Self::NoEnergy { .. }
            | Self::NeedsVector { .. }
            | Self::NoWeights { .. }
            | Self::TwoProximal { .. }
            | Self::PenaltyMisplaced { .. }
            | Self::Expression { .. } => Blame::User,
            Self::TargetScale { .. } | Self::Width { .. } | Self::Tensor(_) => Blame::Program,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::FixedOutOfDomain { parameter, .. } => {
                Some(format!("give `{parameter}` in the data's own units, or use \"network\" or \"constant\""))
            }
            Self::Setting { setting, domain, .. } => Some(format!("set `{setting}` to {domain}")),
            Self::NoJointForm { .. } => Some(
                "vectors such as forces turn with the molecule: use `gaussian`, `student_t` or `normal_inverse_gamma` (or \
                 `laplace` for three components), whose spread is the same in all directions"
                    .into(),
            ),
            Self::Target { source, .. } => Some(source.hint.into()),
            Self::PartlyMissing { .. } | Self::NothingObserved => {
                Some("remove the records without observations from the data".into())
            }
            Self::EnergyFromNetwork { parameter, .. } => {
                Some(format!("set `{parameter} = \"constant\"` or a number in the data's own units"))
            }
            Self::NoEnergy { side: "data" } => {
                Some("set `data.extxyz.energy_key`, or remove `energy_likelihood`".into())
            }
            Self::NoEnergy { .. } => Some("use a model whose forces are gradients of an energy".into()),
            Self::TwoProximal { .. } => {
                Some("keep one; `elastic_net` joins `l1` and `l2`, and `l2` goes with every other penalty".into())
            }
            Self::PenaltyMisplaced { penalty, .. } => {
                Some(format!("correct it, or remove `{penalty}` from the penalties"))
            }
            Self::Expression { error, .. } => error.hint(),
            Self::NoWeights { .. } => Some("name their column: data.csv.weight = \"…\"".into()),
            Self::NeedsVector { likelihood: "categorical" } => {
                Some("name the column of classes: target = { column = \"…\" }".into())
            }
            Self::NeedsVector { .. } => {
                Some("give `target` a list of columns, or use the family of one component".into())
            }
            Self::TargetScale { .. } | Self::Width { .. } | Self::Tensor(_) => None,
        }
    }
}
