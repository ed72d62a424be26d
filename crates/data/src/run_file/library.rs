//! The HDF5 library that the program was built with.

use std::path::Path;

use super::layout::{Layout, SplitLayout};
use super::writer::{Evaluation, SplitEvaluation, Writer};
use super::{PIT_BINS, RunFileError};

/// Version of the linked library, such as `1.10.8`.
pub fn hdf5_version() -> String {
    let (major, minor, micro) = hdf5::library_version();
    format!("{major}.{minor}.{micro}")
}

/// Writes a run file with one sample to `path`: whether HDF5, its gzip filter and this file system
/// work together.
pub fn probe(path: &Path) -> Result<(), RunFileError> {
    let split = SplitLayout {
        name: "probe".into(),
        group: vec![0],
        dim: 1,
        location_width: 1,
        columns: vec![],
        metrics: vec![],
        per_sample: true,
        trajectories: None,
    };
    let layout = Layout {
        name: "probe".into(),
        seed: 0,
        attributes: vec![],
        splits: vec![split],
        parameters: vec![],
        solution: Default::default(),
    };
    let splits = vec![SplitEvaluation { metrics: vec![], nll: &[1.0], squared_error: &[1.0], pit: &[1.0; PIT_BINS] }];
    Writer::create(path, &layout)?.append(&Evaluation { epoch: 0.0, step: 0, learning_rate: 0.0, splits })
}
