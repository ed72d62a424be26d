//! Metrics, figures and the report of a run. Reads run files, never models.
//!
//! [`write()`] turns `run.h5` into `metrics.json`, `figures/` and `report.html`; the parts in between
//! are plain: [`load`] gives a [`RunData`], [`Metrics::of`] measures it, [`figure::FIGURES`] draw it.

mod energy;
pub mod error;
pub mod figure;
mod html;
mod load;
pub mod metrics;
mod number;
pub mod run_data;
mod write;

pub use error::ReportError;
pub use load::load;
pub use metrics::Metrics;
pub use run_data::RunData;
pub use write::{ReportInputs, write, write_metrics, write_run};
