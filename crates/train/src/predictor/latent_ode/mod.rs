//! A latent ODE with an MLP encoder, as a *conditional* model: what comes after the context of a
//! trajectory, given the context (R. T. Q. Chen, Y. Rubanova, J. Bettencourt, D. Duvenaud, NeurIPS 31
//! (2018), section 5; Y. Rubanova, R. T. Q. Chen, D. Duvenaud, NeurIPS 32 (2019), section 3).
//!
//! ```text
//! z(t₀)  = encoder(context)            or  z(t₀) ~ N(µ, diag σ²), (µ, ln σ) = encoder(context)
//! dz/dτ  = field(z),  τ = (t − t₀)/T
//! raw(t) = decoder(z(t)):              location and outputs of the likelihood at every t > t₀
//! ```
//!
//! t₀ is the *end* of the context: the encoder says what state the system is in now, and no solution has
//! to be carried through times that are known already. The context is an input and never a sample, so
//! that the NLL is that of the future given the past, in nats, and comparable between models that are
//! given the same.
//!
//! **A distribution of states** ([`Latent::Gaussian`]). A training step draws one state of each trajectory
//! (from the seed, the step and the trajectory's name) and adds kl_weight·Σ KL/n to the mean NLL of the
//! batch's n samples: with weight 1 that is minus the evidence lower bound per sample. An evaluation draws S
//! states whose predictions lie side by side, so that the likelihood scores their mixture: −ln (1/S) Σ p(y | zₛ)
//! of each sample, an estimate of its predictive density, and no bound.
//!
//! **Gradients.** Encoder and decoder are pulled back by hand, the solution by its discrete adjoint.

mod config;
mod gradient_check;
mod group;
mod network;
mod posterior;
mod scaling;
mod solving;

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};

use candle_core::{DType, Device, Tensor};
use surprisal_core::prediction::GroupTarget;
use surprisal_core::records::Trajectory;
use surprisal_core::{Cotangent, Layout, Parameters, Prediction, Probe};
use surprisal_ode::{ParameterBlock, SolverConfig, VectorField};

use self::group::Encoded;
use self::network::Network;
use self::solving::Draw;
use super::Predictor;
use super::ode::gradient_check::LIMIT;
use crate::{GradientCheck, TrainError};

pub use config::{Context, GaussianLatent, Latent, LatentOdeConfig, NetworkShape, Point};
pub use group::LatentGroup;
pub use scaling::LatentScaling;
pub use solving::LatentTape;

/// Where ln σ of the first states begins: draws then disturb an encoder little that has learned nothing.
const FIRST_LOG_SIGMA: f64 = -2.0;

/// Encoder, field and decoder with their parameters and solver.
pub struct LatentOde {
    parameters: Parameters,
    encoder: Network,
    field: Box<dyn VectorField>,
    decoder: Network,
    solver: SolverConfig,
    latent: Latent,
    context: Context,
    scaling: LatentScaling,
    layout: Layout,
    /// Largest difference of gradients that is no warning.
    gradient_limit: f64,
    /// Contexts of the trajectories trained on, for later parts of them.
    trained: HashMap<String, Encoded>,
    seed: u64,
    step: AtomicU64,
}

impl LatentOde {
    /// The model of `config` for trajectories like those of `train`, with the parameters that `layout`
    /// asks for.
    pub fn new(
        config: &LatentOdeConfig,
        train: &[Trajectory],
        scaling: LatentScaling,
        layout: Layout,
        seed: u64,
    ) -> Result<Self, TrainError> {
        if let Some((_, message, hint)) = config.problem() {
            return Err(TrainError::Unfit { message, hint: hint.into() });
        }
        let n_places = scaling.slots * group::place_width(scaling.input.shift.len());
        let per_state = match config.latent {
            Latent::Point(_) => 1,
            Latent::Gaussian(_) => 2,
        };
        let trained = |t: &Trajectory| {
            let seen = group::seen(t, config.context)?;
            Ok((t.id.clone(), Encoded::new(t, &seen, &scaling)))
        };
        let mut predictor = Self {
            parameters: Parameters::new(),
            encoder: Network::new(&config.encoder, n_places, per_state * config.latent_dim),
            field: config.field.get().build(config.latent_dim),
            decoder: Network::new(&config.decoder, config.latent_dim, layout.location + layout.outputs),
            solver: config.solver.clone(),
            latent: config.latent.clone(),
            context: config.context,
            trained: train.iter().map(trained).collect::<Result<_, TrainError>>()?,
            scaling,
            layout,
            gradient_limit: config.gradient_check.unwrap_or(LIMIT),
            seed,
            step: AtomicU64::new(0),
        };
        predictor.add_parameters(seed)?;
        Ok(predictor)
    }

    /// Refuses what penalties want to know beside the predictions: nothing else has a meaning here.
    pub fn check_probes(probes: &[Probe]) -> Result<(), TrainError> {
        if probes.is_empty() {
            return Ok(());
        }
        Err(TrainError::Unfit {
            message: "the states of a latent ODE mean nothing that a penalty could look at".into(),
            hint: "remove the penalty, or use `[model.ode]`, whose states are those of the data".into(),
        })
    }

    /// A trajectory, prepared. A later part of one that was trained on is predicted from its context.
    pub fn group(&self, trajectory: &Trajectory) -> Result<LatentGroup, TrainError> {
        let known = self.trained.get(&trajectory.id).filter(|_| trajectory.n_given > 0);
        let (context, first_sample) = match known {
            Some(context) => (context.clone(), trajectory.n_given),
            None => {
                let seen = group::seen(trajectory, self.context)?;
                (Encoded::new(trajectory, &seen, &self.scaling), seen.first_sample)
            }
        };
        Ok(LatentGroup::new(trajectory, context, first_sample, &self.scaling))
    }

    fn add_parameters(&mut self, seed: u64) -> Result<(), TrainError> {
        let mut of_encoder = self.encoder.initial(seed, "latent_ode.encoder");
        if let Latent::Gaussian(_) = self.latent {
            // the last of the biases are those of ln σ
            let n = of_encoder.len();
            of_encoder[n - self.field.dim()..].fill(FIRST_LOG_SIGMA);
        }
        let of_decoder = self.decoder.initial(seed, "latent_ode.decoder");
        let parts = [
            ("encoder", self.encoder.blocks(), of_encoder),
            ("field", self.field.blocks(), self.field.initial_parameters(seed)),
            ("decoder", self.decoder.blocks(), of_decoder),
        ];
        for (part, blocks, values) in parts {
            let mut rest = values.as_slice();
            for ParameterBlock { name, shape, role } in blocks {
                let (block, behind) = rest.split_at(shape.iter().product());
                rest = behind;
                let name = format!("{part}.{name}");
                self.parameters.add_values(name, role, block.to_vec(), &shape, DType::F64, &Device::Cpu)?;
            }
        }
        Ok(())
    }
}

impl Predictor for LatentOde {
    type Group = LatentGroup;
    type Tape = LatentTape;

    fn parameters(&self) -> &Parameters {
        &self.parameters
    }

    fn shard_size(&self) -> usize {
        16
    }

    fn target<'a>(&self, group: &'a LatentGroup) -> GroupTarget<'a> {
        GroupTarget { values: &group.values, observed: &group.observed, energy: None, attributes: &[], weight: 1.0 }
    }

    fn describe(&self, group: &LatentGroup) -> String {
        format!("trajectory `{}`", group.id)
    }

    fn begin_step(&self, step: u64) {
        self.step.store(step, Ordering::Relaxed);
    }

    fn predict(&self, shard: &[&LatentGroup]) -> Result<(Prediction, LatentTape), TrainError> {
        self.solve(shard, Draw::Step(self.step.load(Ordering::Relaxed)))
    }

    fn evaluate(&self, shard: &[&LatentGroup]) -> Result<Prediction, TrainError> {
        match &self.latent {
            Latent::Point(_) => Ok(self.solve(shard, Draw::Sample(0))?.0),
            Latent::Gaussian(gaussian) => {
                let draws = (0..gaussian.samples as u64).map(|k| Ok(self.solve(shard, Draw::Sample(k))?.0));
                Ok(Prediction::side_by_side(&draws.collect::<Result<Vec<_>, TrainError>>()?)?)
            }
        }
    }

    /// The divergence from the standard normal.
    fn batch_term(&self, tapes: &mut [&mut LatentTape], _epoch: usize) -> Option<(&'static str, f64)> {
        let Latent::Gaussian(gaussian) = &self.latent else { return None };
        let n_samples = tapes.iter().map(|tape| tape.n_samples).sum::<usize>().max(1) as f64;
        let factor = gaussian.kl_weight / n_samples;
        let sum: f64 = tapes.iter().map(|tape| tape.divergence()).sum();
        tapes.iter_mut().for_each(|tape| tape.divergence_factor = factor);
        Some(("kl", factor * sum))
    }

    fn pullback(&self, tape: LatentTape, cotangent: &Cotangent) -> Result<Vec<Tensor>, TrainError> {
        self.pull_back(&tape, cotangent)
    }

    fn refined(&self, group: &LatentGroup, parts: &[usize]) -> Option<LatentGroup> {
        Some(group.refined(parts, &self.scaling))
    }

    fn gradient_check(&self, groups: &[&LatentGroup]) -> Result<Option<GradientCheck>, TrainError> {
        self.check_gradient(groups).map(Some)
    }
}
