//! From the columns of a prediction in the data's own units to distributions.
//!
//! A sample's columns are member-major, then block-major: for M members and b blocks the location is
//! `[M, b, w]`, each other parameter `[M, b, width]`. The members of an ensemble weigh the same: the
//! predictive distribution of a component is the mixture of theirs, its aleatoric variance the mean of
//! their variances and its epistemic variance that of their means (Lakshminarayanan, Pritzel &
//! Blundell 2017, sec. 2.4).

use crate::likelihood::{BlockValues, Blocks, LikelihoodConfig, Marginal, MixtureMarginal};

/// What the columns of a prediction mean.
#[derive(Debug, Clone)]
pub struct Columns {
    likelihood: LikelihoodConfig,
    blocks: Blocks,
    members: usize,
    /// Reported location columns of a block.
    location: usize,
    /// Name and columns per block of each parameter.
    parameters: Vec<(&'static str, usize)>,
}

/// The columns of one sample.
#[derive(Debug, Clone)]
pub struct SampleColumns<'a> {
    /// `[M·b·w]`
    pub location: &'a [f64],
    /// `[M·b·width]` each.
    pub parameters: Vec<&'a [f64]>,
}

impl Columns {
    /// Those of a likelihood over these blocks, for so many members.
    pub fn new(likelihood: &LikelihoodConfig, blocks: Blocks, members: usize) -> Self {
        let raw = vec![0.0; likelihood.get().location_width(blocks.block_dim)];
        let location = likelihood.get().location(&raw).len();
        let specs = likelihood.get().parameters(blocks.block_dim);
        let parameters = specs.iter().map(|s| (s.name, s.width)).collect();
        Self { likelihood: likelihood.clone(), blocks, members, location, parameters }
    }

    /// Width of the location, per sample.
    pub fn location_width(&self) -> usize {
        self.members * self.blocks.n_blocks * self.location
    }

    /// Name and width per sample of every other column.
    pub fn parameters(&self) -> Vec<(&'static str, usize)> {
        let blocks = self.members * self.blocks.n_blocks;
        self.parameters.iter().map(|(name, width)| (*name, blocks * width)).collect()
    }

    /// The values of one block of one member.
    fn block<'a>(&self, sample: &SampleColumns<'a>, member: usize, block: usize) -> (&'a [f64], Vec<f64>) {
        let i = member * self.blocks.n_blocks + block;
        let columns = sample.parameters.iter().zip(&self.parameters);
        let parameters = columns.flat_map(|(v, (_, width))| &v[i * width..(i + 1) * width]).copied().collect();
        (&sample.location[i * self.location..(i + 1) * self.location], parameters)
    }

    /// Calls `f` with the first component and the members' values of every block.
    fn blocks<'a>(&self, sample: &SampleColumns<'a>, mut f: impl FnMut(&[(&'a [f64], Vec<f64>)])) {
        for block in 0..self.blocks.n_blocks {
            let members: Vec<_> = (0..self.members).map(|member| self.block(sample, member, block)).collect();
            f(&members);
        }
    }

    fn values<'b>(&self, (location, parameters): &'b (&'b [f64], Vec<f64>)) -> BlockValues<'b> {
        BlockValues { location, parameters, block_dim: self.blocks.block_dim }
    }

    /// The predictive distribution of each component, `[d]`; `None` where a column is not a number.
    pub fn marginals(&self, sample: &SampleColumns<'_>) -> Vec<Option<Box<dyn Marginal>>> {
        let mut all = Vec::with_capacity(self.blocks.n_blocks * self.blocks.block_dim);
        self.blocks(sample, |members| {
            let sound = members.iter().all(|(l, p)| l.iter().chain(p).all(|v| v.is_finite()));
            for component in 0..self.blocks.block_dim {
                let mut parts = members.iter().map(|m| self.likelihood.get().marginal(&self.values(m), component));
                all.push(match (sound, members.len()) {
                    (false, _) => None,
                    (true, 1) => parts.next(),
                    (true, _) => Some(Box::new(MixtureMarginal::new(parts.collect())) as Box<dyn Marginal>),
                });
            }
        });
        all
    }

    /// The named uncertainties of each component, `[d]`, each like a standard deviation.
    pub fn uncertainties(&self, sample: &SampleColumns<'_>) -> Vec<Vec<(&'static str, f64)>> {
        let likelihood = self.likelihood.get();
        let mut all = Vec::with_capacity(self.blocks.n_blocks * self.blocks.block_dim);
        self.blocks(sample, |members| {
            for component in 0..self.blocks.block_dim {
                if let [one] = members {
                    all.push(likelihood.uncertainties(&self.values(one), component));
                    continue;
                }
                let parts: Vec<_> = members.iter().map(|m| likelihood.marginal(&self.values(m), component)).collect();
                let n = parts.len() as f64;
                let variance = parts.iter().map(|p| p.variance()).sum::<f64>() / n;
                let mean = parts.iter().map(|p| p.center()).sum::<f64>() / n;
                let between = parts.iter().map(|p| (p.center() - mean).powi(2)).sum::<f64>() / n;
                all.push(vec![("aleatoric", variance.sqrt()), ("epistemic", between.sqrt())]);
            }
        });
        all
    }
}
