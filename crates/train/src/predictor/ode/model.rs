//! The right-hand side of a predictor: one network for all states, or equations.

use std::collections::HashMap;

use indexmap::IndexMap;
use surprisal_core::records::Trajectory;
use surprisal_ode::equations::{Parameter, Signal, Signals, Start};
use surprisal_ode::{
    Batch, BuildField, EquationError, FieldQuantity, Problem, SolverConfig, System, Units, VectorField,
};

use super::SeriesData;
use super::config::OdeConfig;
use super::scaling::SeriesScaling;
use crate::TrainError;

/// What gives the right-hand side.
pub(super) enum Model {
    /// One network for all states.
    Network(Whole),
    /// Equations; and where the inputs of each trajectory are, by name.
    Equations(Box<System>, HashMap<String, usize>),
}

/// A field of the registry. Its first states are what the columns measure, in their units.
pub(super) struct Whole {
    pub(super) field: Box<dyn VectorField>,
    pub(super) starts: Vec<Start>,
    /// `[n]`: names of the states.
    pub(super) names: Vec<String>,
    /// `[n]`: data units per unit of each state.
    pub(super) scales: Vec<f64>,
    /// Columns.
    pub(super) n_columns: usize,
    /// Data units of time per unit of time.
    pub(super) time: f64,
}

impl Whole {
    fn new(config: &dyn BuildField, columns: &[String], scaling: &SeriesScaling) -> Result<Self, TrainError> {
        let n_columns = columns.len();
        if let Some(message) = config.misfit(n_columns) {
            return Err(TrainError::Unfit {
                message,
                hint: "the data's `states` are positions, then what belongs to each of them in the same order".into(),
            });
        }
        let hidden = config.hidden_states(n_columns);
        let (mut names, mut scales) = (columns.to_vec(), scaling.state.clone());
        for (k, start) in hidden.iter().enumerate() {
            match start {
                Start::Slope(column) => {
                    names.push(format!("velocity.{}", columns[*column]));
                    scales.push(scaling.state[*column] / scaling.time);
                }
                _ => {
                    names.push(format!("hidden.{k}"));
                    scales.push(1.0);
                }
            }
        }
        let units = Units { columns: scaling.state.clone(), time: scaling.time };
        let field = config.build_in(&units);
        let starts = (0..n_columns).map(Start::Observed).chain(hidden).collect();
        Ok(Self { field, starts, names, scales, n_columns, time: scaling.time })
    }

    /// The measured ones of all states.
    pub(super) fn measured(&self, states: &[f64]) -> Vec<f64> {
        let n = self.names.len();
        let mut measured = Vec::with_capacity(states.len() / n * self.n_columns);
        states.chunks_exact(n).for_each(|z| measured.extend_from_slice(&z[..self.n_columns]));
        measured
    }

    /// Cotangents of all states from those of the measured ones.
    pub(super) fn measured_vjp(&self, measured: &[f64]) -> Vec<f64> {
        let mut bar = vec![0.0; measured.len() / self.n_columns * self.names.len()];
        for (z, m) in bar.chunks_exact_mut(self.names.len()).zip(measured.chunks_exact(self.n_columns)) {
            z[..self.n_columns].copy_from_slice(m);
        }
        bar
    }
}

impl Model {
    pub(super) fn new(config: &OdeConfig, data: &SeriesData<'_>, scaling: &SeriesScaling) -> Result<Self, TrainError> {
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
            return Whole::new(field.get(), data.columns, scaling).map(Self::Network);
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
            Self::Network(whole) => whole.field.as_ref(),
            Self::Equations(system, _) => system.field(),
        }
    }

    /// Integrates every problem.
    pub(super) fn solve(&self, solver: &SolverConfig, parameters: &[f64], problems: &[Problem]) -> Batch {
        match self {
            Self::Network(whole) => solver.get().solve_many(whole.field.as_ref(), parameters, problems),
            Self::Equations(system, _) => system.solve_many(solver, parameters, problems),
        }
    }

    pub(super) fn starts(&self) -> &[Start] {
        match self {
            Self::Network(whole) => &whole.starts,
            Self::Equations(system, _) => &system.starts,
        }
    }

    /// Names of the states that are trained or solved for, without those that only carry numbers.
    pub(super) fn states(&self) -> &[String] {
        match self {
            Self::Network(whole) => &whole.names,
            Self::Equations(system, _) => &system.states,
        }
    }

    /// Data units per unit of each of them.
    pub(super) fn state_scales(&self) -> &[f64] {
        match self {
            Self::Network(whole) => &whole.scales,
            Self::Equations(system, _) => &system.scales,
        }
    }

    /// Parameters that each trajectory has of its own.
    pub(super) fn individual(&self) -> &[Parameter] {
        match self {
            Self::Network(_) => &[],
            Self::Equations(system, _) => &system.individual,
        }
    }

    /// Parameters of a field of the registry that mean something, with what they are called.
    pub(super) fn quantities(&self) -> Vec<(String, FieldQuantity)> {
        match self {
            Self::Network(whole) => {
                let named = |q: FieldQuantity| (format!("{}.{}", q.name, whole.names[q.state]), q);
                whole.field.quantities().into_iter().map(named).collect()
            }
            Self::Equations(..) => vec![],
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
