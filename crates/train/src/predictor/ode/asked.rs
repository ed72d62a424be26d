//! Quantities of a model at any time of a predicted trajectory, with their gradients.

use surprisal_core::Sought;
use surprisal_expr::{Expression, Program};
use surprisal_ode::equations;

use super::model::Model;
use crate::TrainError;

/// What a model can be asked.
#[derive(Debug, Clone)]
pub(super) enum Quantity {
    /// A formula of states and parameters, in the data's units.
    Formula(Formula),
    /// The outputs of a network within equations.
    Network(equations::Quantity),
    /// The rate of change of a state less a formula for it, in the data's units.
    Residual(usize, Formula),
    /// The energy that the field is made of.
    Energy,
}

/// A formula.
#[derive(Debug, Clone)]
pub(super) enum Formula {
    /// Of equations.
    Symbols(equations::Quantity),
    /// Of the columns of a field of the registry.
    Columns(Program),
}

/// A model and its parameters, which can be asked.
#[derive(Clone, Copy)]
pub(super) struct Asked<'a> {
    pub(super) model: &'a Model,
    /// `[p]`, those of the field, as it takes them.
    pub(super) parameters: &'a [f64],
}

fn unfit(message: String) -> TrainError {
    TrainError::Unfit { message, hint: "remove the penalty, or write the model as equations of `[model.ode]`".into() }
}

impl Formula {
    fn new(text: &str, model: &Model, columns: &[String]) -> Result<Self, TrainError> {
        match model {
            Model::Equations(system, _) => system.expression(text).map(Self::Symbols),
            Model::Network(_) => {
                let names: Vec<&str> = columns.iter().map(String::as_str).collect();
                Expression::parse(text).and_then(|e| Program::compile(&names, &[], &[&e])).map(Self::Columns)
            }
        }
        .map_err(|error| unfit(format!("`{text}` cannot be asked of the model: {error}")))
    }
}

impl Quantity {
    pub(super) fn new(sought: &Sought, model: &Model, columns: &[String]) -> Result<Self, TrainError> {
        match (sought, model) {
            (Sought::Formula { expression }, _) => Formula::new(expression, model, columns).map(Self::Formula),
            (Sought::Network { network }, Model::Equations(system, _)) => {
                let quantity = system.network(network).map(Self::Network);
                quantity.ok_or_else(|| unfit(format!("the equations have no network `{network}`")))
            }
            (Sought::Network { network }, Model::Network(_)) => {
                Err(unfit(format!("a network for all states has no part `{network}`")))
            }
            (Sought::Residual { state, rhs }, _) => {
                let place = model.states().iter().position(|name| name == state);
                let place = place.ok_or_else(|| unfit(format!("the model has no state `{state}`")))?;
                Ok(Self::Residual(place, Formula::new(rhs, model, columns)?))
            }
            (Sought::Energy, _) if model.field().energy().is_some() => Ok(Self::Energy),
            (Sought::Energy, _) => Err(unfit("the right-hand side is not made of an energy".into())),
        }
    }
}

impl Asked<'_> {
    /// States of the solver.
    pub(super) fn dim(&self) -> usize {
        self.model.field().dim()
    }

    /// Components of a quantity.
    pub(super) fn width(&self, quantity: &Quantity) -> usize {
        match (quantity, self.model) {
            (Quantity::Network(quantity), Model::Equations(system, _)) => system.width(quantity),
            _ => 1,
        }
    }

    /// A quantity along a solution.
    ///
    /// # Shapes
    /// `times` `[n_times]`, `states` `[n_times * dim]`; returns `[n_times * width]`.
    pub(super) fn values(&self, quantity: &Quantity, times: &[f64], states: &[f64]) -> Vec<f64> {
        match quantity {
            Quantity::Formula(formula) => self.formula(formula, times, states),
            Quantity::Network(of) => self.of_equations(of, times, states),
            Quantity::Residual(state, formula) => {
                let mut residuals = self.formula(formula, times, states);
                for ((residual, &t), z) in residuals.iter_mut().zip(times).zip(states.chunks_exact(self.dim())) {
                    *residual = self.rate(*state) * self.slopes(t, z).0[*state] - *residual;
                }
                residuals
            }
            Quantity::Energy => {
                let of = |z: &[f64]| self.model.field().energy().map_or(f64::NAN, |e| e.value(self.parameters, z));
                states.chunks_exact(self.dim()).map(of).collect()
            }
        }
    }

    /// Adds the cotangents of states and parameters that come from those of a quantity.
    ///
    /// # Shapes
    /// As [`Asked::values`]; `bars` `[n_times * width]`, `states_bar` `[n_times * dim]`, `parameter_bar` `[p]`.
    pub(super) fn values_vjp(
        &self,
        quantity: &Quantity,
        times: &[f64],
        states: &[f64],
        bars: &[f64],
        states_bar: &mut [f64],
        parameter_bar: &mut [f64],
    ) {
        let (field, dim) = (self.model.field(), self.dim());
        let rows = states.chunks_exact(dim);
        match quantity {
            Quantity::Formula(formula) => self.formula_vjp(formula, times, states, bars, states_bar, parameter_bar),
            Quantity::Network(of) => self.of_equations_vjp(of, times, states, bars, states_bar, parameter_bar),
            Quantity::Residual(state, formula) => {
                let negative: Vec<f64> = bars.iter().map(|bar| -bar).collect();
                self.formula_vjp(formula, times, states, &negative, states_bar, parameter_bar);
                let (mut cotangent, mut z_bar) = (vec![0.0; dim], vec![0.0; dim]);
                for (((&t, z), sum), bar) in times.iter().zip(rows).zip(states_bar.chunks_exact_mut(dim)).zip(bars) {
                    cotangent[*state] = self.rate(*state) * bar;
                    let (_, tape) = self.slopes(t, z);
                    field.vjp(self.parameters, t, z, &tape, &cotangent, &mut z_bar, parameter_bar);
                    sum.iter_mut().zip(&z_bar).for_each(|(sum, bar)| *sum += bar);
                }
            }
            Quantity::Energy => {
                if let Some(energy) = field.energy() {
                    for ((z, z_bar), &bar) in rows.zip(states_bar.chunks_exact_mut(dim)).zip(bars) {
                        energy.pull_back(self.parameters, z, bar, z_bar, parameter_bar);
                    }
                }
            }
        }
    }

    /// Data units of a state's rate of change per unit of the solver's.
    fn rate(&self, state: usize) -> f64 {
        let scale = self.model.state_scales()[state];
        match self.model {
            Model::Network(whole) => scale / whole.time,
            Model::Equations(..) => scale,
        }
    }

    /// dz/dt, and the tape of it.
    fn slopes(&self, t: f64, z: &[f64]) -> (Vec<f64>, Vec<f64>) {
        let field = self.model.field();
        let (mut slopes, mut tape) = (vec![0.0; z.len()], vec![0.0; field.tape_len()]);
        field.rhs(self.parameters, t, z, &mut slopes, &mut tape);
        (slopes, tape)
    }

    fn formula(&self, formula: &Formula, times: &[f64], states: &[f64]) -> Vec<f64> {
        match formula {
            Formula::Symbols(quantity) => self.of_equations(quantity, times, states),
            Formula::Columns(program) => {
                let mut values = vec![0.0; program.n_values()];
                let at = |z: &[f64]| {
                    program.evaluate(&self.columns(z), &mut values);
                    program.output(0, &values)
                };
                states.chunks_exact(self.dim()).map(at).collect()
            }
        }
    }

    fn formula_vjp(
        &self,
        formula: &Formula,
        times: &[f64],
        states: &[f64],
        bars: &[f64],
        states_bar: &mut [f64],
        parameter_bar: &mut [f64],
    ) {
        match formula {
            Formula::Symbols(of) => self.of_equations_vjp(of, times, states, bars, states_bar, parameter_bar),
            Formula::Columns(program) => {
                let (mut values, mut scratch) = (vec![0.0; program.n_values()], vec![0.0; program.n_values()]);
                let (n, dim) = (program.inputs().len(), self.dim());
                for ((z, z_bar), &bar) in states.chunks_exact(dim).zip(states_bar.chunks_exact_mut(dim)).zip(bars) {
                    program.evaluate(&self.columns(z), &mut values);
                    let mut y_bar = vec![0.0; n];
                    program.vjp(&values, &[bar], &mut scratch, &mut y_bar);
                    let scales = self.model.state_scales();
                    z_bar.iter_mut().zip(&y_bar).zip(scales).for_each(|((z, y), s)| *z += s * y);
                }
            }
        }
    }

    fn of_equations(&self, quantity: &equations::Quantity, times: &[f64], states: &[f64]) -> Vec<f64> {
        match self.model {
            Model::Equations(system, _) => system.quantity(quantity, self.parameters, times, states),
            Model::Network(_) => vec![f64::NAN; times.len()],
        }
    }

    fn of_equations_vjp(
        &self,
        quantity: &equations::Quantity,
        times: &[f64],
        states: &[f64],
        bars: &[f64],
        states_bar: &mut [f64],
        parameter_bar: &mut [f64],
    ) {
        if let Model::Equations(system, _) = self.model {
            system.quantity_vjp(quantity, self.parameters, times, states, bars, states_bar, parameter_bar);
        }
    }

    /// The columns in the data's units.
    fn columns(&self, z: &[f64]) -> Vec<f64> {
        let n = match self.model {
            Model::Network(whole) => whole.n_columns,
            Model::Equations(..) => z.len(),
        };
        z[..n].iter().zip(self.model.state_scales()).map(|(z, s)| z * s).collect()
    }
}
