//! From a run file to [`RunData`]: every predicted component is judged once by its marginal.

use std::path::Path;

use surprisal_data::run_file::{PerSampleQuantity, Reader, RunFileError};
use surprisal_objective::calibration::onset::{self, OnsetCurves, OnsetOptions, OnsetReport};
use surprisal_objective::likelihood::{Coupling, LikelihoodConfig};

use crate::ReportError;
use crate::run_data::{Curves, RunData, SplitCurves, SplitData, root_mean_square};
use crate::solution::Solution;

/// The split whose curves are searched for the onset of miscalibration.
const ONSET_SPLIT: &str = "valid";

/// Reads a run file.
pub fn load(path: &Path) -> Result<RunData, ReportError> {
    let reader = Reader::open(path)?;
    let seed = reader.seed()?;
    let likelihood: LikelihoodConfig = json(&reader, "likelihood")?;
    let coupling: Coupling = parse(&reader, "coupling", &format!("\"{}\"", reader.attribute("coupling")?))?;
    let mut splits = vec![];
    for name in reader.splits() {
        let split = split(&reader, name, &likelihood, coupling)?;
        // NaN: the run ended before its predictions were written.
        if split.nll.iter().any(|v| !v.is_nan()) {
            splits.push(split);
        }
    }
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
    Ok(RunData {
        name: reader.attribute("name")?,
        seed,
        model: reader.attribute("model")?,
        likelihood: likelihood.name().to_owned(),
        unit: reader.attribute("unit")?,
        target_names: json(&reader, "target_names")?,
        splits,
        curves: curves(&reader)?,
        onset: find_onset(&reader, seed)?,
        notes,
        solution: Solution::read(&reader)?,
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

/// The predictions of one split, judged.
fn split(
    reader: &Reader,
    name: &str,
    likelihood: &LikelihoodConfig,
    coupling: Coupling,
) -> Result<SplitData, ReportError> {
    let target = reader.column(name, "target")?;
    let (n, dim) = (target.n_samples, target.width);
    let blocks = coupling.blocks(dim);
    let column = |column: &str, width: usize| -> Result<Vec<f64>, ReportError> {
        let values = reader.column(name, column)?.values;
        if values.len() == n * width {
            return Ok(values);
        }
        Err(ReportError::Shape {
            path: reader.path().to_owned(),
            split: name.to_owned(),
            column: column.to_owned(),
            expected: n * width,
            found: values.len(),
        })
    };
    let mut split = SplitData::new(name, dim);
    split.nll = column("nll", 1)?;
    split.group = reader.group(name)?.into_iter().map(u64::from).collect();
    if n == 0 || split.nll.iter().all(|v| v.is_nan()) {
        return Ok(split);
    }
    let location = column("location", dim)?;
    let parameters = likelihood
        .get()
        .parameters()
        .iter()
        .map(|spec| column(spec.name, blocks.n_blocks))
        .collect::<Result<Vec<_>, _>>()?;
    let mut natural = vec![0.0; 1 + parameters.len()];
    let mut named: Vec<(&'static str, Vec<f64>)> = vec![];
    for (c, &y) in target.values.iter().enumerate() {
        let block = c / dim * blocks.n_blocks + blocks.of_component(c % dim);
        natural[0] = location[c];
        natural[1..].iter_mut().zip(&parameters).for_each(|(slot, values)| *slot = values[block]);
        let marginal =
            natural.iter().all(|v| v.is_finite()).then(|| likelihood.get().marginal(&natural, blocks.block_dim));
        split.push(y, marginal.as_deref());
        let uncertainties = likelihood.get().uncertainties(&natural, blocks.block_dim);
        for (i, (uncertainty, value)) in uncertainties.into_iter().enumerate() {
            if named.len() <= i {
                named.push((uncertainty, Vec::with_capacity(n * dim)));
            }
            named[i].1.push(value);
        }
    }
    split.uncertainties = named
        .into_iter()
        .map(|(uncertainty, values)| (uncertainty.to_owned(), values.chunks_exact(dim).map(root_mean_square).collect()))
        .collect();
    Ok(split)
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
            Ok(Some(SplitCurves { name: name.clone(), nll, mse, zms: curve("zms")? }))
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
    let curves =
        OnsetCurves { nll: &nll.values, squared_error: &squared_error.values, group: &group, zms: zms.as_deref() };
    Ok(Some(onset::detect(&curves, &OnsetOptions::new(seed))))
}
