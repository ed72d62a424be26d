//! Solutions of differential equations at many times, for drawing.

use surprisal_core::records::Trajectory;
use surprisal_data::DataConfig;
use surprisal_data::run_file::{DenseNetwork, DenseSeries, NetworkLayout};
use surprisal_train::fit::Fit;
use surprisal_train::intervals::Directions;
use surprisal_train::predictor::ode::refine;
use surprisal_train::{Predictor, TrainError, shard};

use crate::experiment::{Experiment, ModelConfig};
use crate::plan::Assembled;

/// Trajectories of each split whose solutions are kept at many times, for drawing.
pub(crate) const DRAWN: usize = 12;

impl<P: Predictor> Assembled<P> {
    /// Solutions of the first trajectories between the observations, how uncertain they are, and the
    /// networks along them, for drawing.
    pub(crate) fn dense(
        &self,
        trajectories: &[Trajectory],
        groups: &[&P::Group],
        (fit, directions): (&Fit<'_, P>, &Directions),
        experiment: &Experiment,
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
        if refined.is_empty() {
            return Ok(dense);
        }
        let outcome = self.objective.outcome();
        let solved = || -> Result<_, TrainError> {
            let prediction = shard::evaluate(&self.predictor, &refined, self.shard_size(experiment))?;
            Ok(outcome.data_units(&prediction)?)
        };
        let at_best = solved()?;
        dense.state = outcome.mean_location(&at_best).to_vec();
        if outcome.members() > 1 {
            let per_sample = dense.state.len() / dense.time.len();
            dense.sd = between_members(&at_best.location, outcome.members(), per_sample);
        } else if !directions.is_empty() {
            // a solver that fails beside the weights kept takes the band, and not the run
            let predicted = || Ok::<_, TrainError>(outcome.mean_location(&solved()?).to_vec());
            dense.sd = fit.spread(directions, predicted).unwrap_or_default();
        }
        let layouts = networks(experiment);
        for along in self.predictor.networks(&refined)? {
            let Some(layout) = layouts.iter().find(|layout| layout.name == along.name).cloned() else { continue };
            let NetworkLayout { name, inputs, outputs, .. } = layout;
            dense.networks.push(DenseNetwork {
                name,
                inputs,
                outputs,
                input: along.input,
                output: along.output,
                reference: along.reference,
            });
        }
        Ok(dense)
    }
}

/// Standard deviations between members, that of the population, whose locations lie side by side in each sample.
fn between_members(location: &[f64], members: usize, per_sample: usize) -> Vec<f64> {
    let mut sd = vec![];
    for sample in location.chunks_exact(members * per_sample) {
        for c in 0..per_sample {
            let values = || sample.iter().skip(c).step_by(per_sample);
            let mean = values().sum::<f64>() / members as f64;
            sd.push((values().map(|v| (v - mean) * (v - mean)).sum::<f64>() / members as f64).sqrt());
        }
    }
    sd
}

/// Networks within the equations of an experiment.
pub(crate) fn networks(experiment: &Experiment) -> Vec<NetworkLayout> {
    let ModelConfig::Ode(ode) = &experiment.model else { return vec![] };
    let of = |(name, network): (&String, &surprisal_ode::equations::NetworkConfig)| NetworkLayout {
        name: name.clone(),
        inputs: network.inputs.clone(),
        outputs: network.outputs.clone(),
        members: experiment.n_models(),
        compared: !network.reference.is_empty(),
    };
    ode.networks.iter().map(of).collect()
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
    let unit = match &experiment.model {
        ModelConfig::Ode(ode) => ode.t_unit.as_ref(),
        ModelConfig::LatentOde(latent) => latent.t_unit.as_ref(),
        ModelConfig::Mlp(_) | ModelConfig::Painn(_) => None,
    };
    match unit {
        Some(unit) if *unit != data.time => format!("{} ({unit})", data.time),
        _ => data.time.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::between_members;

    #[test]
    fn members_are_compared_component_by_component() {
        // two samples of two members of two components
        let location = [1.0, 10.0, 3.0, 10.0, 2.0, 5.0, 2.0, 9.0];
        assert_eq!(between_members(&location, 2, 2), [1.0, 0.0, 0.0, 2.0]);
    }
}
