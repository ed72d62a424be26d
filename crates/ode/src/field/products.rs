//! Matrix products over lanes: W x for eight x at once, and Σ d aᵀ over many evaluations.

use std::marker::PhantomData;

use pulp::Simd;

use super::lanes::{LANES, Row};
use super::number::Number;

/// A matrix `[n_out, n_in]` in blocks of eight, four, two and one rows, each `[slots(n_in), block]` slots of
/// neighbouring columns, so that a product walks it from end to end.
#[derive(Debug, Clone)]
pub(crate) struct Packed<T> {
    /// Slots.
    n_in: usize,
    n_out: usize,
    values: Vec<f64>,
    of: PhantomData<T>,
}

impl<T: Number> Packed<T> {
    /// Packs the matrix whose element (i, j) is `element(i, j)`.
    pub(crate) fn new(n_out: usize, n_in: usize, element: impl Fn(usize, usize) -> f64) -> Self {
        let mut values = Vec::with_capacity(n_out * T::slots(n_in));
        let slot = |i: usize, first: usize| T::slot(|k| if first + k < n_in { element(i, first + k) } else { 0.0 });
        let mut i = 0;
        for block in [8, 4, 2, 1] {
            while i + block <= n_out {
                for first in (0..n_in).step_by(T::UNITS) {
                    values.extend((i..i + block).map(|i| slot(i, first)));
                }
                i += block;
            }
        }
        Self { n_in: T::slots(n_in), n_out, values, of: PhantomData }
    }

    /// `out` = W x, or W x + b, in every lane. In rows, `x` is `[slots(n_in)]`, `out` `[slots(n_out)]`; `bias`
    /// is `[n_out]`, each in the first number of a slot.
    #[inline(always)]
    pub(crate) fn multiply<S: Simd>(&self, simd: S, bias: Option<&[f64]>, x: &[Row], out: &mut [Row]) {
        debug_assert_eq!((x.len(), out.len()), (self.n_in, T::slots(self.n_out)));
        for part in 0..LANES / S::F64_LANES {
            let (mut i, mut rest) = (0, self.values.as_slice());
            macro_rules! blocks {
                ($n:literal) => {
                    while i + $n <= self.n_out {
                        let (block, behind) = rest.split_at($n * self.n_in);
                        let bias = bias.map(|bias| &bias[i..]);
                        let out = &mut out[i / T::UNITS..T::slots(i + $n)];
                        multiply_block::<T, S, $n>(simd, part, block, bias, x, out);
                        rest = behind;
                        i += $n;
                    }
                };
            }
            blocks!(8);
            blocks!(4);
            blocks!(2);
            blocks!(1);
        }
    }
}

/// Vector number `part` of a row.
#[inline(always)]
fn load<S: Simd>(row: &Row, part: usize) -> S::f64s {
    S::as_simd_f64s(&row.0).0[part]
}

#[inline(always)]
fn multiply_block<T: Number, S: Simd, const N: usize>(
    simd: S,
    part: usize,
    block: &[f64],
    bias: Option<&[f64]>,
    x: &[Row],
    out: &mut [Row],
) {
    let mut sums = [simd.splat_f64s(0.0); N];
    if let Some(bias) = bias {
        for (sum, &b) in sums.iter_mut().zip(&bias[..N]) {
            *sum = simd.splat_f64s(b);
        }
    }
    let accumulate = |sums: &mut [S::f64s; N], weights: &[f64; N], x: &Row| {
        let x = load::<S>(x, part);
        for (sum, &w) in sums.iter_mut().zip(weights) {
            *sum = T::mul_add_rows(simd, simd.splat_f64s(w), x, *sum);
        }
    };
    let (weights, x) = (block.as_chunks::<N>().0, &x[..block.len() / N]);
    if N >= 8 {
        weights.iter().zip(x).for_each(|(weights, x)| accumulate(&mut sums, weights, x));
    } else {
        // few sums are chains of operations that wait for each other: four chains each
        let mut chains = [sums, [simd.splat_f64s(0.0); N], [simd.splat_f64s(0.0); N], [simd.splat_f64s(0.0); N]];
        let (quads, x_quads) = (weights.as_chunks::<4>(), x.as_chunks::<4>());
        for (weights, x) in quads.0.iter().zip(x_quads.0) {
            for ((chain, weights), x) in chains.iter_mut().zip(weights).zip(x) {
                accumulate(chain, weights, x);
            }
        }
        for ((chain, weights), x) in chains.iter_mut().zip(quads.1).zip(x_quads.1) {
            accumulate(chain, weights, x);
        }
        for (n, sum) in sums.iter_mut().enumerate() {
            let [a, b, c, d] = [chains[0][n], chains[1][n], chains[2][n], chains[3][n]];
            *sum = T::add_rows(simd, T::add_rows(simd, a, b), T::add_rows(simd, c, d));
        }
    }
    for (out, sums) in out.iter_mut().zip(sums.chunks(T::UNITS)) {
        S::as_mut_simd_f64s(&mut out.0).0[part] = T::fold(simd, sums);
    }
}

/// `gradient` += Σ d aᵀ over lanes and evaluations. `gradient` is `[n_out, n_in]` row-major; in rows, `d` is
/// `[n_evaluations, slots(n_out)]`, `a` `[n_evaluations, slots(n_in)]`.
#[inline(always)]
pub(crate) fn add_outer_products<T: Number, S: Simd>(
    simd: S,
    n_out: usize,
    n_in: usize,
    d: &[Row],
    a: &[Row],
    gradient: &mut [f64],
) {
    let outer = Outer { n_out, n_in, d, a };
    let (rows, columns) = (T::slots(n_out), T::slots(n_in));
    let mut i = 0;
    macro_rules! rows {
        ($n:literal) => {
            while i + $n <= rows {
                let mut j = 0;
                while j + 4 <= columns {
                    outer.add_block::<T, S, $n, 4>(simd, i, j, gradient);
                    j += 4;
                }
                while j + 2 <= columns {
                    outer.add_block::<T, S, $n, 2>(simd, i, j, gradient);
                    j += 2;
                }
                if j < columns {
                    outer.add_block::<T, S, $n, 1>(simd, i, j, gradient);
                }
                i += $n;
            }
        };
    }
    // pairs have twice the sums, which are to stay in registers
    if T::UNITS == 1 {
        rows!(4);
    }
    rows!(2);
    rows!(1);
}

#[derive(Clone, Copy)]
struct Outer<'a> {
    n_out: usize,
    n_in: usize,
    d: &'a [Row],
    a: &'a [Row],
}

impl Outer<'_> {
    /// The block of N × M slots at (i, j), whose sums stay in registers: those of the products of numbers in
    /// the same place of their slots, and, of pairs, in different places.
    #[inline(always)]
    fn add_block<T: Number, S: Simd, const N: usize, const M: usize>(
        self,
        simd: S,
        i: usize,
        j: usize,
        gradient: &mut [f64],
    ) {
        let zero = simd.splat_f64s(0.0);
        let (mut straight, mut crossed) = ([[zero; M]; N], [[zero; M]; N]);
        let (n_d, n_a) = (T::slots(self.n_out), T::slots(self.n_in));
        for (d, a) in self.d.chunks_exact(n_d).zip(self.a.chunks_exact(n_a)) {
            let (d, a) = (&d[i..i + N], &a[j..j + M]);
            for part in 0..LANES / S::F64_LANES {
                let mut columns = [zero; M];
                for (column, a) in columns.iter_mut().zip(a) {
                    *column = load::<S>(a, part);
                }
                for (n, d) in d.iter().enumerate() {
                    let d = load::<S>(d, part);
                    for m in 0..M {
                        straight[n][m] = T::mul_add_rows(simd, d, columns[m], straight[n][m]);
                    }
                    if T::UNITS > 1 {
                        let d = T::swap::<S>(d);
                        for m in 0..M {
                            crossed[n][m] = T::mul_add_rows(simd, d, columns[m], crossed[n][m]);
                        }
                    }
                }
            }
        }
        if T::UNITS == 1 {
            for (n, sums) in straight.iter().enumerate() {
                let row = &mut gradient[(i + n) * self.n_in + j..][..M];
                row.iter_mut().zip(sums).for_each(|(g, &sum)| *g += T::sums(simd, sum)[0]);
            }
            return;
        }
        // a last slot may be half empty
        let mut add = |row: usize, column: usize, sum: f64| {
            if row < self.n_out && column < self.n_in {
                gradient[row * self.n_in + column] += sum;
            }
        };
        for n in 0..N {
            for m in 0..M {
                let (row, column) = (T::UNITS * (i + n), T::UNITS * (j + m));
                let [first, second] = T::sums(simd, straight[n][m]);
                add(row, column, first);
                add(row + 1, column + 1, second);
                let [first, second] = T::sums(simd, crossed[n][m]);
                add(row + 1, column, first);
                add(row, column + 1, second);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pulp::{Arch, WithSimd};

    struct Both<'a, T> {
        packed: &'a Packed<T>,
        x: &'a [Row],
        bias: &'a [f64],
        out: &'a mut [Row],
        shape: (usize, usize),
        gradient: &'a mut [f64],
    }

    impl<T: Number> WithSimd for Both<'_, T> {
        type Output = ();
        #[inline(always)]
        fn with_simd<S: Simd>(self, simd: S) {
            self.packed.multiply(simd, Some(self.bias), self.x, self.out);
            let (n_out, n_in) = self.shape;
            add_outer_products::<T, S>(simd, n_out, n_in, self.out, self.x, self.gradient);
        }
    }

    /// The widest vectors of this machine, those of AVX2 where it has them, and none.
    fn every_arch() -> Vec<Arch> {
        let mut all = vec![Arch::new(), Arch::Scalar];
        #[cfg(target_arch = "x86_64")]
        all.extend(pulp::x86::V3::try_new().map(Arch::V3));
        all
    }

    /// Small integers: every order of summation is exact.
    fn check<T: Number>() {
        for (n_out, n_in) in [(1, 1), (2, 3), (7, 5), (15, 9), (24, 8)] {
            let w = |i: usize, j: usize| ((3 * i + 5 * j) % 7) as f64 - 3.0;
            let x: Vec<Row> = (0..n_in).map(|j| Row(std::array::from_fn(|l| ((j + 2 * l) % 5) as f64 - 2.0))).collect();
            let b: Vec<f64> = (0..n_out).map(|i| (i % 4) as f64).collect();
            let bias: Vec<f64> = b.iter().map(|&b| T::slot(|k| if k == 0 { b } else { 0.0 })).collect();
            let mut rows = vec![Row::splat(f64::NAN); T::slots(n_in)];
            T::pack(&x, &mut rows);
            let packed = Packed::<T>::new(n_out, n_in, w);
            for arch in every_arch() {
                let (mut out, mut gradient) = (vec![Row::ZERO; T::slots(n_out)], vec![1.0; n_out * n_in]);
                let shape = (n_out, n_in);
                let both =
                    Both { packed: &packed, x: &rows, bias: &bias, out: &mut out, shape, gradient: &mut gradient };
                T::dispatch(arch, both);
                let mut units = vec![Row::ZERO; n_out];
                T::unpack(&out, &mut units);
                for i in 0..n_out {
                    for l in 0..LANES {
                        assert_eq!(units[i].0[l], b[i] + (0..n_in).map(|j| w(i, j) * x[j].0[l]).sum::<f64>());
                    }
                    for j in 0..n_in {
                        let sum: f64 = (0..LANES).map(|l| units[i].0[l] * x[j].0[l]).sum();
                        assert_eq!(gradient[i * n_in + j], 1.0 + sum);
                    }
                }
            }
        }
    }

    #[test]
    fn products_of_every_remainder_match_sums_written_out() {
        check::<f64>();
        check::<f32>();
    }
}
