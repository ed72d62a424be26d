//! Metrics, figures and the report of a run. Reads run files, never models.
//!
//! [`write()`] turns `run.h5` into `metrics.json`, `figures/` and `report.html`; the parts in between
//! are plain: [`load`] gives a [`RunData`], [`Metrics::of`] measures it, [`figure::FIGURES`] draw it.

pub mod comparison;
mod energy;
pub mod error;
pub mod figure;
mod html;
pub mod labels;
mod load;
pub mod metrics;
mod number;
mod predicted;
pub mod recalibration;
pub mod run_data;
pub mod solution;
pub mod tabular;
mod write;

pub use comparison::{Compared, compare, write_comparison};
pub use error::ReportError;
pub use load::load;
pub use metrics::Metrics;
pub use recalibration::Recalibration;
pub use run_data::RunData;
pub use write::{ReportInputs, write, write_metrics, write_run};
