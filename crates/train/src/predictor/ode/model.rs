//! The right-hand side of a predictor: one network for all states, or equations.

use std::collections::HashMap;

use indexmap::IndexMap;
use surprisal_core::records::Trajectory;
use surprisal_ode::equations::{Parameter, Signal, Signals, Start};
use surprisal_ode::{Batch, EquationError, Problem, SolverConfig, System, VectorField};

use super::SeriesData;
use super::config::OdeConfig;
use super::scaling::SeriesScaling;
use crate::TrainError;

/// What gives the right-hand side.
pub(super) enum Model {
    /// One network for all states.
    Network(Box<dyn VectorField>, Vec<Start>),
    /// Equations; and where the inputs of each trajectory are, by name.
    Equations(Box<System>, HashMap<String, usize>),
}

impl Model {
    pub(super) fn new(config: &OdeConfig, data: &SeriesData<'_>, scaling: &SeriesScaling) -> Result<Self, TrainError> {
        let n_columns = data.columns.len();
        if let Some(field) = &config.field {
            let others = [
                ("states", config.states.is_empty()),
                ("definitions", config.definitions.is_empty()),
                ("parameters", config.parameters.is_empty()),
                ("networks", config.networks.is_empty()),
                ("observations", config.observations.is_empty()),
                ("events", config.events.is_empty()),
            ];
            if let Some((key, _)) = others.iter().find(|(_, empty)| !empty) {
                return Err(TrainError::Unfit {
                    message: format!("`[model.ode]` has both a `field` for all states and `{key}` of equations"),
                    hint: "keep one: a field of the registry, or states with their equations".into(),
                });
            }
            if !data.inputs.is_empty() {
                return Err(TrainError::Unfit {
                    message: "a field of the registry reads no external inputs".into(),
                    hint: "write equations that use them by name, or remove `inputs` from the data".into(),
                });
            }
            let starts = (0..n_columns).map(Start::Observed).collect();
            return Ok(Self::Network(field.get().build(n_columns), starts));
        }
        if config.states.is_empty() {
            return Err(TrainError::Unfit {
                message: "`[model.ode]` has neither a `field` nor equations".into(),
                hint: "write `[model.ode.states]` with one equation per state, or `[model.ode.field.mlp]`".into(),
            });
        }
        let mut system = config.equations().compile(data.columns, &scaling.state, data.inputs)?;
        if let (Some(event), false) = (system.event_with_root(), matches!(config.solver, SolverConfig::Tsit5(_))) {
            let name = config.events.get_index(event).map_or("", |(name, _)| name.as_str());
            return Err(EquationError::setting(
                &["events", name, "when"],
                "only `tsit5` finds the moment at which a quantity passes zero",
                "use `[model.ode.solver.tsit5]`, or say `at` which times it happens",
            )
            .into());
        }
        let mut places = HashMap::new();
        if !data.inputs.is_empty() {
            // parts of one trajectory may lie in several splits: its inputs are those of all of them
            let mut parts: IndexMap<&str, Vec<&Trajectory>> = IndexMap::new();
            for trajectory in data.train.iter().chain(data.others.iter().copied()) {
                parts.entry(&trajectory.id).or_default().push(trajectory);
            }
            let mut signals = Signals::default();
            for (place, (id, parts)) in parts.into_iter().enumerate() {
                signals.of_trajectory.push((0..data.inputs.len()).map(|i| signal(&parts, i)).collect());
                places.insert(id.to_owned(), place);
            }
            system.set_signals(signals);
        }
        Ok(Self::Equations(Box::new(system), places))
    }

    pub(super) fn field(&self) -> &dyn VectorField {
        match self {
            Self::Network(field, _) => field.as_ref(),
            Self::Equations(system, _) => system.field(),
        }
    }

    /// Integrates every problem.
    pub(super) fn solve(&self, solver: &SolverConfig, parameters: &[f64], problems: &[Problem]) -> Batch {
        match self {
            Self::Network(field, _) => solver.get().solve_many(field.as_ref(), parameters, problems),
            Self::Equations(system, _) => system.solve_many(solver, parameters, problems),
        }
    }

    pub(super) fn starts(&self) -> &[Start] {
        match self {
            Self::Network(_, starts) => starts,
            Self::Equations(system, _) => &system.starts,
        }
    }

    pub(super) fn shared(&self) -> &[Parameter] {
        match self {
            Self::Network(..) => &[],
            Self::Equations(system, _) => &system.shared,
        }
    }
}

/// Input `i` of a trajectory, given in parts, where it was recorded, which is somewhere.
fn signal(parts: &[&Trajectory], i: usize) -> Signal {
    let rows = parts.iter().flat_map(|part| part.times.iter().zip(&part.inputs));
    let mut points: Vec<(f64, f64)> = rows.filter(|(_, row)| row[i].is_finite()).map(|(&t, row)| (t, row[i])).collect();
    points.sort_by(|a, b| a.0.total_cmp(&b.0));
    points.dedup_by_key(|point| point.0);
    let (times, values) = points.into_iter().unzip();
    Signal::new(times, values)
}
