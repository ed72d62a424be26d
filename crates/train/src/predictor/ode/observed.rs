//! From the states of a trajectory to the locations of its samples, and back.

use surprisal_objective::LocationLink;

use super::model::Model;

/// What turns states into locations.
#[derive(Clone, Copy)]
pub(super) struct Observing<'a> {
    pub(super) model: &'a Model,
    /// `[n_columns]`: scales of a network's states.
    pub(super) state_scales: &'a [f64],
    /// `[n_columns]`: data units per unit of a target.
    pub(super) column_scales: &'a [f64],
    pub(super) link: LocationLink,
    /// Where logarithms go on as tangents, in units of a target.
    pub(super) floor: f64,
    /// `[p]`: parameters of the field.
    pub(super) parameters: &'a [f64],
}

impl Observing<'_> {
    fn shared(&self) -> usize {
        self.model.shared().len()
    }

    /// What is measured, in units of the target.
    ///
    /// # Shapes
    /// `times` `[n_times]`, `states` `[n_times * n]`; returns `[n_times * n_columns]`.
    pub(super) fn measured(&self, times: &[f64], states: &[f64]) -> Vec<f64> {
        let mut measured = match self.model {
            Model::Network(whole) => whole
                .measured(states)
                .iter()
                .zip(self.state_scales.iter().cycle())
                .map(|(z, scale)| z * scale)
                .collect(),
            Model::Equations(system, _) => system.observe(&self.parameters[..self.shared()], times, states),
        };
        measured.iter_mut().zip(self.column_scales.iter().cycle()).for_each(|(y, scale)| *y /= scale);
        measured
    }

    /// Locations of measured values, `[n_times * n_columns * width]`.
    pub(super) fn locations(&self, measured: &[f64]) -> Vec<f64> {
        let mut raw = Vec::with_capacity(measured.len() * self.link.width());
        measured.iter().for_each(|&y| self.link.apply(y, self.floor, &mut raw));
        raw
    }

    /// Cotangents of the states from those of the locations; adds to `parameter_bar`.
    pub(super) fn vjp(
        &self,
        times: &[f64],
        states: &[f64],
        measured: &[f64],
        raw_bar: &[f64],
        parameter_bar: &mut [f64],
    ) -> Vec<f64> {
        let bars = raw_bar.chunks_exact(self.link.width());
        let in_data_units: Vec<f64> = (measured.iter().zip(bars).zip(self.column_scales.iter().cycle()))
            .map(|((&y, bar), scale)| self.link.vjp(y, self.floor, bar) / scale)
            .collect();
        match self.model {
            Model::Network(whole) => {
                let scales = self.state_scales.iter().cycle();
                let of_columns: Vec<f64> = in_data_units.iter().zip(scales).map(|(bar, scale)| bar * scale).collect();
                whole.measured_vjp(&of_columns)
            }
            Model::Equations(system, _) => {
                let n = self.shared();
                let (shared, shared_bar) = (&self.parameters[..n], &mut parameter_bar[..n]);
                system.observe_vjp(shared, times, states, &in_data_units, shared_bar)
            }
        }
    }
}
