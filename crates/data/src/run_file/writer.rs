//! Writing a run file: [`Writer::create`], then [`Writer::append`] per evaluation, then the final
//! predictions, trajectories and parameters.

use std::path::Path;

use hdf5::{Dataset, H5Type};

use super::layout::Layout;
use super::storage::Storage;
use super::{FORMAT, FORMAT_VERSION, PIT_BINS, RunFileError, trajectories};

/// The numbers of one evaluation of all splits.
#[derive(Debug, Clone)]
pub struct Evaluation<'a> {
    /// Passes over the training data so far.
    pub epoch: f64,
    /// Optimiser steps so far.
    pub step: u64,
    /// Learning rate of the last step.
    pub learning_rate: f64,
    /// One entry per split, in the order of the layout.
    pub splits: Vec<SplitEvaluation<'a>>,
}

/// The numbers of one evaluation of one split.
#[derive(Debug, Clone)]
pub struct SplitEvaluation<'a> {
    /// In the order of the layout's metrics; NaN where one was not measured.
    pub metrics: Vec<f64>,
    /// NLL of each sample in nats; empty where the layout has no per-sample curves.
    pub nll: &'a [f64],
    /// Squared error of each sample, mean over its components; empty likewise.
    pub squared_error: &'a [f64],
    /// Density of the probability integral transform in each of [`super::PIT_BINS`] bins, 1 everywhere
    /// when calibrated; empty likewise.
    pub pit: &'a [f64],
}

/// The final predictions of one split, row-major, in the data's own units.
#[derive(Debug, Clone)]
pub struct PredictionTable<'a> {
    /// `[n_samples, dim]`.
    pub target: &'a [f64],
    /// `[n_samples, location_width]`.
    pub location: &'a [f64],
    /// `[n_samples, width]` of every column of the layout, by name.
    pub columns: Vec<(&'a str, &'a [f64])>,
    /// `[n_samples]`, nats.
    pub nll: &'a [f64],
}

/// A run file being written.
#[derive(Debug)]
pub struct Writer {
    pub(super) storage: Storage,
    pub(super) layout: Layout,
    n_evaluations: usize,
    epoch: Dataset,
    step: Dataset,
    learning_rate: Dataset,
    splits: Vec<SplitCurves>,
}

#[derive(Debug)]
struct SplitCurves {
    metrics: Vec<Dataset>,
    per_sample: Option<[Dataset; 3]>,
}

impl Writer {
    /// A new file with every group and dataset of the layout; refuses an existing one.
    pub fn create(path: &Path, layout: &Layout) -> Result<Self, RunFileError> {
        layout.check_names()?;
        let storage = Storage::create(path)?;
        let root = &storage.file;
        storage.write_text(root, "format", FORMAT)?;
        storage.write_attribute(root, "format_version", &FORMAT_VERSION)?;
        storage.write_text(root, "name", &layout.name)?;
        storage.write_attribute(root, "seed", &layout.seed)?;
        let splits: Vec<&str> = layout.splits.iter().map(|s| s.name.as_str()).collect();
        storage.write_names(root, "splits", &splits)?;
        for (name, text) in &layout.attributes {
            storage.write_text(root, name, text)?;
        }

        for group in ["/curves", "/predictions", "/trajectories", "/parameters"] {
            storage.create_group(group)?;
        }
        for item in layout.items() {
            storage.create_item(&item)?;
        }
        for split in &layout.splits {
            let curves = format!("/curves/{}", split.name);
            storage.create_group(&curves)?;
            let group = storage.check("open", &curves, storage.file.group(&curves))?;
            storage.write_names(&group, "metrics", &split.metrics)?;
            let table = format!("/predictions/{}", split.name);
            let group = storage.check("open", &table, storage.file.group(&table))?;
            let columns: Vec<&str> = split.columns.iter().map(|c| c.name.as_str()).collect();
            storage.write_names(&group, "columns", &columns)?;
            storage.fill(&format!("{table}/group"), &split.group)?;
            trajectories::create(&storage, split)?;
        }
        storage.flush()?;
        Self::with_curves(storage, layout, 0)
    }

    fn with_curves(storage: Storage, layout: &Layout, n_evaluations: usize) -> Result<Self, RunFileError> {
        let mut splits = Vec::with_capacity(layout.splits.len());
        for split in &layout.splits {
            let root = format!("/curves/{}", split.name);
            let metrics = split.metrics.iter().map(|metric| storage.dataset(&format!("{root}/{metric}")));
            let dataset = |name: &str| storage.dataset(&format!("{root}/{name}"));
            splits.push(SplitCurves {
                metrics: metrics.collect::<Result<_, _>>()?,
                per_sample: if split.per_sample {
                    Some([dataset("per_sample/nll")?, dataset("per_sample/squared_error")?, dataset("pit")?])
                } else {
                    None
                },
            });
        }
        Ok(Self {
            epoch: storage.dataset("/curves/epoch")?,
            step: storage.dataset("/curves/step")?,
            learning_rate: storage.dataset("/curves/learning_rate")?,
            layout: layout.clone(),
            n_evaluations,
            splits,
            storage,
        })
    }

    /// Evaluations written so far.
    pub fn n_evaluations(&self) -> usize {
        self.n_evaluations
    }

    /// Adds one evaluation to every curve and flushes.
    pub fn append(&mut self, evaluation: &Evaluation<'_>) -> Result<(), RunFileError> {
        let (n, n_splits) = (self.n_evaluations, self.splits.len());
        if evaluation.splits.len() != n_splits {
            return Err(self.storage.shape_error("/curves", &[n_splits], &[evaluation.splits.len()]));
        }
        for ((split, curves), layout) in evaluation.splits.iter().zip(&self.splits).zip(&self.layout.splits) {
            if split.metrics.len() != curves.metrics.len() {
                let object = format!("/curves/{}", layout.name);
                return Err(self.storage.shape_error(&object, &[curves.metrics.len()], &[split.metrics.len()]));
            }
            for (dataset, value) in curves.metrics.iter().zip(&split.metrics) {
                self.append_number(dataset, n, value)?;
            }
            let (n_samples, n_bins) = if curves.per_sample.is_some() { (layout.n_samples(), PIT_BINS) } else { (0, 0) };
            let given = [
                ("per_sample", split.nll, n_samples),
                ("per_sample", split.squared_error, n_samples),
                ("pit", split.pit, n_bins),
            ];
            if let Some((name, wrong, expected)) = given.iter().find(|(_, values, expected)| values.len() != *expected)
            {
                let object = format!("/curves/{}/{name}", layout.name);
                return Err(self.storage.shape_error(&object, &[*expected], &[wrong.len()]));
            }
            for (dataset, (_, values, expected)) in curves.per_sample.iter().flatten().zip(given) {
                let written = dataset.resize((n + 1, expected)).and_then(|()| dataset.write_slice(values, (n, ..)));
                self.storage.check("append to", &dataset.name(), written)?;
            }
        }
        self.append_number(&self.step, n, &(evaluation.step as i64))?;
        self.append_number(&self.learning_rate, n, &evaluation.learning_rate)?;
        self.storage.flush()?;
        // The row of `epoch` makes the evaluation count, so it reaches the disk after all others.
        self.append_number(&self.epoch, n, &evaluation.epoch)?;
        self.storage.flush()?;
        self.n_evaluations = n + 1;
        Ok(())
    }

    fn append_number<T: H5Type>(&self, dataset: &Dataset, n: usize, value: &T) -> Result<(), RunFileError> {
        let row = std::slice::from_ref(value);
        let written = dataset.resize(n + 1).and_then(|()| dataset.write_slice(row, n..n + 1));
        self.storage.check("append to", &dataset.name(), written)
    }

    /// Records which evaluation's parameters were kept.
    pub fn write_selected(&mut self, evaluation: usize) -> Result<(), RunFileError> {
        self.storage.fill("/curves/selected", &[evaluation as i64])?;
        self.storage.flush()
    }

    /// Fills the predictions of a split; every column of the layout must be given.
    pub fn write_predictions(&mut self, split: &str, table: &PredictionTable<'_>) -> Result<(), RunFileError> {
        let root = format!("/predictions/{split}");
        let layout = self.layout.splits.iter().find(|s| s.name == split).ok_or_else(|| self.storage.missing(&root))?;
        self.storage.fill(&format!("{root}/target"), table.target)?;
        self.storage.fill(&format!("{root}/location"), table.location)?;
        self.storage.fill(&format!("{root}/nll"), table.nll)?;
        for column in &layout.columns {
            let object = format!("{root}/{}", column.name);
            let given = table.columns.iter().find(|(name, _)| *name == column.name);
            let (_, values) =
                given.ok_or_else(|| self.storage.shape_error(&object, &[layout.n_samples(), column.width], &[]))?;
            self.storage.fill(&object, values)?;
        }
        self.storage.flush()
    }

    /// Fills a parameter, row-major.
    pub fn write_parameter(&mut self, name: &str, values: &[f64]) -> Result<(), RunFileError> {
        self.storage.fill(&format!("/parameters/{name}"), values)?;
        self.storage.flush()
    }
}
