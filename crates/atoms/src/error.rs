//! What can go wrong between a structure and its forces.

use surprisal_core::element::symbol;
use surprisal_core::{Blame, Diagnose};
use thiserror::Error;

/// What can go wrong between a structure and its forces.
#[derive(Debug, Error)]
#[allow(missing_docs, reason = "the messages say what the fields are")]
pub enum AtomsError {
    #[error("frame {frame} has {} (atom {atom}), an element the model was not trained on; it knows {}", symbol(*.species), symbols(.known))]
    UnknownSpecies { frame: usize, atom: usize, species: u8, known: Vec<u8> },
    #[error("no species: a force model needs at least one element")]
    NoSpecies,
    #[error("frame {frame} is periodic but has no cell")]
    MissingCell { frame: usize },
    #[error("frame {frame}: the lattice vectors of the periodic directions lie in one plane or line")]
    SingularCell { frame: usize },
    #[error("frame {frame}: the position of atom {atom} is not finite")]
    NonFinitePosition { frame: usize, atom: usize },
    #[error("frame {frame}: {species} species for {positions} positions")]
    UnequalLengths { frame: usize, species: usize, positions: usize },
    #[error("frame {frame}: atoms {first} and {second} are {distance:.1e} Å apart")]
    CoincidentAtoms { frame: usize, first: usize, second: usize, distance: f64 },
    #[error("`{field}` must be {wants}, found {found}")]
    InvalidConfig { field: &'static str, wants: &'static str, found: f64 },
    #[error("the graph was built with a cut-off of {found} Å, the model's is {wants} Å")]
    CutoffMismatch { found: f64, wants: f64 },
    #[error("a batch needs at least one frame")]
    EmptyBatch,
    #[error("the tape was written by another model")]
    ForeignTape,
    #[error("a tensor operation failed")]
    Tensor(#[from] candle_core::Error),
}

impl Diagnose for AtomsError {
    fn blame(&self) -> Blame {
        match self {
            Self::UnknownSpecies { .. }
            | Self::NoSpecies
            | Self::MissingCell { .. }
            | Self::SingularCell { .. }
            | Self::NonFinitePosition { .. }
            | Self::UnequalLengths { .. }
            | Self::CoincidentAtoms { .. }
            | Self::InvalidConfig { .. } => Blame::User,
            Self::CutoffMismatch { .. } | Self::EmptyBatch | Self::ForeignTape | Self::Tensor(_) => Blame::Program,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::UnknownSpecies { species, .. } => {
                Some(format!("add frames with {} to the training data, or leave this frame out", symbol(*species)))
            }
            Self::MissingCell { .. } => Some("give the frame a `Lattice`, or set `pbc=\"F F F\"`".into()),
            Self::SingularCell { .. } => {
                Some("check the `Lattice` entry: its rows are the lattice vectors, in Å".into())
            }
            Self::CoincidentAtoms { .. } => {
                Some("check the units of the positions (Å), and the cell if the frame is periodic".into())
            }
            Self::NonFinitePosition { .. } => Some("leave the frame out: its simulation has diverged".into()),
            _ => None,
        }
    }
}

fn symbols(species: &[u8]) -> String {
    species.iter().map(|&z| symbol(z)).collect::<Vec<_>>().join(", ")
}
