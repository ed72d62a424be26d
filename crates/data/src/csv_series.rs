//! Time series: a CSV file with a column of times and one column per observed state.
//!
//! Rows of one trajectory share a value of the `trajectory` column, need not follow each other
//! directly, and must have increasing times. Trajectories come in the order in which they first
//! appear. An empty cell (or `NaN`, `NA`) is a state that was not observed at that time, or an input
//! that was not recorded.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use surprisal_core::records::{Splits, Trajectory};

use crate::csv_file::{CsvError, CsvFault, CsvFile};
use crate::error::DataError;
use crate::split::{Fractions, ValidSplit};

/// The hint for a word among times and states.
const REMEDY: &str = "correct the cell; leave it empty where a state was not observed";

/// The only trajectory of a file without a `trajectory` column.
const ONLY: &str = "1";

/// Trajectories in a CSV file (`[data.csv_series]`).
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CsvSeriesConfig {
    /// The file; its first line names the columns.
    pub path: PathBuf,
    /// The column of times.
    pub time: String,
    /// The columns of observed states, in order.
    pub states: Vec<String>,
    /// Columns of external inputs: what drives the system from outside, known at any time by linear
    /// interpolation. Equations use them by name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub inputs: Vec<String>,
    /// The column that tells trajectories apart; without it the file is one trajectory.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trajectory: Option<String>,
    /// Training and validation trajectories end at this time; what comes after it in the training
    /// trajectories is the test part `later`, in which each of them goes on from its start.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub train_until: Option<f64>,
    /// Share of the trajectories that is kept for validation.
    #[serde(default)]
    pub valid_fraction: f64,
    /// Whether validation trajectories are drawn at random or are the last block of the file.
    #[serde(default)]
    pub valid_split: ValidSplit,
    /// Share of the trajectories, drawn at random, that is kept for the test.
    #[serde(default)]
    pub test_fraction: f64,
}

impl CsvSeriesConfig {
    /// Reads the file, relative to `root`, and cuts its trajectories into parts, each in the order of
    /// the file. There is at most one test part, `test`.
    pub fn load(&self, root: &Path, seed: u64) -> Result<Splits<Trajectory>, DataError> {
        self.check()?;
        let csv = CsvFile::read(&root.join(&self.path))?;
        let trajectories = self.trajectories(&csv)?;
        let mut splits = self.fractions().cut(trajectories, "trajectories", seed)?;
        if let Some(until) = self.train_until {
            let later: Vec<Trajectory> = splits.train.iter().filter_map(|t| rest_of(t, until)).collect();
            if later.is_empty() {
                return Err(csv.fault(CsvFault::NothingLater { until }).into());
            }
            splits.train.iter_mut().chain(&mut splits.valid).for_each(|t| end_at(t, until));
            splits.test.push(("later".to_owned(), later));
        }
        Ok(splits)
    }

    /// Whether every value is possible, as far as it can be told without the file.
    pub fn check(&self) -> Result<(), DataError> {
        Ok(self.fractions().check()?)
    }

    fn fractions(&self) -> Fractions {
        Fractions { valid: self.valid_fraction, valid_split: self.valid_split, test: self.test_fraction }
    }

    fn trajectories(&self, csv: &CsvFile) -> Result<Vec<Trajectory>, CsvError> {
        self.check_names(csv)?;
        let time = csv.column("time", &self.time)?;
        let states = self.states.iter().map(|name| csv.column("states", name)).collect::<Result<Vec<_>, _>>()?;
        let inputs = self.inputs.iter().map(|name| csv.column("inputs", name)).collect::<Result<Vec<_>, _>>()?;
        let id = self.trajectory.as_ref().map(|name| csv.column("trajectory", name)).transpose()?;

        let mut trajectories: Vec<Trajectory> = vec![];
        let mut place_of: HashMap<&str, usize> = HashMap::new();
        let mut seen = vec![false; states.len()];
        for row in 0..csv.n_rows() {
            let name = id.map_or(ONLY, |column| csv.cell(row, column));
            if let (true, Some(column)) = (name.is_empty(), &self.trajectory) {
                return Err(csv.fault_in(row, CsvFault::EmptyCell { column: column.clone() }));
            }
            let place = *place_of.entry(name).or_insert_with(|| {
                let id = name.to_owned();
                trajectories.push(Trajectory {
                    id,
                    times: vec![],
                    observed: vec![],
                    inputs: vec![],
                    lines: vec![],
                    n_given: 0,
                });
                trajectories.len() - 1
            });
            let trajectory = &mut trajectories[place];
            let t = csv.number(row, time, REMEDY)?;
            if let (Some(&previous), Some(&previous_line)) = (trajectory.times.last(), trajectory.lines.last())
                && t <= previous
            {
                let (trajectory, has_ids) = (name.to_owned(), id.is_some());
                let fault = CsvFault::TimeOrder { trajectory, time: t, previous, previous_line, has_ids };
                return Err(csv.fault_in(row, fault));
            }
            let observed: Vec<f64> = states.iter().map(|&s| observation(csv, row, s)).collect::<Result<_, _>>()?;
            seen.iter_mut().zip(&observed).for_each(|(seen, value)| *seen |= !value.is_nan());
            trajectory.times.push(t);
            trajectory.observed.push(observed);
            trajectory.inputs.push(inputs.iter().map(|&s| observation(csv, row, s)).collect::<Result<_, _>>()?);
            trajectory.lines.push(csv.line(row));
        }
        for (i, column) in self.inputs.iter().enumerate() {
            let blind = trajectories.iter().find(|t| t.inputs.iter().all(|row| row[i].is_nan()));
            if let Some(trajectory) = blind {
                let fault = CsvFault::NeverRecorded { column: column.clone(), trajectory: trajectory.id.clone() };
                return Err(csv.fault(fault));
            }
        }
        match seen.iter().position(|seen| !seen) {
            Some(state) => Err(csv.fault(CsvFault::NeverObserved { column: self.states[state].clone() })),
            None => Ok(trajectories),
        }
    }

    fn check_names(&self, csv: &CsvFile) -> Result<(), CsvError> {
        if self.states.is_empty() {
            return Err(csv.fault(CsvFault::NothingNamed { key: "states" }));
        }
        let mut used: Vec<(&'static str, &String)> = vec![("time", &self.time)];
        used.extend(self.trajectory.iter().map(|name| ("trajectory", name)));
        for name in &self.states {
            if let Some((first, _)) = used.iter().find(|(_, earlier)| *earlier == name) {
                return Err(csv.fault(CsvFault::UsedTwice { column: name.clone(), first, second: "states" }));
            }
            used.push(("states", name));
        }
        for name in &self.inputs {
            if let Some((first, _)) = used.iter().find(|(_, earlier)| *earlier == name) {
                return Err(csv.fault(CsvFault::UsedTwice { column: name.clone(), first, second: "inputs" }));
            }
            used.push(("inputs", name));
        }
        Ok(())
    }
}

/// Leaves out what comes after a time.
fn end_at(trajectory: &mut Trajectory, until: f64) {
    let n = trajectory.times.partition_point(|&t| t <= until);
    trajectory.times.truncate(n);
    trajectory.observed.truncate(n);
    trajectory.inputs.truncate(n);
    trajectory.lines.truncate(n);
}

/// The start of a trajectory and what comes after a time, if anything does.
fn rest_of(trajectory: &Trajectory, until: f64) -> Option<Trajectory> {
    let n = trajectory.times.partition_point(|&t| t <= until);
    if n == 0 || n == trajectory.times.len() {
        return None;
    }
    let rows = || std::iter::once(0).chain(n..trajectory.times.len());
    Some(Trajectory {
        id: trajectory.id.clone(),
        times: rows().map(|i| trajectory.times[i]).collect(),
        observed: rows().map(|i| trajectory.observed[i].clone()).collect(),
        inputs: rows().map(|i| trajectory.inputs[i].clone()).collect(),
        lines: rows().map(|i| trajectory.lines[i]).collect(),
        n_given: 1,
    })
}

/// A finite number, or NaN for what was not observed.
fn observation(csv: &CsvFile, row: usize, column: usize) -> Result<f64, CsvError> {
    match csv.cell(row, column) {
        "" | "NA" | "NaN" | "nan" => Ok(f64::NAN),
        _ => csv.number(row, column, REMEDY),
    }
}
