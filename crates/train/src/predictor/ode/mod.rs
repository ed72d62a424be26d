//! Differential equations behind the predictor's interface: written out, or one network for all
//! states.
//!
//! **A network for all states** (`field`). States are divided by their scales and time by one time
//! scale, so that the network sees and returns numbers of order 1: with z = y/s and τ = (t − t₀)/T,
//! dz/dτ = f_θ(z). T is the median of |Δt/Δz| over the training data.
//!
//! **Equations** (`states` …). They are in the data's own units and times; states are divided by their
//! scales inside the field ([`surprisal_ode::equations`]). What is measured is divided by its root mean square.
//!
//! A trajectory that starts at its first observation has it as an input and not as a sample.

mod config;
mod group;
mod model;
mod own;
mod probes;
mod scaling;

use std::collections::HashMap;

use candle_core::{DType, Device, Tensor};
use surprisal_core::prediction::GroupTarget;
use surprisal_core::records::Trajectory;
use surprisal_core::{Cotangent, Layout, Parameters, Prediction, Probe, Role};
use surprisal_ode::equations::{Start, Transform};
use surprisal_ode::{Batch, EquationError, Problem, SolverConfig};

use self::group::Preparation;
use self::model::Model;
use self::own::OwnNumber;
use self::probes::{Asked, Question, Solved};
use super::{Interpretable, NamedValues, NetworkAlong, OwnTerm, Predictor};
use crate::TrainError;

pub use config::OdeConfig;
pub use group::{SeriesGroup, refine};
pub use scaling::SeriesScaling;

/// What the data of a differential equation consists of.
#[derive(Debug, Clone, Copy)]
pub struct SeriesData<'a> {
    /// Names of the measured columns.
    pub columns: &'a [String],
    /// Names of the input columns.
    pub inputs: &'a [String],
    /// The trajectories to train on.
    pub train: &'a [Trajectory],
    /// Trajectories to predict, those of `train` among them or not.
    pub others: &'a [&'a Trajectory],
}

/// A differential equation with its parameters and solver.
pub struct OdePredictor {
    parameters: Parameters,
    model: Model,
    solver: SolverConfig,
    scaling: SeriesScaling,
    /// Tensors of the field, first among the parameters.
    n_field_tensors: usize,
    own: Vec<OwnNumber>,
    /// What penalties ask.
    questions: Vec<Question>,
    /// Places of the trajectories trained on.
    members: HashMap<String, usize>,
    /// Samples of the training data.
    n_samples: usize,
}

/// One solved shard.
pub struct OdeTape {
    batch: Batch,
    weights: Weights,
    problems: Vec<Problem>,
    first_samples: Vec<usize>,
    members: Vec<Option<usize>>,
    /// Starts as the data tells them.
    suggestions: Vec<Vec<f64>>,
}

/// All parameters as plain numbers.
struct Weights {
    /// `[p]`, those of the field, as it takes them.
    field: Vec<f64>,
    /// `[p]`: dθ/dr of each.
    slopes: Vec<f64>,
    /// What is trained of each own number.
    own: Vec<Vec<f64>>,
}

impl OdePredictor {
    /// The equation of `config` for such data.
    pub fn new(
        config: &OdeConfig,
        data: &SeriesData<'_>,
        scaling: SeriesScaling,
        layout: Layout,
        seed: u64,
    ) -> Result<Self, TrainError> {
        Self::check(layout)?;
        let model = Model::new(config, data, &scaling)?;
        let mut predictor = Self {
            parameters: Parameters::new(),
            model,
            solver: config.solver.clone(),
            scaling,
            n_field_tensors: 0,
            own: vec![],
            questions: vec![],
            members: data.train.iter().enumerate().map(|(m, t)| (t.id.clone(), m)).collect(),
            n_samples: 0,
        };
        predictor.add_field_parameters(seed)?;
        let groups = data.train.iter().map(|t| predictor.group(t)).collect::<Result<Vec<_>, _>>()?;
        predictor.n_samples = groups.iter().map(|g| g.n_observed_samples(data.columns.len())).sum();
        predictor.add_own_numbers(&groups)?;
        Ok(predictor)
    }

    /// The same equation, asked for this too.
    pub fn with_probes(self, probes: &[Probe], columns: &[String]) -> Result<Self, TrainError> {
        let questions =
            probes.iter().map(|probe| Question::new(probe, &self.model, columns)).collect::<Result<_, _>>()?;
        Ok(Self { questions, ..self })
    }

    /// Whether a likelihood of this layout can be served.
    pub fn check(layout: Layout) -> Result<(), TrainError> {
        if layout.location != layout.dim || layout.outputs > 0 {
            return Err(TrainError::Unfit {
                message: "a neural ODE predicts the states alone, not further parameters of the likelihood".into(),
                hint: "give every other parameter of the likelihood as \"constant\" or a number, for example `scale = \"constant\"`".into(),
            });
        }
        Ok(())
    }

    /// A trajectory, prepared.
    pub fn group(&self, trajectory: &Trajectory) -> Result<SeriesGroup, TrainError> {
        let t0 = trajectory.times.first().copied().unwrap_or(f64::NAN);
        let relative = |t: f64| (t - t0) / self.scaling.time;
        let absolute = |t: f64| t;
        let mut group = SeriesGroup::new(
            trajectory,
            &Preparation {
                starts: self.model.starts(),
                state_scales: match &self.model {
                    Model::Network(..) => &self.scaling.state,
                    Model::Equations(system, _) => &system.scales,
                },
                column_scales: &self.scaling.state,
                time: match &self.model {
                    Model::Network(..) => &relative,
                    Model::Equations(..) => &absolute,
                },
                dim: self.model.field().dim(),
                member: self.members.get(&trajectory.id).copied(),
            },
        )?;
        if let (Model::Equations(system, places), Some(last)) = (&self.model, group.z0.last_mut())
            && !system.inputs.is_empty()
        {
            *last = places.get(&trajectory.id).map_or(f64::NAN, |&place| place as f64);
        }
        Ok(group)
    }

    fn add_field_parameters(&mut self, seed: u64) -> Result<(), TrainError> {
        let (field, shared) = (self.model.field(), self.model.shared());
        let initial = field.initial_parameters(seed);
        let mut start = 0;
        for (k, block) in field.blocks().into_iter().enumerate() {
            let mut values = initial[start..start + block.len()].to_vec();
            start += block.len();
            let name = match shared.get(k) {
                Some(parameter) => {
                    values = vec![parameter.transform.raw(parameter.init)];
                    format!("raw.{}", parameter.name)
                }
                None => block.name,
            };
            self.parameters.add_values(name, block.role, values, &block.shape, DType::F64, &Device::Cpu)?;
        }
        self.n_field_tensors = self.parameters.len();
        Ok(())
    }

    fn add_own_numbers(&mut self, train: &[SeriesGroup]) -> Result<(), TrainError> {
        let Model::Equations(system, _) = &self.model else { return Ok(()) };
        let n = system.n_physical();
        let parameters = system.individual.iter().enumerate().map(|(k, parameter)| {
            let raw = vec![parameter.transform.raw(parameter.init); train.len()];
            (n + k, format!("raw.{}", parameter.name), parameter.transform, raw, false)
        });
        let starts = system.starts.iter().enumerate().filter_map(|(i, start)| {
            let Start::Free(column) = start else { return None };
            // what the data does not tell begins at the typical size
            let raw = train.iter().map(|g| if g.z0[i].is_finite() { g.z0[i] } else { 1.0 }).collect();
            Some((i, format!("raw.initial.{}", system.states[i]), Transform::Scaled(1.0), raw, column.is_some()))
        });
        let mut own = vec![];
        for (state, name, transform, raw, suggested) in parameters.chain(starts) {
            self.parameters.add_values(&*name, Role::Bias, raw, &[train.len()], DType::F64, &Device::Cpu)?;
            if let Some(parameter) = self.parameters.get(&name) {
                own.push(OwnNumber { state, transform, var: parameter.var.clone(), suggested });
            }
        }
        self.own = own;
        Ok(())
    }

    fn weights(&self) -> candle_core::Result<Weights> {
        let blocks = self.parameters.iter().take(self.n_field_tensors).map(|p| p.var.flatten_all()?.to_vec1::<f64>());
        let mut field = blocks.collect::<candle_core::Result<Vec<_>>>()?.concat();
        let mut slopes = vec![1.0; field.len()];
        for (parameter, (value, slope)) in self.model.shared().iter().zip(field.iter_mut().zip(&mut slopes)) {
            (*value, *slope) = (parameter.transform.value(*value), parameter.transform.slope(*value));
        }
        let own = self.own.iter().map(OwnNumber::raw).collect::<candle_core::Result<_>>()?;
        Ok(Weights { field, slopes, own })
    }

    fn problem(&self, group: &SeriesGroup, weights: &Weights) -> Problem {
        let mut y0 = group.z0.clone();
        for (own, raw) in self.own.iter().zip(&weights.own) {
            y0[own.state] = own.value(raw, group.member, group.z0[own.state]);
        }
        if let Model::Equations(system, _) = &self.model {
            system.start(&weights.field[..system.shared.len()], &mut y0);
        }
        Problem { y0, times: group.times.clone() }
    }

    fn solve(
        &self,
        shard: &[&SeriesGroup],
        weights: &Weights,
    ) -> Result<(Prediction, Batch, Vec<Problem>), TrainError> {
        let problems: Vec<Problem> = shard.iter().map(|group| self.problem(group, weights)).collect();
        let field = self.model.field();
        let batch = self.model.solve(&self.solver, &weights.field, &problems);
        let mut location = Vec::new();
        for (group, trajectory) in shard.iter().zip(&batch.trajectories) {
            let trajectory = trajectory
                .as_ref()
                .map_err(|source| TrainError::Ode { trajectory: group.id.clone(), source: source.clone() })?;
            let (times, states) =
                (&group.times[group.first_sample..], &trajectory.states[group.first_sample * field.dim()..]);
            match &self.model {
                Model::Network(..) => location.extend_from_slice(states),
                Model::Equations(system, _) => {
                    let measured = system.observe(&weights.field[..system.shared.len()], times, states);
                    location.extend(measured.iter().zip(self.scaling.state.iter().cycle()).map(|(y, s)| y / s));
                }
            }
        }
        let n_columns = self.scaling.state.len();
        let location = Tensor::from_vec(location.clone(), (location.len() / n_columns, n_columns), &Device::Cpu)?;
        Ok((Prediction::new(location, None), batch, problems))
    }
}

impl From<EquationError> for TrainError {
    fn from(error: EquationError) -> Self {
        Self::Equations(Box::new(error))
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
        let (mut prediction, batch, problems) = self.solve(shard, &weights)?;
        let tape = OdeTape {
            batch,
            weights,
            problems,
            first_samples: shard.iter().map(|g| g.first_sample).collect(),
            members: shard.iter().map(|g| g.member).collect(),
            suggestions: shard.iter().map(|g| g.z0.clone()).collect(),
        };
        for question in &self.questions {
            prediction.probes.push(question.answer(self.asked(&tape.weights), tape.solved())?);
        }
        Ok((prediction, tape))
    }

    fn evaluate(&self, shard: &[&SeriesGroup]) -> Result<Prediction, TrainError> {
        Ok(self.solve(shard, &self.weights()?)?.0)
    }

    fn pullback(&self, tape: OdeTape, cotangent: &Cotangent) -> Result<Vec<Tensor>, TrainError> {
        let flat = cotangent.location.flatten_all()?.to_vec1::<f64>()?;
        let of_probes = cotangent.probes.iter().map(|probe| probe.location.flatten_all()?.to_vec1::<f64>());
        let of_probes = of_probes.collect::<candle_core::Result<Vec<_>>>()?;
        let mut of_probes: Vec<&[f64]> = of_probes.iter().map(Vec::as_slice).collect();
        let (field, n_columns) = (self.model.field(), self.scaling.state.len());
        let (dim, weights) = (field.dim(), &tape.weights);
        let mut field_bar = vec![0.0; weights.field.len()];
        let mut start = 0;
        let mut cotangents = vec![];
        for ((problem, &first), solved) in tape.problems.iter().zip(&tape.first_samples).zip(&tape.batch.trajectories) {
            let n = (problem.times.len() - first) * n_columns;
            let measured = &flat[start..start + n];
            start += n;
            // a first time that is no sample asks for nothing
            let mut of_times = vec![0.0; first * dim];
            match (&self.model, solved) {
                (Model::Equations(system, _), Ok(trajectory)) => {
                    let scaled: Vec<f64> =
                        measured.iter().zip(self.scaling.state.iter().cycle()).map(|(g, s)| g / s).collect();
                    let (shared, shared_bar) = split(&weights.field, &mut field_bar, system.shared.len());
                    let (times, states) = (&problem.times[first..], &trajectory.states[first * dim..]);
                    of_times.extend(system.observe_vjp(shared, times, states, &scaled, shared_bar));
                }
                _ => of_times.extend_from_slice(measured),
            }
            if let Ok(trajectory) = solved {
                let one = Solved { problem, states: &trajectory.states, first_sample: first };
                for (question, bars) in self.questions.iter().zip(&mut of_probes) {
                    question.pull_back(self.asked(weights), one, bars, &mut of_times, &mut field_bar);
                }
            }
            cotangents.push(of_times);
        }
        let gradient = tape.batch.pullback(field, &weights.field, &cotangents);
        field_bar.iter_mut().zip(&gradient.parameters).for_each(|(sum, g)| *sum += g);

        let mut own_bars: Vec<Vec<f64>> = weights.own.iter().map(|raw| vec![0.0; raw.len()]).collect();
        for (p, mut z_bar) in gradient.y0.into_iter().enumerate() {
            if let Model::Equations(system, _) = &self.model {
                let (shared, shared_bar) = split(&weights.field, &mut field_bar, system.shared.len());
                system.start_vjp(shared, &tape.problems[p].y0, &mut z_bar, shared_bar);
            }
            for ((own, raw), bar) in self.own.iter().zip(&weights.own).zip(&mut own_bars) {
                own.pull_back(raw, tape.members[p], tape.suggestions[p][own.state], z_bar[own.state], bar);
            }
        }
        field_bar.iter_mut().zip(&weights.slopes).for_each(|(bar, slope)| *bar *= slope);
        self.tensors(&field_bar, own_bars)
    }

    fn refined(&self, group: &SeriesGroup, parts: &[usize]) -> Option<SeriesGroup> {
        Some(group.refined(parts, self.scaling.state.len()))
    }

    fn networks(&self, shard: &[&SeriesGroup]) -> Result<Vec<NetworkAlong>, TrainError> {
        let Model::Equations(system, _) = &self.model else { return Ok(vec![]) };
        let along = |name: &str| NetworkAlong { name: name.to_owned(), input: vec![], output: vec![] };
        let mut networks: Vec<NetworkAlong> = system.networks().map(along).collect();
        if networks.is_empty() {
            return Ok(networks);
        }
        let weights = self.weights()?;
        let (_, batch, problems) = self.solve(shard, &weights)?;
        for ((group, problem), solved) in shard.iter().zip(&problems).zip(&batch.trajectories) {
            // what has no solution has ended `solve`
            let Ok(trajectory) = solved else { continue };
            let first = group.first_sample;
            let (times, states) = (&problem.times[first..], &trajectory.states[first * system.field().dim()..]);
            for (k, network) in networks.iter_mut().enumerate() {
                let (input, output) = system.network_along(k, &weights.field, times, states);
                network.input.extend(input);
                network.output.extend(output);
            }
        }
        Ok(networks)
    }

    fn own_term(&self) -> Result<Option<OwnTerm>, TrainError> {
        let Model::Equations(system, _) = &self.model else { return Ok(None) };
        if system.shared.iter().chain(&system.individual).all(|p| p.prior.is_none()) {
            return Ok(None);
        }
        let weights = self.weights()?;
        // the risk is a mean over samples, and the prior counts once for all of them
        let n = self.n_samples.max(1) as f64;
        let (mut value, mut field_bar) = (0.0, vec![0.0; weights.field.len()]);
        for (k, parameter) in system.shared.iter().enumerate() {
            if let Some(prior) = &parameter.prior {
                let (nll, slope) = prior.nll(weights.field[k]);
                value += nll / n;
                field_bar[k] = slope * weights.slopes[k] / n;
            }
        }
        let mut own_bars: Vec<Vec<f64>> = weights.own.iter().map(|raw| vec![0.0; raw.len()]).collect();
        for (k, parameter) in system.individual.iter().enumerate() {
            if let Some(prior) = &parameter.prior {
                for (&raw, bar) in weights.own[k].iter().zip(&mut own_bars[k]) {
                    let (nll, slope) = prior.nll(parameter.transform.value(raw));
                    value += nll / n;
                    *bar = slope * parameter.transform.slope(raw) / n;
                }
            }
        }
        Ok(Some(OwnTerm { name: "prior", value, gradient: self.tensors(&field_bar, own_bars)? }))
    }

    fn named_values(&self) -> Result<Vec<NamedValues>, TrainError> {
        let Model::Equations(system, _) = &self.model else { return Ok(vec![]) };
        let weights = self.weights()?;
        let mut named: Vec<NamedValues> = system
            .shared
            .iter()
            .zip(&weights.field)
            .map(|(parameter, &value)| NamedValues { name: parameter.name.clone(), values: vec![value] })
            .collect();
        let n = system.n_physical();
        for (own, raw) in self.own.iter().zip(&weights.own) {
            let (name, scale) = match own.state.checked_sub(n) {
                Some(k) => (system.individual[k].name.clone(), 1.0),
                None => (format!("initial.{}", system.states[own.state]), system.scales[own.state]),
            };
            let values = raw.iter().map(|&raw| scale * own.transform.value(raw)).collect();
            named.push(NamedValues { name, values });
        }
        Ok(named)
    }

    fn interpretable(&self) -> Vec<Interpretable> {
        let name = |tensor: &str| tensor.strip_prefix("raw.").map(str::to_owned);
        let known =
            |p: &surprisal_core::Parameter| Some(Interpretable { tensor: p.name.clone(), name: name(&p.name)? });
        self.parameters.iter().filter_map(known).collect()
    }
}

impl OdeTape {
    /// The trajectories, all of which were solved.
    fn solved(&self) -> impl Iterator<Item = Solved<'_>> {
        let samples = self.problems.iter().zip(&self.first_samples);
        samples.zip(&self.batch.trajectories).filter_map(|((problem, &first_sample), trajectory)| {
            let states = &trajectory.as_ref().ok()?.states;
            Some(Solved { problem, states, first_sample })
        })
    }
}

impl OdePredictor {
    fn asked<'a>(&'a self, weights: &'a Weights) -> Asked<'a> {
        Asked { model: &self.model, column_scales: &self.scaling.state, parameters: &weights.field }
    }

    /// A gradient as tensors in the order of the parameters.
    fn tensors(&self, field_bar: &[f64], own_bars: Vec<Vec<f64>>) -> Result<Vec<Tensor>, TrainError> {
        let mut start = 0;
        let mut tensors = Vec::with_capacity(self.parameters.len());
        for parameter in self.parameters.iter().take(self.n_field_tensors) {
            let n = parameter.var.elem_count();
            tensors.push(Tensor::from_slice(&field_bar[start..start + n], parameter.var.dims(), &Device::Cpu)?);
            start += n;
        }
        for bar in own_bars {
            let n = bar.len();
            tensors.push(Tensor::from_vec(bar, n, &Device::Cpu)?);
        }
        Ok(tensors)
    }
}

/// The shared parameters, and their cotangents.
fn split<'a>(field: &'a [f64], field_bar: &'a mut [f64], n_shared: usize) -> (&'a [f64], &'a mut [f64]) {
    (&field[..n_shared], &mut field_bar[..n_shared])
}
