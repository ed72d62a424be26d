//! The table `[model.ode]`.

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use surprisal_expr::Builder;
use surprisal_ode::equations::{EventConfig, NetworkConfig, ParameterConfig, StateConfig};
use surprisal_ode::{EquationError, Equations, FieldConfig, SolverConfig, Units};

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
    /// Moments at which states are set anew, or trajectories stop.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub events: IndexMap<String, EventConfig>,
    /// The solver; tolerances apply to states divided by their scales.
    pub solver: SolverConfig,
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
            events: IndexMap::new(),
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

    /// Names of the states whose rates of change can be asked for.
    pub fn state_names(&self, columns: &[String]) -> Vec<String> {
        if self.field.is_some() { columns.to_vec() } else { self.states.keys().cloned().collect() }
    }

    /// States of the solver that `n_columns` measured columns make, without those that only carry numbers.
    pub fn n_states(&self, n_columns: usize) -> usize {
        match &self.field {
            Some(field) => n_columns + field.get().hidden_states(n_columns).len(),
            None => self.states.len(),
        }
    }

    /// Whether the right-hand side is made of an energy.
    pub fn has_energy(&self, n_columns: usize) -> bool {
        let field = self.field.as_ref().filter(|field| field.get().misfit(n_columns).is_none());
        field.is_some_and(|field| field.get().build_in(&Units::of_data(n_columns)).energy().is_some())
    }

    /// What is written of equations.
    pub fn equations(&self) -> Equations {
        Equations {
            states: self.states.clone(),
            definitions: self.definitions.clone(),
            parameters: self.parameters.clone(),
            networks: self.networks.clone(),
            observations: self.observations.clone(),
            events: self.events.clone(),
        }
    }
}
