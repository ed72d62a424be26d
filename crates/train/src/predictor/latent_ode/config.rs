//! The table `[model.latent_ode]`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use surprisal_ode::{Activation, FieldConfig, MlpField, SolverConfig};

/// A differential equation in a latent space, started by an encoder of what was observed first, and
/// seen through a decoder.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LatentOdeConfig {
    /// The unit of the data's times: a label.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub t_unit: Option<String>,
    /// What the encoder reads of every trajectory; the samples are what comes after it.
    pub context: Context,
    /// States of the differential equation.
    pub latent_dim: usize,
    /// From the context to the state at its end.
    #[serde(default)]
    pub encoder: NetworkShape,
    /// The right-hand side: a field of the registry.
    pub field: FieldConfig,
    /// From a state to the parameters of the likelihood.
    #[serde(default)]
    pub decoder: NetworkShape,
    /// Whether the encoder gives one state, or a distribution of states.
    #[serde(default = "point", skip_serializing_if = "is_point")]
    pub latent: Latent,
    /// The solver; its times are counted from the end of the context, in units of the time in which the
    /// data changes by its own size.
    pub solver: SolverConfig,
    /// The relative difference of gradients at the solver's tolerances and at a hundredth of them, above
    /// which a warning is given at the start and the end of training; 0.05 without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gradient_check: Option<f64>,
}

/// What of a trajectory is context.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Context {
    /// So many of its first observations, whenever they were made: every trajectory tells equally
    /// much, wherever its times begin. The context ends at the last of them.
    Observations(usize),
    /// What was observed up to this time, in the data's unit: one moment to predict from, whatever
    /// number of observations a trajectory has by then.
    Until(f64),
}

/// A multilayer perceptron between given numbers of inputs and outputs.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NetworkShape {
    /// Widths of the hidden layers; `[]` is a linear map.
    pub hidden: Vec<usize>,
    /// Nonlinearity of the hidden layers.
    #[serde(default)]
    pub activation: Activation,
}

impl Default for NetworkShape {
    fn default() -> Self {
        Self { hidden: vec![32], activation: Activation::Tanh }
    }
}

impl NetworkShape {
    pub(super) fn as_field(&self) -> MlpField {
        MlpField { hidden: self.hidden.clone(), activation: self.activation, ..MlpField::default() }
    }
}

/// What the encoder says of the state at the end of the context.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Latent {
    /// The state itself.
    Point(Point),
    /// A normal distribution of states with independent components.
    Gaussian(GaussianLatent),
}

/// One state.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Point {}

/// Mean and standard deviation of each component; a training step draws one state, an evaluation
/// several.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GaussianLatent {
    /// Weight of the divergence from a standard normal; 1 makes the loss minus the evidence lower bound
    /// per sample.
    #[serde(default = "one")]
    pub kl_weight: f64,
    /// States drawn for an evaluation, whose predictions are mixed.
    #[serde(default = "draws")]
    pub samples: usize,
}

fn point() -> Latent {
    Latent::Point(Point {})
}

fn is_point(latent: &Latent) -> bool {
    matches!(latent, Latent::Point(_))
}

fn one() -> f64 {
    1.0
}

fn draws() -> usize {
    16
}

impl LatentOdeConfig {
    /// States drawn for an evaluation: 1 where the encoder gives one.
    pub fn samples(&self) -> usize {
        match &self.latent {
            Latent::Point(_) => 1,
            Latent::Gaussian(gaussian) => gaussian.samples,
        }
    }

    /// The first impossible value: its table within `[model.latent_ode]`, what is wrong in words that
    /// begin with the key in backticks, and a hint.
    pub fn problem(&self) -> Option<(Vec<&'static str>, String, &'static str)> {
        const WIDTHS: &str = "leave the layer out; `hidden = []` is a linear map";
        if self.latent_dim == 0 {
            let hint = "as many states as the system has that are not seen at once, and a few more: 4 is a start";
            return Some((vec![], "`latent_dim` must be at least 1, found 0".into(), hint));
        }
        match self.context {
            Context::Observations(0) => {
                let hint = "the encoder reads something: `context = { observations = 10 }` is a start";
                return Some((vec!["context"], "`observations` must be at least 1, found 0".into(), hint));
            }
            Context::Until(time) if !time.is_finite() => {
                let hint = "give a time of the data";
                return Some((vec!["context"], format!("`until` must be finite, found {time}"), hint));
            }
            Context::Observations(_) | Context::Until(_) => {}
        }
        for (table, network) in [("encoder", &self.encoder), ("decoder", &self.decoder)] {
            if let Some(empty) = network.hidden.iter().position(|&width| width == 0) {
                let problem = format!("`hidden` must be widths of at least 1, found 0 (layer {})", empty + 1);
                return Some((vec![table], problem, WIDTHS));
            }
        }
        let (field, name) = (self.field.get(), self.field.name());
        if let Some(problem) = field.problem() {
            return Some((vec!["field", name], problem, WIDTHS));
        }
        if let Some(problem) = field.misfit(self.latent_dim) {
            return Some((vec!["field", name], problem, "here the states are the latent ones: change `latent_dim`"));
        }
        let n_hidden = field.hidden_states(self.latent_dim).len();
        if n_hidden > 0 {
            let problem = format!("`{name}` adds {n_hidden} states that the encoder knows nothing of");
            return Some((vec!["field"], problem, "raise `latent_dim` instead, which the encoder starts"));
        }
        if let Some(problem) = self.solver.get().problem(self.latent_dim) {
            let hint =
                "rtol = 1e-5 and atol = 1e-6 are a start; atol is one number, or a list with one per latent state";
            return Some((vec!["solver", self.solver.name()], problem, hint));
        }
        if let Some(problem) = self.solver.too_precise_for(self.field.dtype()) {
            let hint = "use rtol = 1e-6, or remove `dtype`";
            return Some((vec!["solver", self.solver.name()], problem, hint));
        }
        if let Latent::Gaussian(GaussianLatent { kl_weight, samples }) = self.latent {
            let table = vec!["latent", "gaussian"];
            if !(kl_weight >= 0.0 && kl_weight.is_finite()) {
                let problem = format!("`kl_weight` must be at least 0 and finite, found {kl_weight}");
                return Some((table, problem, "1 is the evidence lower bound; less lets the encoder say more"));
            }
            if samples == 0 {
                return Some((table, "`samples` must be at least 1, found 0".into(), "16 is the default"));
            }
        }
        let limit = self.gradient_check.filter(|limit| !(*limit > 0.0))?;
        let hint = "0.05 is the default; a large number silences the warning";
        Some((vec![], format!("`gradient_check` must be positive, found {limit}"), hint))
    }
}
