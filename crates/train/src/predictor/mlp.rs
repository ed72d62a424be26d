//! A multilayer perceptron on standardised rows; no hidden layer makes it a linear model.
//!
//! h₀ = x, hₖ₊₁ = φ(hₖWₖᵀ + bₖ), and the last layer without φ gives location and outputs side by side.

use candle_core::{DType, Device, Tensor, Var};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use surprisal_core::prediction::GroupTarget;
use surprisal_core::records::Row;
use surprisal_core::{Cotangent, Layout, Parameters, Precision, Prediction, Probe, Role, rng};

use super::standardize::Standardizer;
use super::{Interpretable, Predictor};
use crate::TrainError;

/// A multilayer perceptron on the input columns.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MlpConfig {
    /// Widths of the hidden layers; `[]` is a linear model.
    pub hidden: Vec<usize>,
    /// Between layers.
    #[serde(default)]
    pub activation: Activation,
    /// The type the network computes in.
    #[serde(default = "float64")]
    pub dtype: Precision,
}

fn float64() -> Precision {
    Precision::Float64
}

impl MlpConfig {
    /// The first impossible value, in words that begin with the key in backticks.
    pub fn problem(&self) -> Option<String> {
        let empty = self.hidden.iter().position(|&width| width == 0)?;
        Some(format!("`hidden` must be widths of at least 1, found 0 (layer {})", empty + 1))
    }
}

/// φ.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Activation {
    /// tanh x.
    #[default]
    Tanh,
    /// x·σ(x).
    Silu,
    /// max(x, 0).
    Relu,
}

impl Activation {
    fn apply(self, x: &Tensor) -> candle_core::Result<Tensor> {
        match self {
            Self::Tanh => x.tanh(),
            Self::Silu => x.silu(),
            Self::Relu => x.relu(),
        }
    }
}

/// A row, standardised.
#[derive(Debug, Clone)]
pub struct TableGroup {
    inputs: Vec<f64>,
    targets: Vec<f64>,
    attributes: Vec<u32>,
    weight: f64,
    line: usize,
}

impl TableGroup {
    /// A row in the standardised units of both standardisers.
    pub fn new(row: &Row, inputs: &Standardizer, targets: &Standardizer) -> Self {
        Self {
            inputs: inputs.apply(&row.inputs),
            targets: targets.apply(&row.targets),
            attributes: row.attributes.clone(),
            weight: row.weight,
            line: row.line,
        }
    }
}

/// The network.
#[derive(Debug)]
pub struct Mlp {
    parameters: Parameters,
    activation: Activation,
    dtype: DType,
    device: Device,
    n_inputs: usize,
    layout: Layout,
    probes: Vec<Probe>,
}

impl Mlp {
    /// A network with Glorot-normal weights (Glorot & Bengio 2010, eq. 12) and zero biases.
    pub fn new(
        config: &MlpConfig,
        n_inputs: usize,
        layout: Layout,
        seed: u64,
        device: &Device,
    ) -> Result<Self, TrainError> {
        if let Some(message) = config.problem() {
            return Err(TrainError::Unfit {
                message,
                hint: "leave the layer out; `hidden = []` is a linear model".into(),
            });
        }
        let widths: Vec<usize> = [n_inputs]
            .into_iter()
            .chain(config.hidden.iter().copied())
            .chain([layout.location + layout.outputs])
            .collect();
        let mut parameters = Parameters::new();
        let dtype = config.dtype.dtype();
        for (k, pair) in widths.windows(2).enumerate() {
            let (n_in, n_out) = (pair[0], pair[1]);
            let mut stream = rng::stream(seed, "weights", k as u64);
            let spread = (2.0 / (n_in + n_out) as f64).sqrt();
            let weight = (0..n_in * n_out).map(|_| spread * rng::standard_normal(&mut stream)).collect();
            parameters.add_values(format!("layers.{k}.weight"), Role::Weight, weight, &[n_out, n_in], dtype, device)?;
            parameters.add_values(format!("layers.{k}.bias"), Role::Bias, vec![0.0; n_out], &[n_out], dtype, device)?;
        }
        Ok(Self {
            parameters,
            activation: config.activation,
            dtype,
            device: device.clone(),
            n_inputs,
            layout,
            probes: vec![],
        })
    }

    /// The same network, asked for predictions at moved inputs too.
    pub fn with_probes(self, probes: Vec<Probe>) -> Self {
        Self { probes, ..self }
    }

    /// `[n, n_inputs]` → `[n, location + outputs]`.
    fn forward(&self, inputs: &Tensor, weights: &[Tensor]) -> candle_core::Result<Tensor> {
        // The bias enters as ones·b, so that its gradient is a matrix product and not a slow
        // reduction over rows.
        let ones = Tensor::ones((inputs.dim(0)?, 1), self.dtype, &self.device)?;
        let mut h = inputs.clone();
        let last = weights.len() / 2 - 1;
        for (k, layer) in weights.chunks_exact(2).enumerate() {
            h = (h.matmul(&layer[0].t()?)? + ones.matmul(&layer[1].unsqueeze(0)?)?)?;
            if k < last {
                h = self.activation.apply(&h)?;
            }
        }
        Ok(h)
    }

    /// The rows, then all of them once for each probe.
    fn inputs(&self, shard: &[&TableGroup], probes: &[Probe]) -> candle_core::Result<Tensor> {
        let mut values: Vec<f64> = shard.iter().flat_map(|g| g.inputs.iter().copied()).collect();
        for probe in probes {
            let start = values.len();
            values.extend_from_within(..shard.len() * self.n_inputs);
            values[start..].chunks_exact_mut(self.n_inputs).for_each(|row| row[probe.input] += probe.shift);
        }
        Tensor::from_vec(values, (shard.len() * (1 + probes.len()), self.n_inputs), &Device::Cpu)?
            .to_dtype(self.dtype)?
            .to_device(&self.device)
    }

    /// Of the first `n` rows, with those behind them as probes.
    fn prediction(&self, output: &Tensor, n: usize) -> candle_core::Result<Prediction> {
        let output = output.detach().to_device(&Device::Cpu)?.to_dtype(DType::F64)?;
        let n_probes = output.dim(0)? / n - 1;
        let probes = (1..=n_probes).map(|i| self.columns(&output.narrow(0, i * n, n)?));
        Ok(Prediction {
            probes: probes.collect::<candle_core::Result<_>>()?,
            ..self.columns(&output.narrow(0, 0, n)?)?
        })
    }

    fn columns(&self, output: &Tensor) -> candle_core::Result<Prediction> {
        let Layout { location, outputs, .. } = self.layout;
        let outputs = (outputs > 0).then(|| output.narrow(1, location, outputs)?.contiguous()).transpose()?;
        Ok(Prediction::new(output.narrow(1, 0, location)?.contiguous()?, outputs))
    }
}

impl Predictor for Mlp {
    type Group = TableGroup;
    /// The network's output with its history, and the leaves it hangs from.
    type Tape = (Tensor, Vec<Var>);

    fn parameters(&self) -> &Parameters {
        &self.parameters
    }

    fn shard_size(&self) -> usize {
        256
    }

    /// The coefficients of a linear model, on its standardised inputs.
    fn interpretable(&self) -> Vec<Interpretable> {
        let name = |p: &surprisal_core::Parameter| Interpretable { tensor: p.name.clone(), name: p.name.clone() };
        if self.parameters.len() == 2 { self.parameters.iter().map(name).collect() } else { vec![] }
    }

    fn target<'a>(&self, group: &'a TableGroup) -> GroupTarget<'a> {
        GroupTarget {
            values: &group.targets,
            observed: &[],
            energy: None,
            attributes: &group.attributes,
            weight: group.weight,
        }
    }

    fn describe(&self, group: &TableGroup) -> String {
        format!("line {}", group.line)
    }

    fn predict(&self, shard: &[&TableGroup]) -> Result<(Prediction, Self::Tape), TrainError> {
        let leaves: Vec<Var> = self.parameters.iter().map(|p| p.var.clone()).collect();
        let weights: Vec<Tensor> = leaves.iter().map(|v| v.as_tensor().clone()).collect();
        let output = self.forward(&self.inputs(shard, &self.probes)?, &weights)?;
        Ok((self.prediction(&output, shard.len())?, (output, leaves)))
    }

    fn evaluate(&self, shard: &[&TableGroup]) -> Result<Prediction, TrainError> {
        let weights: Vec<Tensor> = self.parameters.iter().map(|p| p.var.as_detached_tensor()).collect();
        Ok(self.prediction(&self.forward(&self.inputs(shard, &[])?, &weights)?, shard.len())?)
    }

    fn pullback(&self, (output, leaves): Self::Tape, cotangent: &Cotangent) -> Result<Vec<Tensor>, TrainError> {
        let row = |c: &Cotangent| {
            let mut parts = vec![&c.location];
            parts.extend(&c.outputs);
            Tensor::cat(&parts, 1)
        };
        let rows = std::iter::once(cotangent).chain(&cotangent.probes).map(row);
        let rows = rows.collect::<candle_core::Result<Vec<_>>>()?;
        let cotangent = Tensor::cat(&rows, 0)?.to_dtype(self.dtype)?.to_device(&self.device)?;
        let gradients = (output * cotangent)?.sum_all()?.backward()?;
        Ok(leaves
            .iter()
            .map(|leaf| gradients.get(leaf).map_or_else(|| leaf.zeros_like(), |g| Ok(g.clone())))
            .collect::<candle_core::Result<_>>()?)
    }
}
