//! From a run file to [`RunData`].

use std::path::Path;

use surprisal_data::run_file::{PerSampleCurve, PerSampleQuantity, Reader, RunFileError};
use surprisal_objective::calibration::onset::{self, OnsetCurves, OnsetOptions, OnsetReport};
use surprisal_objective::likelihood::{Coupling, LikelihoodConfig};

use crate::ReportError;
use crate::predicted::{self, Predicted};
use crate::run_data::{Curves, RunData, SplitCurves, SplitData};
use crate::solution::Solution;
use crate::tabular::Tabular;

/// The split whose curves are searched for the onset of miscalibration.
const ONSET_SPLIT: &str = "valid";

/// Reads a run file.
pub fn load(path: &Path) -> Result<RunData, ReportError> {
    let reader = Reader::open(path)?;
    let seed = reader.seed()?;
    let likelihood: LikelihoodConfig = json(&reader, "likelihood")?;
    let coupling: Coupling = parse(&reader, "coupling", &format!("\"{}\"", reader.attribute("coupling")?))?;
    // Files of version 1 without the attribute have one member.
    let members = reader.attribute("members").ok().and_then(|m| m.parse().ok()).unwrap_or(1);
    let mut predicted = vec![];
    for name in reader.splits() {
        let split = Predicted::read(&reader, name, &likelihood, coupling, members)?;
        // NaN: the run ended before its predictions were written.
        if split.data.nll.iter().any(|v| !v.is_nan()) {
            predicted.push(split);
        }
    }
    let kind = likelihood.get().kind();
    let recalibration = predicted::recalibrate(kind, seed, &predicted);
    let splits: Vec<SplitData> = predicted.into_iter().map(|p| p.data).collect();
    let mut notes = vec![];
    for split in &splits {
        let without = split.sigma.iter().filter(|s| !s.is_finite()).count();
        if without > 0 {
            notes.push(format!(
                "{without} of {} predictions on `{}` have no finite variance; ENCE leaves them out and their z-score is 0",
                split.sigma.len(),
                split.name
            ));
        }
    }
    let solution = Solution::read(&reader)?;
    let target_names: Vec<String> = json(&reader, "target_names")?;
    let blocks = likelihood.get().coupling().unwrap_or(coupling).blocks(target_names.len());
    Ok(RunData {
        name: reader.attribute("name")?,
        seed,
        model: reader.attribute("model")?,
        likelihood: likelihood.name().to_owned(),
        kind,
        unit: reader.attribute("unit")?,
        time_label: reader.attribute("time_label").unwrap_or_else(|_| "Time".into()),
        target_names,
        splits,
        curves: curves(&reader)?,
        onset: find_onset(&reader, seed)?,
        recalibration,
        notes,
        table: Tabular::read(&reader, &likelihood, blocks, &solution.input_names)?,
        solution,
    })
}

fn json<T: serde::de::DeserializeOwned>(reader: &Reader, attribute: &'static str) -> Result<T, ReportError> {
    parse(reader, attribute, &reader.attribute(attribute)?)
}

fn parse<T: serde::de::DeserializeOwned>(
    reader: &Reader,
    attribute: &'static str,
    text: &str,
) -> Result<T, ReportError> {
    serde_json::from_str(text).map_err(|e| ReportError::Attribute {
        path: reader.path().to_owned(),
        attribute,
        reason: e.to_string(),
    })
}

fn curves(reader: &Reader) -> Result<Curves, ReportError> {
    let splits = reader
        .splits()
        .iter()
        .map(|name| {
            let metrics = reader.metrics(name)?;
            let curve = |metric: &str| -> Result<Option<Vec<f64>>, RunFileError> {
                if metrics.iter().any(|m| m == metric) { reader.curve(name, metric).map(Some) } else { Ok(None) }
            };
            let (Some(nll), Some(mse)) = (curve("nll")?, curve("mse")?) else { return Ok(None) };
            let pit = match reader.has_pit(name) {
                true => (0..reader.n_evaluations()).map(|t| reader.pit_at(name, t)).collect::<Result<_, _>>()?,
                false => vec![],
            };
            Ok(Some(SplitCurves { name: name.clone(), nll, mse, zms: curve("zms")?, pit }))
        })
        .collect::<Result<Vec<_>, RunFileError>>()?;
    Ok(Curves { epoch: reader.epochs()?, splits: splits.into_iter().flatten().collect(), selected: reader.selected()? })
}

fn find_onset(reader: &Reader, seed: u64) -> Result<Option<OnsetReport>, ReportError> {
    let known = reader.splits().iter().any(|s| s == ONSET_SPLIT) && reader.has_per_sample(ONSET_SPLIT);
    // the evaluations of a regularisation path are no course of one training
    let is_path = reader.regularization_path()?.is_some();
    if !known || is_path || reader.n_evaluations() == 0 {
        return Ok(None);
    }
    let nll = reader.per_sample(ONSET_SPLIT, PerSampleQuantity::Nll)?;
    let squared_error = reader.per_sample(ONSET_SPLIT, PerSampleQuantity::SquaredError)?;
    let group: Vec<u64> = reader.group(ONSET_SPLIT)?.into_iter().map(u64::from).collect();
    if group.is_empty() {
        return Ok(None);
    }
    let zms = if reader.metrics(ONSET_SPLIT)?.iter().any(|m| m == "zms") {
        Some(reader.curve(ONSET_SPLIT, "zms")?)
    } else {
        None
    };
    let observed = ever_observed(&nll);
    if observed.is_empty() {
        return Ok(None);
    }
    let (nll, squared_error) = (kept(&nll, &observed), kept(&squared_error, &observed));
    let group: Vec<u64> = observed.iter().map(|&i| group[i]).collect();
    let curves = OnsetCurves { nll: &nll, squared_error: &squared_error, group: &group, zms: zms.as_deref() };
    Ok(Some(onset::detect(&curves, &OnsetOptions::new(seed))))
}

/// The samples with an NLL at any evaluation; where nothing was observed there is none at all.
fn ever_observed(nll: &PerSampleCurve) -> Vec<usize> {
    let has = |&i: &usize| nll.values.iter().skip(i).step_by(nll.n_samples).any(|v| !v.is_nan());
    (0..nll.n_samples).filter(has).collect()
}

/// The curves of some samples, `[n_evaluations, n_kept]`.
fn kept(curve: &PerSampleCurve, samples: &[usize]) -> Vec<f64> {
    (0..curve.n_evaluations)
        .flat_map(|t| {
            let row = curve.evaluation(t);
            samples.iter().map(|&i| row[i])
        })
        .collect()
}
