//! Solutions of differential equations at many times, for drawing.

use surprisal_core::records::Trajectory;
use surprisal_data::DataConfig;
use surprisal_data::run_file::DenseSeries;
use surprisal_train::predictor::ode::refine;
use surprisal_train::{Predictor, TrainError, shard};

use crate::experiment::{Experiment, ModelConfig};
use crate::plan::Assembled;

/// Trajectories of each split whose solutions are kept at many times, for drawing.
pub(crate) const DRAWN: usize = 12;

impl<P: Predictor> Assembled<P> {
    /// Solutions of the first trajectories between the observations, for drawing.
    pub(crate) fn dense(
        &self,
        trajectories: &[Trajectory],
        groups: &[&P::Group],
        shard_size: usize,
    ) -> Result<DenseSeries, TrainError> {
        let mut dense = DenseSeries::default();
        let mut refined = vec![];
        for (i, (trajectory, group)) in trajectories.iter().zip(groups).take(DRAWN).enumerate() {
            let parts = parts(&trajectory.times);
            refined.extend(self.predictor.refined(group, &parts));
            let times = refine(&trajectory.times, &parts);
            dense.group.extend(std::iter::repeat_n(i as u32, times.len()));
            dense.time.extend(times);
        }
        let refined: Vec<&P::Group> = refined.iter().collect();
        let prediction = shard::evaluate(&self.predictor, &refined, shard_size)?;
        let outcome = self.objective.outcome();
        dense.state = outcome.mean_location(&outcome.data_units(&prediction)?).to_vec();
        Ok(dense)
    }
}

/// Into how many parts the intervals between the observations of a trajectory are cut for drawing: about so
/// many in all, some in each even where time is laid out by its logarithm.
pub(crate) fn parts(times: &[f64]) -> Vec<usize> {
    const ABOUT: f64 = 400.0;
    let all = times.last().copied().unwrap_or(0.0) - times.first().copied().unwrap_or(0.0);
    let fewest = (ABOUT / times.len() as f64).ceil();
    times.windows(2).map(|ends| fewest.max((ABOUT * (ends[1] - ends[0]) / all).ceil()) as usize).collect()
}

/// What the time of trajectories is called, with its unit where it is known; nothing where there is none.
pub(crate) fn time_label(experiment: &Experiment) -> String {
    let DataConfig::CsvSeries(data) = &experiment.data else { return String::new() };
    match &experiment.model {
        ModelConfig::Ode(ode) => match &ode.t_unit {
            Some(unit) if *unit != data.time => format!("{} ({unit})", data.time),
            _ => data.time.clone(),
        },
        _ => data.time.clone(),
    }
}
