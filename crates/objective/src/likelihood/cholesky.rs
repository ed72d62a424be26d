//! Covariances of d components as L·Lᵀ with L = diag(s)·U, U unit lower triangular.
//!
//! s (`scale`, d numbers) carries the units, U (`mixing`, d(d−1)/2 numbers, row by row) is free of
//! them: a change of the target's units multiplies s alone. With r = y − location the whitened
//! residual z = L⁻¹r solves Uz = r/s from the top, and ln det L = Σ ln sᵢ.

use candle_core::{D, Result, Tensor};
use surprisal_core::rng::{self, Stream};

use super::{BlockValues, Link, Natural, ParameterSpec, Source, Unit};

/// The parameters `scale` and `mixing` of a factor, from one source each.
pub(super) fn specs(scale: Source, mixing: Source, block_dim: usize) -> [ParameterSpec; 2] {
    [
        ParameterSpec {
            name: "scale",
            source: scale,
            link: Link::Exponential,
            unit: Unit::PerComponent,
            width: block_dim,
        },
        ParameterSpec {
            name: "mixing",
            source: mixing,
            link: Link::Identity,
            unit: Unit::Power(0),
            width: block_dim * (block_dim - 1) / 2,
        },
    ]
}

/// ‖z‖² and ln det L of every block, `[n, b]` each.
pub(super) fn whiten(p: &Natural, y: &Tensor, scale: &Tensor, mixing: &Tensor) -> Result<[Tensor; 2]> {
    let (n, b, d) = y.dims3()?;
    let mixing = mixing.reshape((n, b, d * (d - 1) / 2))?;
    let residual = ((y - &p.location)? / scale)?;
    let mut z: Vec<Tensor> = Vec::with_capacity(d);
    for i in 0..d {
        let mut zi = residual.narrow(D::Minus1, i, 1)?;
        for (j, zj) in z.iter().enumerate() {
            zi = (zi - (mixing.narrow(D::Minus1, i * (i - 1) / 2 + j, 1)? * zj)?)?;
        }
        z.push(zi);
    }
    let square = Tensor::cat(&z, D::Minus1)?.sqr()?.sum(D::Minus1)?;
    Ok([square, scale.log()?.sum(D::Minus1)?])
}

/// The factor of one block; `parameters` begin with s and U.
pub(super) struct Factor<'a> {
    scale: &'a [f64],
    mixing: &'a [f64],
}

impl<'a> Factor<'a> {
    pub(super) fn of(parameters: &'a [f64], block: &BlockValues<'_>) -> Self {
        let (scale, mixing) = parameters.split_at(block.block_dim);
        Self { scale, mixing }
    }

    /// √(LLᵀ)ᵢᵢ.
    pub(super) fn deviation(&self, i: usize) -> f64 {
        let row = &self.mixing[i * i.saturating_sub(1) / 2..][..i];
        self.scale[i] * (1.0 + row.iter().map(|u| u * u).sum::<f64>()).sqrt()
    }

    /// L·z for a standard normal z.
    pub(super) fn draw(&self, stream: &mut Stream) -> Vec<f64> {
        let z: Vec<f64> = self.scale.iter().map(|_| rng::standard_normal(stream)).collect();
        (0..z.len())
            .map(|i| {
                let row = &self.mixing[i * i.saturating_sub(1) / 2..][..i];
                self.scale[i] * (z[i] + row.iter().zip(&z).map(|(u, z)| u * z).sum::<f64>())
            })
            .collect()
    }
}
