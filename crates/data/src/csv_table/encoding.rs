//! Columns of text as columns of numbers.
//!
//! A categorical column with K levels becomes K columns of 0 and 1 named `column=level`. Levels are
//! sorted, as numbers where all of them are, else as text, and are taken from the whole file, so that
//! every part of a split has the same columns.

use std::collections::BTreeSet;

use crate::csv_file::{CsvError, CsvFault, CsvFile};
use crate::number;

/// The hint for a word in an input column.
const INPUT_REMEDY: &str = "list columns of words under `categorical`";
/// The hint for a word in a target column.
const TARGET_REMEDY: &str = "for a column of labels write target = { column = \"…\", positive = \"…\" }, for one of classes target = { column = \"…\" }";
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
        check_filled(csv, index, name)?;
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

    /// The first of `rows` with a level that no training row has.
    pub(super) fn unseen(&self, csv: &CsvFile, train: &[usize], rows: &[usize]) -> Option<CsvError> {
        let Self::OneHot { index, name, .. } = self else { return None };
        unseen_level(csv, *index, train, rows, name)
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

/// A column whose words are numbered.
pub(super) struct Attribute {
    index: usize,
    pub(super) levels: Vec<String>,
}

impl Attribute {
    pub(super) fn new(csv: &CsvFile, name: &str) -> Result<Self, CsvError> {
        let index = csv.column("attributes", name)?;
        check_filled(csv, index, name)?;
        Ok(Self { index, levels: levels(csv, index) })
    }

    /// The number of the row's level.
    pub(super) fn number(&self, csv: &CsvFile, row: usize) -> u32 {
        let cell = csv.cell(row, self.index);
        self.levels.iter().position(|level| level == cell).unwrap_or_default() as u32
    }
}

/// A level that the model could not have learned anything about.
fn unseen_level(csv: &CsvFile, index: usize, train: &[usize], rows: &[usize], column: &str) -> Option<CsvError> {
    let known: BTreeSet<&str> = train.iter().map(|&row| csv.cell(row, index)).collect();
    let row = *rows.iter().find(|&&row| !known.contains(csv.cell(row, index)))?;
    let (column, level) = (column.to_owned(), csv.cell(row, index).to_owned());
    Some(csv.fault_in(row, CsvFault::UnseenLevel { column, level }))
}

fn check_filled(csv: &CsvFile, index: usize, name: &str) -> Result<(), CsvError> {
    match (0..csv.n_rows()).find(|&row| csv.cell(row, index).is_empty()) {
        Some(row) => Err(csv.fault_in(row, CsvFault::EmptyCell { column: name.to_owned() })),
        None => Ok(()),
    }
}

/// How the targets are turned into numbers.
pub(super) enum Target<'a> {
    Numbers(Vec<usize>),
    Label {
        index: usize,
        positive: &'a str,
    },
    /// One indicator of 0 and 1 per class.
    Classes {
        index: usize,
        levels: Vec<String>,
    },
}

impl<'a> Target<'a> {
    pub(super) fn numbers(csv: &CsvFile, names: &[&str]) -> Result<Self, CsvError> {
        names.iter().map(|name| csv.column("target", name)).collect::<Result<_, _>>().map(Self::Numbers)
    }

    pub(super) fn label(csv: &CsvFile, name: &str, positive: &'a str) -> Result<Self, CsvError> {
        let index = csv.column("target", name)?;
        let column = || name.to_owned();
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

    pub(super) fn classes(csv: &CsvFile, column: &str) -> Result<Self, CsvError> {
        let index = csv.column("target", column)?;
        check_filled(csv, index, column)?;
        let levels = levels(csv, index);
        if levels.len() < 2 {
            return Err(csv.fault(CsvFault::OneClass { column: column.to_owned(), class: levels.concat() }));
        }
        Ok(Self::Classes { index, levels })
    }

    /// Names of the numbers.
    pub(super) fn names(&self, columns: &[&str]) -> Vec<String> {
        match self {
            Self::Numbers(_) | Self::Label { .. } => columns.iter().map(|name| (*name).to_owned()).collect(),
            Self::Classes { levels, .. } => levels.iter().map(|level| format!("{}={level}", columns[0])).collect(),
        }
    }

    /// The first of `rows` whose class no training row has.
    pub(super) fn unseen(&self, csv: &CsvFile, train: &[usize], rows: &[usize], column: &str) -> Option<CsvError> {
        let Self::Classes { index, .. } = self else { return None };
        unseen_level(csv, *index, train, rows, column)
    }

    /// The numbers of a row.
    pub(super) fn values(&self, csv: &CsvFile, row: usize) -> Result<Vec<f64>, CsvError> {
        match self {
            Self::Numbers(columns) => columns.iter().map(|&c| csv.number(row, c, TARGET_REMEDY)).collect(),
            Self::Label { index, positive } => Ok(vec![f64::from(u8::from(csv.cell(row, *index) == *positive))]),
            Self::Classes { index, levels } => {
                let cell = csv.cell(row, *index);
                Ok(levels.iter().map(|level| f64::from(u8::from(level == cell))).collect())
            }
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
