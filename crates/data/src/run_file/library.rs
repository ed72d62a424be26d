//! The HDF5 library that the program was built with.

use std::path::Path;

use super::RunFileError;
use super::layout::Layout;
use super::writer::{Evaluation, Writer};

/// Version of the linked library, such as `1.10.8`.
pub fn hdf5_version() -> String {
    let (major, minor, micro) = hdf5::library_version();
    format!("{major}.{minor}.{micro}")
}

/// Writes a run file without splits to `path`: whether HDF5 and this file system work together.
pub fn probe(path: &Path) -> Result<(), RunFileError> {
    let layout = Layout { name: "probe".into(), seed: 0, attributes: vec![], splits: vec![], parameters: vec![] };
    Writer::create(path, &layout)?.append(&Evaluation { epoch: 0.0, step: 0, learning_rate: 0.0, splits: vec![] })
}
