//! The run file between processes: it survives its writer's death, and h5py reads it.
//!
//! A binary of its own, and one test at a time: HDF5 opens files without close-on-exec, so a process
//! started by one test would inherit, and keep locked, the files that another test has open.

#[path = "../run_file/example.rs"]
mod example;
mod h5py;
mod killed;

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Held by a test while it starts processes or has files open.
fn one_at_a_time() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}
