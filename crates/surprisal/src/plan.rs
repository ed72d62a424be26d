//! From an experiment to the parts of a run: data read, checked and scaled; objective and predictor
//! built. Nothing is written to disk here.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use candle_core::Device;
use surprisal_atoms::BuildForceModel as _;
use surprisal_core::Layout;
use surprisal_core::records::{Splits, Structure, Trajectory};
use surprisal_data::{DataConfig, ExtxyzConfig};
use surprisal_objective::{Coupling, Objective, Outcome, Standardization, penalty};
use surprisal_train::Predictor;
use surprisal_train::predictor::ensemble::Ensemble;
use surprisal_train::predictor::force::{ForcePredictor, ForceScaling, FrameGroup};
use surprisal_train::predictor::latent_ode::LatentOde;
use surprisal_train::predictor::mlp::{Mlp, TableGroup};
use surprisal_train::predictor::ode::{Backend, OdePredictor, SeriesData, SeriesScaling};
use surprisal_train::predictor::standardize::Standardizer;

use crate::equations;
use crate::experiment::{Experiment, ModelConfig};
use crate::failure::Failure;
use crate::fitting;
use crate::latent;
use crate::observations;
use crate::rows::Rows;
use crate::source::Source;
use crate::values;

/// A predictor with everything it is fitted and judged with.
pub(crate) struct Assembled<P: Predictor> {
    pub(crate) predictor: P,
    pub(crate) objective: Objective,
    pub(crate) splits: Splits<P::Group>,
    pub(crate) facts: Facts,
}

/// What the run file says of the data.
#[derive(Debug, Clone)]
pub(crate) struct Facts {
    /// Names of the columns a table model sees; empty for other models.
    pub(crate) input_names: Vec<String>,
    /// Names of the target's components.
    pub(crate) target_names: Vec<String>,
    /// Their unit; empty where unknown.
    pub(crate) unit: &'static str,
    /// How the components belong together.
    pub(crate) coupling: Coupling,
    /// The records, for the trajectories of the run file.
    pub(crate) records: Records,
}

/// Records whose trajectories the run file keeps.
#[derive(Debug, Clone)]
pub(crate) enum Records {
    /// Rows have none, but inputs and attributes.
    Rows(Rows),
    /// Observed series.
    Series(Splits<Trajectory>),
    /// Atomic structures.
    Structures(Splits<Structure>, ForceScaling),
}

/// A run by what predicts; without `[ensemble]` it is an ensemble of one.
pub(crate) enum Plan {
    Mlp(Assembled<Ensemble<Mlp>>),
    Ode(Assembled<Ensemble<OdePredictor>>),
    LatentOde(Assembled<Ensemble<LatentOde>>),
    Force(Assembled<Ensemble<ForcePredictor>>),
}

impl Plan {
    /// Reads the data and builds every part.
    pub(crate) fn build(source: &Source, device: &Device) -> Result<Plan, Failure> {
        let plan = Self::assemble(source, device)?;
        fitting::check_batch(&source.origin, &source.experiment, plan.n_training_groups())?;
        Ok(plan)
    }

    fn assemble(source: &Source, device: &Device) -> Result<Plan, Failure> {
        let experiment = &source.experiment;
        let (root, seed) = (&source.data_root, experiment.seed);
        if !device.is_cpu() {
            values::check_on_device(&source.origin, experiment)?;
        }
        let bad_data = |error| source.origin.data(&experiment.data, error);
        match (&experiment.data, &experiment.model) {
            (DataConfig::Csv(data), ModelConfig::Mlp(model)) => {
                let table = data.load(root, seed).map_err(bad_data)?;
                let (n_inputs, n_targets) = (table.inputs.len(), table.targets.len());
                let rows = &table.splits.train;
                let inputs = if data.standardize {
                    Standardizer::fit(n_inputs, rows.iter().map(|r| r.inputs.as_slice()))
                } else {
                    Standardizer::identity(n_inputs)
                };
                let targets = rows.iter().map(|r| r.targets.as_slice());
                let targets = match experiment.likelihood.get().standardization() {
                    Standardization::ShiftAndScale if data.standardize => Standardizer::fit(n_targets, targets),
                    Standardization::Scale if data.standardize => Standardizer::fit_scale(n_targets, targets),
                    _ => Standardizer::identity(n_targets),
                };
                let penalized = penalty::Facts {
                    targets: table.targets.clone(),
                    inputs: table.inputs.clone(),
                    input_scale: inputs.scale.clone(),
                    input_shift: inputs.shift.clone(),
                    attributes: table.attributes.iter().map(|(name, _)| name.clone()).collect(),
                    weighted: data.weight.is_some(),
                    ..penalty::Facts::default()
                };
                let coupling = Coupling::Componentwise;
                let objective = objective(source, coupling, targets.shift.clone(), targets.scale.clone(), penalized)?;
                table.check_targets(&root.join(&data.path), |y| check_target(experiment, y)).map_err(bad_data)?;
                let (layout, probes) = (objective.outcome().layout(), objective.probes());
                let predictor = Ensemble::new(experiment.n_models(), seed, |seed| {
                    Mlp::new(model, n_inputs, layout, seed, device).map(|mlp| mlp.with_probes(probes.clone()))
                })?;
                let splits = table.splits.try_map(|row| Ok::<_, Failure>(TableGroup::new(row, &inputs, &targets)))?;
                let rows = Rows { splits: table.splits, attributes: table.attributes, inputs, targets };
                let facts = Facts {
                    target_names: table.targets,
                    input_names: table.inputs,
                    unit: "",
                    coupling: Coupling::Componentwise,
                    records: Records::Rows(rows),
                };
                Ok(Plan::Mlp(Assembled { predictor, objective, splits, facts }))
            }
            (DataConfig::CsvSeries(data), ModelConfig::Ode(model)) => {
                let series = data.load(root, seed).map_err(bad_data)?;
                let scaling = match experiment.likelihood.get().standardization() {
                    Standardization::ShiftAndScale | Standardization::Scale => SeriesScaling::fit(&series.train),
                    Standardization::None => SeriesScaling::fit(&series.train).unscaled(),
                };
                let n = scaling.state.len();
                let objective = objective(
                    source,
                    Coupling::Componentwise,
                    vec![0.0; n],
                    scaling.column.clone(),
                    penalty::Facts {
                        targets: data.states.clone(),
                        networks: model.networks.keys().cloned().collect(),
                        symbols: model
                            .names(&data.states, &data.inputs)
                            .map_err(|error| equations::located(&source.origin, error.into()))?,
                        states: model.state_names(&data.states),
                        energy: model.has_energy(n),
                        ..penalty::Facts::default()
                    },
                )?;
                let likelihood = experiment.likelihood.get();
                let link =
                    OdePredictor::check(objective.outcome().layout(), likelihood.location_link()).map_err(|e| {
                        Failure::from(e).at(&source.origin.locate(&["likelihood", experiment.likelihood.name()]))
                    })?;
                let others: Vec<&Trajectory> = series.parts().into_iter().flat_map(|(_, part)| part).collect();
                let known =
                    SeriesData { columns: &data.states, inputs: &data.inputs, train: &series.train, others: &others };
                let predictor = Ensemble::new(experiment.n_models(), seed, |seed| {
                    OdePredictor::new(model, &known, scaling.clone(), link, seed)
                        .map(|predictor| predictor.with_backend(Backend::of(device)))
                        .and_then(|predictor| predictor.with_probes(&objective.probes(), &data.states))
                })
                .map_err(|error| equations::located(&source.origin, error))?;
                let splits = series
                    .try_map(|trajectory| predictor.members()[0].group(trajectory))
                    .map_err(|error| source.origin.group(experiment, error))?;
                observations::check(data, root, &series, &predictor, &splits, |y| check_target(experiment, y))
                    .map_err(bad_data)?;
                let facts = Facts {
                    target_names: data.states.clone(),
                    input_names: vec![],
                    unit: "",
                    coupling: Coupling::Componentwise,
                    records: Records::Series(series),
                };
                Ok(Plan::Ode(Assembled { predictor, objective, splits, facts }))
            }
            (DataConfig::CsvSeries(data), ModelConfig::LatentOde(model)) => {
                latent::assemble(source, data, model).map(Plan::LatentOde)
            }
            (DataConfig::Extxyz(data), ModelConfig::Painn(model)) => {
                let (structures, isolated) = data.load(root, seed).map_err(bad_data)?;
                check_energies(source, &structures)?;
                let scaling = ForceScaling::fit(&structures.train, &isolated);
                let target_names = ["F_x", "F_y", "F_z"].map(String::from).to_vec();
                let penalized = penalty::Facts { targets: target_names.clone(), ..penalty::Facts::default() };
                let objective = objective(source, Coupling::Joint, vec![0.0; 3], vec![scaling.force; 3], penalized)?;
                let species = species(&structures.train);
                let layout: Layout = objective.outcome().layout();
                let predictor = Ensemble::new(experiment.n_models(), seed, |seed| {
                    model.build(layout.outputs, &species, seed, device).map(|model| ForcePredictor { model })
                })?;
                let cutoff = predictor.members()[0].model.cutoff_angstrom();
                check_species(&structures, &species)?;
                let splits = frame_groups(data, &structures, cutoff, &scaling)?;
                let facts = Facts {
                    target_names,
                    input_names: vec![],
                    unit: "eV/Å",
                    coupling: Coupling::Joint,
                    records: Records::Structures(structures, scaling),
                };
                Ok(Plan::Force(Assembled { predictor, objective, splits, facts }))
            }
            (data, model) => {
                Err(mismatch(data.name(), model.name()).at(&source.origin.locate(&["model", model.name()])))
            }
        }
    }
}

/// Whether the likelihood can have produced the value; what is wrong and a hint if not.
pub(crate) fn check_target(experiment: &Experiment, y: f64) -> Result<(), (String, String)> {
    let checked = experiment.likelihood.get().check_target(y);
    checked.map_err(|error| (error.to_string(), error.hint.to_string()))
}

/// Risk, likelihood and penalties for targets of such units.
pub(crate) fn objective(
    source: &Source,
    coupling: Coupling,
    shift: Vec<f64>,
    scale: Vec<f64>,
    facts: penalty::Facts,
) -> Result<Objective, Failure> {
    let (models, samples) = (source.experiment.n_models(), source.experiment.mc_samples());
    let Experiment { likelihood, risk, penalty, energy_likelihood, .. } = source.experiment.clone();
    let outcome = Outcome::new(likelihood, shift.len(), coupling, scale, shift)
        .and_then(|outcome| outcome.of_ensemble(models))
        .map_err(|error| source.origin.likelihood(&["likelihood"], error))?;
    let objective = Objective::with_facts(outcome, risk, penalty, energy_likelihood, facts)
        .map_err(|error| source.origin.objective(&source.experiment, error))?;
    Ok(if samples > 1 { objective.evaluated_with(samples) } else { objective })
}

/// A likelihood of energies needs frames that have some.
fn check_energies(source: &Source, structures: &Splits<Structure>) -> Result<(), Failure> {
    if source.experiment.energy_likelihood.is_none() || structures.train.iter().any(|s| s.energy.is_some()) {
        return Ok(());
    }
    Err(Failure::user(
        format!(
            "{}: an energy likelihood is configured, but no training frame has an energy",
            source.origin.locate(&["energy_likelihood"])
        ),
        "set `data.extxyz.energy_key`, or remove `energy_likelihood`",
    ))
}

/// Every frame with its graph; messages name the file it was read from.
fn frame_groups(
    data: &ExtxyzConfig,
    structures: &Splits<Structure>,
    cutoff: f64,
    scaling: &ForceScaling,
) -> Result<Splits<FrameGroup>, Failure> {
    let part = |file: &Path, frames: &[Structure]| -> Result<Vec<FrameGroup>, Failure> {
        let name: Arc<str> = file.file_name().unwrap_or(file.as_os_str()).to_string_lossy().into();
        let group = |frame| FrameGroup::new(frame, &name, cutoff, scaling);
        frames.iter().map(|frame| group(frame).map_err(|e| Failure::from(e).at(&name))).collect()
    };
    let tests = structures.test.iter().map(|(name, frames)| {
        let file = data.test.get(name).map_or(Path::new(name), PathBuf::as_path);
        Ok::<_, Failure>((name.clone(), part(file, frames)?))
    });
    Ok(Splits {
        train: part(&data.train, &structures.train)?,
        valid: part(data.valid.as_ref().unwrap_or(&data.train), &structures.valid)?,
        test: tests.collect::<Result<_, _>>()?,
    })
}

/// The atomic numbers that occur, ascending.
fn species(structures: &[Structure]) -> Vec<u8> {
    let counts: BTreeMap<u8, usize> =
        structures.iter().flat_map(|s| &s.species).fold(BTreeMap::new(), |mut counts, &z| {
            *counts.entry(z).or_default() += 1;
            counts
        });
    counts.into_keys().collect()
}

/// A model knows the elements it was trained on and no others.
fn check_species(structures: &Splits<Structure>, known: &[u8]) -> Result<(), Failure> {
    for (split, frames) in structures.parts() {
        for frame in frames {
            if let Some(atom) = frame.species.iter().position(|z| !known.contains(z)) {
                let symbol = surprisal_core::element::symbol(frame.species[atom]);
                let elements: Vec<&str> = known.iter().map(|z| surprisal_core::element::symbol(*z)).collect();
                return Err(Failure::user(
                    format!(
                        "`{split}`, frame {}, atom {}: no training frame has the element {symbol}",
                        frame.frame,
                        atom + 1
                    ),
                    format!(
                        "the training frames have {}; leave the frame out, or train on its elements too",
                        elements.join(", ")
                    ),
                ));
            }
        }
    }
    Ok(())
}

fn mismatch(data: &str, model: &str) -> Failure {
    let wanted = match model {
        "mlp" => "`[data.csv]`, the columns of a table",
        "ode" | "latent_ode" => "`[data.csv_series]`, trajectories",
        _ => "`[data.extxyz]`, atomic structures",
    };
    Failure::user(format!("`[model.{model}]` cannot learn from `[data.{data}]`"), format!("it wants {wanted}"))
}
