//! What may be asked of a solution beside what is measured: formulas of the states, and what the
//! networks contribute.
//!
//! With ξ the symbols (t, y, q, θ, inputs at t) of a [`super::Hybrid`], a quantity is g(ξ) of an
//! expression g, or the outputs N(a(ξ)/b) of a network in front of their scale c.

use surprisal_expr::{ExprError, Expression, Program};

use super::hybrid::{Hybrid, Network};
use super::system::System;
use crate::field::VectorField;

/// A function of time, state and parameters.
#[derive(Debug, Clone)]
pub enum Quantity {
    /// The outputs of a network, by its place.
    Network(usize),
    /// A formula.
    Expression(Program),
}

impl System {
    /// The outputs of a network divided by their scale, if there is one of this name.
    pub fn network(&self, name: &str) -> Option<Quantity> {
        self.field.networks.iter().position(|net| net.name == name).map(Quantity::Network)
    }

    /// Names of the networks, in order.
    pub fn networks(&self) -> impl Iterator<Item = &str> {
        self.field.networks.iter().map(|net| net.name.as_str())
    }

    /// Inputs and outputs of network `k` along a solution, in the units of the equations: a(ξ) and
    /// c·N(a(ξ)/b).
    ///
    /// # Shapes
    /// As [`System::quantity`]; returns `[n_times * n_in]` and `[n_times * n_out]`.
    pub fn network_along(&self, k: usize, parameters: &[f64], times: &[f64], states: &[f64]) -> (Vec<f64>, Vec<f64>) {
        let quantity = Quantity::Network(k);
        let (net, first) = (&self.field.networks[k], self.field.first_feed(k));
        let mut at = At::new(&self.field, &quantity);
        let (mut input, mut output) = (vec![], vec![]);
        for (&t, z) in times.iter().zip(states.chunks_exact(self.field.dim())) {
            at.evaluate(parameters, t, z);
            input.extend((first..first + net.n_in).map(|i| self.field.feed.output(i, &at.values)));
            output.extend(at.output.iter().map(|u| net.output_scale * u));
        }
        (input, output)
    }

    /// What the outputs of network `k` are compared with along a solution; NaN for outputs without a
    /// reference, and nothing for a network without any.
    ///
    /// # Shapes
    /// As [`System::quantity`]; returns `[n_times * n_out]` or nothing.
    pub fn reference_along(&self, k: usize, parameters: &[f64], times: &[f64], states: &[f64]) -> Vec<f64> {
        let references = &self.references[k];
        if references.iter().all(Option::is_none) {
            return vec![];
        }
        let n_out = references.len();
        let mut all = vec![f64::NAN; times.len() * n_out];
        for (o, reference) in references.iter().enumerate() {
            let along = reference.as_ref().map(|formula| self.quantity(formula, parameters, times, states));
            let to = all.iter_mut().skip(o).step_by(n_out);
            along.into_iter().flatten().zip(to).for_each(|(value, to)| *to = value);
        }
        all
    }

    /// A formula of everything that observations may use.
    pub fn expression(&self, text: &str) -> Result<Quantity, ExprError> {
        let mut builder = self.vocabulary.clone();
        builder.output(&Expression::parse(text)?)?;
        Ok(Quantity::Expression(builder.finish()))
    }

    /// Components of a quantity.
    pub fn width(&self, quantity: &Quantity) -> usize {
        match quantity {
            Quantity::Network(k) => self.field.networks[*k].n_out,
            Quantity::Expression(_) => 1,
        }
    }

    /// A quantity along a solution, in the data's units.
    ///
    /// # Shapes
    /// `parameters` `[p]`, `times` `[n_times]`, `states` `[n_times * n]`; returns
    /// `[n_times * width]`.
    pub fn quantity(&self, quantity: &Quantity, parameters: &[f64], times: &[f64], states: &[f64]) -> Vec<f64> {
        let mut at = At::new(&self.field, quantity);
        let mut all = Vec::with_capacity(times.len() * self.width(quantity));
        for (&t, z) in times.iter().zip(states.chunks_exact(self.field.dim())) {
            at.evaluate(parameters, t, z);
            match quantity {
                Quantity::Network(_) => all.extend_from_slice(&at.output),
                Quantity::Expression(program) => all.push(program.output(0, &at.values)),
            }
        }
        all
    }

    /// Adds the cotangents of states and parameters that come from those of a quantity.
    ///
    /// # Shapes
    /// As [`System::quantity`]; `cotangent` `[n_times * width]`, `states_bar` `[n_times * n]`,
    /// `parameter_bar` `[p]`.
    #[allow(clippy::too_many_arguments)] // the arguments of the function and the bars of each
    pub fn quantity_vjp(
        &self,
        quantity: &Quantity,
        parameters: &[f64],
        times: &[f64],
        states: &[f64],
        cotangent: &[f64],
        states_bar: &mut [f64],
        parameter_bar: &mut [f64],
    ) {
        let dim = self.field.dim();
        let mut at = At::new(&self.field, quantity);
        for (((&t, z), v), z_bar) in times
            .iter()
            .zip(states.chunks_exact(dim))
            .zip(cotangent.chunks_exact(self.width(quantity)))
            .zip(states_bar.chunks_exact_mut(dim))
        {
            at.evaluate(parameters, t, z);
            at.pull_back(parameters, t, v, z_bar, parameter_bar);
        }
    }
}

/// A quantity at one time.
struct At<'a> {
    field: &'a Hybrid,
    quantity: &'a Quantity,
    symbols: Vec<f64>,
    bars: Vec<f64>,
    /// Of the expression, or of the feed of all networks.
    values: Vec<f64>,
    scratch: Vec<f64>,
    /// Inputs of the network and their cotangents, its outputs, its tape.
    input: Vec<f64>,
    output: Vec<f64>,
    tape: Vec<f64>,
}

impl<'a> At<'a> {
    fn new(field: &'a Hybrid, quantity: &'a Quantity) -> Self {
        let (program, network) = match quantity {
            Quantity::Network(k) => (&field.feed, Some(&field.networks[*k])),
            Quantity::Expression(program) => (program, None),
        };
        let size = |of: fn(&Network) -> usize| vec![0.0; network.map_or(0, of)];
        Self {
            field,
            quantity,
            symbols: vec![0.0; field.n_symbols()],
            bars: vec![0.0; field.n_symbols()],
            values: vec![0.0; program.n_values()],
            scratch: vec![0.0; program.n_values()],
            input: size(|net| net.n_in),
            output: size(|net| net.n_out),
            tape: size(|net| net.mlp.tape_len()),
        }
    }

    fn evaluate(&mut self, parameters: &[f64], t: f64, z: &[f64]) {
        self.field.fill(&parameters[..self.field.shared.len()], t, z, &mut self.symbols);
        match self.quantity {
            Quantity::Expression(program) => program.evaluate(&self.symbols, &mut self.values),
            Quantity::Network(k) => {
                let (net, first) = (&self.field.networks[*k], self.field.first_feed(*k));
                self.field.feed.evaluate(&self.symbols, &mut self.values);
                for (i, x) in self.input.iter_mut().enumerate() {
                    *x = self.field.feed.output(first + i, &self.values) * self.field.inverse_feed_scales[first + i];
                }
                net.mlp.rhs(net.parameters(parameters), t, &self.input, &mut self.output, &mut self.tape);
            }
        }
    }

    /// After [`At::evaluate`].
    fn pull_back(
        &mut self,
        parameters: &[f64],
        t: f64,
        cotangent: &[f64],
        z_bar: &mut [f64],
        parameter_bar: &mut [f64],
    ) {
        let field = self.field;
        self.bars.fill(0.0);
        match self.quantity {
            Quantity::Expression(program) => {
                program.vjp(&self.values, cotangent, &mut self.scratch, &mut self.bars);
            }
            Quantity::Network(k) => {
                let (net, first) = (&field.networks[*k], field.first_feed(*k));
                let bar = &mut parameter_bar[net.first_parameter..][..net.mlp.n_parameters()];
                let of_net = net.parameters(parameters);
                net.mlp.vjp(of_net, t, &[], &self.tape, cotangent, &mut self.input, bar);
                let mut feed_bar = vec![0.0; field.inverse_feed_scales.len()];
                for (i, x_bar) in self.input.iter().enumerate() {
                    feed_bar[first + i] = x_bar * field.inverse_feed_scales[first + i];
                }
                field.feed.vjp(&self.values, &feed_bar, &mut self.scratch, &mut self.bars);
            }
        }
        let (n, n_own) = (field.scales.len(), field.n_individual);
        z_bar.iter_mut().zip(&self.bars[1..]).zip(&field.scales).for_each(|((z, bar), s)| *z += s * bar);
        z_bar[n..n + n_own].iter_mut().zip(&self.bars[1 + n..]).for_each(|(z, bar)| *z += bar);
        let shared_bar = &mut parameter_bar[..field.shared.len()];
        shared_bar.iter_mut().zip(&self.bars[1 + n + n_own..]).for_each(|(sum, bar)| *sum += bar);
    }
}
