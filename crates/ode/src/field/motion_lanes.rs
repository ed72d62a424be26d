//! Motion over eight lanes: [`super::motion`], in rows.

use pulp::{Arch, Simd, WithSimd};
use surprisal_core::lanes::Row;

use super::lanes::LaneField;

/// An acceleration with its parameters, over eight lanes.
///
/// # Shapes
/// In rows: positions, velocities, accelerations and their bars `[m]`, `tape` `[tape_rows]`.
pub(super) trait AccelerationLanes {
    fn tape_rows(&self) -> usize;

    /// `a`; fills the tape.
    fn evaluate(&mut self, at: PlaceRows<'_>, a: &mut [Row], tape: &mut [Row]);

    /// Overwrites the bars of x and w, remembers that of θ.
    fn vjp(&mut self, tape: &[Row], cotangent: &[Row], x_bar: &mut [Row], w_bar: &mut [Row]);

    /// Adds what is remembered to `parameter_bar` and forgets it.
    fn take_gradient(&mut self, parameter_bar: &mut [f64]);
}

/// Where an acceleration is asked for.
#[derive(Clone, Copy)]
pub(super) struct PlaceRows<'a> {
    pub(super) t: &'a Row,
    pub(super) x: &'a [Row],
    pub(super) w: &'a [Row],
}

pub(super) struct MotionLanes<'a> {
    acceleration: Box<dyn AccelerationLanes + 'a>,
    /// `[m]`: r.
    rates: &'a [f64],
    /// `[m]`: velocities, or cotangents of the acceleration.
    rows: Vec<Row>,
    arch: Arch,
}

impl<'a> MotionLanes<'a> {
    pub(super) fn new(acceleration: Box<dyn AccelerationLanes + 'a>, rates: &'a [f64]) -> Self {
        Self { acceleration, rates, rows: vec![Row::ZERO; rates.len()], arch: Arch::new() }
    }
}

impl LaneField for MotionLanes<'_> {
    fn tape_rows(&self) -> usize {
        self.acceleration.tape_rows()
    }

    fn rhs(&mut self, t: &Row, y: &[Row], dy: &mut [Row], tape: &mut [Row]) {
        let arch = self.arch;
        arch.dispatch(Forward { lanes: self, t, y, dy, tape });
    }

    fn vjp(&mut self, tape: &[Row], cotangent: &[Row], y_bar: &mut [Row]) {
        let arch = self.arch;
        arch.dispatch(Backward { lanes: self, tape, cotangent, y_bar });
    }

    fn take_gradient(&mut self, parameter_bar: &mut [f64]) {
        self.acceleration.take_gradient(parameter_bar);
    }
}

struct Forward<'f, 'a> {
    lanes: &'f mut MotionLanes<'a>,
    t: &'f Row,
    y: &'f [Row],
    dy: &'f mut [Row],
    tape: &'f mut [Row],
}

impl WithSimd for Forward<'_, '_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let Self { lanes: MotionLanes { acceleration, rates, rows, .. }, t, y, dy, tape } = self;
        let (x, v) = y.split_at(rates.len());
        let (dx, dv) = dy.split_at_mut(rates.len());
        for ((w, v), &r) in rows.iter_mut().zip(v).zip(*rates) {
            *w = Row::ZERO;
            w.add_scaled(r, v);
        }
        dx.copy_from_slice(rows);
        acceleration.evaluate(PlaceRows { t, x, w: rows }, dv, tape);
        for (dv, r) in dv.iter_mut().zip(*rates) {
            dv.0.iter_mut().for_each(|dv| *dv /= r);
        }
    }
}

struct Backward<'f, 'a> {
    lanes: &'f mut MotionLanes<'a>,
    tape: &'f [Row],
    cotangent: &'f [Row],
    y_bar: &'f mut [Row],
}

impl WithSimd for Backward<'_, '_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let Self { lanes: MotionLanes { acceleration, rates, rows, .. }, tape, cotangent, y_bar } = self;
        let m = rates.len();
        rows.copy_from_slice(&cotangent[m..]);
        for (of_a, r) in rows.iter_mut().zip(*rates) {
            of_a.0.iter_mut().for_each(|c| *c /= r);
        }
        let (x_bar, v_bar) = y_bar.split_at_mut(m);
        acceleration.vjp(tape, rows, x_bar, v_bar);
        for ((v, c), &r) in v_bar.iter_mut().zip(cotangent).zip(*rates) {
            v.add_scaled(1.0, c);
            v.0.iter_mut().for_each(|v| *v *= r);
        }
    }
}
