//! The tables of `[model.ode]` that hold equations.

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use surprisal_core::Precision;

use super::event::EventConfig;
use super::initial::Initial;
use super::observed::Observed;
use super::prior::Prior;
use crate::field::activation::Activation;

/// Everything that is written about a system of equations, in the order of the file.
#[derive(Debug, Clone, Default)]
pub struct Equations {
    /// dx/dt of every state.
    pub states: IndexMap<String, StateConfig>,
    /// Names for parts of formulas; each may use those before it.
    pub definitions: IndexMap<String, String>,
    /// Numbers in the equations.
    pub parameters: IndexMap<String, ParameterConfig>,
    /// Unknown functions.
    pub networks: IndexMap<String, NetworkConfig>,
    /// Measured quantities that are no states, by the name of their column.
    pub observations: IndexMap<String, String>,
    /// Moments at which states are set anew.
    pub events: IndexMap<String, EventConfig>,
}

/// A state and its equation.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StateConfig {
    /// Its time derivative, an expression in the data's units.
    pub rhs: String,
    /// Its typical size: the solver's tolerances apply to the state divided by it, and so do networks
    /// see it. Without one, the root mean square of its column in the training data, or 1 if it has
    /// none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scale: Option<f64>,
    /// Whether the data's column of the same name measures it; or an expression for what that column
    /// measures instead. By default it does if there is such a column.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed: Option<Observed>,
    /// Where a trajectory starts: "observed" (at its first observation, the default where there is
    /// one), "free" (a number of its own, trained), a number, or an expression of parameters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub initial: Option<Initial>,
}

/// A number in the equations.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ParameterConfig {
    /// Where training starts.
    pub init: f64,
    /// Trained as its logarithm, so that it stays positive.
    #[serde(default, skip_serializing_if = "is_false")]
    pub positive: bool,
    /// It stays above this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lower: Option<f64>,
    /// It stays below this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upper: Option<f64>,
    /// A known constant: not trained.
    #[serde(default, skip_serializing_if = "is_false")]
    pub fixed: bool,
    /// Every trajectory has one of its own. One that was not trained on has the mean of the others.
    #[serde(default, skip_serializing_if = "is_false")]
    pub per_trajectory: bool,
    /// What is known about it beforehand.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prior: Option<Prior>,
}

/// An unknown function: a multilayer perceptron.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NetworkConfig {
    /// Expressions; a state alone is divided by its scale, anything else enters as it is.
    pub inputs: Vec<String>,
    /// Names of the outputs, which equations use as `network.output`.
    pub outputs: Vec<String>,
    /// Widths of the hidden layers.
    pub hidden: Vec<usize>,
    /// Nonlinearity of the hidden layers.
    #[serde(default)]
    pub activation: Activation,
    /// What the outputs are multiplied by: their typical size in the equations.
    #[serde(default = "one")]
    pub output_scale: f64,
    /// Formulas to compare outputs with, by the output: what is known to be true, or another model. They
    /// are drawn beside what was learned, and training never sees them.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub reference: IndexMap<String, String>,
    /// The type that the network computes in: "float32" computes its layers with half the memory and in
    /// wider vectors. States, formulas, parameters and gradients are float64 always.
    #[serde(default)]
    pub dtype: Precision,
}

fn one() -> f64 {
    1.0
}

#[allow(clippy::trivially_copy_pass_by_ref)] // serde's signature
fn is_false(value: &bool) -> bool {
    !value
}
