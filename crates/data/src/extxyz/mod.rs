//! Frames of atoms in extended XYZ.
//!
//! A frame is the number of atoms, a comment line of `key=value` pairs and one line per atom.
//! `Lattice` holds the lattice vectors one after the other (Å), `pbc` says which of them repeat (all,
//! where it is left out), `Properties` names the columns. Energies are in eV, forces in eV/Å. The
//! format: Larsen et al., J. Phys.: Condens. Matter 29, 273002 (2017), §4.7, and its reader and
//! writer in ASE. Files may be compressed by gzip.
//!
//! A frame of one atom is an *isolated atom*, and gives that element's reference energy instead of a
//! training frame, if its `config_type` says `isolated_atom` (or `IsolatedAtom`), or if it is not
//! periodic and has no forces.

mod close_contact;
mod columns;
mod comment;
mod error;
mod frame;

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::path::{Path, PathBuf};

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use surprisal_core::element;
use surprisal_core::records::{Splits, Structure};

pub use self::error::{ExtxyzError, Fault, ReferenceEnergyError};
use self::frame::{Frame, FrameReader};
use crate::error::{DataError, Place};
use crate::source::Lines;
use crate::split::{Fractions, SplitError, ValidSplit};

/// The key ASE writes energies under; in its absence `free_energy` will do.
const DEFAULT_ENERGY: &str = "energy";

/// What a test split cannot be called: the other parts, and what stands beside the splits in a run
/// file.
const TAKEN_NAMES: [&str; 6] = ["train", "valid", "epoch", "step", "learning_rate", "selected"];

/// Isolated energies of one element that differ by no more than this, in eV, are the same.
const SAME_ENERGY: f64 = 1e-6;

/// Frames of atoms in extended XYZ files (`[data.extxyz]`).
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ExtxyzConfig {
    /// The file of training frames.
    pub train: PathBuf,
    /// Share of the training frames that is kept for validation instead.
    #[serde(default)]
    pub valid_fraction: f64,
    /// Whether validation frames are drawn at random or are the last block of the file.
    #[serde(default)]
    pub valid_split: ValidSplit,
    /// The file of validation frames, in place of `valid_fraction`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub valid: Option<PathBuf>,
    /// Files that are only evaluated, by name.
    #[serde(default)]
    pub test: IndexMap<String, PathBuf>,
    /// The key of the comment line that holds the total energy, in eV.
    #[serde(default = "default_energy")]
    pub energy_key: String,
    /// The column that holds the forces, in eV/Å.
    #[serde(default = "default_forces")]
    pub forces_key: String,
    /// A file of single atoms whose energies are the references; they go before those in the other
    /// files.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub isolated_atoms: Option<PathBuf>,
    /// Energies of the isolated atoms by element, in eV; they go before those in the files.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub isolated_atom_energies: Option<IndexMap<String, f64>>,
}

fn default_energy() -> String {
    DEFAULT_ENERGY.to_owned()
}

fn default_forces() -> String {
    "forces".to_owned()
}

impl ExtxyzConfig {
    /// Reads the files, relative to `root`, and draws the validation frames from the training frames.
    /// Returns the parts and the reference energies of isolated atoms by atomic number, in eV; those
    /// come from `isolated_atom_energies`, else from `isolated_atoms`, else from the training and
    /// validation files.
    pub fn load(&self, root: &Path, seed: u64) -> Result<(Splits<Structure>, BTreeMap<u8, f64>), DataError> {
        self.check()?;
        let keys = Keys { energy: self.energy_key.clone(), forces: Some(self.forces_key.clone()) };
        let train = read(&root.join(&self.train), &keys)?;
        let mut isolated = train.isolated.clone();
        let train = train.not_empty(&root.join(&self.train))?;
        let mut splits = self.fractions().cut(train, "frames", seed)?;
        if let Some(path) = &self.valid {
            let file = root.join(path);
            let valid = read(&file, &keys)?;
            for (&number, &energy) in &valid.isolated {
                add_isolated(&mut isolated, number, energy).map_err(|fault| ExtxyzError {
                    place: Place::file(&file),
                    frame: None,
                    fault: Box::new(fault),
                })?;
            }
            splits.valid = valid.not_empty(&file)?;
        }
        for (name, path) in &self.test {
            let file = root.join(path);
            splits.test.push((name.clone(), read(&file, &keys)?.not_empty(&file)?));
        }
        if let Some(path) = &self.isolated_atoms {
            let file = root.join(path);
            let atoms = read(&file, &keys)?.isolated;
            if atoms.is_empty() {
                return Err(ExtxyzError {
                    place: Place::file(&file),
                    frame: None,
                    fault: Box::new(Fault::NoneIsolated),
                }
                .into());
            }
            isolated.extend(atoms);
        }
        isolated.extend(self.configured_energies()?);
        Ok((splits, isolated))
    }

    /// Whether every value is possible, as far as it can be told without the files.
    pub fn check(&self) -> Result<(), DataError> {
        if self.valid.is_some() && self.valid_fraction != 0.0 {
            return Err(SplitError::Conflict { first: "valid", second: "valid_fraction" }.into());
        }
        for name in self.test.keys() {
            if name.is_empty() || name.contains(['/', '.', '\0']) || TAKEN_NAMES.contains(&name.as_str()) {
                return Err(SplitError::Name { name: name.clone() }.into());
            }
        }
        self.configured_energies()?;
        Ok(self.fractions().check()?)
    }

    fn fractions(&self) -> Fractions {
        Fractions { valid: self.valid_fraction, valid_split: self.valid_split, test: 0.0 }
    }

    /// `isolated_atom_energies` by atomic number.
    fn configured_energies(&self) -> Result<BTreeMap<u8, f64>, ReferenceEnergyError> {
        let energies = self.isolated_atom_energies.iter().flatten().map(|(symbol, &energy)| {
            let unusable = || ReferenceEnergyError { element: symbol.clone(), energy };
            let number = element::atomic_number(symbol).filter(|_| energy.is_finite()).ok_or_else(unusable)?;
            Ok((number, energy))
        });
        energies.collect()
    }
}

/// Where a file keeps energies and forces.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Keys {
    /// Key of the comment line.
    pub energy: String,
    /// Name of the column; `None` where only the geometry is wanted, and then no frame needs forces.
    pub forces: Option<String>,
}

impl Default for Keys {
    fn default() -> Self {
        Self { energy: default_energy(), forces: Some(default_forces()) }
    }
}

impl Keys {
    /// For structures without forces: what a simulation starts from, what a prediction is made for.
    pub fn geometry() -> Self {
        Self { energy: default_energy(), forces: None }
    }
}

/// What a file holds.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Frames {
    /// The frames, in order, without the isolated atoms.
    pub structures: Vec<Structure>,
    /// Energies of isolated atoms by atomic number, eV.
    pub isolated: BTreeMap<u8, f64>,
}

impl Frames {
    fn not_empty(self, file: &Path) -> Result<Vec<Structure>, ExtxyzError> {
        if self.structures.is_empty() {
            let fault = Fault::OnlyIsolated;
            return Err(ExtxyzError { place: Place::file(file), frame: None, fault: Box::new(fault) });
        }
        Ok(self.structures)
    }
}

/// Reads all frames of a file; a file without any is an error.
pub fn read(path: &Path, keys: &Keys) -> Result<Frames, DataError> {
    let mut reader = FrameReader::new(Lines::open(path)?, keys);
    let mut frames = Frames::default();
    let (mut n_frames, mut any_energy, mut first_keys) = (0, false, vec![]);
    while let Some(frame) = reader.next_frame()? {
        n_frames += 1;
        any_energy |= frame.structure.energy.is_some();
        if frame.isolated {
            keep_isolated(path, keys, &frame, &mut frames.isolated)?;
            continue;
        }
        if frames.structures.is_empty() {
            first_keys = frame.numeric_keys;
        }
        frames.structures.push(frame.structure);
    }
    let fault = if n_frames == 0 {
        Fault::Empty
    } else if !any_energy && keys.energy != DEFAULT_ENERGY {
        // A frame may lack its energy; a key that no frame has is a mistake.
        Fault::NoEnergy { key: keys.energy.clone(), available: first_keys }
    } else {
        return Ok(frames);
    };
    Err(ExtxyzError { place: Place::file(path), frame: None, fault: Box::new(fault) }.into())
}

fn keep_isolated(path: &Path, keys: &Keys, frame: &Frame, isolated: &mut BTreeMap<u8, f64>) -> Result<(), ExtxyzError> {
    let number = frame.structure.species[0];
    let kept = match frame.structure.energy {
        Some(energy) => add_isolated(isolated, number, energy),
        None => Err(Fault::IsolatedWithoutEnergy { symbol: element::symbol(number), key: keys.energy.clone() }),
    };
    let place = Place::line(path, frame.line);
    kept.map_err(|fault| ExtxyzError { place, frame: Some(frame.structure.frame), fault: Box::new(fault) })
}

fn add_isolated(isolated: &mut BTreeMap<u8, f64>, number: u8, energy: f64) -> Result<(), Fault> {
    match isolated.entry(number) {
        Entry::Occupied(known) if (known.get() - energy).abs() > SAME_ENERGY => {
            let symbol = element::symbol(number);
            Err(Fault::IsolatedTwice { symbol, first: *known.get(), second: energy })
        }
        entry => {
            entry.or_insert(energy);
            Ok(())
        }
    }
}
