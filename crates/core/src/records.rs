//! Plain records, as read from disk and in the data's own units.
//!
//! A *group* is one record: a table row, a trajectory, a frame. Shuffles, splits and bootstrap
//! resamples take whole groups. A *sample* is what the likelihood is written for: a row, one
//! observed time of a trajectory, one atom's force.

/// Numeric columns of a table.
#[derive(Debug, Clone, PartialEq)]
pub struct Table {
    /// Names of the input columns.
    pub inputs: Vec<String>,
    /// Names of the target columns.
    pub targets: Vec<String>,
    /// One record per row.
    pub rows: Vec<Row>,
}

/// One row of a [`Table`].
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// Input values, in the order of [`Table::inputs`].
    pub inputs: Vec<f64>,
    /// Target values, in the order of [`Table::targets`].
    pub targets: Vec<f64>,
    /// Numbers of the row's attributes: what a penalty or a report may condition on.
    pub attributes: Vec<u32>,
    /// How much the row counts; 1 where the table has no weights.
    pub weight: f64,
    /// Line of the file this row was read from, counted from 1.
    pub line: usize,
}

/// Observations of one trajectory at increasing times.
#[derive(Debug, Clone, PartialEq)]
pub struct Trajectory {
    /// The trajectory's name in the file.
    pub id: String,
    /// Observation times, strictly increasing.
    pub times: Vec<f64>,
    /// `[n_times][n_states]`; NaN where a state was not observed.
    pub observed: Vec<Vec<f64>>,
    /// `[n_times][n_inputs]`: external inputs; NaN where one was not recorded.
    pub inputs: Vec<Vec<f64>>,
    /// Line of the file of each time, counted from 1.
    pub lines: Vec<usize>,
    /// How many of the first times are there for the trajectory to start from, and are no samples.
    pub n_given: usize,
}

/// Atoms of one frame. Lengths in Å, energies in eV, forces in eV/Å.
#[derive(Debug, Clone, PartialEq)]
pub struct Structure {
    /// Atomic numbers, `[n_atoms]`.
    pub species: Vec<u8>,
    /// Positions, `[n_atoms]`, Å.
    pub positions: Vec<[f64; 3]>,
    /// Rows are the lattice vectors, Å; `None` for an open system.
    pub cell: Option<[[f64; 3]; 3]>,
    /// Which lattice directions repeat.
    pub periodic: [bool; 3],
    /// Total energy, eV.
    pub energy: Option<f64>,
    /// Forces, `[n_atoms]`, eV/Å.
    pub forces: Option<Vec<[f64; 3]>>,
    /// The frame's place in its file, counted from 1.
    pub frame: usize,
    /// The step or time of the frame where the file has one, else its place in the file.
    pub step: i64,
}

impl Structure {
    /// Number of atoms.
    pub fn n_atoms(&self) -> usize {
        self.species.len()
    }
}

/// Records cut into the parts of a run.
#[derive(Debug, Clone)]
pub struct Splits<R> {
    /// What the model is fitted to.
    pub train: Vec<R>,
    /// What chooses the epoch; empty for a plain fit.
    pub valid: Vec<R>,
    /// Named parts that are only evaluated.
    pub test: Vec<(String, Vec<R>)>,
}

impl<R> Splits<R> {
    /// Every part with its name (`train`, `valid`, then the tests); an empty `valid` is left out.
    pub fn parts(&self) -> Vec<(&str, &[R])> {
        let mut parts = vec![("train", self.train.as_slice())];
        if !self.valid.is_empty() {
            parts.push(("valid", &self.valid));
        }
        parts.extend(self.test.iter().map(|(name, records)| (name.as_str(), records.as_slice())));
        parts
    }

    /// The same parts with every record turned into another.
    pub fn try_map<S, E>(&self, mut f: impl FnMut(&R) -> Result<S, E>) -> Result<Splits<S>, E> {
        let mut part = |records: &[R]| records.iter().map(&mut f).collect::<Result<Vec<S>, E>>();
        Ok(Splits {
            train: part(&self.train)?,
            valid: part(&self.valid)?,
            test: self.test.iter().map(|(name, r)| Ok((name.clone(), part(r)?))).collect::<Result<_, E>>()?,
        })
    }
}
