//! Radial features and directions of pair vectors.
//!
//! Spherical Bessel functions of order 0 with a polynomial envelope (Gasteiger, Groß, Günnemann,
//! ICLR 2020, eqs. 7 and 8): with x = d/c,
//!
//! ```text
//! b_k(d) = √(2/c) sin(kπx)/d · w(x),   k = 1 … n_radial,       b_{n_radial+1}(d) = w(x)
//! w(x) = 1 − ½(p+1)(p+2) x^p + p(p+2) x^(p+1) − ½p(p+1) x^(p+2),   p = 6
//! ```
//!
//! w, w' and w'' vanish at the cut-off c, so energy, forces and their derivatives are continuous
//! there. The last feature makes a linear filter of the features one with a bias that ends smoothly.

use std::f64::consts::PI;

use candle_core::{Result, Tensor};
use surprisal_ops::dual::{Reciprocal, Smooth, SqrtShifted};
use surprisal_ops::fused::{self, Fused};
use surprisal_ops::jet::{Jet, rows, rows_mut};
use surprisal_ops::{Dual, Real};

/// Exponent of the envelope.
const P: i32 = 6;

/// Bessel functions under an envelope.
#[derive(Debug, Clone, Copy)]
pub struct BesselBasis {
    /// Number of Bessel functions; there is one feature more.
    pub n_radial: usize,
    /// Cut-off, Å.
    pub cutoff: f64,
}

impl BesselBasis {
    /// Number of features.
    pub fn width(&self) -> usize {
        self.n_radial + 1
    }

    /// Features of the lengths of pair vectors.
    ///
    /// # Shapes
    /// `[n_pairs, 3]` (Å) → `[n_pairs, n_radial + 1]`.
    pub fn features(&self, vectors: &Dual) -> Result<Dual> {
        if vectors.lanes().device().is_cpu() {
            fused::apply(*self, &[vectors.lanes()]).map(Dual::from_lanes)
        } else {
            self.features_composed(vectors)
        }
    }

    /// [`BesselBasis::features`] by tensor operations: for other devices, and the kernel's oracle.
    pub fn features_composed(&self, vectors: &Dual) -> Result<Dual> {
        let distance = length(vectors)?;
        let envelope = distance.map_composed(Envelope { cutoff: self.cutoff })?;
        let amplitude = distance.map_composed(Reciprocal)?.mul(&envelope)?.scale((2.0 / self.cutoff).sqrt())?;
        let mut features = (1..=self.n_radial)
            .map(|k| distance.scale(k as f64 * PI / self.cutoff)?.map_composed(Sine)?.mul(&amplitude))
            .collect::<Result<Vec<_>>>()?;
        features.push(envelope);
        Dual::cat(&features.iter().collect::<Vec<_>>(), 1)
    }

    /// Calls `each(k, b, b', b'')` for every feature at distance `d`; zero beyond the cut-off.
    #[inline(always)]
    fn for_each(&self, d: f64, mut each: impl FnMut(usize, f64, f64, f64)) {
        let [w, w1, w2] = Envelope { cutoff: self.cutoff }.derivatives(d);
        let (amplitude, frequency) = ((2.0 / self.cutoff).sqrt(), PI / self.cutoff);
        let (sin_1, cos_1) = (frequency * d).sin_cos();
        let (mut sin_k, mut cos_k) = (0.0, 1.0);
        let inverse = 1.0 / d;
        for k in 1..=self.n_radial {
            (sin_k, cos_k) = (sin_k * cos_1 + cos_k * sin_1, cos_k * cos_1 - sin_k * sin_1);
            let f = k as f64 * frequency;
            let b = sin_k * inverse;
            let b1 = (f * cos_k - b) * inverse;
            let b2 = -f * f * b - 2.0 * b1 * inverse;
            each(
                k - 1,
                amplitude * b * w,
                amplitude * (b1 * w + b * w1),
                amplitude * (b2 * w + 2.0 * b1 * w1 + b * w2),
            );
        }
        each(self.n_radial, w, w1, w2);
    }
}

/// r/‖r‖ of pair vectors, `[n_pairs, 3]`.
pub fn directions(vectors: &Dual) -> Result<Dual> {
    if vectors.lanes().device().is_cpu() {
        fused::apply(Direction, &[vectors.lanes()]).map(Dual::from_lanes)
    } else {
        directions_composed(vectors)
    }
}

/// [`directions`] by tensor operations: for other devices, and the kernel's oracle.
pub fn directions_composed(vectors: &Dual) -> Result<Dual> {
    vectors.mul(&length(vectors)?.map_composed(Reciprocal)?)
}

fn length(vectors: &Dual) -> Result<Dual> {
    vectors.mul(vectors)?.sum_keepdim(1)?.map_composed(SqrtShifted { epsilon: 0.0 })
}

#[derive(Debug, Clone, Copy)]
struct Envelope {
    cutoff: f64,
}

/// Coefficients of x^p, x^(p+1), x^(p+2).
const ENVELOPE: [f64; 3] = [-((P + 1) * (P + 2)) as f64 / 2.0, (P * (P + 2)) as f64, -(P * (P + 1)) as f64 / 2.0];

impl Smooth for Envelope {
    #[inline(always)]
    fn derivatives<T: Real>(self, d: T) -> [T; 3] {
        let x = d / T::of(self.cutoff);
        if !(x < T::one()) {
            return [T::zero(); 3];
        }
        let x2 = x * x;
        let x4 = x2 * x2;
        let [a, b, c] = ENVELOPE;
        let polynomial = |a: f64, b: f64, c: f64| T::of(a) + x * (T::of(b) + x * T::of(c));
        let p = f64::from(P);
        [
            T::one() + x4 * x2 * polynomial(a, b, c),
            x4 * x * polynomial(p * a, (p + 1.0) * b, (p + 2.0) * c) / T::of(self.cutoff),
            x4 * polynomial(p * (p - 1.0) * a, (p + 1.0) * p * b, (p + 2.0) * (p + 1.0) * c)
                / T::of(self.cutoff * self.cutoff),
        ]
    }

    fn compose(self, d: &Tensor) -> Result<[Tensor; 2]> {
        let x = (d / self.cutoff)?;
        let [a, b, c] = ENVELOPE;
        let polynomial = |a: f64, b: f64, c: f64| (x.affine(c, b)? * &x)? + a;
        let p = f64::from(P);
        let x5 = (x.sqr()?.sqr()? * &x)?;
        let value = ((&x5 * &x)? * polynomial(a, b, c)?)?.affine(1.0, 1.0)?;
        let first = ((x5 * polynomial(p * a, (p + 1.0) * b, (p + 2.0) * c)?)? / self.cutoff)?;
        Ok([value, first])
    }
}

#[derive(Debug, Clone, Copy)]
struct Sine;

impl Smooth for Sine {
    fn derivatives<T: Real>(self, x: T) -> [T; 3] {
        let (sin, cos) = x.to_f64().sin_cos();
        [T::of(sin), T::of(cos), T::of(-sin)]
    }

    fn compose(self, x: &Tensor) -> Result<[Tensor; 2]> {
        Ok([x.sin()?, x.cos()?])
    }
}

/// x, y and z of pair vectors as jets, and their square q.
#[inline(always)]
fn vector<T: Real, const L: usize>(vectors: &[T], pair: usize) -> ([Jet<T, L>; 3], Jet<T, L>) {
    let row: [_; L] = rows(vectors, 3 * pair, 3);
    let r: [Jet<T, L>; 3] = std::array::from_fn(|k| Jet::load(&row, k));
    (r, r[0].times(r[0]).plus(r[1].times(r[1])).plus(r[2].times(r[2])))
}

/// r̄ += 2 q̄ ⊙ r.
#[inline(always)]
fn pull_square<T: Real, const L: usize>(g: Jet<T, L>, r: &[Jet<T, L>; 3], out: &mut [&mut [T]; L]) {
    for (k, r) in r.iter().enumerate() {
        g.pull(*r).scaled(T::of(2.0)).accumulate(out, k);
    }
}

impl Fused for BesselBasis {
    const NAME: &'static str = "Bessel basis";

    fn output_dims(&self, inputs: &[&[usize]]) -> Vec<usize> {
        vec![inputs[0][0], inputs[0][1], self.width()]
    }

    #[inline(always)]
    fn forward<T: Real, const L: usize>(&self, inputs: &[&[T]], output: &mut [T]) {
        let width = self.width();
        for pair in 0..inputs[0].len() / (3 * L) {
            let (_, q) = vector::<T, L>(inputs[0], pair);
            let d = q.0[0].sqrt();
            let d = q.through(d, T::of(0.5) / d);
            let mut z: [_; L] = rows_mut(output, pair * width, width);
            self.for_each(d.0[0].to_f64(), |k, b, b1, _| d.through(T::of(b), T::of(b1)).store(&mut z, k));
        }
    }

    #[inline(always)]
    fn backward<T: Real, const L: usize>(&self, inputs: &[&[T]], grad: &[T], grads: &mut [Option<&mut [T]>]) {
        let Some(out) = grads[0].as_deref_mut() else { return };
        let width = self.width();
        for pair in 0..inputs[0].len() / (3 * L) {
            let (r, q) = vector::<T, L>(inputs[0], pair);
            let length = q.0[0].sqrt();
            let slope = T::of(0.5) / length;
            let d = q.through(length, slope);
            let g: [_; L] = rows(grad, pair * width, width);
            let mut gd = Jet::zero();
            self.for_each(length.to_f64(), |k, _, b1, b2| {
                gd = gd.plus(Jet::load(&g, k).pull_through(d, T::of(b1), T::of(b2)));
            });
            let gq = gd.pull_through(q, slope, -(slope * slope) / length);
            pull_square(gq, &r, &mut rows_mut(out, 3 * pair, 3));
        }
    }
}

struct Direction;

impl Fused for Direction {
    const NAME: &'static str = "direction";

    fn output_dims(&self, inputs: &[&[usize]]) -> Vec<usize> {
        inputs[0].to_vec()
    }

    #[inline(always)]
    fn forward<T: Real, const L: usize>(&self, inputs: &[&[T]], output: &mut [T]) {
        for pair in 0..output.len() / (3 * L) {
            let (r, q) = vector::<T, L>(inputs[0], pair);
            let inverse = T::one() / q.0[0].sqrt();
            let inverse = q.through(inverse, T::of(-0.5) * inverse * inverse * inverse);
            let mut u: [_; L] = rows_mut(output, 3 * pair, 3);
            (0..3).for_each(|k| r[k].times(inverse).store(&mut u, k));
        }
    }

    #[inline(always)]
    fn backward<T: Real, const L: usize>(&self, inputs: &[&[T]], grad: &[T], grads: &mut [Option<&mut [T]>]) {
        let Some(out) = grads[0].as_deref_mut() else { return };
        for pair in 0..grad.len() / (3 * L) {
            let (r, q) = vector::<T, L>(inputs[0], pair);
            let f0 = T::one() / q.0[0].sqrt();
            let f1 = T::of(-0.5) * f0 * f0 * f0;
            let f2 = T::of(-1.5) * f1 * f0 * f0;
            let inverse = q.through(f0, f1);
            let g: [_; L] = rows(grad, 3 * pair, 3);
            let mut out: [_; L] = rows_mut(out, 3 * pair, 3);
            let mut g_inverse = Jet::zero();
            for k in 0..3 {
                let g = Jet::load(&g, k);
                g_inverse = g_inverse.plus(g.pull(r[k]));
                g.pull(inverse).accumulate(&mut out, k);
            }
            pull_square(g_inverse.pull_through(q, f1, f2), &r, &mut out);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use surprisal_ops::check::{normal, relative, worst_derivative_error};

    #[test]
    fn kernels_have_exact_derivatives_and_equal_the_compositions() {
        let basis = BesselBasis { n_radial: 5, cutoff: 4.0 };
        let r = normal(&[6, 3], 1, 0).unwrap();
        let pair = Dual::with_tangent(&r, &normal(&[6, 3], 1, 1).unwrap()).unwrap();
        let same = |a: Dual, b: Dual| assert!(relative(a.lanes(), b.lanes()).unwrap() < 1e-12);
        same(basis.features(&pair).unwrap(), basis.features_composed(&pair).unwrap());
        same(directions(&pair).unwrap(), directions_composed(&pair).unwrap());
        let x = std::slice::from_ref(&r);
        for worst in [
            worst_derivative_error(|v| basis.features(&v[0]), x).unwrap(),
            worst_derivative_error(|v| basis.features_composed(&v[0]), x).unwrap(),
            worst_derivative_error(|v| directions(&v[0]), x).unwrap(),
        ] {
            assert!(worst < 1e-7, "{worst:e}");
        }
    }

    #[test]
    fn the_envelope_ends_with_two_derivatives_zero() {
        let [w, w1, w2] = Envelope { cutoff: 5.0 }.derivatives(5.0f64 - 1e-7);
        assert!(w.abs() < 1e-12 && w1.abs() < 1e-10 && w2.abs() < 1e-4);
        assert_eq!(Envelope { cutoff: 5.0 }.derivatives(5.1f64), [0.0; 3]);
        assert_eq!(Envelope { cutoff: 5.0 }.derivatives(0.0f64)[0], 1.0);
    }
}
