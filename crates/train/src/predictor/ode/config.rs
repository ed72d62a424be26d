//! The table `[model.ode]`.

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use surprisal_expr::Builder;
use surprisal_ode::equations::{NetworkConfig, Observed, ParameterConfig, StateConfig};
use surprisal_ode::{EquationError, Equations, FieldConfig, SolverConfig};

use super::curriculum::Curriculum;
use super::matching::GradientMatching;
use super::shooting::Shooting;

/// A differential equation: written out with `states` and what belongs to them, or one network for
/// all states with `field`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OdeConfig {
    /// The unit of the data's times: a label.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub t_unit: Option<String>,
    /// A right-hand side of the registry, where no equations are written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub field: Option<FieldConfig>,
    /// States and their equations.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub states: IndexMap<String, StateConfig>,
    /// Names for parts of formulas; each may use those before it.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub definitions: IndexMap<String, String>,
    /// Numbers in the equations.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub parameters: IndexMap<String, ParameterConfig>,
    /// Unknown functions in the equations.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub networks: IndexMap<String, NetworkConfig>,
    /// What columns measure that are no states: expressions by column.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub observations: IndexMap<String, String>,
    /// Where the logarithm of what a state predicts goes on as a tangent, in units of the target (counts;
    /// the root mean square of positive values), for likelihoods of counts, positive values and shares.
    #[serde(default = "floor", skip_serializing_if = "is_default")]
    pub floor: f64,
    /// Segments of training trajectories with starts of their own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shooting: Option<Shooting>,
    /// Training on a growing first part of every trajectory.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub curriculum: Option<Curriculum>,
    /// A fit of slopes before training.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gradient_matching: Option<GradientMatching>,
    /// The solver; tolerances apply to states divided by their scales.
    pub solver: SolverConfig,
}

fn floor() -> f64 {
    1e-6
}

fn is_default(value: &f64) -> bool {
    *value == floor()
}

impl OdeConfig {
    /// One network for all states.
    pub fn network(field: FieldConfig, solver: SolverConfig) -> Self {
        Self {
            t_unit: None,
            field: Some(field),
            states: IndexMap::new(),
            definitions: IndexMap::new(),
            parameters: IndexMap::new(),
            networks: IndexMap::new(),
            observations: IndexMap::new(),
            floor: floor(),
            shooting: None,
            curriculum: None,
            gradient_matching: None,
            solver,
        }
    }

    /// Every name that a formula along a predicted trajectory may use: those of the equations, or
    /// the columns where one network gives all states.
    pub fn names(&self, columns: &[String], inputs: &[String]) -> Result<Vec<String>, EquationError> {
        match &self.field {
            Some(_) => Ok(columns.iter().filter(|name| Builder::new(&[name]).is_ok()).cloned().collect()),
            None => self.equations().names(inputs),
        }
    }

    /// The column that measures each state itself; `None` for a state that is hidden or seen through an
    /// expression.
    pub fn measured(&self, columns: &[String]) -> Vec<Option<usize>> {
        if self.field.is_some() {
            return (0..columns.len()).map(Some).collect();
        }
        let of = |(name, state): (&String, &StateConfig)| match state.observed {
            None | Some(Observed::State) if !self.observations.contains_key(name) => {
                columns.iter().position(|column| column == name)
            }
            _ => None,
        };
        self.states.iter().map(of).collect()
    }

    /// The first impossible value of what is about training: the table, and the problem in words that
    /// begin with the key in backticks.
    pub fn training_problem(&self) -> Option<(Option<&'static str>, String)> {
        if !(self.floor > 0.0 && self.floor < 0.5) {
            return Some((None, format!("`floor` must be between 0 and 0.5, found {}", self.floor)));
        }
        let shooting = self.shooting.as_ref().and_then(Shooting::problem).map(|p| (Some("shooting"), p));
        let curriculum = || self.curriculum.as_ref().and_then(Curriculum::problem).map(|p| (Some("curriculum"), p));
        let matching = || self.gradient_matching.as_ref().and_then(GradientMatching::problem);
        shooting.or_else(curriculum).or_else(|| matching().map(|p| (Some("gradient_matching"), p)))
    }

    /// What is written of equations.
    pub fn equations(&self) -> Equations {
        Equations {
            states: self.states.clone(),
            definitions: self.definitions.clone(),
            parameters: self.parameters.clone(),
            networks: self.networks.clone(),
            observations: self.observations.clone(),
        }
    }
}
