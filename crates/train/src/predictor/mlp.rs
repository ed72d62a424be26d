//! A multilayer perceptron on standardised rows; no hidden layer makes it a linear model.
//!
//! h₀ = x, hₖ₊₁ = φ(hₖWₖᵀ + bₖ), and the last layer without φ gives location and outputs side by side.
//! With dropout each hₖ of a hidden layer is multiplied by its [`super::dropout`] mask.

use std::sync::atomic::{AtomicU64, Ordering};

use candle_core::{DType, Device, Tensor, Var};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use surprisal_core::prediction::GroupTarget;
use surprisal_core::records::Row;
use surprisal_core::{Cotangent, Layout, Parameters, Precision, Prediction, Probe, Role, rng};

use super::dropout::{self, Draw};
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
    /// Probability with which a hidden unit is dropped in training, at least 0 and below 1.
    #[serde(default)]
    pub dropout: f64,
    /// Networks drawn by dropout at prediction, which predict as a mixture (MC-dropout); 1 predicts
    /// with the whole network.
    #[serde(default = "one")]
    pub mc_samples: usize,
}

fn one() -> usize {
    1
}

fn float64() -> Precision {
    Precision::Float64
}

impl MlpConfig {
    /// The first impossible value, in words that begin with the key in backticks.
    pub fn problem(&self) -> Option<String> {
        if let Some(empty) = self.hidden.iter().position(|&width| width == 0) {
            return Some(format!("`hidden` must be widths of at least 1, found 0 (layer {})", empty + 1));
        }
        if !(0.0..1.0).contains(&self.dropout) {
            return Some(format!("`dropout` must be in [0, 1), found {}", self.dropout));
        }
        if self.dropout > 0.0 && self.hidden.is_empty() {
            return Some("`dropout` drops hidden units, and `hidden = []` has none".into());
        }
        match self.mc_samples {
            0 => Some("`mc_samples` must be at least 1, found 0".into()),
            2.. if self.dropout == 0.0 => Some("`mc_samples` draws networks by dropout, and `dropout` is 0".into()),
            _ => None,
        }
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
    dropout: f64,
    mc_samples: usize,
    hidden: Vec<usize>,
    seed: u64,
    step: AtomicU64,
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
                hint: "widths of at least 1, `dropout` in [0, 1); `hidden = []` is a linear model".into(),
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
            dropout: config.dropout,
            mc_samples: config.mc_samples,
            hidden: config.hidden.clone(),
            seed,
            step: AtomicU64::new(0),
        })
    }

    /// The same network, asked for this too. It has no trajectories to answer other probes with.
    pub fn with_probes(self, probes: Vec<Probe>) -> Self {
        Self { probes, ..self }
    }

    /// `[n, n_inputs]` → the last hidden activations and `[n, location + outputs]`; `masks` are those of
    /// the hidden layers, `[n, width]` each, or none.
    fn forward(&self, inputs: &Tensor, weights: &[Tensor], masks: &[Tensor]) -> candle_core::Result<(Tensor, Tensor)> {
        // The bias enters as ones·b, so that its gradient is a matrix product and not a slow
        // reduction over rows.
        let ones = Tensor::ones((inputs.dim(0)?, 1), self.dtype, &self.device)?;
        let mut h = inputs.clone();
        let mut features = inputs.clone();
        let last = weights.len() / 2 - 1;
        for (k, layer) in weights.chunks_exact(2).enumerate() {
            h = (h.matmul(&layer[0].t()?)? + ones.matmul(&layer[1].unsqueeze(0)?)?)?;
            if k < last {
                h = self.activation.apply(&h)?;
                if let Some(mask) = masks.get(k) {
                    h = (h * mask)?;
                }
                features = h.clone();
            }
        }
        Ok((features, h))
    }

    /// The masks of the rows in each draw, draw after draw, all of it `repeats` times: `[n, width]` for
    /// each hidden layer.
    fn masks(&self, shard: &[&TableGroup], draws: &[Draw], repeats: usize) -> candle_core::Result<Vec<Tensor>> {
        let n_units = self.hidden.iter().sum();
        let rows: Vec<Vec<f64>> = draws
            .iter()
            .flat_map(|draw| shard.iter().map(|g| dropout::mask(self.seed, *draw, g.line, self.dropout, n_units)))
            .collect();
        let mut first = 0;
        let of_layer = |&width: &usize| {
            let values: Vec<f64> = rows.iter().flat_map(|row| &row[first..first + width]).copied().collect();
            first += width;
            let once = Tensor::from_vec(values, (rows.len(), width), &Device::Cpu)?;
            Tensor::cat(&vec![once; repeats], 0)?.to_dtype(self.dtype)?.to_device(&self.device)
        };
        self.hidden.iter().map(of_layer).collect()
    }

    fn detached_weights(&self) -> Vec<Tensor> {
        self.parameters.iter().map(|p| p.var.as_detached_tensor()).collect()
    }

    /// The rows, then all of them once for each probe that moves an input.
    fn inputs(&self, shard: &[&TableGroup], probes: &[Probe]) -> candle_core::Result<Tensor> {
        let n = shard.len() * self.n_inputs;
        let (mut values, mut n_rows) = (inputs_of(shard), shard.len());
        for probe in probes {
            let Probe::Moved { input, shift } = *probe else { continue };
            let start = values.len();
            values.extend_from_within(..n);
            values[start..].chunks_exact_mut(self.n_inputs).for_each(|row| row[input] += shift);
            n_rows += shard.len();
        }
        Tensor::from_vec(values, (n_rows, self.n_inputs), &Device::Cpu)?.to_dtype(self.dtype)?.to_device(&self.device)
    }

    /// Of the first rows, with those behind them as probes.
    fn prediction(&self, output: &Tensor, shard: &[&TableGroup], probes: &[Probe]) -> candle_core::Result<Prediction> {
        let (output, n) = (output.detach().to_device(&Device::Cpu)?.to_dtype(DType::F64)?, shard.len());
        let mut first = n;
        let mut answers = Vec::with_capacity(probes.len());
        for probe in probes {
            if let Probe::Moved { .. } = probe {
                answers.push(self.columns(&output.narrow(0, first, n)?)?);
                first += n;
            } else {
                let inputs = Tensor::from_vec(inputs_of(shard), (n, self.n_inputs), &Device::Cpu)?;
                answers.push(Prediction::new(inputs, None));
            }
        }
        Ok(Prediction { probes: answers, ..self.columns(&output.narrow(0, 0, n)?)? })
    }

    fn columns(&self, output: &Tensor) -> candle_core::Result<Prediction> {
        let Layout { location, outputs, .. } = self.layout;
        let outputs = (outputs > 0).then(|| output.narrow(1, location, outputs)?.contiguous()).transpose()?;
        Ok(Prediction::new(output.narrow(1, 0, location)?.contiguous()?, outputs))
    }
}

/// Row-major.
fn inputs_of(shard: &[&TableGroup]) -> Vec<f64> {
    shard.iter().flat_map(|g| g.inputs.iter().copied()).collect()
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
        let masks = if self.dropout > 0.0 {
            // a row is the same network at its probes
            let moved = self.probes.iter().filter(|probe| matches!(probe, Probe::Moved { .. })).count();
            self.masks(shard, &[Draw::Step(self.step.load(Ordering::Relaxed))], 1 + moved)?
        } else {
            vec![]
        };
        let (_, output) = self.forward(&self.inputs(shard, &self.probes)?, &weights, &masks)?;
        Ok((self.prediction(&output, shard, &self.probes)?, (output, leaves)))
    }

    fn evaluate(&self, shard: &[&TableGroup]) -> Result<Prediction, TrainError> {
        let (n, inputs, weights) = (shard.len(), self.inputs(shard, &[])?, self.detached_weights());
        if self.mc_samples == 1 {
            return Ok(self.prediction(&self.forward(&inputs, &weights, &[])?.1, shard, &[])?);
        }
        let draws: Vec<Draw> = (0..self.mc_samples).map(Draw::Sample).collect();
        let inputs = Tensor::cat(&vec![inputs; draws.len()], 0)?;
        let (_, output) = self.forward(&inputs, &weights, &self.masks(shard, &draws, 1)?)?;
        let members = (0..draws.len()).map(|k| self.prediction(&output.narrow(0, k * n, n)?, shard, &[]));
        Ok(Prediction::side_by_side(&members.collect::<candle_core::Result<Vec<_>>>()?)?)
    }

    fn begin_step(&self, step: u64) {
        self.step.store(step, Ordering::Relaxed);
    }

    fn features(&self, shard: &[&TableGroup]) -> Result<Option<Tensor>, TrainError> {
        let (features, _) = self.forward(&self.inputs(shard, &[])?, &self.detached_weights(), &[])?;
        Ok(Some(features.to_device(&Device::Cpu)?.to_dtype(DType::F64)?))
    }

    fn pullback(&self, (output, leaves): Self::Tape, cotangent: &Cotangent) -> Result<Vec<Tensor>, TrainError> {
        let row = |c: &Cotangent| {
            let mut parts = vec![&c.location];
            parts.extend(&c.outputs);
            Tensor::cat(&parts, 1)
        };
        let probes = self.probes.iter().zip(&cotangent.probes);
        let moved = probes.filter(|(probe, _)| matches!(probe, Probe::Moved { .. })).map(|(_, cotangent)| cotangent);
        let rows = std::iter::once(cotangent).chain(moved).map(row);
        let rows = rows.collect::<candle_core::Result<Vec<_>>>()?;
        let cotangent = Tensor::cat(&rows, 0)?.to_dtype(self.dtype)?.to_device(&self.device)?;
        let gradients = (output * cotangent)?.sum_all()?.backward()?;
        Ok(leaves
            .iter()
            .map(|leaf| gradients.get(leaf).map_or_else(|| leaf.zeros_like(), |g| Ok(g.clone())))
            .collect::<candle_core::Result<_>>()?)
    }
}
