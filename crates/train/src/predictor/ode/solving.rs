//! A shard of trajectories solved, and pulled back.

use candle_core::{Device, Tensor};
use surprisal_core::{Cotangent, Prediction};
use surprisal_ode::{Adjoined, Batch, OdeError, OnDevice, Problem, Solver as _, SolverConfig};

use super::OdePredictor;
use super::asked::Asked;
use super::backend::Backend;
use super::course::Course;
use super::group::SeriesGroup;
use super::model::Model;
use super::observed::Observing;
use super::own::OwnNumber;
use super::probes::{Question, Solved};
use super::timeline::{Timeline, scatter};
use crate::TrainError;
use crate::predictor::NetworkAlong;

/// One solved shard.
pub struct OdeTape {
    batch: Batch,
    weights: Weights,
    trajectories: Vec<Solution>,
    /// What the squared gaps are multiplied by in the loss.
    pub(super) gap_factor: f64,
}

/// One trajectory of it.
struct Solution {
    course: Course,
    /// `[n_times * n]`.
    states: Vec<f64>,
    /// `[n_samples * n_columns]`, in units of the target.
    measured: Vec<f64>,
    /// `[n_joints * n_moving]`.
    gaps: Vec<f64>,
}

/// All parameters as plain numbers.
pub(super) struct Weights {
    /// `[p]`, those of the field, as it takes them.
    pub(super) field: Vec<f64>,
    /// `[p]`: dθ/dr of each.
    pub(super) slopes: Vec<f64>,
    /// What is trained of each own number.
    pub(super) own: Vec<Vec<f64>>,
    /// `[n_rows * n_moving]`: where segments start.
    pub(super) segments: Vec<f64>,
}

/// A gradient in the shapes of the weights.
pub(super) struct Bars {
    pub(super) field: Vec<f64>,
    pub(super) own: Vec<Vec<f64>>,
    pub(super) segments: Vec<f64>,
}

impl Bars {
    pub(super) fn zeros(weights: &Weights) -> Self {
        Self {
            field: vec![0.0; weights.field.len()],
            own: weights.own.iter().map(|raw| vec![0.0; raw.len()]).collect(),
            segments: vec![0.0; weights.segments.len()],
        }
    }
}

impl Solution {
    fn solved(&self) -> Solved<'_> {
        Solved { timeline: &self.course.timeline, states: &self.states, first_sample: self.course.first_sample }
    }
}

impl OdeTape {
    /// The sum of all squared gaps between segments, and the number of joints.
    pub(super) fn gaps(&self) -> (f64, usize) {
        let all = self.trajectories.iter();
        (all.clone().flat_map(|t| &t.gaps).map(|gap| gap * gap).sum(), all.map(|t| t.course.n_problems() - 1).sum())
    }

    /// The states of the first trajectory, `[n_times * n]`.
    pub(super) fn into_states(self) -> Option<Vec<f64>> {
        self.trajectories.into_iter().next().map(|solution| solution.states)
    }

    /// How many measured values lie below the floor of the link of `predictor`.
    pub(super) fn n_floored(&self, predictor: &OdePredictor) -> usize {
        let below = |y: &&f64| predictor.link.is_floored(**y, predictor.floor);
        self.trajectories.iter().flat_map(|t| &t.measured).filter(below).count()
    }
}

impl OdePredictor {
    pub(super) fn weights(&self) -> candle_core::Result<Weights> {
        let blocks = self.parameters.iter().take(self.n_field_tensors).map(|p| p.var.flatten_all()?.to_vec1::<f64>());
        let mut field = blocks.collect::<candle_core::Result<Vec<_>>>()?.concat();
        let mut slopes = vec![1.0; field.len()];
        for (parameter, (value, slope)) in self.model.shared().iter().zip(field.iter_mut().zip(&mut slopes)) {
            (*value, *slope) = (parameter.transform.value(*value), parameter.transform.slope(*value));
        }
        let own = self.own.iter().map(OwnNumber::raw).collect::<candle_core::Result<_>>()?;
        let segments = self.segments.as_ref().map(|starts| starts.flatten_all()?.to_vec1()).transpose()?;
        Ok(Weights { field, slopes, own, segments: segments.unwrap_or_default() })
    }

    fn start(&self, group: &SeriesGroup, weights: &Weights) -> Vec<f64> {
        let mut y0 = group.z0.clone();
        for (own, raw) in self.own.iter().zip(&weights.own) {
            y0[own.state] = own.value(raw, group.member, group.z0[own.state]);
        }
        if let Model::Equations(system, _) = &self.model {
            system.start(&weights.field[..system.shared.len()], &mut y0);
        }
        y0
    }

    fn observing<'a>(&'a self, weights: &'a Weights) -> Observing<'a> {
        Observing {
            model: &self.model,
            state_scales: &self.scaling.state,
            column_scales: &self.scaling.column,
            link: self.link,
            floor: self.floor,
            parameters: &weights.field,
        }
    }

    fn asked<'a>(&'a self, weights: &'a Weights) -> Asked<'a> {
        Asked { model: &self.model, parameters: &weights.field }
    }

    /// Integrates every problem.
    pub(super) fn batch(
        &self,
        solver: &SolverConfig,
        adjoined: Option<&Adjoined>,
        weights: &Weights,
        problems: &[Problem],
    ) -> Batch {
        let field = self.model.field();
        match (&self.backend, solver, adjoined) {
            (Backend::Tensors(device), SolverConfig::Tsit5(solver), None) => {
                let on_device = OnDevice { solver: solver.clone(), device: device.clone() };
                on_device.solve_many(field, &weights.field, problems)
            }
            (_, _, Some(adjoined)) => adjoined.solve_many(field, &weights.field, problems),
            (_, _, None) => self.model.solve(solver, &weights.field, problems),
        }
    }

    /// The problem of a whole trajectory.
    pub(super) fn problem(&self, group: &SeriesGroup, timeline: &Timeline, weights: &Weights) -> Problem {
        Problem { y0: self.start(group, weights), times: timeline.times.clone() }
    }

    /// Solves a shard for these questions; the prediction has no probes yet.
    pub(super) fn solve(
        &self,
        shard: &[&SeriesGroup],
        questions: &[Question],
    ) -> Result<(Prediction, OdeTape), TrainError> {
        let weights = self.weights()?;
        let timelines = self.timelines(shard, questions)?;
        let mut problems: Vec<Problem> = vec![];
        let courses: Vec<Course> = shard
            .iter()
            .zip(timelines)
            .map(|(group, timeline)| {
                Course::new(group, timeline, self.start(group, &weights), &weights.segments, &mut problems)
            })
            .collect();
        let dim = self.model.field().dim();
        let batch = self.batch(&self.solver, self.adjoined.as_ref(), &weights, &problems);
        let (mut location, mut trajectories) = (vec![], vec![]);
        for (group, course) in shard.iter().zip(courses) {
            let unsolved = |source| match source {
                OdeError::Device { .. } => TrainError::Device(source),
                source => TrainError::Ode { trajectory: group.id.clone(), source },
            };
            let states = course.states(&batch).map_err(unsolved)?;
            let (times, of_samples) = course.at_samples(&states, dim);
            let measured = self.observing(&weights).measured(&times, &of_samples);
            location.extend(self.observing(&weights).locations(&measured));
            let gaps = course.gaps(&batch, &weights.segments);
            trajectories.push(Solution { course, states, measured, gaps });
        }
        let width = self.scaling.state.len() * self.link.width();
        let n = location.len() / width;
        let location = Tensor::from_vec(location, (n, width), &Device::Cpu)?;
        let tape = OdeTape { batch, weights, trajectories, gap_factor: 0.0 };
        Ok((Prediction::new(location, None), tape))
    }

    /// The networks within the equations along a shard, at the times of its samples.
    pub(super) fn networks_along(&self, shard: &[&SeriesGroup]) -> Result<Vec<NetworkAlong>, TrainError> {
        let Model::Equations(system, _) = &self.model else { return Ok(vec![]) };
        let along =
            |name: &str| NetworkAlong { name: name.to_owned(), input: vec![], output: vec![], reference: vec![] };
        let mut networks: Vec<NetworkAlong> = system.networks().map(along).collect();
        if networks.is_empty() {
            return Ok(networks);
        }
        let (_, tape) = self.solve(shard, &[])?;
        for Solution { course, states, .. } in &tape.trajectories {
            let (times, states) = course.at_samples(states, system.field().dim());
            for (k, network) in networks.iter_mut().enumerate() {
                let (input, output) = system.network_along(k, &tape.weights.field, &times, &states);
                network.input.extend(input);
                network.output.extend(output);
                network.reference.extend(system.reference_along(k, &tape.weights.field, &times, &states));
            }
        }
        Ok(networks)
    }

    /// What penalties ask of a solved shard.
    pub(super) fn answers(&self, tape: &OdeTape) -> Result<Vec<Prediction>, TrainError> {
        let asked = self.asked(&tape.weights);
        let solved = || tape.trajectories.iter().map(Solution::solved);
        Ok(self
            .questions
            .iter()
            .enumerate()
            .map(|(k, q)| q.answer(k, asked, solved()))
            .collect::<candle_core::Result<_>>()?)
    }

    /// The gradient of a solved shard.
    pub(super) fn pull_back(&self, tape: &OdeTape, cotangent: &Cotangent) -> Result<Vec<Tensor>, TrainError> {
        let flat = cotangent.location.flatten_all()?.to_vec1::<f64>()?;
        let of_probes = cotangent.probes.iter().map(|probe| probe.location.flatten_all()?.to_vec1::<f64>());
        let of_probes = of_probes.collect::<candle_core::Result<Vec<_>>>()?;
        let mut of_probes: Vec<&[f64]> = of_probes.iter().map(Vec::as_slice).collect();
        let (field, weights) = (self.model.field(), &tape.weights);
        let dim = field.dim();
        let mut bars = Bars::zeros(weights);
        let (mut rest, mut cotangents, mut gaps_bars) = (&flat[..], vec![], vec![]);
        for solution in &tape.trajectories {
            let Solution { course, states, measured, gaps } = solution;
            let (raw_bar, behind) = rest.split_at(measured.len() * self.link.width());
            rest = behind;
            // a time that is no sample asks for nothing
            let mut states_bar = vec![0.0; states.len()];
            let (times, of_samples) = course.at_samples(states, dim);
            let bar = self.observing(weights).vjp(&times, &of_samples, measured, raw_bar, &mut bars.field);
            scatter(&bar, course.samples(), dim, &mut states_bar);
            for (k, (question, bar)) in self.questions.iter().zip(&mut of_probes).enumerate() {
                question.pull_back(k, self.asked(weights), solution.solved(), bar, &mut states_bar, &mut bars.field);
            }
            let gaps_bar: Vec<f64> = gaps.iter().map(|gap| 2.0 * tape.gap_factor * gap).collect();
            cotangents.extend(course.cotangents(&states_bar, &gaps_bar));
            gaps_bars.push(gaps_bar);
        }
        let gradient = tape.batch.try_pullback(field, &weights.field, &cotangents).map_err(TrainError::Device)?;
        bars.field.iter_mut().zip(&gradient.parameters).for_each(|(sum, g)| *sum += g);
        for (Solution { course, .. }, gaps_bar) in tape.trajectories.iter().zip(&gaps_bars) {
            let mut z_bar = course.start_cotangent(&gradient.y0, gaps_bar, &mut bars.segments);
            if let Model::Equations(system, _) = &self.model {
                let n = system.shared.len();
                system.start_vjp(&weights.field[..n], &course.y0, &mut z_bar, &mut bars.field[..n]);
            }
            for ((own, raw), bar) in self.own.iter().zip(&weights.own).zip(&mut bars.own) {
                own.pull_back(raw, course.member, course.suggestion[own.state], z_bar[own.state], bar);
            }
        }
        bars.field.iter_mut().zip(&weights.slopes).for_each(|(bar, slope)| *bar *= slope);
        self.tensors(bars)
    }

    /// A gradient as tensors in the order of the parameters.
    pub(super) fn tensors(&self, bars: Bars) -> Result<Vec<Tensor>, TrainError> {
        let mut start = 0;
        let mut tensors = Vec::with_capacity(self.parameters.len());
        for parameter in self.parameters.iter().take(self.n_field_tensors) {
            let n = parameter.var.elem_count();
            tensors.push(Tensor::from_slice(&bars.field[start..start + n], parameter.var.dims(), &Device::Cpu)?);
            start += n;
        }
        for bar in bars.own {
            let n = bar.len();
            tensors.push(Tensor::from_vec(bar, n, &Device::Cpu)?);
        }
        if let Some(starts) = &self.segments {
            tensors.push(Tensor::from_vec(bars.segments, starts.dims(), &Device::Cpu)?);
        }
        Ok(tensors)
    }
}
