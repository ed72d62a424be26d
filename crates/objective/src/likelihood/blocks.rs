//! How the components of a sample share parameters.

use candle_core::{D, Result, Tensor};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Whether components are independent or jointly distributed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Coupling {
    /// Each component has its own parameters and is independent of the others.
    Componentwise,
    /// All components are one vector with one set of parameters and a density that depends on the
    /// length of the residual alone, so that it turns with the vector.
    Joint,
}

impl Coupling {
    /// The blocks of a sample of `dim` components.
    pub fn blocks(self, dim: usize) -> Blocks {
        match self {
            Self::Componentwise => Blocks { n_blocks: dim, block_dim: 1 },
            Self::Joint => Blocks { n_blocks: 1, block_dim: dim },
        }
    }
}

/// `n_blocks` blocks of `block_dim` components; the components of a block share its parameters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Blocks {
    /// b
    pub n_blocks: usize,
    /// m
    pub block_dim: usize,
}

impl Blocks {
    /// `[n, b·m]` → `[n, b, m]`.
    pub fn view(&self, components: &Tensor) -> Result<Tensor> {
        components.reshape((components.dim(0)?, self.n_blocks, self.block_dim))
    }

    /// The block that a component belongs to.
    pub fn of_component(&self, component: usize) -> usize {
        component / self.block_dim
    }
}

/// What is predicted of every block, in standardised units.
#[derive(Debug, Clone)]
pub struct Natural {
    /// The location as it was predicted, unconstrained: `[n, b, location_width]`.
    pub location: Tensor,
    /// The other parameters in their own domains, in the order of [`super::Likelihood::parameters`]:
    /// `[n, b]` each, or `[n, b, width]` where the width is not 1.
    pub parameters: Vec<Tensor>,
    /// Components per block, m.
    pub block_dim: usize,
}

/// What is predicted of one block of one sample, in the data's own units.
#[derive(Debug, Clone, Copy)]
pub struct BlockValues<'a> {
    /// The location as [`super::Likelihood::location`] reports it.
    pub location: &'a [f64],
    /// All columns of all other parameters, in the order of [`super::Likelihood::parameters`].
    pub parameters: &'a [f64],
    /// Components of the block.
    pub block_dim: usize,
}

impl Natural {
    /// Σ over the components of a block of (y − location)²: `[n, b]`.
    pub(super) fn squared_distance(&self, y: &Tensor) -> Result<Tensor> {
        (y - &self.location)?.sqr()?.sum(D::Minus1)
    }

    /// ‖y − location‖ of each block, `[n, b]`, with gradient 0 (not NaN) where they coincide.
    pub(super) fn distance(&self, y: &Tensor) -> Result<Tensor> {
        // far below the rounding of any square, and its root is far from underflow
        (self.squared_distance(y)? + 1e-200)?.sqrt()
    }
}
