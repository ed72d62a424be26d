//! From a run file to [`RunData`]: every predicted component is judged once by its marginal.

use std::path::Path;

use surprisal_data::run_file::{PerSampleQuantity, Reader, RunFileError};
use surprisal_objective::calibration::onset::{self, OnsetCurves, OnsetOptions, OnsetReport};
use surprisal_objective::likelihood::{BlockValues, Coupling, LikelihoodConfig};

use crate::ReportError;
use crate::run_data::{Curves, RunData, SplitCurves, SplitData, root_mean_square};

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
    let blocks = likelihood.get().coupling().unwrap_or(coupling).blocks(dim);
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
    let location = reader.column(name, "location")?;
    let per_block = location.width / blocks.n_blocks;
    let parameters = likelihood
        .get()
        .parameters(blocks.block_dim)
        .iter()
        .map(|spec| Ok((spec.width, column(spec.name, blocks.n_blocks * spec.width)?)))
        .collect::<Result<Vec<_>, ReportError>>()?;
    let mut named: Vec<(&'static str, Vec<f64>)> = vec![];
    let mut gathered = vec![];
    for (block, targets) in target.values.chunks_exact(blocks.block_dim).enumerate() {
        gathered.clear();
        gathered.extend(parameters.iter().flat_map(|(width, v)| &v[block * width..(block + 1) * width]));
        let location = &location.values[block * per_block..(block + 1) * per_block];
        let values = BlockValues { location, parameters: &gathered, block_dim: blocks.block_dim };
        let sound = location.iter().chain(&gathered).all(|v| v.is_finite());
        for (component, &y) in targets.iter().enumerate() {
            let marginal = sound.then(|| likelihood.get().marginal(&values, component));
            split.push(y, marginal.as_deref());
            let uncertainties = likelihood.get().uncertainties(&values, component);
            for (i, (uncertainty, value)) in uncertainties.into_iter().enumerate() {
                if named.len() <= i {
                    named.push((uncertainty, Vec::with_capacity(n * dim)));
                }
                named[i].1.push(if sound { value } else { f64::NAN });
            }
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
    if !known || reader.n_evaluations() == 0 {
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
