//! Running what a plan assembled: fit, predictions, report.

use std::path::Path;
use std::process::ExitCode;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use candle_core::{DType, Tensor};
use serde_json::{Value, json};
use surprisal_core::Parameter;
use surprisal_data::run_file::{
    Column, GradientChecks, Layout, ParameterInterval, ParameterProfile, PathTable, PredictedFrames, PredictionTable,
    ProfileLayout, Series, SolutionLayout, SplitLayout, Trajectories, Writer,
};
use surprisal_objective::{Coupling, Objective};
use surprisal_train::fit::{Fit, Outcome};
use surprisal_train::intervals::{Directions, Interval, Intervals, POINTS};
use surprisal_train::last_layer::BayesianLastLayer;
use surprisal_train::optimizer::{Method, Optimizer};
use surprisal_train::path::PathPoint;
use surprisal_train::predictor::NamedValues;
use surprisal_train::settings::Keep;
use surprisal_train::state::State;
use surprisal_train::{
    GradientCheck, LastLayerConfig, Optimality, Predictor, Train, TrainError, checkpoint, path, shard,
};

use crate::command::say;
use crate::curves::{DRAWN, networks, parts, time_label};
use crate::experiment::Experiment;
use crate::failure::Failure;
use crate::log::Log;
use crate::plan::{Assembled, Plan, Records};
use crate::progress::Progress;
use crate::recorder::{METRICS, Recorder, Silent};
use crate::rows::Rows;
use crate::run_dir::RunDir;
use crate::signals;

/// How a run is launched.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Launch {
    /// Whether it goes on where an earlier launch stopped.
    pub(crate) resumed: bool,
    /// What is made of it when it has finished.
    pub(crate) account: Account,
}

/// What is made of a finished run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Account {
    /// Metrics, figures and the report.
    Report,
    /// Metrics alone: one of many runs that are judged together, and shows no progress.
    Metrics,
}

/// The same expression for whichever predictor the plan holds.
macro_rules! with {
    ($plan:expr, $assembled:ident => $body:expr) => {
        match $plan {
            Plan::Mlp($assembled) => $body,
            Plan::Ode($assembled) => $body,
            Plan::LatentOde($assembled) => $body,
            Plan::Force($assembled) => $body,
        }
    };
}

impl Plan {
    /// Fits, predicts and reports in the run's folder.
    pub(crate) fn execute(&self, dir: &RunDir, experiment: &Experiment, launch: Launch) -> Result<ExitCode, Failure> {
        with!(self, assembled => assembled.execute(dir, experiment, launch))
    }

    /// Whether the intervals that are asked for can be had.
    pub(crate) fn check_intervals(&self, experiment: &Experiment) -> Result<(), Failure> {
        let never = AtomicBool::new(false);
        let settings = ready(experiment)?;
        with!(self, assembled => {
            assembled.fit(experiment, &settings, Path::new("."), &never).interval_names(&experiment.intervals)?;
            Ok(())
        })
    }

    /// The losses of the first two steps.
    pub(crate) fn try_steps(&self, experiment: &Experiment) -> Result<Vec<f64>, Failure> {
        with!(self, assembled => assembled.try_steps(experiment))
    }

    /// How many groups there are to learn from.
    pub(crate) fn n_training_groups(&self) -> usize {
        with!(self, assembled => assembled.splits.train.len())
    }

    /// Sizes in words.
    pub(crate) fn describe(&self) -> String {
        with!(self, assembled => {
            let sizes: Vec<String> = assembled.splits.parts().iter().map(|(name, groups)| format!("{name} {}", groups.len())).collect();
            format!("groups: {}; {} trainable numbers", sizes.join(", "), assembled.predictor.parameters().n_scalars())
        })
    }
}

/// Logs a check of the gradient; returns what it warns of.
fn say_of(recorder: &mut Recorder, check: Option<&GradientCheck>, when: &str) -> Result<Option<String>, Failure> {
    let Some(check) = check else { return Ok(None) };
    recorder.log(&json!({
        "event": "gradient_check",
        "when": when,
        check.key.as_str(): [check.configured, check.refined],
        "difference": check.difference.is_finite().then_some(check.difference),
        "limit": check.limit,
    }))?;
    let warning = check.warning(when);
    if let Some(text) = &warning {
        recorder.warn(text)?;
    }
    Ok(warning)
}

impl<P: Predictor> Assembled<P> {
    fn fit<'a>(
        &'a self,
        experiment: &'a Experiment,
        settings: &'a Train,
        checkpoints: &'a Path,
        interrupted: &'a AtomicBool,
    ) -> Fit<'a, P> {
        Fit {
            predictor: &self.predictor,
            objective: &self.objective,
            splits: &self.splits,
            settings,
            optimizer: experiment.optimizer.get(),
            schedule: experiment.schedule.get(),
            seed: experiment.seed,
            checkpoints,
            interrupted,
        }
    }

    fn try_steps(&self, experiment: &Experiment) -> Result<Vec<f64>, Failure> {
        let never = AtomicBool::new(false);
        let settings = ready(experiment)?;
        let fit = self.fit(experiment, &settings, Path::new("."), &never);
        Ok(fit.try_steps(2, &mut Silent)?)
    }

    fn execute(&self, dir: &RunDir, experiment: &Experiment, launch: Launch) -> Result<ExitCode, Failure> {
        let Launch { resumed, account } = launch;
        let started = Instant::now();
        let interrupted = signals::watch()?;
        let checkpoints = dir.checkpoints();
        let settings = ready(experiment)?;
        let fit = self.fit(experiment, &settings, &checkpoints, &interrupted);
        let path = self.objective.l1_path();
        let state = self.state(&fit, &checkpoints, resumed)?;
        let layout = self.layout(experiment, dir, &fit)?;
        let run_file = if resumed && dir.run_file().exists() {
            Writer::open(&dir.run_file(), &layout, state.progress.n_evaluations)?
        } else {
            Writer::create(&dir.run_file(), &layout)?
        };
        let n_stages = path.map_or(1, |path| path.n);
        let progress =
            Progress::start(settings.epochs * n_stages, fit.n_steps() * n_stages as u64, state.progress.step);
        let progress = if account == Account::Metrics { progress.silent() } else { progress };
        let mut recorder = Recorder::new(run_file, Log::open(&dir.log(), &state.progress)?, progress);
        recorder.log(&json!({"event": if resumed { "resume" } else { "start" }, "step": state.progress.step, "epoch": state.progress.epoch}))?;
        let at_start = fit.gradient_check()?;
        let mut warnings: Vec<String> = vec![];
        warnings.extend(say_of(&mut recorder, at_start.as_ref(), "at the start of training")?);
        let fitted = match &path {
            Some(path) => path::run(&fit, path, state, &mut recorder),
            None => fit.run(state, &mut recorder),
        };
        let (outcome, state) = match fitted {
            Ok(ended) => ended,
            Err(error) => {
                recorder.failed(&error)?;
                return Err(error.into());
            }
        };
        recorder.log(&json!({"event": format!("{outcome:?}").to_lowercase(), "step": state.progress.step, "epoch": state.progress.epoch}))?;
        let at_end = if outcome == Outcome::Interrupted { None } else { fit.gradient_check()? };
        warnings.extend(say_of(&mut recorder, at_end.as_ref(), "at the end of training")?);
        let mut run_file = recorder.finish();
        if outcome == Outcome::Interrupted {
            drop(run_file);
            say(&format!(
                "interrupted at step {} with a checkpoint; go on with: surprisal resume {}",
                state.progress.step,
                dir.path().display()
            ))?;
            return Ok(ExitCode::from(signals::INTERRUPTED));
        }
        checkpoint::save_weights(&dir.weights(), &fit.parameters())?;
        // a solver that fails beside the weights kept takes the intervals, and not the run
        let intervals = fit.intervals(&experiment.intervals).unwrap_or_else(|error| Intervals {
            notes: vec![format!("no intervals of parameters: {error}")],
            ..Intervals::default()
        });
        let predicting = Instant::now();
        let last_layer = self.last_layer(experiment)?;
        let n_predicted =
            self.write_predictions(&mut run_file, experiment, last_layer.as_ref(), (&fit, &intervals.directions))?;
        let predict_seconds = predicting.elapsed().as_secs_f64();
        if let Some(best) = state.progress.best.filter(|_| settings.keep == Keep::Best) {
            run_file.write_selected(best.evaluation)?;
        }
        self.write_solution(&mut run_file, &fit, &state)?;
        write_intervals(&mut run_file, intervals)?;
        if let (Some(start), Some(end)) = (at_start, at_end) {
            let GradientCheck { key, configured, refined, difference, limit } = end;
            // JSON has no word for what is not finite
            let finite = |difference: f64| difference.is_finite().then_some(difference);
            let (start, end) = (finite(start.difference), finite(difference));
            run_file.write_gradient_checks(&GradientChecks {
                key,
                configured,
                refined,
                limit,
                start,
                end,
                warnings,
            })?;
        }
        for parameter in fit.parameters() {
            let values = numbers(parameter.var.as_tensor())?;
            run_file.write_parameter(&parameter.name, &values)?;
        }
        let diagnostics = self.predictor.diagnostic_names().into_iter().zip(self.predictor.diagnostics()?);
        let diagnostics = diagnostics.map(|(name, value)| NamedValues { name, values: vec![value] });
        for named in self.predictor.named_values()?.into_iter().chain(diagnostics) {
            run_file.write_parameter(&named.name, &named.values)?;
            if let [value] = named.values[..] {
                say(&format!("{} = {value:.6}", named.name))?;
            }
        }
        for (name, values) in last_layer.iter().flat_map(BayesianLastLayer::values) {
            run_file.write_parameter(&name, &values)?;
        }
        drop(run_file);
        let n_trained = (state.progress.epoch * self.splits.train.len()) as f64;
        let timing = json!({
            "threads": rayon::current_num_threads(),
            "train_ms_per_group": 1e3 * state.progress.train_seconds / n_trained,
            "predict_ms_per_group": 1e3 * predict_seconds / n_predicted as f64,
            "train_seconds": state.progress.train_seconds,
            "evaluate_seconds": state.progress.evaluate_seconds,
            "wall_seconds_of_this_launch": started.elapsed().as_secs_f64(),
        });
        match account {
            Account::Report => {
                report(dir, Some(timing))?;
                say(&format!("report: {}", dir.path().join("report.html").display()))?;
            }
            Account::Metrics => {
                surprisal_report::write_metrics(dir.path(), timing)?;
            }
        }
        Ok(ExitCode::SUCCESS)
    }

    /// The certificate of the weights kept, and the path they lie on.
    fn write_solution(&self, run_file: &mut Writer, fit: &Fit<'_, P>, state: &State) -> Result<(), Failure> {
        let Some(path) = self.objective.l1_path() else {
            if self.certified(fit.optimizer) {
                run_file.write_optimality(&fit.optimality()?.numbers())?;
            }
            return Ok(());
        };
        let points = path::points(state)?;
        let selected = state.progress.best.filter(|_| fit.settings.keep == Keep::Best);
        let selected = selected.map_or(points.len() - 1, |best| best.evaluation);
        let objective = self.objective.with_l1_weight(path.weights()[selected]);
        run_file.write_optimality(&Fit { objective: &objective, ..*fit }.optimality()?.numbers())?;
        run_file.write_path(&path_table(&points, &fit.parameters(), selected))?;
        Ok(())
    }

    /// Whether it makes sense to ask how far the weights are from a minimum.
    fn certified(&self, optimizer: &dyn Optimizer) -> bool {
        self.objective.proximal_penalty().is_some() || matches!(optimizer.method(), Method::Minimizer(_))
    }

    #[allow(clippy::print_stderr)] // a damaged checkpoint is worth a word
    fn state(&self, fit: &Fit<'_, P>, checkpoints: &Path, resumed: bool) -> Result<State, Failure> {
        if resumed {
            let (state, passed_over) = checkpoint::load_latest(checkpoints, &fit.parameters())?;
            for damaged in passed_over {
                eprintln!("warning: {damaged}; using the one before it");
            }
            if let Some(state) = state {
                return Ok(state);
            }
        }
        Ok(fit.start()?)
    }

    /// What `run.h5` will hold.
    fn layout(&self, experiment: &Experiment, dir: &RunDir, fit: &Fit<'_, P>) -> Result<Layout, Failure> {
        let judge = self.judge(experiment)?;
        let shape = judge.outcome().layout();
        let json_text = |value: &Value| value.to_string();
        let config = super::command::run::resolved(experiment)?;
        let provenance = std::fs::read_to_string(dir.provenance()).unwrap_or_default();
        let likelihood = judge.outcome().likelihood();
        let likelihood = serde_json::to_value(likelihood).map_err(|e| Failure::program(e.to_string()))?;
        let columns = judge.outcome().columns();
        let splits = self
            .splits
            .parts()
            .into_iter()
            .map(|(name, groups)| SplitLayout {
                name: name.to_string(),
                group: self.group_of_samples(groups, shape.dim),
                dim: shape.dim,
                location_width: columns.location_width(),
                columns: columns
                    .parameters()
                    .iter()
                    .map(|(name, width)| Column::new(*name, *width))
                    .chain(self.rows().into_iter().flat_map(Rows::columns))
                    .collect(),
                metrics: METRICS.map(String::from).to_vec(),
                per_sample: name == "valid",
                trajectories: self.trajectories(name, experiment),
            })
            .collect();
        let coupling = match self.facts.coupling {
            Coupling::Joint => "joint",
            Coupling::Componentwise => "componentwise",
        };
        Ok(Layout {
            name: experiment.name.clone(),
            seed: experiment.seed,
            attributes: vec![
                ("config".into(), config),
                ("provenance".into(), provenance),
                ("likelihood".into(), json_text(&likelihood)),
                ("coupling".into(), coupling.into()),
                ("members".into(), judge.outcome().members().to_string()),
                ("unit".into(), self.facts.unit.into()),
                ("time_label".into(), time_label(experiment)),
                ("target_names".into(), json_text(&json!(self.facts.target_names))),
                ("input_names".into(), json_text(&json!(self.facts.input_names))),
                ("penalties".into(), json_text(&json!(experiment.penalty))),
                ("proximal_penalty".into(), self.objective.proximal_penalty().map_or("", |(name, _)| name).into()),
                ("model".into(), experiment.model.name().into()),
            ]
            .into_iter()
            .chain(self.rows().into_iter().flat_map(Rows::root_attributes))
            .collect(),
            splits,
            parameters: self
                .predictor
                .parameters()
                .iter()
                .chain(self.objective.parameters().iter())
                .map(|p| (p.name.clone(), p.var.dims().to_vec()))
                .chain(self.predictor.named_values()?.into_iter().map(|named| (named.name, vec![named.values.len()])))
                .chain(self.predictor.diagnostic_names().into_iter().map(|name| (name, vec![1])))
                .chain(self.last_layer_shapes(experiment)?)
                .collect(),
            solution: SolutionLayout {
                optimality: if self.certified(experiment.optimizer.get()) {
                    Optimality::names(&self.objective).into_iter().map(String::from).collect()
                } else {
                    vec![]
                },
                n_path: self.objective.l1_path().map_or(0, |path| path.n),
                intervals: fit.interval_names(&experiment.intervals)?,
                profiles: ProfileLayout { parameters: fit.profile_names(&experiment.intervals)?, n_points: POINTS },
            },
        })
    }

    /// The rows of a table.
    fn rows(&self) -> Option<&Rows> {
        match &self.facts.records {
            Records::Rows(rows) => Some(rows),
            Records::Series(_) | Records::Structures(..) => None,
        }
    }

    fn group_of_samples(&self, groups: &[P::Group], dim: usize) -> Vec<u32> {
        groups
            .iter()
            .enumerate()
            .flat_map(|(i, group)| std::iter::repeat_n(i as u32, self.predictor.target(group).values.len() / dim))
            .collect()
    }

    fn trajectories(&self, split: &str, experiment: &Experiment) -> Option<Trajectories> {
        match &self.facts.records {
            Records::Rows(_) => None,
            Records::Structures(splits, _) => Some(Trajectories::frames(part(splits.parts(), split))),
            Records::Series(splits) => Some(Trajectories::Series {
                states: self.facts.target_names.clone(),
                n_times: part(splits.parts(), split).iter().map(|t| t.times.len()).sum(),
                n_dense: part(splits.parts(), split)
                    .iter()
                    .take(DRAWN)
                    .map(|t| 1 + parts(&t.times).iter().sum::<usize>())
                    .sum(),
                networks: networks(experiment),
            }),
        }
    }

    /// What the run's predictions are judged by.
    fn judge(&self, experiment: &Experiment) -> Result<Objective, Failure> {
        if experiment.last_layer.is_none() {
            return Ok(self.objective.clone());
        }
        let outcome = BayesianLastLayer::outcome(self.objective.outcome())?;
        let objective = Objective::new(outcome, experiment.risk.clone(), vec![], None);
        Ok(objective.map_err(TrainError::from)?)
    }

    /// The Bayesian last layer of the trained network, where one is configured.
    fn last_layer(&self, experiment: &Experiment) -> Result<Option<BayesianLastLayer>, Failure> {
        let Some(LastLayerConfig::Bayesian(config)) = &experiment.last_layer else { return Ok(None) };
        let groups: Vec<&P::Group> = self.splits.train.iter().collect();
        let features = self.features(&groups, experiment)?;
        let target = shard::target(&self.predictor, self.objective.outcome().layout().dim, &groups)?;
        Ok(Some(BayesianLastLayer::fit(config, &features, &target)?))
    }

    fn features(&self, groups: &[&P::Group], experiment: &Experiment) -> Result<Tensor, Failure> {
        let features = shard::features(&self.predictor, groups, self.shard_size(experiment))?;
        features.ok_or_else(|| Failure::program("the model has no hidden layer".to_string()))
    }

    fn last_layer_shapes(&self, experiment: &Experiment) -> Result<Vec<(String, Vec<usize>)>, Failure> {
        let (Some(_), Some(first)) = (&experiment.last_layer, self.splits.train.first()) else { return Ok(vec![]) };
        let n_features = self.features(&[first], experiment)?.dim(1).map_err(TrainError::from)?;
        Ok(BayesianLastLayer::shapes(self.objective.outcome().layout().dim, n_features))
    }

    pub(crate) fn shard_size(&self, experiment: &Experiment) -> usize {
        experiment.train.shard_size.unwrap_or_else(|| self.predictor.shard_size())
    }

    /// Predicts every group of every split; returns how many.
    fn write_predictions(
        &self,
        run_file: &mut Writer,
        experiment: &Experiment,
        last_layer: Option<&BayesianLastLayer>,
        varied: (&Fit<'_, P>, &Directions),
    ) -> Result<usize, Failure> {
        let judge = self.judge(experiment)?;
        let shape = judge.outcome().layout();
        let mut n_predicted = 0;
        for (name, groups) in self.splits.parts() {
            let groups: Vec<&P::Group> = groups.iter().collect();
            n_predicted += groups.len();
            let target = shard::target(&self.predictor, shape.dim, &groups)?;
            let prediction = match last_layer {
                Some(last_layer) => last_layer.predict(&self.features(&groups, experiment)?, judge.outcome())?,
                None => shard::evaluate(&self.predictor, &groups, self.shard_size(experiment))?,
            };
            let scores = judge.score(&prediction, &target)?;
            let data = judge.outcome().data_units(&prediction).map_err(TrainError::from)?;
            let observed = judge.outcome().target_in_data_units(&target).map_err(TrainError::from)?;
            let of_rows = self.rows().map(|rows| rows.values(name)).unwrap_or_default();
            let columns = data.parameters.iter().chain(&of_rows);
            run_file.write_predictions(
                name,
                &PredictionTable {
                    target: &observed,
                    location: &data.location,
                    nll: &scores.nll,
                    columns: columns.map(|(name, values)| (name.as_str(), values.as_slice())).collect(),
                },
            )?;
            let center = judge.outcome().mean_location(&data);
            match &self.facts.records {
                Records::Rows(_) => {}
                Records::Structures(splits, scaling) => {
                    let frames = part(splits.parts(), name);
                    let energies: Vec<f64> = match prediction.mean_energy().map_err(TrainError::from)? {
                        Some(energy) => numbers(&energy)?
                            .iter()
                            .zip(frames)
                            .map(|(e, frame)| e * scaling.force + scaling.offset(frame))
                            .collect(),
                        None => vec![],
                    };
                    let mut vectors = center.chunks_exact(3).map(|f| [f[0], f[1], f[2]]);
                    let forces: Vec<Vec<[f64; 3]>> =
                        frames.iter().map(|frame| vectors.by_ref().take(frame.n_atoms()).collect()).collect();
                    run_file.write_structures(
                        name,
                        frames,
                        &PredictedFrames { forces: &forces, energies: &energies },
                    )?;
                }
                Records::Series(splits) => {
                    let mut predicted = center.chunks_exact(shape.dim);
                    let dense = self.dense(part(splits.parts(), name), &groups, varied, experiment)?;
                    let mut series = Series { time: vec![], group: vec![], state: vec![], observed: vec![], dense };
                    for (i, trajectory) in part(splits.parts(), name).iter().enumerate() {
                        let n_times = trajectory.times.len();
                        let n_samples = self.predictor.target(groups[i]).values.len() / shape.dim;
                        series.time.extend_from_slice(&trajectory.times);
                        series.group.extend(std::iter::repeat_n(i as u32, n_times));
                        // What is no sample is given: the first observation, or a context.
                        series.state.extend(trajectory.observed[..n_times - n_samples].iter().flatten());
                        series.state.extend(predicted.by_ref().take(n_samples).flatten());
                        series.observed.extend(trajectory.observed.iter().flatten());
                    }
                    run_file.write_series(name, &series)?;
                }
            }
        }
        Ok(n_predicted)
    }
}

/// Standard errors, intervals and profiles of what means something.
fn write_intervals(run_file: &mut Writer, intervals: Intervals) -> Result<(), Failure> {
    let Intervals { entries, notes, .. } = intervals;
    if entries.is_empty() && notes.is_empty() {
        return Ok(());
    }
    let (mut written, mut profiles) = (vec![], vec![]);
    for Interval { name, values, standard_error, lower, upper, profiles: of_values } in entries {
        if !of_values.is_empty() {
            let ends = of_values.iter().map(|p| [p.lower, p.upper]).collect();
            let points = of_values.into_iter().map(|p| p.points).collect();
            profiles.push(ParameterProfile { name: name.clone(), ends, points });
        }
        written.push(ParameterInterval { name, values, standard_error, lower, upper });
    }
    run_file.write_intervals(&written, &notes)?;
    Ok(run_file.write_profiles(&profiles)?)
}

/// The settings that were found to be possible when the configuration was read.
fn ready(experiment: &Experiment) -> Result<Train, Failure> {
    experiment.settings().map_err(|p| Failure::user(format!("`train.{}` {}", p.key, p.problem), p.hint))
}

/// The points of a path column by column.
fn path_table(points: &[PathPoint], parameters: &[Parameter], selected: usize) -> PathTable {
    let column = |value: fn(&PathPoint) -> f64| points.iter().map(value).collect();
    let mut start = 0;
    let parameters = parameters.iter().map(|p| {
        let at = start..start + p.var.elem_count();
        start = at.end;
        let values = points.iter().flat_map(|point| point.parameters[at.clone()].iter().copied()).collect();
        (p.name.clone(), p.var.dims().to_vec(), values)
    });
    let parameters = parameters.collect();
    PathTable {
        weight: column(|p| p.weight),
        objective: column(|p| p.objective),
        train_nll: column(|p| p.train_nll),
        valid_nll: column(|p| p.valid_nll),
        n_nonzero: column(|p| p.n_nonzero as f64),
        violation: column(|p| p.violation),
        selected,
        parameters,
    }
}

fn numbers(tensor: &Tensor) -> Result<Vec<f64>, TrainError> {
    Ok(tensor.flatten_all()?.to_dtype(DType::F64)?.to_vec1()?)
}

fn part<'a, R>(parts: Vec<(&str, &'a [R])>, name: &str) -> &'a [R] {
    parts.into_iter().find(|(part, _)| *part == name).map_or(&[], |(_, records)| records)
}

/// Metrics, figures and `report.html` from the run's files. Without `timing`, that of the metrics
/// written before is kept.
pub(crate) fn report(dir: &RunDir, timing: Option<Value>) -> Result<(), Failure> {
    let read = |path: std::path::PathBuf| std::fs::read_to_string(&path).map_err(|e| Failure::file(&path, "read", &e));
    let timing = match timing {
        Some(timing) => timing,
        None => read(dir.path().join("metrics.json"))
            .ok()
            .and_then(|text| serde_json::from_str::<Value>(&text).ok())
            .and_then(|metrics| metrics.get("timing").cloned())
            .unwrap_or(Value::Null),
    };
    surprisal_report::write(
        dir.path(),
        &surprisal_report::ReportInputs {
            timing,
            config_toml: read(dir.config())?,
            provenance: read(dir.provenance())?,
        },
    )?;
    Ok(())
}
