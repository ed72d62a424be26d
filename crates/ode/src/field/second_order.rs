//! A second-order system: a network is the acceleration (`second_order`).
//!
//! d²x/dt² = N(x, dx/dt, t; θ), every part of the input but x optional. The phase of an oscillation, or
//! trajectories of one position that cross, need no measured velocity
//! (A. Norcliffe, C. Bodnar, B. Day, N. Simidjievski, P. Liò, "On Second Order Behaviour in Augmented
//! Neural ODEs", NeurIPS 33 (2020), eq. 4). Without velocities among its inputs the network is a force
//! that `leapfrog` may integrate.

use candle_core::Device;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use surprisal_core::Precision;

use super::activation::Activation;
use super::lanes::{LaneField, Row};
use super::mlp::{Mlp, MlpField, empty_layer};
use super::motion::{Acceleration, Motion, Place, Velocities};
use super::motion_lanes::{AccelerationLanes, PlaceRows};
use super::second_order_tensors::SecondOrderTensors;
use super::{BuildField, ParameterBlock, Units, VectorField};
use crate::equations::Start;
use crate::tensors::TensorField;

/// A network is the second time derivative of positions.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SecondOrderField {
    /// Widths of the hidden layers; empty for a linear acceleration.
    pub hidden: Vec<usize>,
    /// Nonlinearity of the hidden layers.
    #[serde(default)]
    pub activation: Activation,
    /// Whether t is an input.
    #[serde(default)]
    pub time_input: bool,
    /// Whether velocities are inputs, true unless given: false for forces that depend on positions alone.
    #[serde(default = "yes")]
    pub velocity_input: bool,
    /// Where velocities come from.
    #[serde(default)]
    pub velocities: Velocities,
    /// The type that the network computes in; states, parameters and gradients are float64 always.
    #[serde(default)]
    pub dtype: Precision,
}

fn yes() -> bool {
    true
}

impl BuildField for SecondOrderField {
    fn build(&self, dim: usize) -> Box<dyn VectorField> {
        self.motion(vec![1.0; dim / 2])
    }

    fn build_in(&self, units: &Units) -> Box<dyn VectorField> {
        self.motion(self.velocities.rates(units))
    }

    fn problem(&self) -> Option<String> {
        empty_layer(&self.hidden)
    }

    fn hidden_states(&self, n_columns: usize) -> Vec<Start> {
        self.velocities.hidden_states(n_columns)
    }

    fn misfit(&self, n_columns: usize) -> Option<String> {
        self.velocities.misfit("second_order", n_columns)
    }
}

impl SecondOrderField {
    fn motion(&self, rates: Vec<f64>) -> Box<dyn VectorField> {
        let layers = MlpField {
            hidden: self.hidden.clone(),
            activation: self.activation,
            time_input: self.time_input,
            dtype: self.dtype,
            ..MlpField::default()
        };
        let (m, per_position) = (rates.len(), 1 + usize::from(self.velocity_input));
        let network = Mlp::between(per_position * m, &layers, m);
        Box::new(Motion { acceleration: Network { network, n_in: per_position * m }, rates })
    }
}

/// The acceleration of a network of positions, or positions and velocities.
struct Network {
    network: Mlp,
    n_in: usize,
}

impl Network {
    fn input(&self, x: &[f64], w: &[f64]) -> Vec<f64> {
        x.iter().chain(w).take(self.n_in).copied().collect()
    }
}

impl Acceleration for Network {
    fn rounding(&self) -> f64 {
        self.network.rounding()
    }

    fn blocks(&self) -> Vec<ParameterBlock> {
        self.network.blocks()
    }

    fn initial_parameters(&self, seed: u64) -> Vec<f64> {
        self.network.initial_parameters(seed)
    }

    fn tensors<'a>(
        &'a self,
        parameters: &'a [f64],
        rates: &[f64],
        device: &Device,
    ) -> Option<candle_core::Result<Box<dyn TensorField + 'a>>> {
        let tensors = SecondOrderTensors::new(&self.network, self.n_in, parameters, rates, device);
        Some(tensors.map(|tensors| Box::new(tensors) as Box<dyn TensorField>))
    }

    fn tape_len(&self) -> usize {
        self.network.tape_len()
    }

    fn evaluate(&self, parameters: &[f64], at: Place<'_>, a: &mut [f64], tape: &mut [f64]) {
        self.network.rhs(parameters, at.t, &self.input(at.x, at.w), a, tape);
    }

    fn vjp(
        &self,
        parameters: &[f64],
        at: Place<'_>,
        tape: &[f64],
        cotangent: &[f64],
        (x_bar, w_bar): (&mut [f64], &mut [f64]),
        parameter_bar: &mut [f64],
    ) {
        let mut bar = vec![0.0; self.n_in];
        self.network.vjp(parameters, at.t, &[], tape, cotangent, &mut bar, parameter_bar);
        bar.resize(2 * x_bar.len(), 0.0);
        let (of_x, of_w) = bar.split_at(x_bar.len());
        x_bar.copy_from_slice(of_x);
        w_bar.copy_from_slice(of_w);
    }

    fn jvp(
        &self,
        parameters: &[f64],
        at: Place<'_>,
        tape: &[f64],
        (x_dot, w_dot): (&[f64], &[f64]),
        a_dot: &mut [f64],
    ) {
        self.network.jvp(parameters, at.t, &[], tape, &self.input(x_dot, w_dot), a_dot);
    }

    fn lanes<'a>(&'a self, parameters: &'a [f64]) -> Box<dyn AccelerationLanes + 'a> {
        let rows = vec![Row::ZERO; self.n_in];
        Box::new(NetworkLanes { network: self.network.in_lanes(parameters), rows })
    }
}

/// The same over eight lanes.
struct NetworkLanes<'a> {
    network: Box<dyn LaneField + 'a>,
    /// `[n_in]`: inputs of the network, or their bars.
    rows: Vec<Row>,
}

impl AccelerationLanes for NetworkLanes<'_> {
    fn tape_rows(&self) -> usize {
        self.network.tape_rows()
    }

    fn evaluate(&mut self, at: PlaceRows<'_>, a: &mut [Row], tape: &mut [Row]) {
        self.rows.iter_mut().zip(at.x.iter().chain(at.w)).for_each(|(row, x)| *row = *x);
        self.network.rhs(at.t, &self.rows, a, tape);
    }

    fn vjp(&mut self, tape: &[Row], cotangent: &[Row], x_bar: &mut [Row], w_bar: &mut [Row]) {
        self.network.vjp(tape, cotangent, &mut self.rows);
        w_bar.fill(Row::ZERO);
        x_bar.iter_mut().chain(w_bar).zip(&self.rows).for_each(|(bar, row)| *bar = *row);
    }

    fn take_gradient(&mut self, parameter_bar: &mut [f64]) {
        self.network.take_gradient(parameter_bar);
    }
}
