//! What penalties ask of predicted trajectories beside the predictions: outputs of a network, formulas of
//! states and how much they have changed since the start, rates of change, energies.

use candle_core::{Device, Tensor};
use surprisal_core::{Prediction, Probe, Sought, Times};

use super::asked::{Asked, Quantity};
use super::model::Model;
use super::timeline::{Timeline, gather, scatter};
use crate::TrainError;

/// A probe that the model can answer.
#[derive(Debug, Clone)]
pub(super) struct Question {
    quantity: Quantity,
    when: When,
}

/// The times of a question.
#[derive(Debug, Clone, Copy)]
enum When {
    /// Those of the samples.
    Samples,
    /// The same, and the change since the first time is what is asked.
    ChangeAtSamples,
    /// Its own.
    At(Times),
}

/// A solved trajectory and which of its times are samples.
#[derive(Clone, Copy)]
pub(super) struct Solved<'a> {
    pub(super) timeline: &'a Timeline,
    /// `[n_times * dim]`.
    pub(super) states: &'a [f64],
    pub(super) first_sample: usize,
}

impl Question {
    pub(super) fn new(probe: &Probe, model: &Model, columns: &[String]) -> Result<Self, TrainError> {
        let (sought, when) = match probe {
            Probe::Network { network } => (&Sought::Network { network: network.clone() }, When::Samples),
            Probe::Change { expression } => {
                (&Sought::Formula { expression: expression.clone() }, When::ChangeAtSamples)
            }
            Probe::Along { sought, times } => (sought, When::At(*times)),
            Probe::Moved { .. } | Probe::Inputs => {
                return Err(TrainError::Unfit {
                    message: "a differential equation has no columns of inputs that could be moved".into(),
                    hint: "remove the penalty".into(),
                });
            }
        };
        Ok(Self { quantity: Quantity::new(sought, model, columns)?, when })
    }

    /// Its own times, where it has some.
    pub(super) fn times(&self) -> Option<Times> {
        match self.when {
            When::At(times) => Some(times),
            When::Samples | When::ChangeAtSamples => None,
        }
    }

    /// The answers for all samples or groups, one trajectory after the other; this is question `k`.
    pub(super) fn answer<'a>(
        &self,
        k: usize,
        asked: Asked<'_>,
        solved: impl Iterator<Item = Solved<'a>>,
    ) -> candle_core::Result<Prediction> {
        let width = asked.width(&self.quantity);
        let (mut all, mut groups) = (vec![], 0);
        for one in solved {
            let (times, states) = one.at(k, asked);
            let mut values = asked.values(&self.quantity, &times, &states);
            if let When::ChangeAtSamples = self.when {
                let first = values[0];
                values.iter_mut().for_each(|value| *value -= first);
            }
            let first = if self.times().is_some() { 0 } else { one.first_sample };
            all.extend_from_slice(&values[first * width..]);
            groups += 1;
        }
        match self.when {
            When::At(_) => {
                let each = all.len() / groups;
                Ok(Prediction::of_groups(Tensor::from_vec(all, (groups, each), &Device::Cpu)?))
            }
            When::Samples | When::ChangeAtSamples => {
                let n = all.len() / width;
                Ok(Prediction::new(Tensor::from_vec(all, (n, width), &Device::Cpu)?, None))
            }
        }
    }

    /// Adds the cotangents of states and parameters that come from those of a trajectory's answers,
    /// which stand first in `cotangent` and are taken from it.
    pub(super) fn pull_back(
        &self,
        k: usize,
        asked: Asked<'_>,
        one: Solved<'_>,
        cotangent: &mut &[f64],
        states_bar: &mut [f64],
        parameter_bar: &mut [f64],
    ) {
        let width = asked.width(&self.quantity);
        let (times, states) = one.at(k, asked);
        let first = if self.times().is_some() { 0 } else { one.first_sample };
        let (own, rest) = cotangent.split_at((times.len() - first) * width);
        *cotangent = rest;
        let mut bars = vec![0.0; first * width];
        bars.extend_from_slice(own);
        if let When::ChangeAtSamples = self.when {
            // every change is counted from the first value
            bars[0] -= own.iter().sum::<f64>();
        }
        let mut bar = vec![0.0; states.len()];
        asked.values_vjp(&self.quantity, &times, &states, &bars, &mut bar, parameter_bar);
        scatter(&bar, one.timeline.of_question(k), asked.dim(), states_bar);
    }
}

impl Solved<'_> {
    /// The times of question `k`, and the states there.
    fn at(&self, k: usize, asked: Asked<'_>) -> (Vec<f64>, Vec<f64>) {
        let places = self.timeline.of_question(k);
        (gather(&self.timeline.times, places, 1), gather(self.states, places, asked.dim()))
    }
}
