//! A shard of trajectories encoded, solved and decoded, and pulled back.

use candle_core::{Device, Tensor};
use surprisal_core::{Cotangent, Layout, Prediction, rng};
use surprisal_ode::{Batch, Problem};

use super::network::Evaluated;
use super::{Latent, LatentGroup, LatentOde, posterior};
use crate::TrainError;

/// Which state of a distribution is meant.
#[derive(Debug, Clone, Copy)]
pub(super) enum Draw {
    /// That of a training step.
    Step(u64),
    /// One of an evaluation.
    Sample(u64),
}

/// All parameters as plain numbers; or a gradient in their shapes.
pub(super) struct Weights {
    pub(super) encoder: Vec<f64>,
    pub(super) field: Vec<f64>,
    pub(super) decoder: Vec<f64>,
}

/// One solved shard.
pub struct LatentTape {
    batch: Batch,
    weights: Weights,
    trajectories: Vec<Solution>,
    /// Samples of which anything was observed.
    pub(super) n_samples: usize,
    /// What the divergences are multiplied by in the loss.
    pub(super) divergence_factor: f64,
}

/// One trajectory of it.
struct Solution {
    encoded: Evaluated,
    /// `[d]`, where the state is drawn.
    noise: Option<Vec<f64>>,
    /// Rows before the context's end.
    n_before: usize,
    /// Times of the solution that are no row: the end of the context.
    n_leading: usize,
    /// One for each row behind the context's end.
    decoded: Vec<Evaluated>,
}

impl LatentTape {
    /// Σ KL over its trajectories.
    pub(super) fn divergence(&self) -> f64 {
        self.trajectories.iter().map(|t| posterior::divergence(&t.encoded.output)).sum()
    }
}

impl Weights {
    fn zeros(like: &Self) -> Self {
        let zeros = |values: &[f64]| vec![0.0; values.len()];
        Self { encoder: zeros(&like.encoder), field: zeros(&like.field), decoder: zeros(&like.decoder) }
    }
}

impl LatentOde {
    pub(super) fn weights(&self) -> candle_core::Result<Weights> {
        let mut weights = Weights { encoder: vec![], field: vec![], decoder: vec![] };
        for parameter in self.parameters.iter() {
            let values = parameter.var.flatten_all()?.to_vec1::<f64>()?;
            match parameter.name.split('.').next() {
                Some("encoder") => weights.encoder.extend(values),
                Some("field") => weights.field.extend(values),
                _ => weights.decoder.extend(values),
            }
        }
        Ok(weights)
    }

    /// The times from the context's end to the last row, and how many of them are no row.
    pub(super) fn times(group: &LatentGroup) -> (Vec<f64>, usize) {
        match group.times.first() {
            Some(0.0) => (group.times.clone(), 0),
            _ => (std::iter::once(0.0).chain(group.times.iter().copied()).collect(), 1),
        }
    }

    /// The normal draws of a trajectory's state.
    fn noise(&self, group: &LatentGroup, draw: Draw) -> Option<Vec<f64>> {
        let Latent::Gaussian(_) = self.latent else { return None };
        let (purpose, index) = match draw {
            Draw::Step(step) => ("step", step),
            Draw::Sample(sample) => ("sample", sample),
        };
        let mut stream = rng::stream(self.seed, &format!("latent_ode.{purpose} {}", group.id), index);
        Some((0..self.field.dim()).map(|_| rng::standard_normal(&mut stream)).collect())
    }

    /// The prediction of a shard. Before the end of a context nothing is predicted: NaN.
    pub(super) fn solve(&self, shard: &[&LatentGroup], draw: Draw) -> Result<(Prediction, LatentTape), TrainError> {
        let (weights, dim) = (self.weights()?, self.field.dim());
        let mut problems = Vec::with_capacity(shard.len());
        let mut trajectories = Vec::with_capacity(shard.len());
        for group in shard {
            let encoded = self.encoder.evaluate(&weights.encoder, &group.context);
            let noise = self.noise(group, draw);
            let y0 = posterior::state(&encoded.output, noise.as_deref());
            let (times, n_leading) = Self::times(group);
            problems.push(Problem { y0, times });
            trajectories.push(Solution { encoded, noise, n_before: group.n_before, n_leading, decoded: vec![] });
        }
        let batch = self.solver.get().solve_many(self.field.as_ref(), &weights.field, &problems);
        let Layout { location, outputs, .. } = self.layout;
        let (mut locations, mut others) = (vec![], vec![]);
        for ((group, solution), solved) in shard.iter().zip(&mut trajectories).zip(&batch.trajectories) {
            let solved = solved.as_ref();
            let solved = solved.map_err(|e| TrainError::Ode { trajectory: group.id.clone(), source: e.clone() })?;
            let rows = solved.states.chunks_exact(dim).skip(solution.n_leading);
            solution.decoded = rows.map(|z| self.decoder.evaluate(&weights.decoder, z)).collect();
            locations.extend(std::iter::repeat_n(f64::NAN, solution.n_before * location));
            others.extend(std::iter::repeat_n(f64::NAN, solution.n_before * outputs));
            for row in &solution.decoded {
                locations.extend_from_slice(&row.output[..location]);
                others.extend_from_slice(&row.output[location..]);
            }
        }
        let n = shard.iter().map(|group| group.n_rows()).sum::<usize>();
        let locations = Tensor::from_vec(locations, (n, location), &Device::Cpu)?;
        let others = (outputs > 0).then(|| Tensor::from_vec(others, (n, outputs), &Device::Cpu)).transpose()?;
        let n_columns = self.layout.dim;
        let n_samples = shard.iter().map(|group| group.n_samples(n_columns)).sum();
        let tape = LatentTape { batch, weights, trajectories, n_samples, divergence_factor: 0.0 };
        Ok((Prediction::new(locations, others), tape))
    }

    /// The gradient of a solved shard.
    pub(super) fn pull_back(&self, tape: &LatentTape, cotangent: &Cotangent) -> Result<Vec<Tensor>, TrainError> {
        let (weights, dim) = (&tape.weights, self.field.dim());
        let Layout { location, outputs, .. } = self.layout;
        let locations_bar = cotangent.location.flatten_all()?.to_vec1::<f64>()?;
        let others_bar = match &cotangent.outputs {
            Some(bar) => bar.flatten_all()?.to_vec1::<f64>()?,
            None => vec![],
        };
        let mut bars = Weights::zeros(weights);
        let mut states_bars = Vec::with_capacity(tape.trajectories.len());
        let mut row = 0;
        for solution in &tape.trajectories {
            row += solution.n_before;
            let mut states_bar = vec![0.0; solution.n_leading * dim];
            for decoded in &solution.decoded {
                let mut raw_bar = locations_bar[row * location..][..location].to_vec();
                raw_bar.extend_from_slice(&others_bar[row * outputs..][..outputs]);
                let z_bar = self.decoder.pull_back(&weights.decoder, decoded, &raw_bar, &mut bars.decoder);
                states_bar.extend(z_bar);
                row += 1;
            }
            states_bars.push(states_bar);
        }
        let gradient = tape.batch.pullback(self.field.as_ref(), &weights.field, &states_bars);
        bars.field = gradient.parameters;
        for (solution, state_bar) in tape.trajectories.iter().zip(&gradient.y0) {
            let Solution { encoded, noise, .. } = solution;
            let factor = tape.divergence_factor;
            let output_bar = posterior::pull_back(&encoded.output, noise.as_deref(), state_bar, factor);
            self.encoder.pull_back(&weights.encoder, encoded, &output_bar, &mut bars.encoder);
        }
        let mut rest = [bars.encoder, bars.field, bars.decoder].concat();
        let tensors = self.parameters.iter().map(|parameter| {
            let behind = rest.split_off(parameter.var.elem_count());
            Tensor::from_vec(std::mem::replace(&mut rest, behind), parameter.var.dims(), &Device::Cpu)
        });
        Ok(tensors.collect::<candle_core::Result<_>>()?)
    }
}
