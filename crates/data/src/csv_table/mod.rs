//! Tables: a CSV file whose rows are independent samples.
//!
//! Columns are numbers, or words that `categorical` turns into 0 and 1, or a column of labels as a
//! 0/1 target. Test rows are drawn at random, or listed in a file where a benchmark publishes its
//! splits. Values stay in the data's own units here; `standardize` is carried out by the training.

mod encoding;
mod split_list;
mod target;

use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use surprisal_core::records::{Row, Splits, Table};

use self::encoding::{Attribute, Input, Target};
pub use self::target::{Label, TargetColumns};
use crate::csv_file::{CsvError, CsvFault, CsvFile};
use crate::error::{DataError, Place};
use crate::split::{Fractions, SplitError, ValidSplit};

/// Rows of a CSV file (`[data.csv]`).
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CsvConfig {
    /// The file; its first line names the columns.
    pub path: PathBuf,
    /// The input columns, in order; empty for a model of the target alone.
    pub inputs: Vec<String>,
    /// The target: a column, a list of columns, or `{ column = "class", positive = "ill" }`.
    pub target: TargetColumns,
    /// Input columns of words; each becomes one column of 0 and 1 per word.
    #[serde(default)]
    pub categorical: Vec<String>,
    /// Columns that divide the rows into groups of people or things: penalties and reports compare
    /// them. The model sees them only where they are `inputs` too.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attributes: Vec<String>,
    /// A column of weights ≥ 0 that `[risk.weighted]` uses.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weight: Option<String>,
    /// Whether inputs are shifted and scaled to mean 0 and standard deviation 1 (population
    /// standard deviation, of the training rows).
    #[serde(default = "default_standardize")]
    pub standardize: bool,
    /// Replaces each target y in [0, 1] by (y(n − 1) + ½)/n for the n rows of the file, so that shares
    /// of exactly 0 and 1 can be given to a Beta distribution (Smithson & Verkuilen 2006).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub squeeze_target: bool,
    /// What to do with a word of a categorical input that no training row has.
    #[serde(default)]
    pub unseen_levels: UnseenLevels,
    /// Share of the rows that is kept for validation. With `splits` or `folds`, a share of the rows
    /// that are not test rows.
    #[serde(default)]
    pub valid_fraction: f64,
    /// Whether validation rows are drawn at random or are the last block of the file.
    #[serde(default)]
    pub valid_split: ValidSplit,
    /// Share of the rows, drawn at random, that is kept for the test.
    #[serde(default)]
    pub test_fraction: f64,
    /// Cuts the rows into so many parts of (nearly) equal size at random and keeps one for the test, in
    /// place of `test_fraction`; goes with `fold`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub folds: Option<usize>,
    /// Which of the parts is the test, counted from 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fold: Option<usize>,
    /// A JSON file `{"test": [[0, 5], [2, 3]]}` of published test rows, counted from 0, in place of
    /// `test_fraction`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub splits: Option<PathBuf>,
    /// Which of the published splits, counted from 0; goes with `splits`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub split: Option<usize>,
}

/// What to do with a word of a categorical input that no training row has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum UnseenLevels {
    /// Refuse it: nothing was learned about it.
    #[default]
    Error,
    /// All its indicators are 0, or carry an untrained weight.
    Zero,
}

fn default_standardize() -> bool {
    true
}

/// A table cut into parts.
#[derive(Debug, Clone)]
pub struct TableSplits {
    /// Names of the input columns; those of a categorical column are `column=level`.
    pub inputs: Vec<String>,
    /// Names of the target columns.
    pub targets: Vec<String>,
    /// Names of the attributes and of their levels.
    pub attributes: Vec<(String, Vec<String>)>,
    /// The rows of each part, in the order of the file. There is at most one test part, `test`.
    pub splits: Splits<Row>,
}

impl CsvConfig {
    /// Reads the file, relative to `root`, and cuts its rows into parts.
    pub fn load(&self, root: &Path, seed: u64) -> Result<TableSplits, DataError> {
        self.check()?;
        let csv = CsvFile::read(&root.join(&self.path))?;
        let (inputs, target) = self.columns(&csv)?;
        let attributes =
            self.attributes.iter().map(|name| Attribute::new(&csv, name)).collect::<Result<Vec<_>, _>>()?;

        let weights = self.weight.as_ref().map(|name| csv.column("weight", name)).transpose()?;
        let rows: Vec<usize> = (0..csv.n_rows()).collect();
        let fractions = self.fractions();
        let chosen = match (&self.splits, self.split, self.folds, self.fold) {
            (Some(lists), Some(split), _, _) => Some(split_list::read(&root.join(lists), split, csv.n_rows())?),
            (_, _, Some(folds), Some(fold)) => Some(crate::split::fold(rows.len(), folds, fold, "rows", seed)?),
            _ => None,
        };
        let parts = match chosen {
            Some(is_test) => {
                let (test, rest): (Vec<usize>, Vec<usize>) = rows.into_iter().partition(|&row| is_test[row]);
                let mut parts = fractions.cut(rest, "rows", seed)?;
                parts.test.push(("test".to_owned(), test));
                parts
            }
            None => fractions.cut(rows, "rows", seed)?,
        };
        let row = |&row: &usize| -> Result<Row, CsvError> {
            let mut values = vec![];
            inputs.iter().try_for_each(|input| input.push(&csv, row, &mut values))?;
            let attributes = attributes.iter().map(|a| a.number(&csv, row)).collect();
            let weight = match (weights, &self.weight) {
                (Some(index), Some(column)) => csv.weight(row, index, column)?,
                _ => 1.0,
            };
            Ok(Row { inputs: values, targets: target.values(&csv, row)?, attributes, weight, line: csv.line(row) })
        };
        let mut splits = parts.try_map(row)?;
        if self.squeeze_target {
            let n = csv.n_rows() as f64;
            let squeeze = |rows: &mut Vec<Row>| {
                rows.iter_mut().flat_map(|r| &mut r.targets).for_each(|y| *y = (*y * (n - 1.0) + 0.5) / n);
            };
            std::iter::once(&mut splits.train)
                .chain([&mut splits.valid])
                .chain(splits.test.iter_mut().map(|(_, rows)| rows))
                .for_each(squeeze);
        }
        if self.standardize
            && let Some(fault) = inputs.iter().find_map(|input| input.constant(&csv, &parts.train))
        {
            return Err(csv.fault(fault).into());
        }
        if let Some(fault) = self.constant_target(&csv, &parts.train, &splits.train)? {
            return Err(csv.fault(fault).into());
        }
        for (_, rows) in parts.parts() {
            let label = self.target.names()[0];
            let of_inputs = inputs.iter().filter(|_| self.unseen_levels == UnseenLevels::Error);
            let mut unseen = of_inputs.filter_map(|input| input.unseen(&csv, &parts.train, rows));
            if let Some(error) = unseen.next().or_else(|| target.unseen(&csv, &parts.train, rows, label)) {
                return Err(error.into());
            }
        }
        Ok(TableSplits {
            inputs: inputs.iter().flat_map(Input::names).collect(),
            targets: target.names(&self.target.names()),
            attributes: self.attributes.iter().cloned().zip(attributes.into_iter().map(|a| a.levels)).collect(),
            splits,
        })
    }

    /// Whether every value is possible, as far as it can be told without the files.
    pub fn check(&self) -> Result<(), DataError> {
        if self.splits.is_some() && self.test_fraction != 0.0 {
            return Err(SplitError::Conflict { first: "splits", second: "test_fraction" }.into());
        }
        match (&self.splits, self.split) {
            (Some(_), None) => return Err(SplitError::Incomplete { present: "splits", absent: "split" }.into()),
            (None, Some(_)) => return Err(SplitError::Incomplete { present: "split", absent: "splits" }.into()),
            _ => {}
        }
        match (self.folds, self.fold) {
            (Some(_), None) => return Err(SplitError::Incomplete { present: "folds", absent: "fold" }.into()),
            (None, Some(_)) => return Err(SplitError::Incomplete { present: "fold", absent: "folds" }.into()),
            (Some(_), _) if self.splits.is_some() => {
                return Err(SplitError::Conflict { first: "folds", second: "splits" }.into());
            }
            (Some(_), _) if self.test_fraction != 0.0 => {
                return Err(SplitError::Conflict { first: "folds", second: "test_fraction" }.into());
            }
            _ => {}
        }
        Ok(self.fractions().check()?)
    }

    /// A target column that is the same in all of several training rows, `train`, whose numbers are
    /// `parts`.
    fn constant_target(&self, csv: &CsvFile, parts: &[usize], train: &[Row]) -> Result<Option<CsvFault>, CsvError> {
        let [first, second, ..] = train else { return Ok(None) };
        let names = self.target.names();
        for (component, name) in names.iter().enumerate() {
            let same = |row: &Row| match names.len() {
                // a class is as many numbers as there are
                1 => row.targets == first.targets,
                _ => row.targets[component] == first.targets[component],
            };
            if same(second) && train.iter().all(same) {
                let value = csv.cell(parts[0], csv.column("target", name)?).to_owned();
                let value = match &self.target {
                    TargetColumns::Label(Label { positive: Some(positive), .. }) if value != *positive => {
                        format!("no `{positive}`")
                    }
                    TargetColumns::Label(_) => format!("`{value}`"),
                    TargetColumns::One(_) | TargetColumns::Several(_) => value,
                };
                let column = (*name).to_owned();
                return Ok(Some(CsvFault::ConstantTarget { column, value, n_rows: train.len() }));
            }
        }
        Ok(None)
    }

    fn fractions(&self) -> Fractions {
        Fractions { valid: self.valid_fraction, valid_split: self.valid_split, test: self.test_fraction }
    }

    /// The columns, each of which may be used once.
    fn columns(&self, csv: &CsvFile) -> Result<(Vec<Input>, Target<'_>), CsvError> {
        let names = self.target.names();
        if names.is_empty() {
            return Err(csv.fault(CsvFault::NothingNamed { key: "target" }));
        }
        let used: Vec<(&'static str, &str)> = self
            .inputs
            .iter()
            .map(|name| ("inputs", name.as_str()))
            .chain(names.iter().map(|name| ("target", *name)))
            .collect();
        for (i, (second, name)) in used.iter().enumerate() {
            if let Some((first, _)) = used[..i].iter().find(|(_, earlier)| earlier == name) {
                return Err(csv.fault(CsvFault::UsedTwice { column: (*name).to_owned(), first, second }));
            }
        }
        if let Some(column) = self.categorical.iter().find(|name| !self.inputs.contains(name)) {
            return Err(csv.fault(CsvFault::CategoricalNotInput { column: column.clone() }));
        }
        let input = |name: &String| {
            if self.categorical.contains(name) { Input::one_hot(csv, name) } else { Input::number(csv, name) }
        };
        let inputs = self.inputs.iter().map(input).collect::<Result<_, _>>()?;
        let target = match &self.target {
            TargetColumns::One(_) | TargetColumns::Several(_) => Target::numbers(csv, &names)?,
            TargetColumns::Label(Label { column, positive: Some(positive) }) => Target::label(csv, column, positive)?,
            TargetColumns::Label(Label { column, positive: None }) => Target::classes(csv, column)?,
        };
        Ok((inputs, target))
    }
}

impl TableSplits {
    /// Refuses the first target that `check` does; the error is what is wrong and a hint.
    pub fn check_targets(
        &self,
        file: &Path,
        check: impl Fn(f64) -> Result<(), (String, String)>,
    ) -> Result<(), DataError> {
        for row in self.splits.parts().into_iter().flat_map(|(_, rows)| rows) {
            for (value, column) in row.targets.iter().zip(&self.targets) {
                check(*value).map_err(|(problem, hint)| CsvError {
                    place: Place::line(file, row.line),
                    fault: Box::new(CsvFault::Unlikely { column: column.clone(), problem, hint }),
                })?;
            }
        }
        Ok(())
    }

    /// Each part as a table, with its name.
    pub fn tables(&self) -> Vec<(&str, Table)> {
        let table =
            |rows: &[Row]| Table { inputs: self.inputs.clone(), targets: self.targets.clone(), rows: rows.to_vec() };
        self.splits.parts().into_iter().map(|(name, rows)| (name, table(rows))).collect()
    }
}
