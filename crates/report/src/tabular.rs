//! What a run file knows of a table: the rows' inputs and attributes, a linear model's coefficients, and
//! the constants that the likelihood trained.

use surprisal_data::run_file::{Reader, RunFileError};
use surprisal_objective::likelihood::{Blocks, LikelihoodConfig, Source};

/// What is known of a table beside its predictions; empty for data of other kinds.
#[derive(Debug, Clone, Default)]
pub struct Tabular {
    /// The only input; `None` where there are others or none.
    pub input: Option<Input>,
    /// The attributes that divide the rows.
    pub attributes: Vec<Attribute>,
    /// The likelihood's trained constants, in the data's own units.
    pub constants: Vec<(String, Vec<f64>)>,
    /// Coefficients of a linear model; empty for others.
    pub coefficients: Vec<LinearOutput>,
}

/// The only input of a table.
#[derive(Debug, Clone)]
pub struct Input {
    /// The column.
    pub name: String,
    /// Values of each split's rows, by the split's name.
    pub values: Vec<(String, Vec<f64>)>,
}

/// A column that divides the rows into groups.
#[derive(Debug, Clone)]
pub struct Attribute {
    /// The column.
    pub name: String,
    /// Names of the groups.
    pub levels: Vec<String>,
    /// Group of each row, by the split's name.
    pub groups: Vec<(String, Vec<usize>)>,
}

/// One output of a linear model: y = intercept + Σ coefficient · input.
#[derive(Debug, Clone, PartialEq)]
pub struct LinearOutput {
    /// `location` or a parameter of the likelihood, before its link.
    pub name: String,
    /// As trained, on standardised inputs and targets: intercept and coefficients.
    pub standardized: (f64, Vec<f64>),
    /// Per unit of each input, in units of the target where the target was standardised; `None` where the
    /// target was only scaled, which changes coefficients as the link has it.
    pub raw: Option<(f64, Vec<f64>)>,
}

impl Tabular {
    /// What a run file says of it.
    pub(crate) fn read(
        reader: &Reader,
        likelihood: &LikelihoodConfig,
        blocks: Blocks,
        inputs: &[String],
    ) -> Result<Self, RunFileError> {
        let constants = constants(reader, likelihood, blocks)?;
        Ok(Self {
            input: input(reader, inputs)?,
            attributes: attributes(reader)?,
            constants,
            coefficients: coefficients(reader, likelihood, blocks, inputs.len())?,
        })
    }
}

fn list<T: serde::de::DeserializeOwned>(reader: &Reader, attribute: &str) -> Vec<T> {
    reader.attribute(attribute).ok().and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default()
}

/// A column of every split that has it.
fn of_splits(reader: &Reader, column: &str) -> Result<Vec<(String, Vec<f64>)>, RunFileError> {
    let mut values = vec![];
    for split in reader.splits() {
        if reader.columns(split)?.iter().any(|name| name == column) {
            values.push((split.clone(), reader.column(split, column)?.values));
        }
    }
    Ok(values)
}

fn input(reader: &Reader, names: &[String]) -> Result<Option<Input>, RunFileError> {
    let [name] = names else { return Ok(None) };
    let values = of_splits(reader, "input")?;
    Ok((!values.is_empty()).then(|| Input { name: name.clone(), values }))
}

fn attributes(reader: &Reader) -> Result<Vec<Attribute>, RunFileError> {
    let named: Vec<(String, Vec<String>)> = list(reader, "attributes");
    named
        .into_iter()
        .map(|(name, levels)| {
            let columns = of_splits(reader, &format!("attribute.{}", name.replace('/', "_")))?;
            let groups = columns.into_iter().map(|(split, v)| (split, v.into_iter().map(|g| g as usize).collect()));
            Ok(Attribute { groups: groups.collect(), name, levels })
        })
        .collect()
}

/// Constants are the same in every row.
fn constants(
    reader: &Reader,
    likelihood: &LikelihoodConfig,
    blocks: Blocks,
) -> Result<Vec<(String, Vec<f64>)>, RunFileError> {
    let Some(split) = reader.splits().first() else { return Ok(vec![]) };
    let specs = likelihood.get().parameters(blocks.block_dim);
    let mut constants = vec![];
    for spec in specs.iter().filter(|spec| spec.source == Source::Constant) {
        let column = reader.column(split, spec.name)?;
        constants.push((spec.name.to_owned(), column.values.into_iter().take(column.width).collect()));
    }
    Ok(constants)
}

/// Of a single layer and a single target.
fn coefficients(
    reader: &Reader,
    likelihood: &LikelihoodConfig,
    blocks: Blocks,
    n_inputs: usize,
) -> Result<Vec<LinearOutput>, RunFileError> {
    let names = reader.parameters()?;
    let has = |name: &str| names.iter().any(|n| n == name);
    let is_mlp = reader.attribute("model").is_ok_and(|model| model == "mlp");
    if !is_mlp || !has("layers.0.weight") || has("layers.1.weight") || blocks.n_blocks * blocks.block_dim != 1 {
        return Ok(vec![]);
    }
    let (weight, _) = reader.parameter("layers.0.weight")?;
    let (bias, _) = reader.parameter("layers.0.bias")?;
    let scaling = |key: &str| -> Vec<f64> { list(reader, key) };
    let (shift, scale) = (scaling("input_shift"), scaling("input_scale"));
    let (&[target_shift], &[target_scale]) = (&scaling("target_shift")[..], &scaling("target_scale")[..]) else {
        return Ok(vec![]);
    };
    if shift.len() != n_inputs || scale.len() != n_inputs {
        return Ok(vec![]);
    }
    let n_locations = likelihood.get().location_width(1);
    let numbered = |name: &str, width: usize| -> Vec<String> {
        if width == 1 { vec![name.to_owned()] } else { (0..width).map(|i| format!("{name}.{i}")).collect() }
    };
    let predicted = likelihood.get().parameters(1).into_iter().filter(|spec| spec.source == Source::Network);
    let outputs = numbered("location", n_locations);
    let outputs = outputs.into_iter().chain(predicted.flat_map(|spec| numbered(spec.name, spec.width)));
    let only_scaled = target_shift == 0.0 && target_scale != 1.0;
    let output = |(k, name): (usize, String)| {
        let weights = &weight[k * n_inputs..(k + 1) * n_inputs];
        let (add, times) = if k < n_locations { (target_shift, target_scale) } else { (0.0, 1.0) };
        let slopes: Vec<f64> = weights.iter().zip(&scale).map(|(w, s)| times * w / s).collect();
        let moved: f64 = slopes.iter().zip(&shift).map(|(slope, shift)| slope * shift).sum();
        LinearOutput {
            name,
            standardized: (bias[k], weights.to_vec()),
            raw: (!only_scaled).then(|| (add + times * bias[k] - moved, slopes)),
        }
    };
    Ok(outputs.enumerate().map(output).collect())
}
