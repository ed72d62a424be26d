//! A neural ODE behind the predictor's interface.
//!
//! States are divided by their scales and time by one time scale, so that the network sees and
//! returns numbers of order 1: with z = y/s and τ = (t − t₀)/T, dz/dτ = f_θ(z). T is the median of
//! |Δt/Δz| over the training data. A trajectory starts at its first observation, which is therefore
//! an input and not a sample.

use candle_core::{DType, Device, Tensor};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use surprisal_core::prediction::GroupTarget;
use surprisal_core::records::Trajectory;
use surprisal_core::{Cotangent, Layout, Parameters, Prediction};
use surprisal_ode::{Batch, FieldConfig, Problem, SolverConfig, VectorField};

use super::Predictor;
use crate::TrainError;

/// A neural ordinary differential equation.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OdeConfig {
    /// The right-hand side, a vector field of the registry.
    pub field: FieldConfig,
    /// The solver; tolerances apply to states divided by their scales.
    pub solver: SolverConfig,
}

/// Units the network works in.
#[derive(Debug, Clone, PartialEq)]
pub struct SeriesScaling {
    /// Root mean square of each state over the training data.
    pub state: Vec<f64>,
    /// T, in the data's time unit.
    pub time: f64,
}

impl SeriesScaling {
    /// From the training trajectories.
    pub fn fit(train: &[Trajectory]) -> Self {
        let dim = train.first().and_then(|t| t.observed.first()).map_or(0, Vec::len);
        let state: Vec<f64> = (0..dim)
            .map(|i| {
                let values: Vec<f64> =
                    train.iter().flat_map(|t| &t.observed).map(|y| y[i]).filter(|y| y.is_finite()).collect();
                let rms = (values.iter().map(|y| y * y).sum::<f64>() / values.len().max(1) as f64).sqrt();
                if rms > 0.0 { rms } else { 1.0 }
            })
            .collect();
        let mut rates: Vec<f64> = train
            .iter()
            .flat_map(|t| t.times.windows(2).zip(t.observed.windows(2)))
            .flat_map(|(times, y)| {
                let dt = times[1] - times[0];
                (0..dim).map(|i| ((y[1][i] - y[0][i]) / state[i] / dt).abs()).collect::<Vec<_>>()
            })
            .filter(|rate| rate.is_finite() && *rate > 0.0)
            .collect();
        rates.sort_by(f64::total_cmp);
        let time = rates.get(rates.len() / 2).map_or(1.0, |rate| 1.0 / rate);
        Self { state, time }
    }
}

/// A trajectory in the network's units.
#[derive(Debug, Clone)]
pub struct SeriesGroup {
    id: String,
    y0: Vec<f64>,
    /// The first is t₀.
    times: Vec<f64>,
    /// Row-major, after the first time; 0 where missing.
    values: Vec<f64>,
    /// 1 or 0.
    observed: Vec<f64>,
}

impl SeriesGroup {
    /// A trajectory with at least two times whose first observation is complete.
    pub fn new(trajectory: &Trajectory, scaling: &SeriesScaling) -> Result<Self, TrainError> {
        let scaled = |y: &[f64]| y.iter().zip(&scaling.state).map(|(y, s)| y / s).collect::<Vec<f64>>();
        let (id, t0) = (trajectory.id.clone(), trajectory.times.first().copied().unwrap_or(f64::NAN));
        let (Some(first), true) = (trajectory.observed.first(), trajectory.times.len() > 1) else {
            return Err(TrainError::Unfit {
                message: format!(
                    "trajectory `{id}` has {} observed times; a neural ODE needs two or more",
                    trajectory.times.len()
                ),
                hint: "leave the trajectory out, or give it more rows".into(),
            });
        };
        let y0 = scaled(first);
        if y0.iter().any(|y| !y.is_finite()) {
            return Err(TrainError::Unfit {
                message: format!(
                    "trajectory `{id}` starts (line {}) with a state that was not observed",
                    trajectory.lines[0]
                ),
                hint: "a neural ODE starts at the first observation: begin the trajectory where all states are known"
                    .into(),
            });
        }
        let rest: Vec<f64> = trajectory.observed[1..].iter().flat_map(|y| scaled(y)).collect();
        Ok(Self {
            id,
            y0,
            times: trajectory.times.iter().map(|t| (t - t0) / scaling.time).collect(),
            observed: rest.iter().map(|y| f64::from(u8::from(y.is_finite()))).collect(),
            values: rest.iter().map(|y| if y.is_finite() { *y } else { 0.0 }).collect(),
        })
    }
}

/// A vector field with its parameters and solver.
pub struct OdePredictor {
    parameters: Parameters,
    field: Box<dyn VectorField>,
    solver: SolverConfig,
    dim: usize,
}

/// One solved shard.
pub struct OdeTape {
    batch: Batch,
    weights: Vec<f64>,
    /// Times of each trajectory, t₀ included.
    n_times: Vec<usize>,
}

impl OdePredictor {
    /// A field for `layout.dim` states.
    pub fn new(config: &OdeConfig, layout: Layout, seed: u64) -> Result<Self, TrainError> {
        if layout.location != layout.dim || layout.outputs > 0 {
            return Err(TrainError::Unfit {
                message: "a neural ODE predicts the states alone, not further parameters of the likelihood".into(),
                hint: "give every other parameter of the likelihood as \"constant\" or a number, for example `scale = \"constant\"`".into(),
            });
        }
        let field = config.field.get().build(layout.dim);
        let initial = field.initial_parameters(seed);
        let mut parameters = Parameters::new();
        let mut start = 0;
        for block in field.blocks() {
            let values = initial[start..start + block.len()].to_vec();
            start += block.len();
            parameters.add_values(block.name, block.role, values, &block.shape, DType::F64, &Device::Cpu)?;
        }
        Ok(Self { parameters, field, solver: config.solver.clone(), dim: layout.dim })
    }

    fn weights(&self) -> candle_core::Result<Vec<f64>> {
        let blocks = self.parameters.iter().map(|p| p.var.flatten_all()?.to_vec1::<f64>());
        Ok(blocks.collect::<candle_core::Result<Vec<_>>>()?.concat())
    }

    fn solve(&self, shard: &[&SeriesGroup], weights: &[f64]) -> Result<(Prediction, Batch), TrainError> {
        let problems: Vec<Problem> =
            shard.iter().map(|g| Problem { y0: g.y0.clone(), times: g.times.clone() }).collect();
        let batch = self.solver.get().solve_many(self.field.as_ref(), weights, &problems);
        let mut states = Vec::new();
        for (group, trajectory) in shard.iter().zip(&batch.trajectories) {
            let trajectory = trajectory
                .as_ref()
                .map_err(|source| TrainError::Ode { trajectory: group.id.clone(), source: source.clone() })?;
            states.extend_from_slice(&trajectory.states[self.dim..]);
        }
        let n = states.len() / self.dim;
        let location = Tensor::from_vec(states, (n, self.dim), &Device::Cpu)?;
        Ok((Prediction::new(location, None), batch))
    }
}

impl Predictor for OdePredictor {
    type Group = SeriesGroup;
    type Tape = OdeTape;

    fn parameters(&self) -> &Parameters {
        &self.parameters
    }

    fn shard_size(&self) -> usize {
        16
    }

    fn target<'a>(&self, group: &'a SeriesGroup) -> GroupTarget<'a> {
        GroupTarget { values: &group.values, observed: &group.observed, energy: None, attributes: &[], weight: 1.0 }
    }

    fn describe(&self, group: &SeriesGroup) -> String {
        format!("trajectory `{}`", group.id)
    }

    fn predict(&self, shard: &[&SeriesGroup]) -> Result<(Prediction, OdeTape), TrainError> {
        let weights = self.weights()?;
        let (prediction, batch) = self.solve(shard, &weights)?;
        Ok((prediction, OdeTape { batch, weights, n_times: shard.iter().map(|g| g.times.len()).collect() }))
    }

    fn evaluate(&self, shard: &[&SeriesGroup]) -> Result<Prediction, TrainError> {
        Ok(self.solve(shard, &self.weights()?)?.0)
    }

    fn pullback(&self, tape: OdeTape, cotangent: &Cotangent) -> Result<Vec<Tensor>, TrainError> {
        let flat = cotangent.location.flatten_all()?.to_vec1::<f64>()?;
        let mut start = 0;
        let cotangents: Vec<Vec<f64>> = tape
            .n_times
            .iter()
            .map(|n_times| {
                let n = (n_times - 1) * self.dim;
                // The first time is the given initial state.
                let mut of_times = vec![0.0; self.dim];
                of_times.extend_from_slice(&flat[start..start + n]);
                start += n;
                of_times
            })
            .collect();
        let gradient = tape.batch.pullback(self.field.as_ref(), &tape.weights, &cotangents).parameters;
        let mut start = 0;
        self.parameters
            .iter()
            .map(|p| {
                let n = p.var.elem_count();
                start += n;
                Ok(Tensor::from_slice(&gradient[start - n..start], p.var.dims(), &Device::Cpu)?)
            })
            .collect()
    }
}
