//! What can be wrong with an extended XYZ file, and what would mend it.

use surprisal_core::{Blame, Diagnose, closest, element};

use crate::error::{Place, listed};

/// A fault of an extended XYZ file and where it is.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{place}: {}{fault}", frame.map(|n| format!("frame {n}: ")).unwrap_or_default())]
pub struct ExtxyzError {
    /// The file, the line where there is one, the column where it helps.
    pub place: Place,
    /// The frame, counted from 1; `None` where the file as a whole is at fault.
    pub frame: Option<usize>,
    /// What is wrong.
    pub fault: Box<Fault>,
}

/// What can be wrong with an extended XYZ file. Atoms are counted from 1.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Fault {
    /// No frame at all.
    #[error("the file holds no frames")]
    Empty,
    /// Every frame is an isolated atom.
    #[error("the file holds nothing but isolated atoms")]
    OnlyIsolated,
    /// No frame is an isolated atom.
    #[error("the file holds no isolated atoms")]
    NoneIsolated,
    /// A frame must begin with its number of atoms.
    #[error("expected the number of atoms, found `{found}`")]
    AtomCount {
        /// The line.
        found: String,
    },
    /// Zero atoms, or fewer.
    #[error("the number of atoms must be positive, found {found}")]
    NoAtoms {
        /// What the line says.
        found: i64,
    },
    /// The file ends within the frame.
    #[error("the file ends after {found} of {expected} atoms")]
    Truncated {
        /// Announced atoms.
        expected: usize,
        /// Lines of atoms that are there.
        found: usize,
    },
    /// A quote that is never closed.
    #[error("the quote {quote} is never closed")]
    OpenQuote {
        /// `"`, `'`, `{` or `[`.
        quote: char,
    },
    /// `Properties` cannot be read.
    #[error("cannot read `Properties={found}`")]
    Properties {
        /// Its value.
        found: String,
    },
    /// A column that every frame needs.
    #[error("there is no `{wanted}` column among {}", listed(available.iter().map(String::as_str)))]
    NoColumn {
        /// The column.
        wanted: &'static str,
        /// What is there.
        available: Vec<String>,
    },
    /// A column of the wrong width.
    #[error("the column `{column}` must have {expected} component{}, `Properties` gives it {found}", if *expected == 1 { "" } else { "s" })]
    Width {
        /// The column.
        column: String,
        /// Components it should have.
        expected: usize,
        /// Components it has.
        found: usize,
    },
    /// The forces column is not there.
    #[error("there is no forces column `{key}` among {}", listed(available.iter().map(String::as_str)))]
    NoForces {
        /// The configured name.
        key: String,
        /// What is there.
        available: Vec<String>,
        /// Columns that could be forces.
        candidates: Vec<String>,
    },
    /// Too few or too many fields on an atom's line.
    #[error("atom {atom} has {found} fields, `Properties` announces {expected}")]
    FieldCount {
        /// The atom.
        atom: usize,
        /// Announced fields.
        expected: usize,
        /// Fields on the line.
        found: usize,
    },
    /// A field that must be a number.
    #[error("atom {atom}: expected a number in column `{column}`, found `{found}`")]
    NotANumber {
        /// The atom.
        atom: usize,
        /// The property.
        column: String,
        /// The field.
        found: String,
    },
    /// NaN or infinity.
    #[error("atom {atom}: column `{column}` is `{found}`, not a finite number")]
    NotFinite {
        /// The atom.
        atom: usize,
        /// The property.
        column: String,
        /// The field.
        found: String,
    },
    /// No such element.
    #[error("atom {atom}: `{found}` is not a chemical element")]
    UnknownElement {
        /// The atom.
        atom: usize,
        /// The field.
        found: String,
    },
    /// A value of the comment line that must be a number.
    #[error("expected a finite number for `{key}`, found `{found}`")]
    KeyNotANumber {
        /// The key.
        key: String,
        /// Its value.
        found: String,
    },
    /// No frame of the file has the configured energy.
    #[error("no frame has the energy key `{key}`")]
    NoEnergy {
        /// The configured key.
        key: String,
        /// Keys of the first frame with a number.
        available: Vec<String>,
    },
    /// An isolated atom is there for its energy.
    #[error("the isolated {symbol} atom has no energy `{key}`")]
    IsolatedWithoutEnergy {
        /// The element.
        symbol: &'static str,
        /// The configured key.
        key: String,
    },
    /// Two energies of one isolated atom.
    #[error("the isolated {symbol} atom has energy {second} eV here and {first} eV before")]
    IsolatedTwice {
        /// The element.
        symbol: &'static str,
        /// eV.
        first: f64,
        /// eV.
        second: f64,
    },
    /// `Lattice` is neither nine numbers nor three.
    #[error("`Lattice` must be 9 finite numbers (or 3 for a box), found `{found}`")]
    Lattice {
        /// Its value.
        found: String,
    },
    /// `pbc` is neither three logical values nor one.
    #[error("`pbc` must be three logical values such as \"T T F\", found `{found}`")]
    Pbc {
        /// Its value.
        found: String,
    },
    /// Periodic without a volume.
    #[error("the periodic lattice vectors are zero or parallel")]
    Singular,
    /// Two atoms on top of each other.
    #[error("atoms {first} and {second}{} are {distance:.3} Å apart", if *image { " (across the periodic boundary)" } else { "" })]
    TooClose {
        /// The atom before.
        first: usize,
        /// The atom after; the same for an atom and its own image.
        second: usize,
        /// Å.
        distance: f64,
        /// Whether an image of one is close to the other.
        image: bool,
    },
}

impl Diagnose for ExtxyzError {
    fn blame(&self) -> Blame {
        Blame::User
    }

    fn hint(&self) -> Option<String> {
        self.fault.hint()
    }
}

impl Fault {
    fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Empty => "an extended XYZ frame is the number of atoms, a comment line, one line per atom".into(),
            Self::OnlyIsolated => "they give reference energies; add frames with forces".into(),
            Self::NoneIsolated => "an isolated atom is a frame of one atom with config_type=isolated_atom".into(),
            Self::AtomCount { .. } => "does the frame before hold more atoms than it announces?".into(),
            Self::NoAtoms { .. } => "remove the frame".into(),
            Self::Truncated { .. } => "the file is cut short; copy it again or remove its last frame".into(),
            Self::OpenQuote { .. } => "close the quote, or write a backslash before a quote that is text".into(),
            Self::Properties { .. } => {
                "it is a list of name:type:count with type S, R, I or L: species:S:1:pos:R:3:forces:R:3".into()
            }
            Self::NoColumn { wanted: "species", .. } => "name the column `species` or, with atomic numbers, `Z`".into(),
            Self::NoColumn { wanted, .. } => format!("name the column `{wanted}`"),
            Self::NoForces { candidates, .. } if candidates.is_empty() => {
                "forces are three real numbers per atom: Properties=species:S:1:pos:R:3:forces:R:3".into()
            }
            Self::NoForces { candidates, .. } => {
                candidates.iter().map(|name| format!("forces_key = \"{name}\"")).collect::<Vec<_>>().join(" or ")
                    + " would fit"
            }
            Self::FieldCount { .. } => "a word with a space in it shifts the columns after it".into(),
            Self::NotANumber { .. } | Self::NotFinite { .. } | Self::KeyNotANumber { .. } => {
                "correct or remove the frame".into()
            }
            Self::UnknownElement { found, .. } => return element_hint(found),
            Self::NoEnergy { available, .. } if available.is_empty() => return None,
            Self::NoEnergy { available, .. } => {
                format!("keys with a number in the first frame: {}", listed(available.iter().map(String::as_str)))
            }
            Self::IsolatedWithoutEnergy { .. } => {
                "give its energy, or remove the frame, or add forces if it is a training frame".into()
            }
            Self::IsolatedTwice { .. } => "keep the one that belongs to the method of the other frames".into(),
            Self::Lattice { .. } => "the nine are the three lattice vectors one after the other, in Å".into(),
            Self::Pbc { .. } => "use T and F, true and false, or 1 and 0".into(),
            Self::Singular => "give three independent vectors in `Lattice`, or pbc=\"F F F\"".into(),
            Self::TooClose { .. } => "correct or remove the frame; are the positions in Å?".into(),
            Self::Width { .. } => return None,
        };
        Some(hint)
    }
}

/// A reference energy of the configuration that cannot be used.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("`isolated_atom_energies`: `{element}` = {energy} is not a finite energy of a chemical element")]
pub struct ReferenceEnergyError {
    /// The key in the configuration.
    pub element: String,
    /// Its value.
    pub energy: f64,
}

impl Diagnose for ReferenceEnergyError {
    fn blame(&self) -> Blame {
        Blame::User
    }

    fn hint(&self) -> Option<String> {
        match element::atomic_number(&self.element) {
            Some(_) => Some("give the energy in eV".into()),
            None => element_hint(&self.element),
        }
    }
}

/// The symbol that a wrong one most likely means.
fn element_hint(found: &str) -> Option<String> {
    // A label such as `H1` or `C_a` starts with its element; a typo resembles one.
    let letters: String = found.chars().take_while(char::is_ascii_alphabetic).collect();
    let prefix = |n: usize| letters.get(..n).and_then(element::atomic_number).map(element::symbol);
    let symbol = (1..=2).rev().find_map(prefix).or_else(|| closest(found, element::SYMBOLS.into_iter().skip(1)));
    symbol.map(|symbol| format!("did you mean {symbol}?"))
}
