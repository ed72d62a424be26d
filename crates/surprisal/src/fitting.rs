//! Whether optimiser, penalties, schedule and `[train]` fit each other, with errors that name the place.

use surprisal_objective::PenaltyConfig;
use surprisal_objective::penalty::{Kind, L1};
use surprisal_train::optimizer::{Method, Minimizer};
use surprisal_train::predictor::latent_ode::Latent;
use surprisal_train::predictor::ode::Shooting;
use surprisal_train::{ScheduleConfig, Train};

use crate::experiment::{Experiment, ModelConfig};
use crate::failure::Failure;
use crate::origin::Origin;

/// Everything but `[train]`.
pub(crate) fn check(origin: &Origin, experiment: &Experiment) -> Result<(), Failure> {
    let optimizer = experiment.optimizer.name();
    for (index, penalty) in experiment.penalty.iter().enumerate() {
        let (name, index) = (penalty.name(), index.to_string());
        let at = |key: &str| origin.locate(&["penalty", &index, name, key]);
        if let (PenaltyConfig::GroupLasso(_), false) = (penalty, matches!(experiment.model, ModelConfig::Mlp(_))) {
            return Err(Failure::user(
                format!("{}: `group_lasso` chooses columns of a table, and the model has none", at("weight")),
                "use it with `[model.mlp]`, or `l1` instead",
            ));
        }
        match experiment.optimizer.get().method() {
            Method::Minimizer(minimizer) => check_penalty(minimizer, optimizer, penalty, at("weight"))?,
            Method::StepRule(_) if matches!(penalty, PenaltyConfig::L1(L1::Path(_))) => {
                return Err(Failure::user(
                    format!(
                        "{}: a path needs the minimum at every weight, and `{optimizer}` only comes near it",
                        at("path")
                    ),
                    "use `[optimizer.lbfgs]`, or give one `weight`",
                ));
            }
            Method::StepRule(_) => {}
        }
    }
    if let (Method::Minimizer(_), ModelConfig::Mlp(mlp)) = (experiment.optimizer.get().method(), &experiment.model)
        && mlp.dropout > 0.0
    {
        return Err(Failure::user(
            format!(
                "{}: `{optimizer}` minimises one function, and dropout draws another at every step",
                origin.locate(&["model", "mlp", "dropout"])
            ),
            "leave `dropout` out, or use `adamw` or `sgd`",
        ));
    }
    if let (Method::Minimizer(_), ModelConfig::LatentOde(model)) =
        (experiment.optimizer.get().method(), &experiment.model)
        && let Latent::Gaussian(_) = model.latent
    {
        return Err(Failure::user(
            format!(
                "{}: `{optimizer}` minimises one function, and a distribution of states draws another at every step",
                origin.locate(&["model", "latent_ode", "latent"])
            ),
            "leave `latent` out, or use `adamw` or `sgd`",
        ));
    }
    if let (Method::Minimizer(_), ModelConfig::Ode(ode)) = (experiment.optimizer.get().method(), &experiment.model) {
        let changing = ode.shooting.as_ref().and_then(Shooting::counts_epochs).map(|key| ("shooting", key));
        if let Some((table, key)) = changing.or(ode.curriculum.map(|_| ("curriculum", "epochs"))) {
            return Err(Failure::user(
                format!(
                    "{}: `{optimizer}` minimises one function, and `{table}.{key}` changes it from epoch to epoch",
                    origin.locate(&["model", "ode", table, key])
                ),
                "leave the key out, or use `adamw` or `sgd`",
            ));
        }
    }
    let scheduled = match &experiment.schedule {
        ScheduleConfig::Constant(constant) => constant.warmup_steps > 0,
        ScheduleConfig::Cosine(_) => true,
    };
    if let (Method::Minimizer(_), true) = (experiment.optimizer.get().method(), scheduled) {
        let name = experiment.schedule.name();
        return Err(Failure::user(
            format!(
                "{}: `{optimizer}` has no learning rate that a schedule could change",
                origin.locate(&["schedule", name])
            ),
            "leave the schedule out, or use `adamw` or `sgd`",
        ));
    }
    Ok(())
}

fn check_penalty(
    minimizer: &dyn Minimizer,
    optimizer: &str,
    penalty: &PenaltyConfig,
    place: String,
) -> Result<(), Failure> {
    let Kind::Proximal(proximal) = penalty.get().kind() else { return Ok(()) };
    match minimizer.refuses(proximal) {
        Some(remedy) => Err(Failure::user(
            format!("{place}: `{optimizer}` cannot minimise a loss with the penalty `{}`", penalty.name()),
            remedy,
        )),
        None => Ok(()),
    }
}

/// `[train]` with everything filled in.
pub(crate) fn settings(origin: &Origin, experiment: &Experiment) -> Result<Train, Failure> {
    experiment.settings().map_err(|p| {
        Failure::user(format!("{}: `train.{}` {}", origin.locate(&["train", p.key]), p.key, p.problem), p.hint)
    })
}

/// A minimiser sees all training groups at once.
pub(crate) fn check_batch(origin: &Origin, experiment: &Experiment, n_groups: usize) -> Result<(), Failure> {
    if let (Some(batch_size), Method::StepRule(_)) = (experiment.train.batch_size, experiment.optimizer.get().method())
        && batch_size > n_groups
    {
        return Err(Failure::user(
            format!(
                "{}: `train.batch_size` is {batch_size}, but there are only {n_groups} training groups",
                origin.locate(&["train", "batch_size"])
            ),
            "lower it, or leave it out: a step then sees all of them",
        ));
    }
    let Some(batch_size) = experiment.train.batch_size.filter(|size| *size < n_groups) else { return Ok(()) };
    match experiment.optimizer.get().method() {
        Method::StepRule(_) => Ok(()),
        Method::Minimizer(_) => Err(Failure::user(
            format!(
                "{}: `train.batch_size` is {batch_size}, but `{}` works on all {n_groups} training groups at once",
                origin.locate(&["train", "batch_size"]),
                experiment.optimizer.name()
            ),
            "leave `batch_size` out, or use `adamw` or `sgd`",
        )),
    }
}
