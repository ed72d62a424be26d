//! `surprisal run` and `surprisal resume`.

use std::path::Path;
use std::process::ExitCode;

use super::{device, say};
use crate::arguments::Run;
use crate::assembled::{Account, Launch};
use crate::experiment::Experiment;
use crate::failure::Failure;
use crate::plan::Plan;
use crate::provenance;
use crate::run_dir::{RunDir, write_whole};
use crate::source::{self, Source};

/// Runs an experiment into a new folder, or goes on in its folder with `--resume`.
pub(crate) fn run(arguments: &Run) -> Result<ExitCode, Failure> {
    let configured = &arguments.configured;
    let source = source::read(&configured.config, &configured.set)?;
    let device = device(&configured.device)?;
    if arguments.resume
        && let Some(out) = arguments.out.as_deref().filter(|out| out.exists())
    {
        return go_on(&RunDir::open(out)?, &source, &device);
    }
    start(&configured.config, &source, &device, arguments.out.as_deref(), Account::Report)
}

/// Runs an experiment into a new folder.
pub(crate) fn start(
    config: &Path,
    source: &Source,
    device: &candle_core::Device,
    out: Option<&Path>,
    account: Account,
) -> Result<ExitCode, Failure> {
    // Everything that can be wrong with configuration and data is found before anything is created.
    let plan = Plan::build(source, device)?;
    plan.check_intervals(&source.experiment)?;
    let files = source.experiment.data.files(&source.data_root);
    let origin = provenance::collect(config, source.experiment.seed, &files)?;
    let dir = RunDir::create(out, &source.experiment.name)?;
    write_config(&dir, &source.experiment)?;
    write_whole(&dir.provenance(), &format!("{origin:#}\n"))?;
    if account == Account::Report {
        say(&format!("run folder: {}", dir.path().display()))?;
    }
    plan.execute(&dir, &source.experiment, Launch { resumed: false, account })
}

/// Goes on with the run in a folder.
pub(crate) fn resume(directory: &Path, device_name: &str) -> Result<ExitCode, Failure> {
    let dir = RunDir::open(directory)?;
    let source = source::read(&dir.config(), &[])?;
    go_on(&dir, &source, &device(device_name)?)
}

fn go_on(dir: &RunDir, source: &Source, device: &candle_core::Device) -> Result<ExitCode, Failure> {
    let before = source::read(&dir.config(), &[])?.experiment;
    same_but_longer(&before, &source.experiment, dir)?;
    same_data(dir, source)?;
    let plan = Plan::build(source, device)?;
    write_config(dir, &source.experiment)?;
    say(&format!("run folder: {} (resumed)", dir.path().display()))?;
    plan.execute(dir, &source.experiment, Launch { resumed: true, account: Account::Report })
}

fn write_config(dir: &RunDir, experiment: &Experiment) -> Result<(), Failure> {
    write_whole(&dir.config(), &resolved(experiment)?)
}

/// The experiment with every default filled in, as TOML.
pub(crate) fn resolved(experiment: &Experiment) -> Result<String, Failure> {
    toml::to_string(experiment).map_err(|e| Failure::program(format!("cannot write the configuration: {e}")))
}

/// A resumed run reads the very bytes it began with.
fn same_data(dir: &RunDir, source: &Source) -> Result<(), Failure> {
    let path = dir.provenance();
    let text = std::fs::read_to_string(&path).map_err(|e| Failure::file(&path, "read", &e))?;
    let before: serde_json::Value =
        serde_json::from_str(&text).map_err(|e| Failure::program(format!("{}: {e}", path.display())))?;
    let now = provenance::digests(&source.experiment.data.files(&source.data_root))?;
    let changed = now
        .iter()
        .zip(before["data"].as_array().into_iter().flatten())
        .find(|(now, then)| now["sha256"] != then["sha256"]);
    match changed {
        Some((file, _)) => Err(Failure::user(
            format!(
                "{} has changed since the run in {} began",
                file["path"].as_str().unwrap_or("a data file"),
                dir.path().display()
            ),
            "bring the old file back, or start a new run with another --out",
        )),
        None => Ok(()),
    }
}

/// A resumed run is the same run: only its stop conditions may grow.
fn same_but_longer(before: &Experiment, now: &Experiment, dir: &RunDir) -> Result<(), Failure> {
    // both are resolved, so that both are there
    if let (Some(now), Some(before)) = (now.train.epochs, before.train.epochs)
        && now < before
    {
        return Err(Failure::user(
            format!("train.epochs = {now} is less than the {before} of the run in {}", dir.path().display()),
            "a resumed run may only grow; start a new one for fewer epochs",
        ));
    }
    let mut comparable = before.clone();
    comparable.train.epochs = now.train.epochs;
    comparable.train.patience = now.train.patience;
    let (old, new) = (resolved(&comparable)?, resolved(now)?);
    if let Some((old, new)) = old.lines().zip(new.lines()).find(|(old, new)| old != new) {
        return Err(Failure::user(
            format!("the configuration is not that of the run in {}: `{new}` there was `{old}`", dir.path().display()),
            "resume with the same configuration, or start a new run with another --out",
        ));
    }
    if old.lines().count() != new.lines().count() {
        return Err(Failure::user(
            format!("the configuration has other keys than that of the run in {}", dir.path().display()),
            "resume with the same configuration, or start a new run with another --out",
        ));
    }
    Ok(())
}
