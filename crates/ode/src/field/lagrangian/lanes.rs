//! A Lagrangian system over eight lanes; the tape is that of one, in rows, and then w `[m]`.

use pulp::{Arch, Simd, WithSimd};
use surprisal_core::lanes::Row;

use super::super::VectorField;
use super::super::curvature::Change;
use super::super::curvature_lanes::ChangeLanes;
use super::super::motion::Acceleration;
use super::super::motion_lanes::{AccelerationLanes, PlaceRows};
use super::Lagrangian;
use super::equation::{NetworkAt, Seen};

pub(super) struct LagrangianLanes<'a> {
    field: &'a Lagrangian,
    network: ChangeLanes<'a>,
    /// `[m]`: d.
    friction: Vec<f64>,
    /// `[m]`: cotangents of ln d, summed over calls.
    friction_bar: Vec<Row>,
    arch: Arch,
}

impl<'a> LagrangianLanes<'a> {
    pub(super) fn new(field: &'a Lagrangian, parameters: &'a [f64]) -> Self {
        Self {
            field,
            network: ChangeLanes::new(&field.network, field.own(parameters)),
            friction: field.friction(parameters),
            friction_bar: vec![Row::ZERO; field.m],
            arch: Arch::new(),
        }
    }
}

/// The network at eight places.
struct AtPlaces<'f, 'a> {
    network: &'f mut ChangeLanes<'a>,
    tape: &'f [Row],
}

impl NetworkAt<Row> for AtPlaces<'_, '_> {
    fn change(&mut self, along: &[Row], outputs: &mut [Row]) {
        self.network.change(self.tape, along, outputs);
    }

    fn input_gradient(&mut self, outputs_bar: &[Row], x_bar: &mut [Row]) {
        self.network.input_gradient(self.tape, outputs_bar, x_bar);
    }

    fn change_gradient(&mut self, of: Change<'_, Row>, x_bar: &mut [Row], along_bar: &mut [Row]) {
        self.network.change_gradient(self.tape, of, x_bar, along_bar);
    }
}

impl AccelerationLanes for LagrangianLanes<'_> {
    fn tape_rows(&self) -> usize {
        self.field.tape_len() + self.field.m
    }

    fn evaluate(&mut self, at: PlaceRows<'_>, a: &mut [Row], tape: &mut [Row]) {
        let arch = self.arch;
        arch.dispatch(Forward { lanes: self, at, a, tape });
    }

    fn vjp(&mut self, tape: &[Row], cotangent: &[Row], x_bar: &mut [Row], w_bar: &mut [Row]) {
        let arch = self.arch;
        arch.dispatch(Backward { lanes: self, tape, cotangent, x_bar, w_bar });
    }

    fn take_gradient(&mut self, parameter_bar: &mut [f64]) {
        let (network_bar, friction_bar) = parameter_bar.split_at_mut(self.field.network.n_parameters());
        self.network.take_gradient(network_bar);
        for (bar, row) in friction_bar.iter_mut().zip(&mut self.friction_bar) {
            *bar += std::mem::take(row).0.iter().sum::<f64>();
        }
    }
}

struct Forward<'f, 'a> {
    lanes: &'f mut LagrangianLanes<'a>,
    at: PlaceRows<'f>,
    a: &'f mut [Row],
    tape: &'f mut [Row],
}

impl WithSimd for Forward<'_, '_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let Self { lanes: LagrangianLanes { field, network, friction, .. }, at, a, tape } = self;
        let (own, rest) = tape.split_at_mut(field.network.tape_len());
        let (outputs, rest) = rest.split_at_mut(field.n_outputs());
        network.evaluate(at.x, outputs, own);
        Seen::new(field.m, outputs, at.w, friction).acceleration(AtPlaces { network, tape: own }, a);
        rest[..field.m].copy_from_slice(a);
        rest[field.m..].copy_from_slice(at.w);
    }
}

struct Backward<'f, 'a> {
    lanes: &'f mut LagrangianLanes<'a>,
    tape: &'f [Row],
    cotangent: &'f [Row],
    x_bar: &'f mut [Row],
    w_bar: &'f mut [Row],
}

impl WithSimd for Backward<'_, '_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let Self { lanes, tape, cotangent, x_bar, w_bar } = self;
        let LagrangianLanes { field, network, friction, friction_bar, .. } = lanes;
        let (own, rest) = tape.split_at(field.network.tape_len());
        let (outputs, rest) = rest.split_at(field.n_outputs());
        let (a, w) = rest.split_at(field.m);
        let network = AtPlaces { network, tape: own };
        let mu = Seen::new(field.m, outputs, w, friction).pull_back(network, a, cotangent, x_bar, w_bar);
        for (i, bar) in friction_bar.iter_mut().enumerate() {
            let mut rate = Row::ZERO;
            rate.add_scaled(-friction[i], &w[i]);
            bar.add_product(&mu[i], &rate);
        }
    }
}
