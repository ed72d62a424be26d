//! What a run file will hold, declared before anything is computed.
//!
//! [`Layout::items`] spells the declaration out as datasets with paths and shapes; the writer creates
//! exactly these, and a resume checks the file against exactly these.

use std::collections::HashSet;

use surprisal_core::records::Structure;

use super::{PIT_BINS, RunFileError, SolutionLayout};

/// Everything a run file will hold.
#[derive(Debug, Clone)]
pub struct Layout {
    /// The run's name.
    pub name: String,
    /// The run's seed.
    pub seed: u64,
    /// Further text attributes of the root: provenance, likelihood, units, target names (JSON).
    pub attributes: Vec<(String, String)>,
    /// The evaluated parts of the data, in the order in which they are reported.
    pub splits: Vec<SplitLayout>,
    /// Name and shape of each final parameter.
    pub parameters: Vec<(String, Vec<usize>)>,
    /// How good the solution is, and the path it lies on.
    pub solution: SolutionLayout,
}

/// One evaluated part of the data.
#[derive(Debug, Clone)]
pub struct SplitLayout {
    /// `train`, `valid` or the name of a test set.
    pub name: String,
    /// Group (row, trajectory, frame) of each sample; its length is the number of samples.
    pub group: Vec<u32>,
    /// Components of one observation.
    pub dim: usize,
    /// Width of the predicted location.
    pub location_width: usize,
    /// The distribution's other parameters and whatever else is predicted per sample.
    pub columns: Vec<Column>,
    /// Names of the curves, such as `nll`, `mse`, `loss`.
    pub metrics: Vec<String>,
    /// Whether every sample's NLL and squared error, and the histogram of the probability integral
    /// transform, are stored at every evaluation.
    pub per_sample: bool,
    /// Trajectories that are stored beside the samples.
    pub trajectories: Option<Trajectories>,
}

impl SplitLayout {
    /// Number of samples.
    pub fn n_samples(&self) -> usize {
        self.group.len()
    }
}

/// A named quantity with `width` numbers per sample.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// Name of the dataset.
    pub name: String,
    /// Numbers per sample.
    pub width: usize,
}

impl Column {
    /// A column of `width` numbers per sample.
    pub fn new(name: impl Into<String>, width: usize) -> Self {
        Self { name: name.into(), width }
    }
}

/// What `/trajectories/<split>` holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trajectories {
    /// Frames of atoms in H5MD's layout.
    Frames {
        /// Number of frames.
        n_frames: usize,
        /// Atoms of the largest frame; smaller ones are padded with species 0 and NaN.
        max_atoms: usize,
        /// Whether any frame has a cell.
        has_cell: bool,
        /// Directions in which every frame repeats.
        periodic: [bool; 3],
    },
    /// Solutions of a differential equation.
    Series {
        /// Names of the states.
        states: Vec<String>,
        /// Times of all trajectories together.
        n_times: usize,
        /// Times of their dense curves together.
        n_dense: usize,
        /// Networks within the equations.
        networks: Vec<NetworkLayout>,
    },
}

/// A network within equations, along the dense curves.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct NetworkLayout {
    /// Its name.
    pub name: String,
    /// What its inputs are called.
    pub inputs: Vec<String>,
    /// What its outputs are called.
    pub outputs: Vec<String>,
    /// Models that have one each, and each its own curves.
    pub members: usize,
    /// Whether any output is compared with something.
    pub compared: bool,
}

impl Trajectories {
    /// The layout that holds these structures.
    pub fn frames(structures: &[Structure]) -> Self {
        Self::Frames {
            n_frames: structures.len(),
            max_atoms: structures.iter().map(Structure::n_atoms).max().unwrap_or(0),
            has_cell: structures.iter().any(|s| s.cell.is_some()),
            periodic: [0, 1, 2].map(|i| !structures.is_empty() && structures.iter().all(|s| s.periodic[i])),
        }
    }
}

/// The type of a dataset's elements.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Element {
    F64,
    I64,
    U32,
    U8,
}

/// One dataset of the file.
#[derive(Debug, Clone)]
pub(super) struct Item {
    pub(super) path: String,
    pub(super) element: Element,
    /// Shape, without the evaluation dimension where `per_evaluation`.
    pub(super) shape: Vec<usize>,
    /// Whether a leading dimension grows with the evaluations.
    pub(super) per_evaluation: bool,
    pub(super) unit: Option<&'static str>,
}

impl Item {
    pub(super) fn fixed(path: String, element: Element, shape: &[usize]) -> Self {
        Self { path, element, shape: shape.to_vec(), per_evaluation: false, unit: None }
    }

    fn growing(path: String, element: Element, shape: &[usize]) -> Self {
        Self { per_evaluation: true, ..Self::fixed(path, element, shape) }
    }

    fn unit(self, unit: &'static str) -> Self {
        Self { unit: Some(unit), ..self }
    }
}

impl Layout {
    /// Refuses names that would collide or not be paths.
    pub(super) fn check_names(&self) -> Result<(), RunFileError> {
        let splits: Vec<&str> = self.splits.iter().map(|s| s.name.as_str()).collect();
        check_family("split", &splits, &["epoch", "step", "learning_rate", "selected"])?;
        for split in &self.splits {
            let metrics: Vec<&str> = split.metrics.iter().map(String::as_str).collect();
            check_family("metric", &metrics, &["per_sample", "pit"])?;
            let columns: Vec<&str> = split.columns.iter().map(|c| c.name.as_str()).collect();
            check_family("column", &columns, &["target", "location", "nll", "group"])?;
        }
        let parameters: Vec<&str> = self.parameters.iter().map(|(name, _)| name.as_str()).collect();
        check_family("parameter", &parameters, &[])?;
        let optimality: Vec<&str> = self.solution.optimality.iter().map(String::as_str).collect();
        check_family("optimality", &optimality, &[])?;
        let intervals: Vec<&str> = self.solution.intervals.iter().map(|(name, _)| name.as_str()).collect();
        check_family("interval", &intervals, &[])?;
        let attributes: Vec<&str> = self.attributes.iter().map(|(name, _)| name.as_str()).collect();
        check_family("attribute", &attributes, &["format", "format_version", "name", "seed", "splits"])
    }

    /// Every dataset of the file.
    pub(super) fn items(&self) -> Vec<Item> {
        let mut items = vec![
            Item::growing("/curves/epoch".into(), Element::F64, &[]),
            Item::growing("/curves/step".into(), Element::I64, &[]),
            Item::growing("/curves/learning_rate".into(), Element::F64, &[]),
            Item::fixed("/curves/selected".into(), Element::I64, &[]),
        ];
        for split in &self.splits {
            items.extend(split.items());
        }
        for (name, shape) in &self.parameters {
            items.push(Item::fixed(format!("/parameters/{name}"), Element::F64, shape));
        }
        items.extend(self.solution.items(&self.parameters));
        items
    }
}

impl SplitLayout {
    fn items(&self) -> Vec<Item> {
        let (n, curves, table) =
            (self.n_samples(), format!("/curves/{}", self.name), format!("/predictions/{}", self.name));
        let mut items = vec![
            Item::fixed(format!("{table}/target"), Element::F64, &[n, self.dim]),
            Item::fixed(format!("{table}/location"), Element::F64, &[n, self.location_width]),
            Item::fixed(format!("{table}/nll"), Element::F64, &[n]).unit("nat"),
            Item::fixed(format!("{table}/group"), Element::U32, &[n]),
        ];
        for column in &self.columns {
            items.push(Item::fixed(format!("{table}/{}", column.name), Element::F64, &[n, column.width]));
        }
        for metric in &self.metrics {
            items.push(Item::growing(format!("{curves}/{metric}"), Element::F64, &[]));
        }
        if self.per_sample {
            items.push(Item::growing(format!("{curves}/per_sample/nll"), Element::F64, &[n]).unit("nat"));
            items.push(Item::growing(format!("{curves}/per_sample/squared_error"), Element::F64, &[n]));
            items.push(Item::growing(format!("{curves}/pit"), Element::F64, &[PIT_BINS]));
        }
        if let Some(trajectories) = &self.trajectories {
            items.extend(trajectories.items(&format!("/trajectories/{}", self.name)));
        }
        items
    }
}

impl Trajectories {
    fn items(&self, root: &str) -> Vec<Item> {
        match self {
            Self::Frames { n_frames, max_atoms, has_cell, .. } => {
                let (t, n, atoms) = (*n_frames, *max_atoms, format!("{root}/particles/atoms"));
                let mut items = vec![
                    Item::fixed(format!("{atoms}/position/step"), Element::I64, &[t]),
                    Item::fixed(format!("{atoms}/position/time"), Element::F64, &[t]),
                    Item::fixed(format!("{atoms}/position/value"), Element::F64, &[t, n, 3]).unit("Angstrom"),
                    Item::fixed(format!("{atoms}/species/value"), Element::U8, &[t, n]),
                    Item::fixed(format!("{atoms}/force_reference/value"), Element::F64, &[t, n, 3])
                        .unit("eV Angstrom-1"),
                    Item::fixed(format!("{atoms}/force_predicted/value"), Element::F64, &[t, n, 3])
                        .unit("eV Angstrom-1"),
                    Item::fixed(format!("{root}/observables/energy_reference/value"), Element::F64, &[t]).unit("eV"),
                    Item::fixed(format!("{root}/observables/energy_predicted/value"), Element::F64, &[t]).unit("eV"),
                ];
                if *has_cell {
                    items.push(
                        Item::fixed(format!("{atoms}/box/edges/value"), Element::F64, &[t, 3, 3]).unit("Angstrom"),
                    );
                }
                items
            }
            Self::Series { states, n_times, n_dense, networks } => [
                Item::fixed(format!("{root}/time"), Element::F64, &[*n_times]),
                Item::fixed(format!("{root}/group"), Element::U32, &[*n_times]),
                Item::fixed(format!("{root}/state"), Element::F64, &[*n_times, states.len()]),
                Item::fixed(format!("{root}/observed"), Element::F64, &[*n_times, states.len()]),
                Item::fixed(format!("{root}/dense/time"), Element::F64, &[*n_dense]),
                Item::fixed(format!("{root}/dense/group"), Element::U32, &[*n_dense]),
                Item::fixed(format!("{root}/dense/state"), Element::F64, &[*n_dense, states.len()]),
                Item::fixed(format!("{root}/dense/sd"), Element::F64, &[*n_dense, states.len()]),
            ]
            .into_iter()
            .chain(networks.iter().flat_map(|network| {
                let (root, n) = (format!("{root}/dense/networks/{}", network.name), network.members * n_dense);
                let item = |name: &str, width: usize| Item::fixed(format!("{root}/{name}"), Element::F64, &[n, width]);
                let reference = network.compared.then(|| item("reference", network.outputs.len()));
                [item("input", network.inputs.len()), item("output", network.outputs.len())]
                    .into_iter()
                    .chain(reference)
            }))
            .collect(),
        }
    }
}

fn check_family(family: &'static str, names: &[&str], reserved: &[&str]) -> Result<(), RunFileError> {
    let mut seen = HashSet::new();
    for &name in names {
        let refuse = |reason| Err(RunFileError::Name { name: name.to_owned(), family, reason });
        if name.is_empty() || name == "." || name == ".." || name.contains(['/', '\0']) {
            return refuse("it must be a plain word without `/`");
        }
        if reserved.contains(&name) {
            return refuse("the run file uses it itself");
        }
        if !seen.insert(name) {
            return refuse("it is used twice");
        }
    }
    Ok(())
}
