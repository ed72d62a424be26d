//! The table `[model.ode]`.

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use surprisal_expr::Builder;
use surprisal_ode::equations::{EventConfig, NetworkConfig, Observed, ParameterConfig, StateConfig};
use surprisal_ode::{EquationError, Equations, FieldConfig, GradientConfig, SolverConfig, Units};

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
    /// Moments at which states are set anew, or trajectories stop.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub events: IndexMap<String, EventConfig>,
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
    /// Which gradient is computed: by default that of the steps taken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gradient: Option<GradientConfig>,
    /// The relative difference of gradients at the solver's tolerances and at a hundredth of them, above
    /// which a warning is given at the start and the end of training; 0.05 without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gradient_check: Option<f64>,
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
            events: IndexMap::new(),
            floor: floor(),
            shooting: None,
            curriculum: None,
            gradient_matching: None,
            solver,
            gradient: None,
            gradient_check: None,
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

    /// The first impossible value of `gradient` and `gradient_check`: its table within `[model.ode]`, and
    /// what is wrong in words that begin with the key in backticks.
    pub fn gradient_problem(&self) -> Option<(&'static [&'static str], String)> {
        if let Some(limit) = self.gradient_check.filter(|limit| !(*limit > 0.0)) {
            return Some((&[], format!("`gradient_check` must be positive, found {limit}")));
        }
        match (&self.gradient, &self.solver) {
            (Some(GradientConfig::ContinuousAdjoint(_)), _) if !self.events.is_empty() => Some((
                &["gradient"],
                "`continuous_adjoint` knows no events: remove it, and the gradient is that of the steps".into(),
            )),
            (Some(GradientConfig::ContinuousAdjoint(adjoint)), SolverConfig::Tsit5(solver)) => {
                let problem = adjoint.with(solver).adjoint_problem()?;
                Some((&["gradient", "continuous_adjoint"], problem))
            }
            (Some(GradientConfig::ContinuousAdjoint(_)), solver) => Some((
                &["gradient"],
                format!("`continuous_adjoint` needs the solver `tsit5`, and not `{}`", solver.name()),
            )),
            (Some(GradientConfig::Discrete(_)) | None, _) => None,
        }
    }

    /// Why the solver cannot be as precise as it is asked to be, in words that begin with the key in backticks:
    /// a float32 network scatters by some 10⁻⁷.
    pub fn precision_problem(&self) -> Option<String> {
        let dtypes = self.networks.values().map(|net| net.dtype).chain(self.field.iter().map(FieldConfig::dtype));
        dtypes.into_iter().find_map(|dtype| self.solver.too_precise_for(dtype))
    }

    /// The column that measures each state itself; `None` for a state that is hidden or seen through an
    /// expression.
    pub fn measured(&self, columns: &[String]) -> Vec<Option<usize>> {
        if self.field.is_some() {
            return (0..self.n_states(columns.len())).map(|i| Some(i).filter(|i| *i < columns.len())).collect();
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
            events: self.events.clone(),
        }
    }
}
