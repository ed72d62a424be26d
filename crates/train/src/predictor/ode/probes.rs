//! What penalties ask of predicted trajectories beside the predictions: the outputs of a network, and
//! how much a quantity has changed since the start.

use candle_core::{Device, Tensor};
use surprisal_core::{Prediction, Probe};
use surprisal_expr::{Expression, Program};
use surprisal_ode::equations::Quantity;

use super::model::Model;
use crate::TrainError;

/// A probe that the model can answer.
#[derive(Debug, Clone)]
pub(super) enum Question {
    /// A quantity of equations.
    Value(Quantity),
    /// Its change since the first time.
    Change(Quantity),
    /// The change of a formula of the columns, of a network for all states.
    ChangeOfColumns(Program),
}

/// A solved trajectory and which of its times are samples.
#[derive(Clone, Copy)]
pub(super) struct Solved<'a> {
    pub(super) times: &'a [f64],
    /// `[n_times * dim]`.
    pub(super) states: &'a [f64],
    pub(super) first_sample: usize,
}

/// What a question is asked of.
#[derive(Clone, Copy)]
pub(super) struct Asked<'a> {
    pub(super) model: &'a Model,
    /// `[n_columns]`: their scales.
    pub(super) column_scales: &'a [f64],
    /// `[p]`, those of the field, as it takes them.
    pub(super) parameters: &'a [f64],
}

impl Question {
    pub(super) fn new(probe: &Probe, model: &Model, columns: &[String]) -> Result<Self, TrainError> {
        let unfit = |message: String| TrainError::Unfit {
            message,
            hint: "remove the penalty, or write the model as equations of `[model.ode]`".into(),
        };
        match (probe, model) {
            (Probe::Network { network }, Model::Equations(system, _)) => {
                let quantity = system.network(network).map(Self::Value);
                quantity.ok_or_else(|| unfit(format!("the equations have no network `{network}`")))
            }
            (Probe::Change { expression }, Model::Equations(system, _)) => {
                let quantity = system.expression(expression).map(Self::Change);
                quantity.map_err(|error| unfit(format!("`{expression}` cannot be asked of the equations: {error}")))
            }
            (Probe::Change { expression }, Model::Network(..)) => {
                let names: Vec<&str> = columns.iter().map(String::as_str).collect();
                let program = Expression::parse(expression).and_then(|e| Program::compile(&names, &[], &[&e]));
                let program = program.map(Self::ChangeOfColumns);
                program.map_err(|error| unfit(format!("`{expression}` cannot be asked of the columns: {error}")))
            }
            (Probe::Network { network }, Model::Network(..)) => {
                Err(unfit(format!("a network for all states has no part `{network}`")))
            }
            (Probe::Moved { .. } | Probe::Inputs, _) => {
                Err(unfit("a differential equation has no columns of inputs that could be moved".into()))
            }
        }
    }

    fn width(&self, model: &Model) -> usize {
        match (self, model) {
            (Self::Value(quantity) | Self::Change(quantity), Model::Equations(system, _)) => system.width(quantity),
            _ => 1,
        }
    }

    /// The answers for all samples, one trajectory after the other.
    pub(super) fn answer<'a>(
        &self,
        asked: Asked<'_>,
        solved: impl Iterator<Item = Solved<'a>>,
    ) -> candle_core::Result<Prediction> {
        let width = self.width(asked.model);
        let mut all = vec![];
        for one in solved {
            let mut values = self.values(asked, one);
            if !matches!(self, Self::Value(_)) {
                let first = values[0];
                values.iter_mut().for_each(|value| *value -= first);
            }
            all.extend_from_slice(&values[one.first_sample * width..]);
        }
        let n = all.len() / width;
        Ok(Prediction::new(Tensor::from_vec(all, (n, width), &Device::Cpu)?, None))
    }

    /// Adds the cotangents of states and parameters that come from those of a trajectory's answers,
    /// which stand first in `cotangent` and are taken from it.
    pub(super) fn pull_back(
        &self,
        asked: Asked<'_>,
        one: Solved<'_>,
        cotangent: &mut &[f64],
        states_bar: &mut [f64],
        parameter_bar: &mut [f64],
    ) {
        let width = self.width(asked.model);
        let times = one.times;
        let (of_samples, rest) = cotangent.split_at((times.len() - one.first_sample) * width);
        *cotangent = rest;
        let mut bars = vec![0.0; one.first_sample * width];
        bars.extend_from_slice(of_samples);
        if !matches!(self, Self::Value(_)) {
            // every change is counted from the first value
            bars[0] -= of_samples.iter().sum::<f64>();
        }
        match (self, asked.model) {
            (Self::Value(quantity) | Self::Change(quantity), Model::Equations(system, _)) => {
                system.quantity_vjp(quantity, asked.parameters, times, one.states, &bars, states_bar, parameter_bar);
            }
            (Self::ChangeOfColumns(program), _) => {
                let scales = asked.column_scales;
                let (mut values, mut scratch) = (vec![0.0; program.n_values()], vec![0.0; program.n_values()]);
                let n = scales.len();
                let states = one.states.chunks_exact(n).zip(states_bar.chunks_exact_mut(n));
                for ((z, z_bar), bar) in states.zip(&bars) {
                    program.evaluate(&in_data_units(z, scales), &mut values);
                    let mut y_bar = vec![0.0; n];
                    program.vjp(&values, &[*bar], &mut scratch, &mut y_bar);
                    z_bar.iter_mut().zip(&y_bar).zip(scales).for_each(|((z, y), s)| *z += s * y);
                }
            }
            (Self::Value(_) | Self::Change(_), Model::Network(..)) => {}
        }
    }

    /// Values at all times.
    fn values(&self, asked: Asked<'_>, one: Solved<'_>) -> Vec<f64> {
        match (self, asked.model) {
            (Self::Value(quantity) | Self::Change(quantity), Model::Equations(system, _)) => {
                system.quantity(quantity, asked.parameters, one.times, one.states)
            }
            (Self::ChangeOfColumns(program), _) => {
                let mut values = vec![0.0; program.n_values()];
                let at = |z: &[f64]| {
                    program.evaluate(&in_data_units(z, asked.column_scales), &mut values);
                    program.output(0, &values)
                };
                one.states.chunks_exact(asked.column_scales.len()).map(at).collect()
            }
            (Self::Value(_) | Self::Change(_), Model::Network(..)) => vec![0.0; one.times.len()],
        }
    }
}

fn in_data_units(z: &[f64], scales: &[f64]) -> Vec<f64> {
    z.iter().zip(scales).map(|(z, s)| s * z).collect()
}
