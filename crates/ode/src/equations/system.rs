//! A compiled system: its field, how trajectories start, what is measured, what is trained.

use std::sync::Arc;

use surprisal_expr::{Builder, Program};

use super::hybrid::Hybrid;
use super::parameter::Parameter;
use super::quantity::Quantity;
use super::signals::Signals;
use crate::events::Event;
use crate::field::VectorField;

/// A compiled system of equations.
///
/// A solver's state vector is `[n]` = physical states divided by their scales, then the trajectory's
/// own parameters, then the number of its inputs if there are any; see [`Hybrid`].
#[derive(Debug, Clone)]
pub struct System {
    /// Names of the physical states.
    pub states: Vec<String>,
    /// `[n_physical]`: their scales.
    pub scales: Vec<f64>,
    /// Trained parameters that all trajectories share, in the order of the field's.
    pub shared: Vec<Parameter>,
    /// Trained parameters that each trajectory has of its own.
    pub individual: Vec<Parameter>,
    /// Input columns that the equations use.
    pub inputs: Vec<String>,
    /// `[n_physical]`: how they start.
    pub starts: Vec<Start>,
    /// In the order in which they are written.
    pub(crate) events: Vec<Event>,
    pub(super) field: Hybrid,
    /// Knows the field's symbols and every definition that makes sense without networks.
    pub(super) vocabulary: Builder,
    /// From shared and own parameters to the starts that are expressions.
    pub(super) initial: Program,
    /// From the field's symbols to the measured columns.
    pub(super) observation: Program,
    /// `[n_networks][n_out]`: what outputs of networks are compared with.
    pub(super) references: Vec<Vec<Option<Quantity>>>,
}

/// The value of a physical state at the start of a trajectory.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Start {
    /// The first observation in this column.
    Observed(usize),
    /// Trained for each trajectory, from the first observation in this column if there is one.
    Free(Option<usize>),
    /// Trained for each trajectory, from the slope between the first two observations in this column.
    Slope(usize),
    /// Known, in the data's units.
    Number(f64),
    /// An output of the system's initial program.
    Expression(usize),
}

impl System {
    /// The right-hand side.
    pub fn field(&self) -> &dyn VectorField {
        &self.field
    }

    /// Gives the field the external inputs of all trajectories, in the order of [`System::inputs`].
    pub fn set_signals(&mut self, signals: Signals) {
        self.field.signals = Arc::new(signals);
    }

    /// Physical states.
    pub fn n_physical(&self) -> usize {
        self.scales.len()
    }

    /// Completes the start of a trajectory.
    ///
    /// # Shapes
    /// `z` `[n]`: physical states with another start than an expression are in place (divided by
    /// their scales), and so are the own parameters; `shared` `[n_shared]`.
    pub fn start(&self, shared: &[f64], z: &mut [f64]) {
        if self.initial.n_outputs() == 0 {
            return;
        }
        let values = self.initial_values(shared, z);
        for (i, start) in self.starts.iter().enumerate() {
            if let Start::Expression(k) = *start {
                z[i] = self.initial.output(k, &values) / self.scales[i];
            }
        }
    }

    /// Pulls a cotangent of a completed start back: adds to `shared_bar`, and moves what came in
    /// through expressions from `z_bar` to the own parameters in it.
    pub fn start_vjp(&self, shared: &[f64], z: &[f64], z_bar: &mut [f64], shared_bar: &mut [f64]) {
        if self.initial.n_outputs() == 0 {
            return;
        }
        let values = self.initial_values(shared, z);
        let mut cotangents = vec![0.0; self.initial.n_outputs()];
        for (i, start) in self.starts.iter().enumerate() {
            if let Start::Expression(k) = *start {
                cotangents[k] = z_bar[i] / self.scales[i];
                z_bar[i] = 0.0;
            }
        }
        let mut bar = vec![0.0; self.initial.inputs().len()];
        self.initial.vjp(&values, &cotangents, &mut vec![0.0; values.len()], &mut bar);
        let (of_shared, of_own) = bar.split_at(shared.len());
        shared_bar.iter_mut().zip(of_shared).for_each(|(sum, bar)| *sum += bar);
        z_bar[self.n_physical()..].iter_mut().zip(of_own).for_each(|(sum, bar)| *sum += bar);
    }

    fn initial_values(&self, shared: &[f64], z: &[f64]) -> Vec<f64> {
        let n = self.n_physical();
        let inputs: Vec<f64> = shared.iter().chain(&z[n..n + self.individual.len()]).copied().collect();
        let mut values = vec![0.0; self.initial.n_values()];
        self.initial.evaluate(&inputs, &mut values);
        values
    }

    /// What is measured of a trajectory, in the data's units.
    ///
    /// # Shapes
    /// `times` `[n_times]`, `states` `[n_times * n]`; returns `[n_times * n_columns]`.
    pub fn observe(&self, shared: &[f64], times: &[f64], states: &[f64]) -> Vec<f64> {
        let mut values = vec![0.0; self.observation.n_values()];
        let mut observed = Vec::with_capacity(times.len() * self.observation.n_outputs());
        for (&t, z) in times.iter().zip(states.chunks_exact(self.field.dim())) {
            self.observation.evaluate(&self.symbols(shared, t, z), &mut values);
            observed.extend((0..self.observation.n_outputs()).map(|k| self.observation.output(k, &values)));
        }
        observed
    }

    /// Cotangents of the states from those of what is measured; adds to `shared_bar`.
    ///
    /// # Shapes
    /// As [`System::observe`]; `cotangent` `[n_times * n_columns]`, returns `[n_times * n]`.
    pub fn observe_vjp(
        &self,
        shared: &[f64],
        times: &[f64],
        states: &[f64],
        cotangent: &[f64],
        shared_bar: &mut [f64],
    ) -> Vec<f64> {
        let (n, dim, n_values) = (self.n_physical(), self.field.dim(), self.observation.n_values());
        let (mut values, mut scratch) = (vec![0.0; n_values], vec![0.0; n_values]);
        let mut bar = vec![0.0; self.observation.inputs().len()];
        let mut states_bar = vec![0.0; states.len()];
        let own = 1 + n;
        for (((&t, z), v), z_bar) in times
            .iter()
            .zip(states.chunks_exact(dim))
            .zip(cotangent.chunks_exact(self.observation.n_outputs()))
            .zip(states_bar.chunks_exact_mut(dim))
        {
            self.observation.evaluate(&self.symbols(shared, t, z), &mut values);
            bar.fill(0.0);
            self.observation.vjp(&values, v, &mut scratch, &mut bar);
            z_bar.iter_mut().zip(&bar[1..]).zip(&self.scales).for_each(|((z, bar), s)| *z = s * bar);
            z_bar[n..n + self.individual.len()].copy_from_slice(&bar[own..own + self.individual.len()]);
            let of_shared = &bar[own + self.individual.len()..];
            shared_bar.iter_mut().zip(of_shared).for_each(|(sum, bar)| *sum += bar);
        }
        states_bar
    }

    /// When an input of this trajectory is recorded and not 0.
    pub(crate) fn moments(&self, z: &[f64], input: usize) -> impl Iterator<Item = f64> + '_ {
        let trajectory = self.field.signals.of_trajectory.get(z[z.len() - 1] as usize);
        trajectory.into_iter().flat_map(move |signals| signals[input].moments())
    }

    /// The field's symbols at (t, z).
    pub(crate) fn symbols(&self, shared: &[f64], t: f64, z: &[f64]) -> Vec<f64> {
        let mut work = self.field.work::<f64>();
        self.field.fill(shared, t, z, &mut work.symbols);
        work.symbols.truncate(self.field.n_symbols());
        work.symbols
    }
}
