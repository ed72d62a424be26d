//! One frame of an extended XYZ file.

use std::path::PathBuf;

use surprisal_core::element;
use surprisal_core::records::Structure;

use super::close_contact;
use super::columns::{Columns, Field, PLAIN};
use super::comment::{Comment, Entry};
use super::error::{ExtxyzError, Fault};
use super::{DEFAULT_ENERGY, Keys};
use crate::error::{DataError, Place};
use crate::number;
use crate::source::Lines;

/// A frame and what its comment line says of it.
pub(super) struct Frame {
    pub(super) structure: Structure,
    /// Whether the frame is there for the energy of its single atom.
    pub(super) isolated: bool,
    /// Line of the comment.
    pub(super) line: usize,
    /// Keys of the comment with a number.
    pub(super) numeric_keys: Vec<String>,
}

/// Reads frames one after the other.
pub(super) struct FrameReader<'a> {
    lines: Lines,
    keys: &'a Keys,
    frame: usize,
}

/// What the comment line says.
struct Header {
    columns: Columns,
    cell: Option<[[f64; 3]; 3]>,
    periodic: [bool; 3],
    energy: Option<f64>,
    step: Option<i64>,
    marked_isolated: bool,
}

impl<'a> FrameReader<'a> {
    pub(super) fn new(lines: Lines, keys: &'a Keys) -> Self {
        Self { lines, keys, frame: 0 }
    }

    /// The next frame; `None` at the end of the file.
    pub(super) fn next_frame(&mut self) -> Result<Option<Frame>, DataError> {
        let count = loop {
            match self.lines.advance()? {
                None => return Ok(None),
                Some(line) if line.trim().is_empty() => {}
                Some(line) => break line.trim().to_owned(),
            }
        };
        self.frame += 1;
        let n_atoms = atom_count(&count).map_err(|fault| self.error(fault))?;
        let truncated = |found| Fault::Truncated { expected: n_atoms, found };
        let comment = match self.lines.advance()? {
            None => return Err(self.error(truncated(0)).into()),
            Some(line) => Comment::parse(line),
        };
        let line = self.lines.number();
        let comment =
            comment.map_err(|open| self.error_at(line, Some(open.column), Fault::OpenQuote { quote: open.quote }))?;
        let header = self.header(&comment)?;
        if n_atoms > 1 {
            self.require_forces(line, &comment, &header.columns)?;
        }

        let mut structure = Structure {
            // The count is the file's word only, so do not reserve more than a moderate frame.
            species: Vec::with_capacity(n_atoms.min(1 << 16)),
            positions: Vec::with_capacity(n_atoms.min(1 << 16)),
            cell: header.cell,
            periodic: header.periodic,
            energy: header.energy,
            forces: header.columns.has_forces.then(Vec::new),
            frame: self.frame,
            step: header.step.unwrap_or(self.frame as i64),
        };
        for atom in 1..=n_atoms {
            let parsed = match self.lines.advance()? {
                None => return Err(self.error(truncated(atom - 1)).into()),
                Some(line) => parse_atom(line, atom, &header.columns),
            };
            let parsed = parsed.map_err(|(column, fault)| self.error_at(self.lines.number(), column, fault))?;
            structure.species.push(parsed.species);
            structure.positions.push(parsed.position);
            if let Some(forces) = &mut structure.forces {
                forces.push(parsed.force);
            }
        }
        let vectors_line = self.lattice_vectors(&mut structure)?;
        self.check_distances(&structure, line, vectors_line)?;

        let open = structure.periodic == [false; 3];
        let wants_forces = self.keys.forces.is_some();
        let isolated = n_atoms == 1 && wants_forces && (header.marked_isolated || (open && !header.columns.has_forces));
        if !isolated {
            self.require_forces(line, &comment, &header.columns)?;
        }
        Ok(Some(Frame { structure, isolated, line, numeric_keys: comment.numeric_keys() }))
    }

    fn require_forces(&self, line: usize, comment: &Comment, columns: &Columns) -> Result<(), ExtxyzError> {
        match &self.keys.forces {
            Some(key) if !columns.has_forces => {
                let (available, candidates) = (columns.description(), columns.fit_for_forces());
                let fault = Fault::NoForces { key: key.clone(), available, candidates };
                Err(self.error_at(line, column_of(comment.get_reserved("Properties")), fault))
            }
            _ => Ok(()),
        }
    }

    fn header(&self, comment: &Comment) -> Result<Header, ExtxyzError> {
        let properties = comment.get_reserved("Properties");
        let text = properties.map_or(PLAIN, |entry| &entry.value);
        let mut columns =
            Columns::parse(text, self.keys.forces.as_deref()).map_err(|fault| self.error_in(properties, fault))?;
        columns.open_ended = properties.is_none();

        let lattice = comment.get_reserved("Lattice");
        let cell =
            lattice.map(|entry| parse_lattice(entry).map_err(|fault| self.error_in(lattice, fault))).transpose()?;
        let pbc = comment.get_reserved("pbc");
        let periodic = match pbc {
            Some(entry) => parse_pbc(entry).map_err(|fault| self.error_in(pbc, fault))?,
            None => [cell.is_some(); 3],
        };
        let energy = match comment.get(&self.keys.energy) {
            None if self.keys.energy == DEFAULT_ENERGY => comment.get("free_energy"),
            entry => entry,
        };
        let value = energy.map(|entry| match number::parse(entry.value.trim()) {
            Some(value) if value.is_finite() => Ok(value),
            _ => {
                Err(self.error_in(energy, Fault::KeyNotANumber { key: entry.key.clone(), found: entry.value.clone() }))
            }
        });
        let step = ["step", "Step", "md_step", "time", "Time"].iter().find_map(|key| whole(&comment.get(key)?.value));
        let kind = comment.get("config_type").map(|entry| entry.value.replace(['_', '-', ' '], "").to_lowercase());
        let marked_isolated = kind.is_some_and(|kind| kind == "isolatedatom");
        Ok(Header { columns, cell, periodic, energy: value.transpose()?, step, marked_isolated })
    }

    /// Lines `VEC1 x y z` after the atoms give lattice vectors where the comment line does not;
    /// returns the line of the last.
    fn lattice_vectors(&mut self, structure: &mut Structure) -> Result<Option<usize>, DataError> {
        let mut last = None;
        for axis in 0..3 {
            let words: Vec<String> = match self.lines.peek()? {
                Some(line) if line.trim_start().starts_with("VEC") => {
                    line.split_whitespace().map(str::to_owned).collect()
                }
                _ => break,
            };
            self.lines.advance()?;
            last = Some(self.lines.number());
            let numbers: Vec<f64> =
                words[1..].iter().filter_map(|w| number::parse(w)).filter(|x| x.is_finite()).collect();
            let vector = <[f64; 3]>::try_from(numbers).ok().filter(|_| words.len() == 4);
            let vector = vector.ok_or_else(|| self.error(Fault::Lattice { found: words.join(" ") }))?;
            structure.cell.get_or_insert([[0.0; 3]; 3])[axis] = vector;
            structure.periodic[axis] = true;
        }
        Ok(last)
    }

    fn check_distances(
        &self,
        structure: &Structure,
        comment: usize,
        vectors: Option<usize>,
    ) -> Result<(), ExtxyzError> {
        let contact = close_contact::find(&structure.positions, structure.cell, structure.periodic)
            .map_err(|_| self.error_at(vectors.unwrap_or(comment), None, Fault::Singular))?;
        match contact {
            None => Ok(()),
            Some(c) => {
                let (first, second) = (c.first + 1, c.second + 1);
                let fault = Fault::TooClose { first, second, distance: c.distance, image: c.image };
                Err(self.error_at(comment + second, None, fault))
            }
        }
    }

    /// An error at the line just read.
    fn error(&self, fault: Fault) -> ExtxyzError {
        self.error_at(self.lines.number(), None, fault)
    }

    /// An error at a key of the comment line just read.
    fn error_in(&self, entry: Option<&Entry>, fault: Fault) -> ExtxyzError {
        self.error_at(self.lines.number(), column_of(entry), fault)
    }

    fn error_at(&self, line: usize, column: Option<usize>, fault: Fault) -> ExtxyzError {
        let file: PathBuf = self.lines.file().to_path_buf();
        ExtxyzError { place: Place { file, line: Some(line), column }, frame: Some(self.frame), fault: Box::new(fault) }
    }
}

fn column_of(entry: Option<&Entry>) -> Option<usize> {
    entry.map(|entry| entry.column)
}

fn atom_count(line: &str) -> Result<usize, Fault> {
    match line.parse::<i64>() {
        Ok(n) if n > 0 => Ok(n as usize),
        Ok(n) => Err(Fault::NoAtoms { found: n }),
        Err(_) => Err(Fault::AtomCount { found: line.to_owned() }),
    }
}

struct Atom {
    species: u8,
    position: [f64; 3],
    force: [f64; 3],
}

/// Reads an atom's line; an error comes with the column it is at, counted from 1.
fn parse_atom(line: &str, atom: usize, columns: &Columns) -> Result<Atom, (Option<usize>, Fault)> {
    let mut parsed = Atom { species: 0, position: [0.0; 3], force: [0.0; 3] };
    let mut words = line.split_whitespace();
    for (i, field) in columns.fields.iter().enumerate() {
        let Some(word) = words.next() else {
            return Err((None, Fault::FieldCount { atom, expected: columns.fields.len(), found: i }));
        };
        let place = || {
            let bytes = word.as_ptr() as usize - line.as_ptr() as usize;
            Some(line[..bytes].chars().count() + 1)
        };
        let real = || match number::parse(word) {
            Some(value) if value.is_finite() => Ok(value),
            found => {
                let (column, word) = (columns.name_of(i).to_owned(), word.to_owned());
                Err((
                    place(),
                    match found {
                        Some(_) => Fault::NotFinite { atom, column, found: word },
                        None => Fault::NotANumber { atom, column, found: word },
                    },
                ))
            }
        };
        match *field {
            Field::Skip => {}
            Field::Position(axis) => parsed.position[axis] = real()?,
            Field::Force(axis) => parsed.force[axis] = real()?,
            Field::Symbol | Field::Number => {
                let number = || word.parse().ok().filter(|z| (1..=118).contains(z));
                let species =
                    if *field == Field::Symbol { element::atomic_number(word).or_else(number) } else { number() };
                parsed.species =
                    species.ok_or_else(|| (place(), Fault::UnknownElement { atom, found: word.to_owned() }))?;
            }
        }
    }
    let expected = columns.fields.len();
    match words.count() {
        0 => Ok(parsed),
        _ if columns.open_ended => Ok(parsed),
        extra => Err((None, Fault::FieldCount { atom, expected, found: expected + extra })),
    }
}

fn parse_lattice(entry: &Entry) -> Result<[[f64; 3]; 3], Fault> {
    let fault = || Fault::Lattice { found: entry.value.clone() };
    let numbers: Option<Vec<f64>> = entry.words().map(|w| number::parse(w).filter(|x| x.is_finite())).collect();
    match numbers.ok_or_else(fault)?[..] {
        [a, b, c] => Ok([[a, 0.0, 0.0], [0.0, b, 0.0], [0.0, 0.0, c]]),
        [a, b, c, d, e, f, g, h, i] => Ok([[a, b, c], [d, e, f], [g, h, i]]),
        _ => Err(fault()),
    }
}

fn parse_pbc(entry: &Entry) -> Result<[bool; 3], Fault> {
    let flag = |word: &str| match word.to_lowercase().as_str() {
        "t" | "true" | "1" => Some(true),
        "f" | "false" | "0" => Some(false),
        _ => None,
    };
    let flags: Option<Vec<bool>> = entry.words().map(flag).collect();
    match flags.unwrap_or_default()[..] {
        [all] => Ok([all; 3]),
        [a, b, c] => Ok([a, b, c]),
        _ => Err(Fault::Pbc { found: entry.value.clone() }),
    }
}

/// An integer, also when written as `10.0`.
fn whole(text: &str) -> Option<i64> {
    let value = number::parse(text.trim()).filter(|x| x.fract() == 0.0 && x.abs() < 9e15)?;
    Some(value as i64)
}
