//! Atomic structures: neighbour lists, radial bases, and force models whose forces conserve energy.

mod conservative;
pub mod error;
pub mod force_model;
pub mod graph;
mod lattice;
pub mod neighbors;
pub mod painn;
pub mod radial;
pub mod reference;

pub use error::AtomsError;
pub use force_model::{BuildForceModel, ForceModel, ForceModelConfig, ForceOutput, ForceTape};
pub use graph::Graph;
pub use neighbors::{Edges, neighbor_list};
pub use painn::{Painn, PainnConfig};
pub use reference::fit_reference_energies;
