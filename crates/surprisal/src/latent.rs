//! The parts of a run of `[model.latent_ode]`.

use surprisal_data::CsvSeriesConfig;
use surprisal_objective::{Coupling, penalty};
use surprisal_train::predictor::ensemble::Ensemble;
use surprisal_train::predictor::latent_ode::{LatentOde, LatentOdeConfig, LatentScaling};

use crate::failure::Failure;
use crate::observations;
use crate::plan::{Assembled, Facts, Records, check_target, objective};
use crate::source::Source;

/// Reads the trajectories and builds every part.
pub(crate) fn assemble(
    source: &Source,
    data: &CsvSeriesConfig,
    model: &LatentOdeConfig,
) -> Result<Assembled<Ensemble<LatentOde>>, Failure> {
    let (experiment, origin, root) = (&source.experiment, &source.origin, &source.data_root);
    let bad_data = |error| origin.data(&experiment.data, error);
    // what a trajectory lacks, it lacks for the context that is asked of it
    let short = |error| Failure::from(error).at(&origin.locate(&["model", "latent_ode", "context"]));
    let series = data.load(root, experiment.seed).map_err(bad_data)?;
    let standardization = experiment.likelihood.get().standardization();
    let scaling = LatentScaling::fit(&series.train, model.context, standardization).map_err(short)?;
    let objective = objective(
        source,
        Coupling::Componentwise,
        scaling.target.shift.clone(),
        scaling.target.scale.clone(),
        penalty::Facts { targets: data.states.clone(), ..penalty::Facts::default() },
    )?;
    LatentOde::check_probes(&objective.probes())?;
    let layout = objective.outcome().layout();
    let predictor = Ensemble::new(experiment.n_models(), experiment.seed, |seed| {
        LatentOde::new(model, &series.train, scaling.clone(), layout, seed)
    })?;
    let splits = series.try_map(|trajectory| predictor.members()[0].group(trajectory)).map_err(short)?;
    observations::check(data, root, &series, &predictor, &splits, |y| check_target(experiment, y)).map_err(bad_data)?;
    let facts = Facts {
        target_names: data.states.clone(),
        input_names: vec![],
        unit: "",
        coupling: Coupling::Componentwise,
        records: Records::Series(series),
    };
    Ok(Assembled { predictor, objective, splits, facts })
}
