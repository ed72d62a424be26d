//! A Hamiltonian system over eight lanes; same tape as [`super::hamiltonian`], in rows.

use pulp::{Arch, Simd, WithSimd};
use surprisal_core::lanes::Row;

use super::VectorField;
use super::curvature::Change;
use super::curvature_lanes::ChangeLanes;
use super::hamiltonian::Hamiltonian;
use super::lanes::LaneField;

pub(super) struct HamiltonianLanes<'a> {
    field: &'a Hamiltonian,
    parts: Vec<ChangeLanes<'a>>,
    /// `[n/2]`: d.
    friction: Vec<f64>,
    /// `[n/2]`: cotangents of ln d, summed over calls.
    friction_bar: Vec<Row>,
    /// `[n]`: u.
    along: Vec<Row>,
    arch: Arch,
}

impl<'a> HamiltonianLanes<'a> {
    pub(super) fn new(field: &'a Hamiltonian, parameters: &'a [f64]) -> Self {
        let m = field.pairs.len();
        Self {
            field,
            parts: field.parts.iter().map(|part| ChangeLanes::new(&part.net, part.own(parameters))).collect(),
            friction: (0..m).map(|i| field.friction(parameters, i)).collect(),
            friction_bar: vec![Row::ZERO; m],
            along: vec![Row::ZERO; 2 * m],
            arch: Arch::new(),
        }
    }
}

impl LaneField for HamiltonianLanes<'_> {
    fn tape_rows(&self) -> usize {
        self.field.tape_len()
    }

    fn rhs(&mut self, _t: &Row, y: &[Row], dy: &mut [Row], tape: &mut [Row]) {
        let arch = self.arch;
        arch.dispatch(Forward { lanes: self, y, dy, tape });
    }

    fn vjp(&mut self, tape: &[Row], cotangent: &[Row], y_bar: &mut [Row]) {
        let arch = self.arch;
        arch.dispatch(Backward { lanes: self, tape, cotangent, y_bar });
    }

    fn take_gradient(&mut self, parameter_bar: &mut [f64]) {
        for (part, lanes) in self.field.parts.iter().zip(&mut self.parts) {
            lanes.take_gradient(&mut parameter_bar[part.first_parameter..][..part.net.n_parameters()]);
        }
        for (bar, row) in parameter_bar[self.field.n_network_parameters..].iter_mut().zip(&mut self.friction_bar) {
            *bar += std::mem::take(row).0.iter().sum::<f64>();
        }
    }
}

struct Forward<'f, 'a> {
    lanes: &'f mut HamiltonianLanes<'a>,
    y: &'f [Row],
    dy: &'f mut [Row],
    tape: &'f mut [Row],
}

impl WithSimd for Forward<'_, '_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let Self { lanes: HamiltonianLanes { field, parts, friction, .. }, y, dy, tape } = self;
        let (tapes, gradient) = tape.split_at_mut(field.gradient);
        for (part, lanes) in field.parts.iter().zip(parts) {
            let own = &mut tapes[part.first_in_tape..][..part.net.tape_len()];
            lanes.evaluate(&y[part.from..][..part.n_in], &mut [Row::ZERO], own);
            lanes.input_gradient(own, &[Row::splat(1.0)], &mut gradient[part.from..][..part.n_in]);
        }
        let m = field.pairs.len();
        for (i, &g) in field.pairs.iter().enumerate() {
            gradient[m + i].add_scaled(1.0, &y[m + i]);
            let (mut dq, mut dp) = (Row::ZERO, Row::ZERO);
            dq.add_scaled(g, &gradient[m + i]);
            dp.add_scaled(-g, &gradient[i]);
            dp.add_scaled(-friction[i], &dq);
            (dy[i], dy[m + i]) = (dq, dp);
        }
    }
}

struct Backward<'f, 'a> {
    lanes: &'f mut HamiltonianLanes<'a>,
    tape: &'f [Row],
    cotangent: &'f [Row],
    y_bar: &'f mut [Row],
}

impl WithSimd for Backward<'_, '_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let Self { lanes, tape, cotangent, y_bar } = self;
        let HamiltonianLanes { field, parts, friction, friction_bar, along, .. } = lanes;
        let m = field.pairs.len();
        for (i, &g) in field.pairs.iter().enumerate() {
            let (of_q, of_p, d) = (&cotangent[i], &cotangent[m + i], friction[i]);
            let (mut u_q, mut u_p) = (Row::ZERO, Row::ZERO);
            u_q.add_scaled(-g, of_p);
            u_p.add_scaled(g, of_q);
            u_p.add_scaled(-g * d, of_p);
            (along[i], along[m + i]) = (u_q, u_p);
            let mut rate = Row::ZERO;
            rate.add_scaled(-d * g, &tape[field.gradient + m + i]);
            friction_bar[i].add_product(of_p, &rate);
        }
        y_bar[..m].fill(Row::ZERO);
        y_bar[m..].copy_from_slice(&along[m..]);
        for (part, lanes) in field.parts.iter().zip(parts) {
            let own = &tape[part.first_in_tape..][..part.net.tape_len()];
            let (zero, one) = ([Row::ZERO], [Row::splat(1.0)]);
            let of = Change { along: &along[part.from..][..part.n_in], value_bar: &zero, change_bar: &one };
            lanes.change_gradient(own, of, &mut y_bar[part.from..][..part.n_in], &mut []);
        }
    }
}
