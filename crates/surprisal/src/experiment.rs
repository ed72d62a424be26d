//! The configuration contract: one TOML file, one experiment.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use surprisal_atoms::PainnConfig;
use surprisal_data::DataConfig;
use surprisal_objective::penalty::L1;
use surprisal_objective::{EnergyTerm, LikelihoodConfig, PenaltyConfig, RiskConfig};
use surprisal_train::predictor::latent_ode::LatentOdeConfig;
use surprisal_train::predictor::{ensemble::EnsembleConfig, mlp::MlpConfig, ode::OdeConfig};
use surprisal_train::settings::{Stages, TrainProblem};
use surprisal_train::{IntervalsConfig, LastLayerConfig, OptimizerConfig, ScheduleConfig, Train, TrainConfig};

/// One experiment, as its TOML file says it.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Experiment {
    /// Names the run's folder; letters, digits, `-`, `_` and `.`.
    pub(crate) name: String,
    /// Seeds splits, initial weights, shuffling and resampling.
    pub(crate) seed: u64,
    /// Where relative data paths start; itself relative to the configuration file's folder, which is
    /// also its default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) data_root: Option<PathBuf>,
    /// What to learn from.
    pub(crate) data: DataConfig,
    /// What predicts.
    pub(crate) model: ModelConfig,
    /// Several such models, which predict as a mixture.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) ensemble: Option<EnsembleConfig>,
    /// What replaces the model's last layer after the fit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) last_layer: Option<LastLayerConfig>,
    /// The distribution the observations follow.
    pub(crate) likelihood: LikelihoodConfig,
    /// A second likelihood, for the energies of frames.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) energy_likelihood: Option<EnergyTerm>,
    /// How the samples' losses become one number.
    #[serde(default = "mean")]
    pub(crate) risk: RiskConfig,
    /// What is added to the risk.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) penalty: Vec<PenaltyConfig>,
    /// The update rule.
    pub(crate) optimizer: OptimizerConfig,
    /// The learning rate's course.
    #[serde(default = "constant")]
    pub(crate) schedule: ScheduleConfig,
    /// How long and in what portions; a minimiser knows by itself when to stop.
    #[serde(default)]
    pub(crate) train: TrainConfig,
    /// Standard errors and 95 % intervals of the parameters that mean something.
    #[serde(default, skip_serializing_if = "is_default")]
    pub(crate) intervals: IntervalsConfig,
}

fn is_default(intervals: &IntervalsConfig) -> bool {
    *intervals == IntervalsConfig::default()
}

impl Experiment {
    /// `[train]` with everything filled in.
    pub(crate) fn settings(&self) -> Result<Train, TrainProblem> {
        let is_path = |p: &PenaltyConfig| matches!(p, PenaltyConfig::L1(L1::Path(_)));
        let stages = if self.penalty.iter().any(is_path) { Stages::Path } else { Stages::Single };
        self.train.ready(self.optimizer.name(), self.optimizer.get(), stages)
    }
}

impl Experiment {
    /// Models that are trained.
    pub(crate) fn n_models(&self) -> usize {
        self.ensemble.as_ref().map_or(1, |ensemble| ensemble.members)
    }

    /// Predictions that one model makes of every sample where it is evaluated: by networks that dropout
    /// draws, or from states that are drawn.
    pub(crate) fn mc_samples(&self) -> usize {
        match &self.model {
            ModelConfig::Mlp(mlp) => mlp.mc_samples,
            ModelConfig::LatentOde(latent) => latent.samples(),
            ModelConfig::Ode(_) | ModelConfig::Painn(_) => 1,
        }
    }
}

fn mean() -> RiskConfig {
    RiskConfig::Mean(surprisal_objective::risk::Mean {})
}

fn constant() -> ScheduleConfig {
    ScheduleConfig::Constant(surprisal_train::schedule::Constant { warmup_steps: 0 })
}

/// What predicts.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub(crate) enum ModelConfig {
    /// A multilayer perceptron on the columns of a table.
    #[serde(rename = "mlp")]
    Mlp(MlpConfig),
    /// A neural ordinary differential equation on trajectories.
    #[serde(rename = "ode")]
    Ode(Box<OdeConfig>),
    /// A differential equation in a latent space, between an encoder of what was observed first and a
    /// decoder of what comes after it.
    #[serde(rename = "latent_ode")]
    LatentOde(Box<LatentOdeConfig>),
    /// The force model PaiNN on atomic structures.
    #[serde(rename = "painn")]
    Painn(PainnConfig),
}

impl ModelConfig {
    /// Every name of `[model.NAME]`.
    pub(crate) const NAMES: &[&str] = &["mlp", "ode", "latent_ode", "painn"];

    /// This model's name.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Mlp(_) => "mlp",
            Self::Ode(_) => "ode",
            Self::LatentOde(_) => "latent_ode",
            Self::Painn(_) => "painn",
        }
    }
}
