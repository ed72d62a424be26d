//! Whether a likelihood can have produced what was observed of trajectories.

use std::path::Path;

use surprisal_core::records::{Splits, Trajectory};
use surprisal_data::csv_file::{CsvError, CsvFault};
use surprisal_data::{CsvSeriesConfig, DataError, Place};
use surprisal_train::Predictor;

/// The first sample that it cannot, with its line; starts that are no samples may be anything. `check`
/// says what is wrong and a hint.
pub(crate) fn check<P: Predictor>(
    data: &CsvSeriesConfig,
    root: &Path,
    series: &Splits<Trajectory>,
    predictor: &P,
    groups: &Splits<P::Group>,
    check: impl Fn(f64) -> Result<(), (String, String)>,
) -> Result<(), DataError> {
    let trajectories = series.parts().into_iter().flat_map(|(_, part)| part);
    let groups = groups.parts().into_iter().flat_map(|(_, part)| part);
    let n_columns = data.states.len();
    for (trajectory, group) in trajectories.zip(groups) {
        let observed = predictor.target(group).observed.chunks_exact(n_columns);
        let first = trajectory.times.len() - observed.len();
        let rows = trajectory.observed[first..].iter().zip(&trajectory.lines[first..]);
        for ((row, &line), seen) in rows.zip(observed) {
            for ((value, column), _) in row.iter().zip(&data.states).zip(seen).filter(|(_, seen)| **seen == 1.0) {
                check(*value).map_err(|(problem, hint)| CsvError {
                    place: Place::line(&root.join(&data.path), line),
                    fault: Box::new(CsvFault::Unlikely { column: column.clone(), problem, hint }),
                })?;
            }
        }
    }
    Ok(())
}
