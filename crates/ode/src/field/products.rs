//! Matrix products over lanes: W x for eight x at once, and Σ d aᵀ over many evaluations.

use pulp::Simd;

use super::lanes::{LANES, Row};

/// A matrix `[n_out, n_in]` in blocks of eight, four, two and one rows, each `[n_in, block]`, so that
/// a product walks it from end to end.
#[derive(Debug, Clone)]
pub(crate) struct Packed {
    n_in: usize,
    n_out: usize,
    values: Vec<f64>,
}

impl Packed {
    /// Packs the matrix whose element (i, j) is `element(i, j)`.
    pub(crate) fn new(n_out: usize, n_in: usize, element: impl Fn(usize, usize) -> f64) -> Self {
        let mut values = Vec::with_capacity(n_out * n_in);
        let mut i = 0;
        for block in [8, 4, 2, 1] {
            while i + block <= n_out {
                for j in 0..n_in {
                    values.extend((i..i + block).map(|i| element(i, j)));
                }
                i += block;
            }
        }
        Self { n_in, n_out, values }
    }

    /// `out` = W x, or W x + b, in every lane. `x` is `[n_in]`, `out` `[n_out]`.
    #[inline(always)]
    pub(crate) fn multiply<S: Simd>(&self, simd: S, bias: Option<&[f64]>, x: &[Row], out: &mut [Row]) {
        debug_assert_eq!((x.len(), out.len()), (self.n_in, self.n_out));
        for part in 0..LANES / S::F64_LANES {
            let (mut i, mut rest) = (0, self.values.as_slice());
            macro_rules! blocks {
                ($n:literal) => {
                    while i + $n <= self.n_out {
                        let (block, behind) = rest.split_at($n * self.n_in);
                        let bias = bias.map(|bias| &bias[i..]);
                        multiply_block::<S, $n>(simd, part, block, bias, x, &mut out[i..i + $n]);
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
fn multiply_block<S: Simd, const N: usize>(
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
            *sum = simd.mul_add_e_f64s(simd.splat_f64s(w), x, *sum);
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
            *sum = simd.add_f64s(simd.add_f64s(a, b), simd.add_f64s(c, d));
        }
    }
    for (out, sum) in out.iter_mut().zip(sums) {
        S::as_mut_simd_f64s(&mut out.0).0[part] = sum;
    }
}

/// `gradient` += Σ d aᵀ over lanes and evaluations. `gradient` is `[n_out, n_in]` row-major, `d`
/// `[n_evaluations, n_out]`, `a` `[n_evaluations, n_in]`.
#[inline(always)]
pub(crate) fn add_outer_products<S: Simd>(
    simd: S,
    n_out: usize,
    n_in: usize,
    d: &[Row],
    a: &[Row],
    gradient: &mut [f64],
) {
    let outer = Outer { n_out, n_in, d, a };
    let mut i = 0;
    macro_rules! rows {
        ($n:literal) => {
            while i + $n <= n_out {
                let mut j = 0;
                while j + 4 <= n_in {
                    outer.add_block::<S, $n, 4>(simd, i, j, gradient);
                    j += 4;
                }
                while j + 2 <= n_in {
                    outer.add_block::<S, $n, 2>(simd, i, j, gradient);
                    j += 2;
                }
                if j < n_in {
                    outer.add_block::<S, $n, 1>(simd, i, j, gradient);
                }
                i += $n;
            }
        };
    }
    rows!(4);
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
    /// The block of N × M elements at (i, j), whose sums stay in registers.
    #[inline(always)]
    fn add_block<S: Simd, const N: usize, const M: usize>(self, simd: S, i: usize, j: usize, gradient: &mut [f64]) {
        let mut sums = [[simd.splat_f64s(0.0); M]; N];
        for (d, a) in self.d.chunks_exact(self.n_out).zip(self.a.chunks_exact(self.n_in)) {
            let (d, a) = (&d[i..i + N], &a[j..j + M]);
            for part in 0..LANES / S::F64_LANES {
                let mut columns = [simd.splat_f64s(0.0); M];
                for (column, a) in columns.iter_mut().zip(a) {
                    *column = load::<S>(a, part);
                }
                for (sums, d) in sums.iter_mut().zip(d) {
                    let d = load::<S>(d, part);
                    for (sum, &column) in sums.iter_mut().zip(&columns) {
                        *sum = simd.mul_add_e_f64s(d, column, *sum);
                    }
                }
            }
        }
        for (r, sums) in sums.iter().enumerate() {
            let row = &mut gradient[(i + r) * self.n_in + j..][..M];
            for (g, &sum) in row.iter_mut().zip(sums) {
                *g += simd.reduce_sum_f64s(sum);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pulp::{Arch, WithSimd};

    struct Both<'a> {
        packed: &'a Packed,
        x: &'a [Row],
        out: &'a mut [Row],
        gradient: &'a mut [f64],
    }

    impl WithSimd for Both<'_> {
        type Output = ();
        #[inline(always)]
        fn with_simd<S: Simd>(self, simd: S) {
            self.packed.multiply(simd, None, self.x, self.out);
            add_outer_products(simd, self.out.len(), self.x.len(), self.out, self.x, self.gradient);
        }
    }

    #[test]
    fn products_of_every_remainder_match_sums_written_out() {
        for (n_out, n_in) in [(1, 1), (2, 3), (7, 5), (15, 9), (24, 8)] {
            let w = |i: usize, j: usize| ((3 * i + 5 * j) % 7) as f64 - 3.0;
            let x: Vec<Row> = (0..n_in).map(|j| Row(std::array::from_fn(|l| ((j + 2 * l) % 5) as f64 - 2.0))).collect();
            let packed = Packed::new(n_out, n_in, w);
            for wide in [true, false] {
                let (mut out, mut gradient) = (vec![Row::ZERO; n_out], vec![1.0; n_out * n_in]);
                let both = Both { packed: &packed, x: &x, out: &mut out, gradient: &mut gradient };
                if wide {
                    Arch::new().dispatch(both)
                } else {
                    both.with_simd(pulp::Scalar)
                }
                // small integers: every order of summation is exact
                for i in 0..n_out {
                    for l in 0..LANES {
                        assert_eq!(out[i].0[l], (0..n_in).map(|j| w(i, j) * x[j].0[l]).sum::<f64>());
                    }
                    for j in 0..n_in {
                        let sum: f64 = (0..LANES).map(|l| out[i].0[l] * x[j].0[l]).sum();
                        assert_eq!(gradient[i * n_in + j], 1.0 + sum);
                    }
                }
            }
        }
    }
}
