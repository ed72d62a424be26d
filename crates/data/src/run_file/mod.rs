//! The run file, `run.h5`: everything a run measured, in one HDF5 file that any HDF5 reader opens.
//!
//! ```text
//! /                                    format, format_version, name, seed, splits, given attributes
//! /curves/{epoch, step, learning_rate}          [evaluation]
//! /curves/selected                              []  evaluation whose parameters were kept, −1 before
//! /curves/<split>/<metric>                      [evaluation]
//! /curves/<split>/per_sample/{nll, squared_error}   [evaluation, sample]
//! /curves/<split>/pit                           [evaluation, bin]
//! /predictions/<split>/{target, location, <column>…, nll, group}   [sample, width] or [sample]
//! /trajectories/<split>/…                       H5MD 1.1 for atoms; time, group, state, observed for ODEs
//! /parameters/<name>                            the selected values
//! /intervals/<name>, /standard_errors/<name>    [value, 3] lower, value, upper; [value]
//! /profiles/<name>/{ends, points}               [value, 2]; [value, point, 3]
//! ```
//!
//! Predictions are in the data's own units, negative log-likelihoods in nats. Floating-point data is
//! IEEE double; NaN says "not written" or "not measured".
//!
//! A run may be killed at any moment, and its file must stay readable. HDF5 1.10 keeps no journal,
//! so the writer creates every group and dataset first, flushes, and from then on only extends and
//! fills what is there. An evaluation counts once `/curves/epoch` has its row, which is flushed after
//! all others; [`Reader`] touches only the rows that count, because the space of a later row may lie
//! beyond the end of the file as its header knows it. For the same reason a resume never writes into
//! a file that may be torn: it copies the rows that count into a new one and puts that in its place.

mod error;
mod layout;
mod library;
mod profile;
mod reader;
mod resume;
mod solution;
mod storage;
mod trajectories;
mod writer;

pub use error::RunFileError;
pub use layout::{Column, Layout, NetworkLayout, SplitLayout, Trajectories};
pub use library::{hdf5_version, probe};
pub use profile::{ParameterProfile, ProfileLayout};
pub use reader::{FrameEnergies, PerSampleCurve, PerSampleQuantity, PredictedColumn, Reader};
pub use solution::{GradientChecks, ParameterInterval, PathTable, SolutionLayout};
pub use trajectories::{DenseNetwork, DenseSeries, PredictedFrames, Series};
pub use writer::{Evaluation, PredictionTable, SplitEvaluation, Writer};

/// Bins of `/curves/<split>/pit`, equal parts of [0, 1].
pub const PIT_BINS: usize = 20;

/// Value of the root attribute `format`.
pub const FORMAT: &str = "surprisal-run";

/// Value of the root attribute `format_version`; raised when a reader of the old layout would fail.
pub const FORMAT_VERSION: u32 = 1;
