//! A CSV file with a header, in memory, and what can be wrong with it.
//!
//! Cells are separated by commas, may be quoted by `"`, and lose the blanks around them. Lines are
//! counted from 1, the header included, as an editor counts them.

use std::path::{Path, PathBuf};

use surprisal_core::{Blame, Diagnose, closest};

use crate::error::{DataError, Place, listed};
use crate::number;
use crate::source::read_text;

/// A fault of a CSV file and where it is.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{place}: {fault}")]
pub struct CsvError {
    /// The file, and the line where there is one.
    pub place: Place,
    /// What is wrong.
    pub fault: Box<CsvFault>,
}

/// What can be wrong with a CSV file.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum CsvFault {
    /// No row at all.
    #[error("the file holds no rows")]
    Empty,
    /// The parser gave up.
    #[error("cannot read the rows: {problem}")]
    Unreadable {
        /// What the parser says.
        problem: String,
    },
    /// Two columns of one name.
    #[error("the header has the column `{column}` twice")]
    DuplicateHeader {
        /// The name.
        column: String,
    },
    /// More or fewer cells than the header.
    #[error("the row has {found} cells, the header has {expected}")]
    Ragged {
        /// Cells of the header.
        expected: usize,
        /// Cells of the row.
        found: usize,
    },
    /// The configuration names a column that is not there.
    #[error("`{key}` names the column `{column}`, which is not in the header")]
    NoColumn {
        /// The key of the configuration.
        key: &'static str,
        /// The name.
        column: String,
        /// The header.
        header: Vec<String>,
    },
    /// The configuration uses one column twice.
    #[error("the column `{column}` is used twice: in `{first}` and in `{second}`")]
    UsedTwice {
        /// The name.
        column: String,
        /// The key of the configuration.
        first: &'static str,
        /// The key of the configuration.
        second: &'static str,
    },
    /// The configuration names no column where it must name one.
    #[error("`{key}` names no column")]
    NothingNamed {
        /// The key of the configuration.
        key: &'static str,
    },
    /// A categorical column must be an input.
    #[error("`categorical` names the column `{column}`, which is not in `inputs`")]
    CategoricalNotInput {
        /// The name.
        column: String,
    },
    /// A cell that must be a number.
    #[error("column `{column}`: expected a number, found `{found}`")]
    NotANumber {
        /// The column.
        column: String,
        /// The cell.
        found: String,
        /// What could be done in the configuration.
        remedy: &'static str,
    },
    /// NaN or infinity.
    #[error("column `{column}` is `{found}`, not a finite number")]
    NotFinite {
        /// The column.
        column: String,
        /// The cell.
        found: String,
    },
    /// Nothing where a value must be.
    #[error("column `{column}` is empty")]
    EmptyCell {
        /// The column.
        column: String,
    },
    /// An input that cannot be standardised.
    #[error("the input column `{column}` is {value} in every training row")]
    ConstantInput {
        /// The column.
        column: String,
        /// Its value.
        value: String,
    },
    /// A target of which nothing can be learned.
    #[error("the target column `{column}` has {value} in all {n_rows} training rows")]
    ConstantTarget {
        /// The column.
        column: String,
        /// Its value.
        value: String,
        /// Number of training rows.
        n_rows: usize,
    },
    /// A label that does not occur, or alone.
    #[error("`target`: {} of the {n_rows} rows have `{positive}` in column `{column}`", if *found { "all" } else { "none" })]
    Label {
        /// The column.
        column: String,
        /// The positive label.
        positive: String,
        /// Whether it occurs.
        found: bool,
        /// Number of rows.
        n_rows: usize,
        /// The labels that occur, some of them.
        labels: Vec<String>,
    },
    /// A column of classes with a single one.
    #[error("`target`: every row has the class `{class}` in column `{column}`")]
    OneClass {
        /// The column.
        column: String,
        /// Its only class.
        class: String,
    },
    /// A level outside the training rows.
    #[error("column `{column}`: no training row has `{level}`")]
    UnseenLevel {
        /// The column.
        column: String,
        /// The level.
        level: String,
    },
    /// A value that the likelihood cannot have produced.
    #[error("column `{column}`: {problem}")]
    Unlikely {
        /// The column.
        column: String,
        /// What the likelihood says.
        problem: String,
        /// What to do about it.
        hint: String,
    },
    /// A file of test rows that cannot be used.
    #[error("{problem}")]
    SplitList {
        /// What is wrong with it.
        problem: String,
    },
    /// Times that do not increase.
    #[error("trajectory `{trajectory}`: time {time} follows {previous} of line {previous_line}; times must increase")]
    TimeOrder {
        /// The trajectory.
        trajectory: String,
        /// The time.
        time: f64,
        /// The time before.
        previous: f64,
        /// Its line.
        previous_line: usize,
        /// Whether the file has a column of trajectories.
        has_ids: bool,
    },
    /// A state without any observation.
    #[error("the state column `{column}` is never observed")]
    NeverObserved {
        /// The column.
        column: String,
    },
    /// No training trajectory goes on after the end of training.
    #[error("no training trajectory has a row after `train_until` = {until}")]
    NothingLater {
        /// The end of training.
        until: f64,
    },
    /// An input without any value in a trajectory.
    #[error("the input column `{column}` has no value in trajectory `{trajectory}`")]
    NeverRecorded {
        /// The column.
        column: String,
        /// The trajectory.
        trajectory: String,
    },
}

impl CsvFault {
    /// The key of the `[data.…]` table that it is about, if it is about one.
    pub fn setting(&self) -> Option<&'static str> {
        match self {
            Self::NoColumn { key, .. } | Self::NothingNamed { key } => Some(key),
            Self::UsedTwice { second, .. } => Some(second),
            Self::CategoricalNotInput { .. } => Some("categorical"),
            Self::Label { .. } => Some("target"),
            _ => None,
        }
    }
}

impl Diagnose for CsvError {
    fn blame(&self) -> Blame {
        Blame::User
    }

    fn hint(&self) -> Option<String> {
        let hint = match &*self.fault {
            CsvFault::Empty => "the first line names the columns, every other line is a row".into(),
            CsvFault::Unreadable { .. } => return None,
            CsvFault::DuplicateHeader { .. } => "rename one of them".into(),
            CsvFault::Ragged { .. } => "put cells that hold a comma in double quotes".into(),
            CsvFault::NoColumn { column, header, .. } => no_column_hint(column, header),
            CsvFault::UsedTwice { .. } => "name it once".into(),
            CsvFault::NothingNamed { key } => format!("give `{key}` at least one column"),
            CsvFault::CategoricalNotInput { .. } => "add it to `inputs`, where its place is its order".into(),
            CsvFault::NotANumber { remedy, .. } => (*remedy).into(),
            CsvFault::NotFinite { .. } | CsvFault::EmptyCell { .. } => "fill the cell or remove the row".into(),
            CsvFault::ConstantTarget { .. } => {
                "bring rows that differ, or another `seed` where the rows that differ fell into other parts".into()
            }
            CsvFault::ConstantInput { .. } => "leave it out of `inputs`, or set standardize = false".into(),
            CsvFault::Label { column, labels, .. } => {
                format!("labels of `{column}`: {}", listed(labels.iter().map(String::as_str)))
            }
            CsvFault::OneClass { .. } => "a classifier needs two classes or more".into(),
            CsvFault::UnseenLevel { .. } => {
                "merge rare levels, move the row to the training part (another seed), or set `unseen_levels = \"zero\"` \
                 for inputs"
                    .into()
            }
            CsvFault::Unlikely { hint, .. } => hint.clone(),
            CsvFault::SplitList { .. } => {
                "the file holds {\"test\": [[0, 5], [2, 3]]}: for each split the test rows, counted from 0".into()
            }
            CsvFault::TimeOrder { has_ids: false, .. } => {
                "if the file holds several trajectories, name the column that tells them apart: trajectory = \"id\""
                    .into()
            }
            CsvFault::TimeOrder { .. } => "sort the rows of each trajectory by time and average repeated times".into(),
            CsvFault::NeverObserved { .. } => "leave it out of `states`".into(),
            CsvFault::NothingLater { .. } => "choose an earlier time, or remove `train_until`".into(),
            CsvFault::NeverRecorded { .. } => {
                "an input needs one value at least; it is interpolated between its values".into()
            }
        };
        Some(hint)
    }
}

fn no_column_hint(column: &str, header: &[String]) -> String {
    if let [only] = header
        && let Some(separator) = [';', '\t', ' '].into_iter().find(|&c| only.contains(c))
    {
        return format!("the file seems to be separated by {separator:?}; separate it by commas");
    }
    let all = listed(header.iter().map(String::as_str));
    match closest(column, header.iter().map(String::as_str)) {
        Some(near) => format!("did you mean `{near}`? The columns are {all}"),
        None => format!("the columns are {all}"),
    }
}

/// A header and its rows.
pub(crate) struct CsvFile {
    file: PathBuf,
    header: Vec<String>,
    records: Vec<csv::StringRecord>,
    lines: Vec<usize>,
}

impl CsvFile {
    /// Reads a file, plain or compressed by gzip, that has at least one row.
    pub(crate) fn read(file: &Path) -> Result<Self, DataError> {
        let text = read_text(file)?;
        let fault = |line, fault| CsvError {
            place: Place { file: file.to_path_buf(), line, column: None },
            fault: Box::new(fault),
        };
        let mut reader = csv::ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .trim(csv::Trim::All)
            .from_reader(text.as_bytes());
        let mut lines = LineCounter { text: text.as_bytes(), at: 0, line: 1 };
        let (mut header, mut records, mut starts) = (vec![], vec![], vec![]);
        for record in reader.records() {
            // The text is UTF-8 and any number of cells is taken, so that nothing else can fail.
            let record = record.map_err(|error| fault(None, CsvFault::Unreadable { problem: error.to_string() }))?;
            let line = lines.of_record(record.position().map_or(0, |p| p.byte() as usize));
            if header.is_empty() {
                header = record.iter().map(str::to_owned).collect();
                if let Some(i) = (1..header.len()).find(|&i| header[..i].contains(&header[i])) {
                    return Err(fault(Some(line), CsvFault::DuplicateHeader { column: header[i].clone() }).into());
                }
                continue;
            }
            if record.len() != header.len() {
                let ragged = CsvFault::Ragged { expected: header.len(), found: record.len() };
                return Err(fault(Some(line), ragged).into());
            }
            records.push(record);
            starts.push(line);
        }
        if records.is_empty() {
            return Err(fault(None, CsvFault::Empty).into());
        }
        Ok(Self { file: file.to_path_buf(), header, records, lines: starts })
    }

    /// Number of rows.
    pub(crate) fn n_rows(&self) -> usize {
        self.records.len()
    }

    /// Line of a row, counted from 1.
    pub(crate) fn line(&self, row: usize) -> usize {
        self.lines[row]
    }

    /// A cell as text.
    pub(crate) fn cell(&self, row: usize, column: usize) -> &str {
        self.records[row].get(column).unwrap_or_default()
    }

    /// Index of a column that the configuration names under `key`.
    pub(crate) fn column(&self, key: &'static str, name: &str) -> Result<usize, CsvError> {
        self.header
            .iter()
            .position(|h| h == name)
            .ok_or_else(|| self.fault(CsvFault::NoColumn { key, column: name.to_owned(), header: self.header.clone() }))
    }

    /// A cell that must be a finite number; `remedy` is the hint where it is a word.
    pub(crate) fn number(&self, row: usize, column: usize, remedy: &'static str) -> Result<f64, CsvError> {
        let found = self.cell(row, column);
        let column = || self.header[column].clone();
        let fault = match number::parse(found) {
            Some(value) if value.is_finite() => return Ok(value),
            Some(_) => CsvFault::NotFinite { column: column(), found: found.to_owned() },
            None if found.is_empty() => CsvFault::EmptyCell { column: column() },
            None => CsvFault::NotANumber { column: column(), found: found.to_owned(), remedy },
        };
        Err(self.fault_in(row, fault))
    }

    /// A cell that must be a finite number ≥ 0.
    pub(crate) fn weight(&self, row: usize, column: usize, name: &str) -> Result<f64, CsvError> {
        let weight = self.number(row, column, "a weight is a number ≥ 0")?;
        if weight >= 0.0 {
            return Ok(weight);
        }
        let (column, problem) = (name.to_owned(), format!("a weight must not be negative, found {weight}"));
        Err(self.fault_in(row, CsvFault::Unlikely { column, problem, hint: "correct it or remove the row".into() }))
    }

    /// An error about the whole file.
    pub(crate) fn fault(&self, fault: CsvFault) -> CsvError {
        CsvError { place: Place::file(&self.file), fault: Box::new(fault) }
    }

    /// An error in a row.
    pub(crate) fn fault_in(&self, row: usize, fault: CsvFault) -> CsvError {
        CsvError { place: Place::line(&self.file, self.lines[row]), fault: Box::new(fault) }
    }
}

/// Lines of records. The reader's own count is off where a record follows blank lines or `\r\n`.
struct LineCounter<'a> {
    text: &'a [u8],
    at: usize,
    line: usize,
}

impl LineCounter<'_> {
    /// The line of the record that begins at or after `byte`; calls must not go backwards.
    fn of_record(&mut self, byte: usize) -> usize {
        while let Some(&b) = self.text.get(self.at)
            && (self.at < byte || b == b'\n' || b == b'\r')
        {
            self.line += usize::from(b == b'\n');
            self.at += 1;
        }
        self.line
    }
}
