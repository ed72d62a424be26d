//! `/trajectories/<split>`: frames of atoms in H5MD's layout, solutions of differential equations.
//!
//! H5MD 1.1 (de Buyl, Colberg & Höfling, Comput. Phys. Commun. 185, 1546 (2014)): an `h5md` group
//! with version, author and creator; `particles/atoms` with `box`, and elements that are groups of
//! `step`, `time` and `value`. All elements share one `step` and `time` by hard links. `time` is the
//! frame's step as a number: a set of frames has no clock.
//!
//! Frames of unequal size are padded to the largest with species 0 and NaN. The forces are called
//! `force_reference` and `force_predicted`, because H5MD's own `force` is read by some programs with
//! a unit per mole.

use hdf5::types::VarLenUnicode;
use surprisal_core::records::Structure;

use super::layout::{SplitLayout, Trajectories};
use super::storage::Storage;
use super::{RunFileError, Writer};

/// What a model says of the frames of a split.
#[derive(Debug, Clone, Copy)]
pub struct PredictedFrames<'a> {
    /// Forces of each frame, `[n_frames][n_atoms]`, eV/Å.
    pub forces: &'a [Vec<[f64; 3]>],
    /// Energies, `[n_frames]`, eV; NaN or empty where none is predicted.
    pub energies: &'a [f64],
}

/// Solutions of a differential equation at the times of all trajectories, one after the other.
#[derive(Debug, Clone, PartialEq)]
pub struct Series {
    /// `[n_times]`.
    pub time: Vec<f64>,
    /// Trajectory of each time, `[n_times]`.
    pub group: Vec<u32>,
    /// Predicted states, `[n_times, n_states]`.
    pub state: Vec<f64>,
    /// Observations, `[n_times, n_states]`; NaN where there is none.
    pub observed: Vec<f64>,
    /// The same solutions where nothing was observed as well.
    pub dense: DenseSeries,
}

/// Solutions of a differential equation at many times, for drawing.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct DenseSeries {
    /// `[n_dense]`.
    pub time: Vec<f64>,
    /// Trajectory of each time, `[n_dense]`.
    pub group: Vec<u32>,
    /// Predicted states, `[n_dense, n_states]`.
    pub state: Vec<f64>,
    /// Standard deviations of the solution, `[n_dense, n_states]`: between the members of an ensemble,
    /// else because its parameters are uncertain; empty where not known.
    pub sd: Vec<f64>,
    /// The networks within the equations along these solutions.
    pub networks: Vec<DenseNetwork>,
}

/// A network along dense solutions: of one model after the other.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct DenseNetwork {
    /// Its name.
    pub name: String,
    /// What its inputs are called.
    pub inputs: Vec<String>,
    /// What its outputs are called.
    pub outputs: Vec<String>,
    /// `[n_models * n_dense, n_inputs]`, as the equations give them.
    pub input: Vec<f64>,
    /// `[n_models * n_dense, n_outputs]`, as the equations use them.
    pub output: Vec<f64>,
    /// `[n_models * n_dense, n_outputs]`: what the outputs are compared with, NaN where nothing is; empty
    /// where nothing is for any.
    pub reference: Vec<f64>,
}

/// Attributes and links of the trajectories of a split; their datasets exist already.
pub(super) fn create(storage: &Storage, split: &SplitLayout) -> Result<(), RunFileError> {
    let root = format!("/trajectories/{}", split.name);
    match &split.trajectories {
        None => Ok(()),
        Some(Trajectories::Series { states, networks, .. }) => {
            let group = storage.check("open", &root, storage.file.group(&root))?;
            storage.write_names(&group, "states", states)?;
            for network in networks {
                let path = format!("{root}/dense/networks/{}", network.name);
                let group = storage.check("open", &path, storage.file.group(&path))?;
                storage.write_names(&group, "inputs", &network.inputs)?;
                storage.write_names(&group, "outputs", &network.outputs)?;
            }
            Ok(())
        }
        Some(Trajectories::Frames { periodic, has_cell, .. }) => create_h5md(storage, &root, *periodic, *has_cell),
    }
}

fn create_h5md(storage: &Storage, root: &str, periodic: [bool; 3], has_cell: bool) -> Result<(), RunFileError> {
    let group = |path: &str| {
        storage.create_group(path)?;
        storage.check("open", path, storage.file.group(path))
    };
    let h5md = group(&format!("{root}/h5md"))?;
    let version = h5md.new_attr_builder().with_data(&[1_i32, 1]).create("version").map(drop);
    storage.check("write attribute", "version", version)?;
    let author = group(&format!("{root}/h5md/author"))?;
    storage.write_text(&author, "name", "unknown")?;
    let creator = group(&format!("{root}/h5md/creator"))?;
    storage.write_text(&creator, "name", "surprisal")?;
    storage.write_text(&creator, "version", env!("CARGO_PKG_VERSION"))?;

    let atoms = format!("{root}/particles/atoms");
    let domain = group(&format!("{atoms}/box"))?;
    storage.write_attribute(&domain, "dimension", &3_i32)?;
    let boundary: Vec<VarLenUnicode> = periodic
        .iter()
        .map(|&repeats| if repeats { "periodic" } else { "none" }.parse())
        .collect::<Result<_, _>>()
        .map_err(|e: hdf5::types::StringError| storage.attribute_error("boundary", e.to_string()))?;
    let written = domain.new_attr_builder().with_data(&boundary).create("boundary").map(drop);
    storage.check("write attribute", "boundary", written)?;

    let mut elements = vec![
        format!("{atoms}/species"),
        format!("{atoms}/force_reference"),
        format!("{atoms}/force_predicted"),
        format!("{root}/observables/energy_reference"),
        format!("{root}/observables/energy_predicted"),
    ];
    if has_cell {
        elements.push(format!("{atoms}/box/edges"));
    }
    for element in &elements {
        for shared in ["step", "time"] {
            let link = format!("{element}/{shared}");
            let target = format!("{atoms}/position/{shared}");
            storage.check("link", &link, storage.file.link_hard(&target, &link))?;
        }
    }
    Ok(())
}

impl Writer {
    /// Fills the frames of a split, in the order of its samples.
    pub fn write_structures(
        &mut self,
        split: &str,
        structures: &[Structure],
        predicted: &PredictedFrames<'_>,
    ) -> Result<(), RunFileError> {
        let storage = &self.storage;
        let root = format!("/trajectories/{split}");
        let atoms = format!("{root}/particles/atoms");
        let shape = storage.dataset(&format!("{atoms}/species/value"))?.shape();
        let n_atoms = *shape.get(1).unwrap_or(&0);
        let largest = structures.iter().map(Structure::n_atoms).max().unwrap_or(0);
        if shape != [structures.len(), n_atoms] || largest > n_atoms {
            return Err(storage.shape_error(&atoms, &shape, &[structures.len(), largest]));
        }
        if predicted.forces.len() != structures.len() {
            let object = format!("{atoms}/force_predicted/value");
            return Err(storage.shape_error(&object, &[structures.len()], &[predicted.forces.len()]));
        }

        let step: Vec<i64> = structures.iter().map(|s| s.step).collect();
        let time: Vec<f64> = step.iter().map(|&s| s as f64).collect();
        let mut species = vec![0_u8; structures.len() * n_atoms];
        for (row, s) in species.chunks_exact_mut(n_atoms.max(1)).zip(structures) {
            row[..s.n_atoms()].copy_from_slice(&s.species);
        }
        storage.fill(&format!("{atoms}/position/step"), &step)?;
        storage.fill(&format!("{atoms}/position/time"), &time)?;
        storage.fill(&format!("{atoms}/species/value"), &species)?;
        let positions = padded(structures.iter().map(|s| s.positions.as_slice()), n_atoms);
        storage.fill(&format!("{atoms}/position/value"), &positions)?;
        let reference = padded(structures.iter().map(|s| s.forces.as_deref().unwrap_or(&[])), n_atoms);
        storage.fill(&format!("{atoms}/force_reference/value"), &reference)?;
        let forces = padded(predicted.forces.iter().map(Vec::as_slice), n_atoms);
        storage.fill(&format!("{atoms}/force_predicted/value"), &forces)?;

        let energies: Vec<f64> = structures.iter().map(|s| s.energy.unwrap_or(f64::NAN)).collect();
        storage.fill(&format!("{root}/observables/energy_reference/value"), &energies)?;
        if !predicted.energies.is_empty() {
            storage.fill(&format!("{root}/observables/energy_predicted/value"), predicted.energies)?;
        }
        let edges = format!("{atoms}/box/edges/value");
        if storage.exists(&edges) {
            let cells: Vec<f64> =
                structures.iter().flat_map(|s| s.cell.unwrap_or([[f64::NAN; 3]; 3])).flatten().collect();
            storage.fill(&edges, &cells)?;
        }
        storage.flush()
    }

    /// Fills the solutions of a split.
    pub fn write_series(&mut self, split: &str, series: &Series) -> Result<(), RunFileError> {
        let storage = &self.storage;
        let root = format!("/trajectories/{split}");
        storage.fill(&format!("{root}/time"), &series.time)?;
        storage.fill(&format!("{root}/group"), &series.group)?;
        storage.fill(&format!("{root}/state"), &series.state)?;
        storage.fill(&format!("{root}/observed"), &series.observed)?;
        storage.fill(&format!("{root}/dense/time"), &series.dense.time)?;
        storage.fill(&format!("{root}/dense/group"), &series.dense.group)?;
        storage.fill(&format!("{root}/dense/state"), &series.dense.state)?;
        if !series.dense.sd.is_empty() {
            storage.fill(&format!("{root}/dense/sd"), &series.dense.sd)?;
        }
        for network in &series.dense.networks {
            let root = format!("{root}/dense/networks/{}", network.name);
            storage.fill(&format!("{root}/input"), &network.input)?;
            storage.fill(&format!("{root}/output"), &network.output)?;
            if !network.reference.is_empty() {
                storage.fill(&format!("{root}/reference"), &network.reference)?;
            }
        }
        storage.flush()
    }
}

/// `[n_frames, n_atoms, 3]`, row-major; NaN where a frame has fewer atoms.
fn padded<'a>(frames: impl Iterator<Item = &'a [[f64; 3]]>, n_atoms: usize) -> Vec<f64> {
    frames
        .flat_map(|frame| {
            let missing = n_atoms.saturating_sub(frame.len());
            frame.iter().copied().chain(std::iter::repeat_n([f64::NAN; 3], missing)).take(n_atoms)
        })
        .flatten()
        .collect()
}
