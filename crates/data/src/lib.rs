//! Data on disk: readers and splits that turn files into the records of `surprisal_core`, and the
//! run file that training writes.

pub mod run_file;
