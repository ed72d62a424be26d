//! `surprisal reproduce`: the runs of a study, and whether they give what its `expected.toml` says.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use candle_core::Device;
use serde_json::json;
use surprisal_core::closest;

use super::{device, say};
use crate::arguments::Reproduce;
use crate::assembled::Account;
use crate::failure::Failure;
use crate::run_dir::{new_folder, write_whole};
use crate::signals::INTERRUPTED;
use crate::source::{self, Source};
use crate::study::Study;
use crate::study::data::{Needs, Shipping};
use crate::study::expected::{Expected, StudyRun};
use crate::study::outcome::{self, Finished};

/// One launch of a run of the study.
struct Launch {
    /// Folder below the study's.
    folder: String,
    config: PathBuf,
    source: Source,
}

/// Runs a study and compares. Exit code 1 where something is not as expected.
pub(crate) fn run(arguments: &Reproduce) -> Result<ExitCode, Failure> {
    let study = Study::find(&arguments.study)?;
    let expected = study.expected()?;
    let shipping = Shipping::read(&study)?;
    let device = device(&arguments.device)?;
    let chosen = chosen(&expected, &arguments.only)?;
    // Every configuration is read before anything is computed.
    let launches = chosen
        .iter()
        .map(|run| launches(&study, &shipping, run, &arguments.set))
        .collect::<Result<Vec<Vec<Launch>>, _>>()?;
    if let Some(out) = arguments.out.as_deref().filter(|out| out.exists()) {
        return Err(Failure::user(format!("{} exists already", out.display()), "choose another --out"));
    }

    let folder = new_folder(arguments.out.as_deref(), &study.name)?;
    say(&format!("study folder: {}", folder.display()))?;
    let started = Instant::now();
    let mut finished = vec![];
    for (run, launches) in chosen.iter().zip(&launches) {
        let folders: Vec<PathBuf> = launches.iter().map(|launch| folder.join(&launch.folder)).collect();
        for (launch, out) in launches.iter().zip(&folders) {
            let code = launch.run(&device, out, launches.len())?;
            if code == ExitCode::from(INTERRUPTED) {
                return Ok(code);
            }
        }
        finished.push(Finished { run, folders });
    }
    for comparison in &expected.compare {
        let done = |run: &String| finished.iter().find(|done| done.run.name == *run);
        // without a run that was not asked for there are fewer to compare
        let folders: Vec<PathBuf> = comparison.runs.iter().filter_map(done).flat_map(|d| d.folders.clone()).collect();
        if folders.len() > 1 {
            let page = folder.join(format!("{}.html", comparison.name));
            surprisal_report::compare(&folders, &page)?;
            say(&format!("comparison: {}", page.display()))?;
        }
    }
    let lines = outcome::judge(&expected, &finished)?;
    let seconds = started.elapsed().as_secs_f64();
    let account = json!({
        "study": study.name, "seconds": seconds, "lines": lines.iter().map(outcome::Judged::json).collect::<Vec<_>>(),
    });
    write_whole(&folder.join("reproduced.json"), &format!("{account:#}\n"))?;
    let n_ok = lines.iter().filter(|line| line.holds).count();
    say(&format!(
        "{}\n{n_ok} of {} as expected; {seconds:.1} s (the whole study took {} CPU-seconds when it was written down)",
        outcome::table(&lines),
        lines.len(),
        expected.cpu_seconds
    ))?;
    Ok(ExitCode::from(u8::from(n_ok < lines.len())))
}

/// The runs asked for, in the order of the study; all of them where none is named.
fn chosen<'a>(expected: &'a Expected, only: &[String]) -> Result<Vec<&'a StudyRun>, Failure> {
    let names: Vec<&str> = expected.run.iter().map(|run| run.name.as_str()).collect();
    if let Some(unknown) = only.iter().find(|name| !names.contains(&name.as_str())) {
        return Err(Failure::user(
            format!("--run {unknown}: the study has no such run"),
            match closest(unknown, names.iter().copied()) {
                Some(name) => format!("did you mean `{name}`?"),
                None => format!("its runs are {}", names.join(", ")),
            },
        ));
    }
    Ok(expected.run.iter().filter(|run| only.is_empty() || only.contains(&run.name)).collect())
}

/// A run's repeats, with their configurations read.
fn launches(study: &Study, shipping: &Shipping, run: &StudyRun, set: &[String]) -> Result<Vec<Launch>, Failure> {
    let config = study.folder.join(&run.config);
    let values: Vec<Option<String>> = match &run.repeat {
        Some(repeat) => (repeat.from..=repeat.to).map(|i| Some(format!("{}={i}", repeat.key))).collect(),
        None => vec![None],
    };
    let place = |failure: Failure| failure.at(&format!("run `{}`", run.name));
    let own = run.set.iter().cloned().chain(values[0].clone()).collect::<Vec<_>>();
    // `data_root` of other people's data says nothing about the project's own beside it.
    let shipped = !shipping.is_empty() && shipping.needs(&config, &own).map_err(place)? == Needs::Nothing;
    let wanted = |assignment: &&String| !(shipped && assignment.trim_start().starts_with("data_root"));
    let asked: Vec<String> = set.iter().filter(wanted).cloned().collect();
    let launch = |value: Option<String>| {
        let folder = match &value {
            Some(value) => format!("{}-{}", run.name, value.rsplit('=').next().unwrap_or_default()),
            None => run.name.clone(),
        };
        let overrides: Vec<String> = run.set.iter().cloned().chain(value).chain(asked.iter().cloned()).collect();
        if let Needs::Missing(missing) = shipping.needs(&config, &overrides).map_err(place)? {
            return Err(shipping.refusal(study, &run.name, &missing));
        }
        let source = source::read(&config, &overrides).map_err(place)?;
        Ok(Launch { folder, config: config.clone(), source })
    };
    values.into_iter().map(launch).collect()
}

impl Launch {
    /// One of many leaves no figures and no report.
    fn run(&self, device: &Device, out: &Path, n_repeats: usize) -> Result<ExitCode, Failure> {
        let started = Instant::now();
        let account = if n_repeats > 1 { Account::Metrics } else { Account::Report };
        let code = super::run::start(&self.config, &self.source, device, Some(out), account)
            .map_err(|failure| failure.at(&self.folder))?;
        say(&format!("{}: {:.1} s", self.folder, started.elapsed().as_secs_f64()))?;
        Ok(code)
    }
}
