//! Motion: positions and velocities, the rate of the one being the other.
//!
//! The states are positions x, then as many velocities v. In units s of the columns and T of time,
//! dx/dτ = w and dv/dτ = a(τ, x, w)/r, with w = r∘v and r = T s_v/s_x; where no column measures the
//! velocities their unit is that of dx/dτ and r = 1.
//!
//! **Parameters** and **tape** are those of the acceleration.

use candle_core::Device;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::energy::Energy;
use super::lanes::LaneField;
use super::motion_lanes::{AccelerationLanes, MotionLanes};
use super::{ParameterBlock, Units, VectorField};
use crate::equations::Start;
use crate::tensors::TensorField;

/// Where velocities come from.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Velocities {
    /// No column measures them: all columns are positions. Those at the start are trained, each
    /// trajectory's own, from the slope between the first two observations.
    #[default]
    Hidden,
    /// The columns are the positions, then their velocities in the same order.
    Measured,
}

impl Velocities {
    pub(super) fn hidden_states(self, n_columns: usize) -> Vec<Start> {
        match self {
            Self::Hidden => (0..n_columns).map(Start::Slope).collect(),
            Self::Measured => vec![],
        }
    }

    /// What is wrong with so many columns for the field `name`.
    pub(super) fn misfit(self, name: &str, n_columns: usize) -> Option<String> {
        (self == Self::Measured && !n_columns.is_multiple_of(2)).then(|| {
            format!("`{name}` with measured velocities needs as many of them as positions, found {n_columns} measured states")
        })
    }

    /// r.
    pub(super) fn rates(self, units: &Units) -> Vec<f64> {
        let (columns, n) = (&units.columns, units.columns.len());
        match self {
            Self::Hidden => vec![1.0; n],
            Self::Measured => (0..n / 2).map(|i| units.time * columns[n / 2 + i] / columns[i]).collect(),
        }
    }
}

/// a(t, x, w; θ) of m positions, with the products of its derivatives.
///
/// # Shapes
/// Positions, velocities, accelerations and their bars `[m]`; everything else as of a [`VectorField`].
pub(super) trait Acceleration: Send + Sync {
    /// As of a [`VectorField`].
    fn rounding(&self) -> f64 {
        0.0
    }

    fn blocks(&self) -> Vec<ParameterBlock>;

    fn initial_parameters(&self, seed: u64) -> Vec<f64>;

    fn tape_len(&self) -> usize;

    /// `a`; fills the tape.
    fn evaluate(&self, parameters: &[f64], at: Place<'_>, a: &mut [f64], tape: &mut [f64]);

    /// Overwrites the bars of x and w, adds to that of θ.
    fn vjp(
        &self,
        parameters: &[f64],
        at: Place<'_>,
        tape: &[f64],
        cotangent: &[f64],
        bars: (&mut [f64], &mut [f64]),
        parameter_bar: &mut [f64],
    );

    /// The change of `a` along changes of x and w.
    fn jvp(&self, parameters: &[f64], at: Place<'_>, tape: &[f64], along: (&[f64], &[f64]), a_dot: &mut [f64]);

    /// The same with these parameters for eight lanes at once.
    fn lanes<'a>(&'a self, parameters: &'a [f64]) -> Box<dyn AccelerationLanes + 'a>;

    /// Adds `cotangent`·∂E/∂(x, w, θ) to the bars of the energy, and returns E; `None` without one.
    fn energy(
        &self,
        _parameters: &[f64],
        _at: Place<'_>,
        _cotangent: f64,
        _bars: (&mut [f64], &mut [f64]),
        _parameter_bar: &mut [f64],
    ) -> Option<f64> {
        None
    }

    /// Whether there is an energy.
    fn has_energy(&self) -> bool {
        false
    }

    /// The field of this acceleration and the rates r as tensors, where it knows how.
    fn tensors<'a>(
        &'a self,
        _parameters: &'a [f64],
        _rates: &[f64],
        _device: &Device,
    ) -> Option<candle_core::Result<Box<dyn TensorField + 'a>>> {
        None
    }
}

/// Where an acceleration is asked for.
#[derive(Clone, Copy)]
pub(super) struct Place<'a> {
    pub(super) t: f64,
    pub(super) x: &'a [f64],
    pub(super) w: &'a [f64],
}

/// The field of an acceleration.
pub(super) struct Motion<A> {
    pub(super) acceleration: A,
    /// `[m]`: r.
    pub(super) rates: Vec<f64>,
}

impl<A> Motion<A> {
    /// w.
    fn velocities(&self, y: &[f64]) -> Vec<f64> {
        self.rates.iter().zip(&y[self.rates.len()..]).map(|(r, v)| r * v).collect()
    }
}

impl<A: Acceleration> VectorField for Motion<A> {
    fn dim(&self) -> usize {
        2 * self.rates.len()
    }

    fn rounding(&self) -> f64 {
        self.acceleration.rounding()
    }

    fn blocks(&self) -> Vec<ParameterBlock> {
        self.acceleration.blocks()
    }

    fn initial_parameters(&self, seed: u64) -> Vec<f64> {
        self.acceleration.initial_parameters(seed)
    }

    fn tape_len(&self) -> usize {
        self.acceleration.tape_len()
    }

    fn rhs(&self, parameters: &[f64], t: f64, y: &[f64], dy: &mut [f64], tape: &mut [f64]) {
        let (x, w) = (&y[..self.rates.len()], self.velocities(y));
        let (dx, dv) = dy.split_at_mut(x.len());
        dx.copy_from_slice(&w);
        self.acceleration.evaluate(parameters, Place { t, x, w: &w }, dv, tape);
        dv.iter_mut().zip(&self.rates).for_each(|(dv, r)| *dv /= r);
    }

    fn vjp(
        &self,
        parameters: &[f64],
        t: f64,
        y: &[f64],
        tape: &[f64],
        cotangent: &[f64],
        y_bar: &mut [f64],
        parameter_bar: &mut [f64],
    ) {
        let m = self.rates.len();
        let w = self.velocities(y);
        let of_a: Vec<f64> = cotangent[m..].iter().zip(&self.rates).map(|(c, r)| c / r).collect();
        let (x_bar, v_bar) = y_bar.split_at_mut(m);
        let at = Place { t, x: &y[..m], w: &w };
        self.acceleration.vjp(parameters, at, tape, &of_a, (x_bar, v_bar), parameter_bar);
        for ((v, c), r) in v_bar.iter_mut().zip(cotangent).zip(&self.rates) {
            *v = r * (*v + c);
        }
    }

    fn jvp(&self, parameters: &[f64], t: f64, y: &[f64], tape: &[f64], tangent: &[f64], dy_dot: &mut [f64]) {
        let m = self.rates.len();
        let (w, w_dot) = (self.velocities(y), self.velocities(tangent));
        let (dx, dv) = dy_dot.split_at_mut(m);
        dx.copy_from_slice(&w_dot);
        self.acceleration.jvp(parameters, Place { t, x: &y[..m], w: &w }, tape, (&tangent[..m], &w_dot), dv);
        dv.iter_mut().zip(&self.rates).for_each(|(dv, r)| *dv /= r);
    }

    fn lanes<'a>(&'a self, parameters: &'a [f64]) -> Option<Box<dyn LaneField + 'a>> {
        Some(Box::new(MotionLanes::new(self.acceleration.lanes(parameters), &self.rates)))
    }

    fn energy(&self) -> Option<&dyn Energy> {
        self.acceleration.has_energy().then_some(self)
    }

    fn tensors<'a>(
        &'a self,
        parameters: &'a [f64],
        device: &Device,
    ) -> Option<candle_core::Result<Box<dyn TensorField + 'a>>> {
        self.acceleration.tensors(parameters, &self.rates, device)
    }
}

impl<A: Acceleration> Energy for Motion<A> {
    fn value(&self, parameters: &[f64], y: &[f64]) -> f64 {
        let mut bars = vec![0.0; y.len() + parameters.len()];
        let (y_bar, parameter_bar) = bars.split_at_mut(y.len());
        self.evaluate_energy(parameters, y, 0.0, y_bar, parameter_bar)
    }

    fn pull_back(&self, parameters: &[f64], y: &[f64], cotangent: f64, y_bar: &mut [f64], parameter_bar: &mut [f64]) {
        self.evaluate_energy(parameters, y, cotangent, y_bar, parameter_bar);
    }
}

impl<A: Acceleration> Motion<A> {
    fn evaluate_energy(
        &self,
        parameters: &[f64],
        y: &[f64],
        cotangent: f64,
        y_bar: &mut [f64],
        parameter_bar: &mut [f64],
    ) -> f64 {
        let m = self.rates.len();
        let (w, mut w_bar) = (self.velocities(y), vec![0.0; m]);
        let (x_bar, v_bar) = y_bar.split_at_mut(m);
        let at = Place { t: 0.0, x: &y[..m], w: &w };
        let energy = self.acceleration.energy(parameters, at, cotangent, (x_bar, &mut w_bar), parameter_bar);
        v_bar.iter_mut().zip(&w_bar).zip(&self.rates).for_each(|((v, w), r)| *v += r * w);
        energy.unwrap_or(f64::NAN)
    }
}
