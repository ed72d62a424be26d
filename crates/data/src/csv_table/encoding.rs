//! Columns of text as columns of numbers.
//!
//! A categorical column with K levels becomes K columns of 0 and 1 named `column=level`. Levels are
//! sorted, as numbers where all of them are, else as text, and are taken from the whole file, so that
//! every part of a split has the same columns.

use std::collections::BTreeSet;

use super::Label;
use crate::csv_file::{CsvError, CsvFault, CsvFile};
use crate::number;

/// The hint for a word in an input column.
const INPUT_REMEDY: &str = "list columns of words under `categorical`";
/// The hint for a word in a target column.
const TARGET_REMEDY: &str = "for a column of labels write target = { column = \"…\", positive = \"…\" }";
/// Labels that an error lists.
const MAX_LABELS: usize = 20;

/// How one input column is turned into numbers.
pub(super) enum Input {
    Number { index: usize, name: String },
    OneHot { index: usize, name: String, levels: Vec<String> },
}

impl Input {
    pub(super) fn number(csv: &CsvFile, name: &str) -> Result<Self, CsvError> {
        Ok(Self::Number { index: csv.column("inputs", name)?, name: name.to_owned() })
    }

    pub(super) fn one_hot(csv: &CsvFile, name: &str) -> Result<Self, CsvError> {
        let index = csv.column("inputs", name)?;
        for row in 0..csv.n_rows() {
            if csv.cell(row, index).is_empty() {
                return Err(csv.fault_in(row, CsvFault::EmptyCell { column: name.to_owned() }));
            }
        }
        Ok(Self::OneHot { index, name: name.to_owned(), levels: levels(csv, index) })
    }

    /// Names of the numeric columns it becomes.
    pub(super) fn names(&self) -> Vec<String> {
        match self {
            Self::Number { name, .. } => vec![name.clone()],
            Self::OneHot { name, levels, .. } => levels.iter().map(|level| format!("{name}={level}")).collect(),
        }
    }

    /// Appends the numbers of a row.
    pub(super) fn push(&self, csv: &CsvFile, row: usize, values: &mut Vec<f64>) -> Result<(), CsvError> {
        match self {
            Self::Number { index, .. } => values.push(csv.number(row, *index, INPUT_REMEDY)?),
            Self::OneHot { index, levels, .. } => {
                let cell = csv.cell(row, *index);
                values.extend(levels.iter().map(|level| f64::from(u8::from(level == cell))));
            }
        }
        Ok(())
    }

    /// The column's value where it is the same in all of these rows. The columns of a categorical
    /// are judged together: a level that is absent from a part is no mistake.
    pub(super) fn constant(&self, csv: &CsvFile, rows: &[usize]) -> Option<CsvFault> {
        let (Self::Number { index, name } | Self::OneHot { index, name, .. }) = self;
        let cell = |row: &usize| csv.cell(*row, *index);
        let first = cell(rows.first()?);
        let same = |row: &usize| match self {
            Self::Number { .. } => number::parse(cell(row)) == number::parse(first),
            Self::OneHot { .. } => cell(row) == first,
        };
        let constant = rows.iter().all(same);
        constant.then(|| CsvFault::ConstantInput { column: name.clone(), value: first.to_owned() })
    }
}

/// How the targets are turned into numbers.
pub(super) enum Target<'a> {
    Numbers(Vec<usize>),
    Label { index: usize, positive: &'a str },
}

impl<'a> Target<'a> {
    pub(super) fn numbers(csv: &CsvFile, names: &[&str]) -> Result<Self, CsvError> {
        names.iter().map(|name| csv.column("target", name)).collect::<Result<_, _>>().map(Self::Numbers)
    }

    pub(super) fn label(csv: &CsvFile, label: &'a Label) -> Result<Self, CsvError> {
        let (index, positive) = (csv.column("target", &label.column)?, label.positive.as_str());
        let column = || label.column.clone();
        let mut n_positive = 0;
        for row in 0..csv.n_rows() {
            match csv.cell(row, index) {
                "" => return Err(csv.fault_in(row, CsvFault::EmptyCell { column: column() })),
                cell => n_positive += usize::from(cell == positive),
            }
        }
        let n_rows = csv.n_rows();
        if n_positive == 0 || n_positive == n_rows {
            let (positive, found) = (positive.to_owned(), n_positive > 0);
            let mut labels = levels(csv, index);
            labels.truncate(MAX_LABELS);
            return Err(csv.fault(CsvFault::Label { column: column(), positive, found, n_rows, labels }));
        }
        Ok(Self::Label { index, positive })
    }

    /// The numbers of a row.
    pub(super) fn values(&self, csv: &CsvFile, row: usize) -> Result<Vec<f64>, CsvError> {
        match self {
            Self::Numbers(columns) => columns.iter().map(|&c| csv.number(row, c, TARGET_REMEDY)).collect(),
            Self::Label { index, positive } => Ok(vec![f64::from(u8::from(csv.cell(row, *index) == *positive))]),
        }
    }
}

/// The different cells of a column, sorted.
fn levels(csv: &CsvFile, column: usize) -> Vec<String> {
    let distinct: BTreeSet<&str> = (0..csv.n_rows()).map(|row| csv.cell(row, column)).collect();
    let mut levels: Vec<String> = distinct.into_iter().map(str::to_owned).collect();
    let numbers: Option<Vec<f64>> = levels.iter().map(|level| number::parse(level)).collect();
    if numbers.is_some() {
        let value = |level: &String| number::parse(level).unwrap_or(f64::NAN);
        levels.sort_by(|a, b| value(a).total_cmp(&value(b)));
    }
    levels
}
