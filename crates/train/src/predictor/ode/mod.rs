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
//!
//! **Long series.** Training may see the first part of every trajectory ([`Curriculum`]), or segments
//! with starts of their own ([`Shooting`]), and may begin where slopes of the smoothed data are met
//! ([`GradientMatching`]). Evaluation always solves the whole trajectory from its own start.

mod asked;
mod backend;
mod config;
mod course;
mod curriculum;
pub(super) mod gradient_check;
mod group;
mod matching;
mod model;
mod observed;
mod own;
mod probes;
mod scaling;
mod shooting;
mod smoothing;
mod solving;
mod starting;
mod timeline;

use std::collections::HashMap;

use candle_core::{DType, Device, Tensor, Var};
use surprisal_core::prediction::GroupTarget;
use surprisal_core::records::Trajectory;
use surprisal_core::{Cotangent, Layout, Parameters, Prediction, Probe, Role};
use surprisal_objective::LocationLink;
use surprisal_ode::equations::{Start, Transform};
use surprisal_ode::{Adjoined, EquationError, GradientConfig, SolverConfig};

use self::group::{Joint, Preparation};
use self::model::Model;
use self::own::OwnNumber;
use self::probes::Question;
use self::solving::Bars;
use self::timeline::Timeline;
use super::{Interpretable, NamedValues, NetworkAlong, OwnTerm, Predictor};
use crate::{GradientCheck, TrainError};

pub use backend::Backend;
pub use config::OdeConfig;
pub use curriculum::Curriculum;
pub use group::{SeriesGroup, refine};
pub use matching::{GradientMatching, Slopes};
pub use scaling::SeriesScaling;
pub use shooting::{Growth, Shooting};
pub use solving::OdeTape;

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
    backend: Backend,
    /// The solver, where its gradient is the continuous adjoint.
    adjoined: Option<Adjoined>,
    /// Largest difference of gradients that is no warning.
    gradient_limit: f64,
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
    /// From measured values to locations, with the floor of its logarithms.
    link: LocationLink,
    floor: f64,
    /// The column that measures each state itself.
    measured: Vec<Option<usize>>,
    shooting: Option<Shooting>,
    curriculum: Option<Curriculum>,
    matching: Option<GradientMatching>,
    /// Where the training trajectories are cut, `[n_trained]`.
    joints: Vec<Vec<Joint>>,
    /// `[n_rows, n_moving]`: where segments start.
    segments: Option<Var>,
    /// The training trajectories.
    trained: Vec<SeriesGroup>,
}

impl OdePredictor {
    /// The equation of `config` for such data.
    pub fn new(
        config: &OdeConfig,
        data: &SeriesData<'_>,
        scaling: SeriesScaling,
        link: LocationLink,
        seed: u64,
    ) -> Result<Self, TrainError> {
        let model = Model::new(config, data, &scaling)?;
        let mut predictor = Self {
            parameters: Parameters::new(),
            model,
            solver: config.solver.clone(),
            backend: Backend::default(),
            adjoined: adjoined(config)?,
            gradient_limit: config.gradient_check.unwrap_or(gradient_check::LIMIT),
            scaling,
            n_field_tensors: 0,
            own: vec![],
            questions: vec![],
            members: data.train.iter().enumerate().map(|(m, t)| (t.id.clone(), m)).collect(),
            n_samples: 0,
            link,
            floor: config.floor,
            measured: config.measured(data.columns),
            shooting: config.shooting.clone(),
            curriculum: config.curriculum,
            matching: config.gradient_matching.clone(),
            joints: vec![],
            segments: None,
            trained: vec![],
        };
        predictor.add_field_parameters(seed)?;
        let groups = data.train.iter().map(|t| predictor.group(t)).collect::<Result<Vec<_>, _>>()?;
        predictor.n_samples = groups.iter().map(|g| g.n_observed_samples(data.columns.len())).sum();
        predictor.add_own_numbers(&groups)?;
        predictor.add_segments(&groups)?;
        if predictor.matching.is_some() {
            predictor.all_measured()?;
        }
        predictor.trained = groups;
        Ok(predictor)
    }

    /// The same equation, solved there. What [`OdeConfig::device_problem`] names is not solved in tensors.
    pub fn with_backend(self, backend: Backend) -> Self {
        Self { backend, ..self }
    }

    /// The same equation, asked for this too.
    pub fn with_probes(self, probes: &[Probe], columns: &[String]) -> Result<Self, TrainError> {
        let questions =
            probes.iter().map(|probe| Question::new(probe, &self.model, columns)).collect::<Result<_, _>>()?;
        Ok(Self { questions, ..self })
    }

    /// How a likelihood of this layout is served whose locations are linked to data like this.
    pub fn check(layout: Layout, link: Option<LocationLink>) -> Result<LocationLink, TrainError> {
        let Some(link) = link.filter(|link| layout.location == layout.dim * link.width()) else {
            return Err(TrainError::Unfit {
                message: "a differential equation predicts one value of each column, which is no location of this \
                          likelihood"
                    .into(),
                hint: "use a likelihood of one value: gaussian, student_t, poisson, gamma, beta, von_mises, …".into(),
            });
        };
        if layout.outputs > 0 {
            return Err(TrainError::Unfit {
                message: "a neural ODE predicts the states alone, not further parameters of the likelihood".into(),
                hint: "give every other parameter of the likelihood as \"constant\" or a number, for example `scale = \"constant\"`".into(),
            });
        }
        Ok(link)
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
                state_scales: self.model.state_scales(),
                column_scales: &self.scaling.column,
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
        // so that a penalty that cannot look at it says so now
        self.timeline(&group, &self.questions)?;
        Ok(group)
    }

    /// When a trajectory is solved for these questions.
    fn timeline(&self, group: &SeriesGroup, questions: &[Question]) -> Result<Timeline, TrainError> {
        let asked: Vec<_> = questions.iter().map(Question::times).collect();
        Timeline::new(group, &asked, |t| match &self.model {
            Model::Network(_) => (t - group.t0) / self.scaling.time,
            Model::Equations(..) => t,
        })
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
        let (model, n) = (&self.model, self.model.states().len());
        let parameters = model.individual().iter().enumerate().map(|(k, parameter)| {
            let raw = vec![parameter.transform.raw(parameter.init); train.len()];
            (n + k, format!("raw.{}", parameter.name), parameter.transform, raw, false)
        });
        let starts = model.starts().iter().enumerate().filter_map(|(i, start)| {
            // what the data does not tell begins at the typical size, or at rest
            let (suggested, otherwise) = match start {
                Start::Free(column) => (column.is_some(), 1.0),
                Start::Slope(_) => (true, 0.0),
                Start::Observed(_) | Start::Number(_) | Start::Expression(_) => return None,
            };
            let raw = train.iter().map(|g| if g.z0[i].is_finite() { g.z0[i] } else { otherwise }).collect();
            Some((i, format!("raw.initial.{}", model.states()[i]), Transform::Scaled(1.0), raw, suggested))
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

    /// When the trajectories of a shard are solved for these questions.
    fn timelines(&self, shard: &[&SeriesGroup], questions: &[Question]) -> Result<Vec<Timeline>, TrainError> {
        shard.iter().map(|group| self.timeline(group, questions)).collect()
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
        self.backend.shard_size()
    }

    fn target<'a>(&self, group: &'a SeriesGroup) -> GroupTarget<'a> {
        GroupTarget { values: &group.values, observed: &group.observed, energy: None, attributes: &[], weight: 1.0 }
    }

    fn describe(&self, group: &SeriesGroup) -> String {
        format!("trajectory `{}`", group.id)
    }

    fn predict(&self, shard: &[&SeriesGroup]) -> Result<(Prediction, OdeTape), TrainError> {
        let (mut prediction, tape) = self.solve(shard, &self.questions)?;
        prediction.probes = self.answers(&tape)?;
        Ok((prediction, tape))
    }

    fn evaluate(&self, shard: &[&SeriesGroup]) -> Result<Prediction, TrainError> {
        Ok(self.solve(shard, &[])?.0)
    }

    fn pullback(&self, tape: OdeTape, cotangent: &Cotangent) -> Result<Vec<Tensor>, TrainError> {
        self.pull_back(&tape, cotangent)
    }

    fn initialize(&self, groups: &[&SeriesGroup]) -> Result<Vec<String>, TrainError> {
        let done = self.matching.as_ref().map(|config| self.match_gradients(config, groups));
        Ok(done.transpose()?.into_iter().collect())
    }

    /// The first part, or segments, of a trajectory.
    fn in_training(&self, group: &SeriesGroup, epoch: usize) -> Option<SeriesGroup> {
        let n_columns = self.scaling.state.len();
        let share = self.curriculum.and_then(|curriculum| curriculum.share(epoch));
        let joints = match (&self.shooting, group.member) {
            (Some(shooting), Some(member)) if shooting.is_on(epoch) => self.joints[member].as_slice(),
            _ => &[],
        };
        if share.is_none() && joints.is_empty() {
            return None;
        }
        let n = share.map_or(group.times.len(), |share| Curriculum::n_times(share, &group.times));
        let cut = SeriesGroup { joints: joints.to_vec(), ..group.clone() };
        Some(cut.first(n.max(group.n_least(n_columns)), n_columns))
    }

    /// The gaps between segments: w times the mean over all joints of their squared size.
    fn batch_term(&self, tapes: &mut [&mut OdeTape], epoch: usize) -> Option<(&'static str, f64)> {
        let shooting = self.shooting.as_ref()?;
        let (sum, n) = tapes.iter().map(|tape| tape.gaps()).fold((0.0, 0), |all, one| (all.0 + one.0, all.1 + one.1));
        if n == 0 {
            return None;
        }
        let factor = shooting.weight(epoch) / n as f64;
        tapes.iter_mut().for_each(|tape| tape.gap_factor = factor);
        Some(("continuity", factor * sum))
    }

    fn refined(&self, group: &SeriesGroup, parts: &[usize]) -> Option<SeriesGroup> {
        Some(group.refined(parts, self.scaling.state.len()))
    }

    fn gradient_check(&self, groups: &[&SeriesGroup]) -> Result<Option<GradientCheck>, TrainError> {
        self.check_gradient(groups).map(Some)
    }

    fn networks(&self, shard: &[&SeriesGroup]) -> Result<Vec<NetworkAlong>, TrainError> {
        self.networks_along(shard)
    }

    fn own_term(&self) -> Result<Option<OwnTerm>, TrainError> {
        let Model::Equations(system, _) = &self.model else { return Ok(None) };
        if system.shared.iter().chain(&system.individual).all(|p| p.prior.is_none()) {
            return Ok(None);
        }
        let weights = self.weights()?;
        // the risk is a mean over samples, and the prior counts once for all of them
        let n = self.n_samples.max(1) as f64;
        let (mut value, mut bars) = (0.0, Bars::zeros(&weights));
        for (k, parameter) in system.shared.iter().enumerate() {
            if let Some(prior) = &parameter.prior {
                let (nll, slope) = prior.nll(weights.field[k]);
                value += nll / n;
                bars.field[k] = slope * weights.slopes[k] / n;
            }
        }
        for (k, parameter) in system.individual.iter().enumerate() {
            if let Some(prior) = &parameter.prior {
                for (&raw, bar) in weights.own[k].iter().zip(&mut bars.own[k]) {
                    let (nll, slope) = prior.nll(parameter.transform.value(raw));
                    value += nll / n;
                    *bar = slope * parameter.transform.slope(raw) / n;
                }
            }
        }
        Ok(Some(OwnTerm { name: "prior", value, gradient: self.tensors(bars)? }))
    }

    fn named_values(&self) -> Result<Vec<NamedValues>, TrainError> {
        let (model, weights) = (&self.model, self.weights()?);
        let mut named: Vec<NamedValues> = model
            .shared()
            .iter()
            .zip(&weights.field)
            .map(|(parameter, &value)| NamedValues { name: parameter.name.clone(), values: vec![value] })
            .collect();
        for (name, quantity) in model.quantities() {
            let raw =
                self.parameters.get(&quantity.block).map(|p| p.var.flatten_all()?.to_vec1::<f64>()).transpose()?;
            let values = raw.iter().flatten().map(|raw| quantity.unit * raw.exp()).collect();
            named.push(NamedValues { name, values });
        }
        for (own, raw) in self.own.iter().zip(&weights.own) {
            let (name, scale) = match own.state.checked_sub(model.states().len()) {
                Some(k) => (model.individual()[k].name.clone(), 1.0),
                None => (format!("initial.{}", model.states()[own.state]), model.state_scales()[own.state]),
            };
            let values = raw.iter().map(|&raw| scale * own.transform.value(raw)).collect();
            named.push(NamedValues { name, values });
        }
        Ok(named)
    }

    fn is_scaffold(&self, tensor: &str) -> bool {
        tensor == starting::STARTS
    }

    /// How far the segments are from being one trajectory, in scales of the states; how many measured
    /// values lie below the floor of their logarithm.
    fn diagnostic_names(&self) -> Vec<String> {
        let gap = self.segments.as_ref().map(|_| "segments.gap".to_owned());
        let floored = matches!(self.link, LocationLink::Log | LocationLink::Logit);
        gap.into_iter().chain(floored.then(|| "observations.below_floor".to_owned())).collect()
    }

    fn diagnostics(&self) -> Result<Vec<f64>, TrainError> {
        let (mut gaps, mut n_joints, mut n_floored) = (0.0, 0, 0);
        let names = self.diagnostic_names();
        for shard in self.trained.chunks(self.shard_size()).filter(|_| !names.is_empty()) {
            let cut = |group: &SeriesGroup| SeriesGroup {
                joints: group.member.and_then(|m| self.joints.get(m)).cloned().unwrap_or_default(),
                ..group.clone()
            };
            let cut: Vec<SeriesGroup> = shard.iter().map(cut).collect();
            // where the weights kept cannot be solved there is nothing to say
            let Ok((_, tape)) = self.solve(&cut.iter().collect::<Vec<_>>(), &[]) else {
                return Ok(vec![f64::NAN; names.len()]);
            };
            let (sum, n) = tape.gaps();
            (gaps, n_joints, n_floored) = (gaps + sum, n_joints + n, n_floored + tape.n_floored(self));
        }
        let value =
            |name: &String| if name == "segments.gap" { (gaps / n_joints as f64).sqrt() } else { n_floored as f64 };
        Ok(names.iter().map(value).collect())
    }

    fn interpretable(&self) -> Vec<Interpretable> {
        let name = |tensor: &str| tensor.strip_prefix("raw.").map(str::to_owned);
        let known =
            |p: &surprisal_core::Parameter| Some(Interpretable { tensor: p.name.clone(), name: name(&p.name)? });
        let quantities = self.model.quantities().into_iter();
        let of_field = quantities.map(|(name, quantity)| Interpretable { tensor: quantity.block, name });
        of_field.chain(self.parameters.iter().filter_map(known)).collect()
    }
}

/// The solver, where the configuration asks for its continuous adjoint.
fn adjoined(config: &OdeConfig) -> Result<Option<Adjoined>, TrainError> {
    match (&config.gradient, &config.solver) {
        (Some(GradientConfig::ContinuousAdjoint(adjoint)), SolverConfig::Tsit5(solver)) => {
            Ok(Some(adjoint.with(solver)))
        }
        (Some(GradientConfig::ContinuousAdjoint(_)), solver) => Err(TrainError::Unfit {
            message: format!("`continuous_adjoint` needs the solver `tsit5`, and not `{}`", solver.name()),
            hint: "use `[model.ode.solver.tsit5]`, or leave `gradient` out".into(),
        }),
        (Some(GradientConfig::Discrete(_)) | None, _) => Ok(None),
    }
}
