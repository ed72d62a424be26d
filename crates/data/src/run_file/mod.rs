//! The run file `run.h5`: everything a training run leaves behind for reports.
