//! Values that no type can rule out, found before any data is read.
//!
//! Libraries say what is wrong in words that begin with the key in backticks; the place is found here.

use surprisal_atoms::{BuildForceModel as _, ForceOutput};
use surprisal_data::DataConfig;
use surprisal_objective::{LikelihoodConfig, Source};
use surprisal_train::LastLayerConfig;
use surprisal_train::predictor::ode::OdeConfig;

use crate::experiment::{Experiment, ModelConfig};
use crate::failure::Failure;
use crate::origin::Origin;

const DESCRIBED: &str = "`surprisal schema` describes every key";

/// The first impossible value of an experiment.
pub(crate) fn check(origin: &Origin, experiment: &Experiment) -> Result<(), Failure> {
    name(origin, &experiment.name)?;
    let (optimizer, schedule) = (&experiment.optimizer, &experiment.schedule);
    possible(origin, &["optimizer", optimizer.name()], optimizer.get().problem(), DESCRIBED)?;
    possible(origin, &["schedule", schedule.name()], schedule.get().problem(), DESCRIBED)?;
    experiment.data.check().map_err(|error| origin.data(&experiment.data, error))?;
    patience(origin, experiment)?;
    model(origin, experiment)?;
    members(origin, experiment)?;
    last_layer(origin, experiment)?;
    energies(origin, experiment)
}

/// The first setting that only the CPU can serve.
pub(crate) fn check_on_device(origin: &Origin, experiment: &Experiment) -> Result<(), Failure> {
    match (&experiment.model, &experiment.data) {
        (ModelConfig::Ode(ode), DataConfig::CsvSeries(series)) => match ode.device_problem(series.states.len()) {
            Some((problem, hint)) => possible(origin, &["model", "ode"], Some(problem), hint),
            None => Ok(()),
        },
        _ => Ok(()),
    }
}

fn name(origin: &Origin, name: &str) -> Result<(), Failure> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    if name.is_empty() || name.starts_with('.') || !name.chars().all(plain) {
        return Err(Failure::user(
            format!("{}: `name` is `{name}`", origin.locate(&["name"])),
            "it names a folder: use letters, digits, `-`, `_` and `.`",
        ));
    }
    Ok(())
}

fn model(origin: &Origin, experiment: &Experiment) -> Result<(), Failure> {
    const WIDTHS: &str = "leave the layer out; `hidden = []` is a linear model";
    const PAIRS: &str = "the data's `states` are positions, then what belongs to each of them in the same order";
    const DROPOUT: &str = "dropout = 0.1 and mc_samples = 50 are a start; without dropout remove `mc_samples`";
    match &experiment.model {
        ModelConfig::Mlp(mlp) => {
            let hint = if mlp.hidden.contains(&0) { WIDTHS } else { DROPOUT };
            possible(origin, &["model", "mlp"], mlp.problem(), hint)
        }
        ModelConfig::Painn(painn) => possible(origin, &["model", "painn"], painn.problem(), DESCRIBED),
        ModelConfig::LatentOde(latent) => match latent.problem() {
            Some((table, problem, hint)) => {
                possible(origin, &[&["model", "latent_ode"], &table[..]].concat(), Some(problem), hint)
            }
            None => latent_inputs(origin, experiment),
        },
        ModelConfig::Ode(ode) => {
            if let Some(field) = &ode.field {
                possible(origin, &["model", "ode", "field", field.name()], field.get().problem(), WIDTHS)?;
            }
            if let Some((table, problem)) = ode.training_problem() {
                let keys: Vec<&str> = ["model", "ode"].into_iter().chain(table).collect();
                let hint = match table {
                    Some("shooting") => "`interval = 5` and `continuity = 1.0` are a start",
                    Some("curriculum") => "`from = 0.2` and `epochs = 200` are a start",
                    Some(_) => "`epochs = 500` is a start",
                    None => "leave it out, or choose a small share of the typical observation",
                };
                possible(origin, &keys, Some(problem), hint)?;
            }
            if let Some((table, problem)) = ode.gradient_problem() {
                let hint = if table.is_empty() {
                    "0.05 is the default; a large number silences the warning"
                } else {
                    "use `[model.ode.solver.tsit5]` and a tolerance such as rtol = 1e-6, or leave `gradient` out"
                };
                possible(origin, &[&["model", "ode"], table].concat(), Some(problem), hint)?;
            }
            possible(
                origin,
                &["model", "ode", "solver", ode.solver.name()],
                ode.precision_problem(),
                "use rtol = 1e-6, whose gradients are right to some 1e-6; for smaller tolerances remove `dtype`",
            )?;
            // Data of another kind has no states, and is refused when the plan is built.
            let DataConfig::CsvSeries(series) = &experiment.data else { return Ok(()) };
            let n_columns = series.states.len();
            if let Some(field) = &ode.field {
                possible(origin, &["model", "ode", "field", field.name()], field.get().misfit(n_columns), PAIRS)?;
            }
            unmatched(origin, ode, &series.states)?;
            possible(
                origin,
                &["model", "ode", "solver", ode.solver.name()],
                ode.solver.get().problem(ode.n_states(n_columns)),
                "rtol = 1e-6 and atol = 1e-8, or a step of a hundredth of the shortest time scale, are a good start; \
                 atol is one number, or a list with one per state",
            )
        }
    }
}

/// An encoder reads what was observed of the states, and nothing drives them from outside.
fn latent_inputs(origin: &Origin, experiment: &Experiment) -> Result<(), Failure> {
    match &experiment.data {
        DataConfig::CsvSeries(series) if !series.inputs.is_empty() => Err(Failure::user(
            format!("{}: a latent ODE reads no external `inputs`", origin.locate(&["data", "csv_series", "inputs"])),
            "remove `inputs`, or write equations in `[model.ode]` that use them by name",
        )),
        _ => Ok(()),
    }
}

/// Slopes are those of measured states.
fn unmatched(origin: &Origin, ode: &OdeConfig, columns: &[String]) -> Result<(), Failure> {
    let hidden = ode.measured(columns).iter().position(Option::is_none);
    match (&ode.gradient_matching, hidden.and_then(|i| ode.states.get_index(i))) {
        (Some(_), Some((name, _))) => Err(Failure::user(
            format!(
                "{}: `gradient_matching` needs a slope of every state, and no column measures `{name}` itself",
                origin.locate(&["model", "ode", "states", name])
            ),
            "leave `[model.ode.gradient_matching]` out; `[model.ode.shooting]` and `[model.ode.curriculum]` allow hidden \
             states",
        )),
        _ => Ok(()),
    }
}

/// Members of an ensemble, and networks that dropout draws: one kind of mixture at a time.
fn members(origin: &Origin, experiment: &Experiment) -> Result<(), Failure> {
    let Some(ensemble) = &experiment.ensemble else { return Ok(()) };
    possible(origin, &["ensemble"], ensemble.problem(), "5 members are usual; without an ensemble remove the table")?;
    if experiment.mc_samples() == 1 {
        return Ok(());
    }
    let (keys, problem, hint) = match &experiment.model {
        ModelConfig::LatentOde(_) => (
            &["model", "latent_ode", "latent"][..],
            "`samples` of a state and `[ensemble]` both mix several predictions",
            "choose one: leave `latent` out, so that each member has one state, or remove `[ensemble]`",
        ),
        ModelConfig::Mlp(_) | ModelConfig::Ode(_) | ModelConfig::Painn(_) => (
            &["model", "mlp", "mc_samples"][..],
            "`mc_samples` and `[ensemble]` both predict with several networks",
            "choose one: remove `mc_samples` (the ensemble's members may be trained with dropout), or `[ensemble]`",
        ),
    };
    Err(Failure::user(format!("{}: {problem}", origin.locate(keys)), hint))
}

/// A Bayesian last layer needs the features of one network that was trained with the noise it assumes.
fn last_layer(origin: &Origin, experiment: &Experiment) -> Result<(), Failure> {
    let Some(LastLayerConfig::Bayesian(bayesian)) = &experiment.last_layer else { return Ok(()) };
    let table = ["last_layer", "bayesian"];
    possible(
        origin,
        &table,
        bayesian.problem(),
        "leave the key out, and the marginal likelihood or a weak prior decides",
    )?;
    let refused = |keys: &[&str], problem: &str, hint: &str| {
        Err(Failure::user(format!("{}: a Bayesian last layer {problem}", origin.locate(keys)), hint))
    };
    match &experiment.model {
        ModelConfig::Mlp(mlp) if mlp.hidden.is_empty() => {
            return refused(
                &["model", "mlp", "hidden"],
                "stands on hidden layers, and `hidden = []` has none",
                "give `hidden` one width or more",
            );
        }
        ModelConfig::Mlp(_) => {}
        ModelConfig::Ode(_) | ModelConfig::LatentOde(_) | ModelConfig::Painn(_) => {
            return refused(
                &table,
                "needs the hidden layers of a network on a table",
                "use it with `[model.mlp]`, or remove it",
            );
        }
    }
    if experiment.n_models() > 1 || experiment.mc_samples() > 1 {
        return refused(
            &table,
            "belongs to one network, and several are configured",
            "remove it, or `[ensemble]` and `mc_samples`",
        );
    }
    match &experiment.likelihood {
        LikelihoodConfig::Gaussian(gaussian) if gaussian.scale == Source::Constant => Ok(()),
        other => refused(
            &["likelihood", other.name(), "scale"],
            "assumes Gaussian noise of one unknown size",
            "use `[likelihood.gaussian]` with scale = \"constant\", or remove `[last_layer.bayesian]`",
        ),
    }
}

/// Patience waits for a better validation NLL.
fn patience(origin: &Origin, experiment: &Experiment) -> Result<(), Failure> {
    if experiment.train.patience.is_none() || experiment.data.holds_out() {
        return Ok(());
    }
    Err(Failure::user(
        format!(
            "{}: `train.patience` waits for a better validation NLL, but nothing is held out for validation",
            origin.locate(&["train", "patience"])
        ),
        "set `valid_fraction`, or remove `patience`",
    ))
}

/// A likelihood of energies needs a model that predicts them.
fn energies(origin: &Origin, experiment: &Experiment) -> Result<(), Failure> {
    let predicts = matches!(&experiment.model, ModelConfig::Painn(painn) if painn.forces == ForceOutput::Gradient);
    if experiment.energy_likelihood.is_none() || predicts {
        return Ok(());
    }
    Err(Failure::user(
        format!(
            "{}: an energy likelihood is configured, but the model predicts no energies",
            origin.locate(&["energy_likelihood"])
        ),
        "use a force model with forces = \"gradient\", or remove `energy_likelihood`",
    ))
}

fn possible(origin: &Origin, table: &[&str], problem: Option<String>, hint: &str) -> Result<(), Failure> {
    let Some(problem) = problem else { return Ok(()) };
    let key: Vec<&str> = problem.split('`').nth(1).unwrap_or_default().split('.').collect();
    let place = origin.locate(&[table, &key].concat());
    Err(Failure::user(format!("{place}: {problem}"), hint))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    const PLAIN: &str = r#"name = "oscillator"
seed = 1
[data.csv_series]
path = "oscillator.csv"
time = "t"
states = ["x", "v"]
trajectory = "id"
[model.ode.field.mlp]
hidden = [4]
[model.ode.solver.tsit5]
rtol = 1e-6
atol = 1e-6
[likelihood.gaussian]
scale = "constant"
[optimizer.adamw]
learning_rate = 1e-3
[train]
epochs = 2
batch_size = 2
"#;

    fn on_device(text: &str) -> Result<(), String> {
        let experiment: Experiment = toml::from_str(text).unwrap_or_else(|e| panic!("{e}"));
        let origin = Origin::new(Path::new("c.toml"), text.into(), &[]);
        check(&origin, &experiment).unwrap_or_else(|e| panic!("it is possible on the CPU: {e}"));
        check_on_device(&origin, &experiment).map_err(|failure| failure.to_string())
    }

    #[test]
    fn what_a_device_cannot_solve_is_refused_where_it_stands() {
        assert_eq!(on_device(PLAIN), Ok(()));
        let equations = "[model.ode.states]\nx = { rhs = \"v\" }\nv = { rhs = \"-x\" }\n";
        let written = PLAIN.replace("[model.ode.field.mlp]\nhidden = [4]\n", equations);
        assert_eq!(on_device(&written), Ok(()));
        for (text, refused) in [
            (
                PLAIN.replace(
                    "[model.ode.solver.tsit5]\nrtol = 1e-6\natol = 1e-6",
                    "[model.ode.solver.rk4]\nstep = 0.1",
                ),
                "c.toml:10:19: `solver.rk4` solves on the CPU alone; on a CUDA device there is `tsit5`\n\
                 hint: use `[model.ode.solver.tsit5]`, or --device cpu",
            ),
            (
                PLAIN.replace("[model.ode.field.mlp]", "[model.ode.field.hamiltonian]"),
                "c.toml:8:18: `field.hamiltonian` is evaluated on the CPU alone\n\
                 hint: use --device cpu, which is fast for it",
            ),
            (
                format!("{PLAIN}[model.ode.gradient.continuous_adjoint]\nrtol = 1e-6\n"),
                "c.toml:20:21: `gradient.continuous_adjoint` is solved on the CPU alone\n\
                 hint: leave it out: the gradient is then that of the steps taken; or use --device cpu",
            ),
            (
                format!("{written}[model.ode.events.kick]\nat = [1.0]\nset = {{ v = \"-v\" }}\n"),
                "c.toml:21:19: `events.kick`: events are handled on the CPU alone\n\
                 hint: use --device cpu, which is fast for it",
            ),
        ] {
            assert_eq!(on_device(&text), Err(format!("error: {refused}")));
        }
    }
}
