//! A system of equations over eight lanes; same tape as [`super::hybrid`], in rows.

use pulp::{Arch, Simd, WithSimd};
use surprisal_core::lanes::{LANES, Row};

use super::hybrid::{Hybrid, Work};
use crate::field::VectorField;
use crate::field::lanes::LaneField;
use crate::field::mlp_lanes::NetworkLanes;

pub(super) struct HybridLanes<'a> {
    field: &'a Hybrid,
    networks: Vec<Box<dyn NetworkLanes + 'a>>,
    work: Work<Row>,
    /// Cotangents of the shared parameters, summed over calls.
    shared_bar: Vec<Row>,
    arch: Arch,
}

impl<'a> HybridLanes<'a> {
    pub(super) fn new(field: &'a Hybrid, parameters: &'a [f64]) -> Self {
        let mut work: Work<Row> = field.work();
        let n_shared = field.shared.len();
        let shared = field.first_input() - n_shared;
        for (row, &value) in work.symbols[shared..].iter_mut().zip(&parameters[..n_shared]) {
            *row = Row::splat(value);
        }
        let networks = field.networks.iter().map(|net| net.mlp.in_lanes(net.parameters(parameters))).collect();
        Self { field, networks, work, shared_bar: vec![Row::ZERO; n_shared], arch: Arch::new() }
    }
}

impl LaneField for HybridLanes<'_> {
    fn tape_rows(&self) -> usize {
        self.field.tape_len()
    }

    fn rhs(&mut self, t: &Row, z: &[Row], dz: &mut [Row], tape: &mut [Row]) {
        let arch = self.arch;
        arch.dispatch(Forward { lanes: self, t, z, dz, tape });
    }

    fn vjp(&mut self, tape: &[Row], cotangent: &[Row], z_bar: &mut [Row]) {
        let arch = self.arch;
        arch.dispatch(Backward { lanes: self, tape, cotangent, z_bar });
    }

    fn take_gradient(&mut self, parameter_bar: &mut [f64]) {
        let (shared, _) = parameter_bar.split_at_mut(self.shared_bar.len());
        for (bar, row) in shared.iter_mut().zip(&mut self.shared_bar) {
            *bar += std::mem::replace(row, Row::ZERO).0.iter().sum::<f64>();
        }
        for (net, lanes) in self.field.networks.iter().zip(&mut self.networks) {
            lanes.take_gradient(&mut parameter_bar[net.first_parameter..][..net.mlp.n_parameters()]);
        }
    }
}

struct Forward<'f, 'a> {
    lanes: &'f mut HybridLanes<'a>,
    t: &'f Row,
    z: &'f [Row],
    dz: &'f mut [Row],
    tape: &'f mut [Row],
}

impl WithSimd for Forward<'_, '_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let Self { lanes: HybridLanes { field, networks, work, .. }, t, z, dz, tape } = self;
        field.place(*t, z, &mut work.symbols);
        if field.n_inputs > 0 {
            let inputs = &mut work.symbols[field.first_input()..][..field.n_inputs];
            for l in 0..LANES {
                // an idle lane reads the first trajectory's
                let signals = &field.signals.of_trajectory[z[z.len() - 1].0[l] as usize];
                inputs.iter_mut().zip(signals).for_each(|(row, signal)| row.0[l] = signal.at(t.0[l]));
            }
        }
        field.forward(work, dz, tape, |k, x, out, tape| networks[k].rhs(t, x, out, tape));
    }
}

struct Backward<'f, 'a> {
    lanes: &'f mut HybridLanes<'a>,
    tape: &'f [Row],
    cotangent: &'f [Row],
    z_bar: &'f mut [Row],
}

impl WithSimd for Backward<'_, '_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let Self { lanes: HybridLanes { field, networks, work, shared_bar, .. }, tape, cotangent, z_bar } = self;
        field.backward(work, tape, cotangent, z_bar, shared_bar, |k, tape, cotangent, x_bar| {
            networks[k].vjp(tape, cotangent, x_bar);
        });
    }
}
