//! Going on with the file of an interrupted run.
//!
//! The file may be torn behind its last complete evaluation, so nothing is written into it: the
//! evaluations to be kept are copied into a new file, which then takes its place in one rename.

use std::path::Path;

use super::layout::{Item, Layout};
use super::storage::Storage;
use super::{Evaluation, PerSampleQuantity, Reader, RunFileError, SplitEvaluation, Writer};

impl Writer {
    /// Goes on with the file of an interrupted run, which must have the same layout: a new file with
    /// its first `keep_evaluations` evaluations and this layout's attributes takes its place.
    pub fn open(path: &Path, layout: &Layout, keep_evaluations: usize) -> Result<Self, RunFileError> {
        layout.check_names()?;
        let earlier = Reader::open(path)?;
        let found = earlier.n_evaluations();
        if found < keep_evaluations {
            return Err(RunFileError::Evaluations { path: path.to_owned(), keep: keep_evaluations, found });
        }
        for item in layout.items() {
            check_item(earlier.storage(), &item)?;
        }
        for split in &layout.splits {
            if earlier.group(&split.name)? != split.group {
                let object = format!("/predictions/{}/group", split.name);
                return Err(RunFileError::Groups { path: path.to_owned(), object });
            }
        }

        let replace = |result: std::io::Result<()>| {
            result.map_err(|source| RunFileError::Replace { path: path.to_owned(), source })
        };
        let resumed = path.with_extension("h5.resumed");
        if resumed.exists() {
            replace(std::fs::remove_file(&resumed))?; // left by a resume that was killed
        }
        let mut writer = Self::create(&resumed, layout)?;
        writer.copy_evaluations(&earlier, keep_evaluations)?;
        replace(std::fs::rename(&resumed, path))?;
        writer.storage.path = path.to_owned();
        Ok(writer)
    }

    fn copy_evaluations(&mut self, earlier: &Reader, n_evaluations: usize) -> Result<(), RunFileError> {
        let layout = self.layout.clone();
        let (epochs, steps, learning_rates) = (earlier.epochs()?, earlier.steps()?, earlier.learning_rates()?);
        let mut curves = Vec::with_capacity(layout.splits.len());
        for split in &layout.splits {
            let metrics = split.metrics.iter().map(|metric| earlier.curve(&split.name, metric));
            curves.push(metrics.collect::<Result<Vec<_>, _>>()?);
        }
        for evaluation in 0..n_evaluations {
            let mut samples = Vec::with_capacity(layout.splits.len());
            for split in &layout.splits {
                let read = |quantity| match split.per_sample {
                    true => earlier.per_sample_at(&split.name, quantity, evaluation),
                    false => Ok(vec![]),
                };
                let pit = if split.per_sample { earlier.pit_at(&split.name, evaluation)? } else { vec![] };
                samples.push((read(PerSampleQuantity::Nll)?, read(PerSampleQuantity::SquaredError)?, pit));
            }
            let splits = curves.iter().zip(&samples).map(|(metrics, (nll, squared_error, pit))| SplitEvaluation {
                metrics: metrics.iter().map(|curve| curve[evaluation]).collect(),
                nll,
                squared_error,
                pit,
            });
            self.append(&Evaluation {
                epoch: epochs[evaluation],
                step: steps[evaluation],
                learning_rate: learning_rates[evaluation],
                splits: splits.collect(),
            })?;
        }
        Ok(())
    }
}

fn check_item(storage: &Storage, item: &Item) -> Result<(), RunFileError> {
    let found = storage.dataset(&item.path)?.shape();
    let compared = if item.per_evaluation { found.get(1..).unwrap_or_default() } else { &found };
    if compared == item.shape { Ok(()) } else { Err(storage.shape_error(&item.path, &item.shape, compared)) }
}
