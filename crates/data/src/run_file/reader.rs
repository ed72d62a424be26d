//! Reading a run file: what reports, comparisons and resumed runs ask of it.

use std::path::Path;

use hdf5::Group;

use super::storage::Storage;
use super::{DenseNetwork, DenseSeries, FORMAT, FORMAT_VERSION, RunFileError, Series};

/// A run file opened for reading; only complete evaluations are shown.
#[derive(Debug)]
pub struct Reader {
    storage: Storage,
    splits: Vec<String>,
    n_evaluations: usize,
}

/// Which number is stored per sample and evaluation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PerSampleQuantity {
    /// Negative log-likelihood, nats.
    Nll,
    /// Squared error, mean over the components of the sample.
    SquaredError,
}

impl PerSampleQuantity {
    fn name(self) -> &'static str {
        match self {
            Self::Nll => "nll",
            Self::SquaredError => "squared_error",
        }
    }
}

/// One number per evaluation and sample.
#[derive(Debug, Clone, PartialEq)]
pub struct PerSampleCurve {
    /// Number of evaluations.
    pub n_evaluations: usize,
    /// Number of samples.
    pub n_samples: usize,
    /// `[n_evaluations, n_samples]`, row-major.
    pub values: Vec<f64>,
}

impl PerSampleCurve {
    /// The samples of one evaluation.
    pub fn evaluation(&self, evaluation: usize) -> &[f64] {
        &self.values[evaluation * self.n_samples..(evaluation + 1) * self.n_samples]
    }
}

/// `width` numbers per sample.
#[derive(Debug, Clone, PartialEq)]
pub struct PredictedColumn {
    /// `[n_samples, width]`, row-major.
    pub values: Vec<f64>,
    /// Number of samples.
    pub n_samples: usize,
    /// Numbers per sample.
    pub width: usize,
}

/// Energies of the frames of a split, eV; NaN where there is none.
#[derive(Debug, Clone, PartialEq)]
pub struct FrameEnergies {
    /// Atoms of each frame.
    pub n_atoms: Vec<usize>,
    /// From the data.
    pub reference: Vec<f64>,
    /// From the model.
    pub predicted: Vec<f64>,
}

impl Reader {
    /// Opens a run file and checks that it is one.
    pub fn open(path: &Path) -> Result<Self, RunFileError> {
        let storage = Storage::open(path)?;
        let format = match storage.read_text(&storage.file, "format") {
            Ok(format) => format,
            Err(_) => return Err(RunFileError::Format { path: path.to_owned(), found: "missing".into() }),
        };
        if format != FORMAT {
            return Err(RunFileError::Format { path: path.to_owned(), found: format!("`{format}`") });
        }
        let found: u32 = storage.check(
            "read attribute",
            "format_version",
            storage.file.attr("format_version").and_then(|a| a.read_scalar()),
        )?;
        if found != FORMAT_VERSION {
            return Err(RunFileError::Version { path: path.to_owned(), found, known: FORMAT_VERSION });
        }
        let splits = storage.read_names(&storage.file, "splits")?;
        let n_evaluations = storage.dataset("/curves/epoch")?.size();
        Ok(Self { storage, splits, n_evaluations })
    }

    pub(super) fn storage(&self) -> &Storage {
        &self.storage
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.storage.path
    }

    /// A text attribute of the root, such as `name` or `provenance`.
    pub fn attribute(&self, name: &str) -> Result<String, RunFileError> {
        self.storage.read_text(&self.storage.file, name)
    }

    /// The run's seed.
    pub fn seed(&self) -> Result<u64, RunFileError> {
        let seed = self.storage.file.attr("seed").and_then(|attribute| attribute.read_scalar());
        self.storage.check("read attribute", "seed", seed)
    }

    /// The splits, in the order of the layout.
    pub fn splits(&self) -> &[String] {
        &self.splits
    }

    /// Complete evaluations.
    pub fn n_evaluations(&self) -> usize {
        self.n_evaluations
    }

    /// The evaluation whose parameters were kept, once the run has chosen one.
    pub fn selected(&self) -> Result<Option<usize>, RunFileError> {
        let (selected, _) = self.storage.read::<i64>("/curves/selected")?;
        Ok(selected.first().and_then(|&s| usize::try_from(s).ok()))
    }

    /// Epoch of each evaluation.
    pub fn epochs(&self) -> Result<Vec<f64>, RunFileError> {
        self.evaluations("/curves/epoch")
    }

    /// Optimiser steps before each evaluation.
    pub fn steps(&self) -> Result<Vec<u64>, RunFileError> {
        let steps = self.storage.read_rows::<i64>("/curves/step", 0..self.n_evaluations)?;
        Ok(steps.into_iter().map(|s| s as u64).collect())
    }

    /// Learning rate at each evaluation.
    pub fn learning_rates(&self) -> Result<Vec<f64>, RunFileError> {
        self.evaluations("/curves/learning_rate")
    }

    /// Names of the curves of a split, in the order of the layout.
    pub fn metrics(&self, split: &str) -> Result<Vec<String>, RunFileError> {
        self.names(&format!("/curves/{split}"), "metrics")
    }

    /// A curve, one number per evaluation.
    pub fn curve(&self, split: &str, metric: &str) -> Result<Vec<f64>, RunFileError> {
        self.evaluations(&format!("/curves/{split}/{metric}"))
    }

    /// Whether a split has per-sample curves.
    pub fn has_per_sample(&self, split: &str) -> bool {
        self.storage.exists(&format!("/curves/{split}/per_sample/nll"))
    }

    /// A per-sample curve.
    pub fn per_sample(&self, split: &str, quantity: PerSampleQuantity) -> Result<PerSampleCurve, RunFileError> {
        let path = format!("/curves/{split}/per_sample/{}", quantity.name());
        let n_samples = self.storage.dataset(&path)?.shape().get(1).copied().unwrap_or(0);
        let values = self.storage.read_rows(&path, 0..self.n_evaluations)?;
        Ok(PerSampleCurve { n_evaluations: self.n_evaluations, n_samples, values })
    }

    /// One evaluation of a per-sample curve, `[n_samples]`.
    pub fn per_sample_at(
        &self,
        split: &str,
        quantity: PerSampleQuantity,
        evaluation: usize,
    ) -> Result<Vec<f64>, RunFileError> {
        let path = format!("/curves/{split}/per_sample/{}", quantity.name());
        self.storage.read_rows(&path, evaluation..evaluation + 1)
    }

    /// Whether a split has histograms of the probability integral transform.
    pub fn has_pit(&self, split: &str) -> bool {
        self.storage.exists(&format!("/curves/{split}/pit"))
    }

    /// Density of the probability integral transform at one evaluation of a split with per-sample
    /// curves, in [`super::PIT_BINS`] equal bins.
    pub fn pit_at(&self, split: &str, evaluation: usize) -> Result<Vec<f64>, RunFileError> {
        self.storage.read_rows(&format!("/curves/{split}/pit"), evaluation..evaluation + 1)
    }

    /// Energies of the frames of a split; `None` where it holds no frames.
    pub fn frame_energies(&self, split: &str) -> Result<Option<FrameEnergies>, RunFileError> {
        let root = format!("/trajectories/{split}");
        let species = format!("{root}/particles/atoms/species/value");
        if !self.storage.exists(&species) {
            return Ok(None);
        }
        let (species, shape) = self.storage.read::<u8>(&species)?;
        let largest = shape.get(1).copied().unwrap_or(0).max(1);
        let energy = |which: &str| self.storage.read(&format!("{root}/observables/energy_{which}/value"));
        Ok(Some(FrameEnergies {
            // Smaller frames are padded with species 0.
            n_atoms: species.chunks_exact(largest).map(|row| row.iter().filter(|&&z| z > 0).count()).collect(),
            reference: energy("reference")?.0,
            predicted: energy("predicted")?.0,
        }))
    }

    /// Names of the predicted columns of a split beside target, location and NLL.
    pub fn columns(&self, split: &str) -> Result<Vec<String>, RunFileError> {
        self.names(&format!("/predictions/{split}"), "columns")
    }

    /// `target`, `location`, `nll` or one of [`Reader::columns`]; NaN until the run has ended.
    pub fn column(&self, split: &str, name: &str) -> Result<PredictedColumn, RunFileError> {
        let (values, shape) = self.storage.read::<f64>(&format!("/predictions/{split}/{name}"))?;
        let n_samples = *shape.first().unwrap_or(&0);
        Ok(PredictedColumn { values, n_samples, width: shape.get(1..).unwrap_or_default().iter().product() })
    }

    /// Group of each sample of a split.
    pub fn group(&self, split: &str) -> Result<Vec<u32>, RunFileError> {
        Ok(self.storage.read(&format!("/predictions/{split}/group"))?.0)
    }

    /// Names of the parameters, alphabetically.
    pub fn parameters(&self) -> Result<Vec<String>, RunFileError> {
        let group = self.group_at("/parameters")?;
        self.storage.check("list", "/parameters", group.member_names())
    }

    /// A parameter, row-major, with its shape.
    pub fn parameter(&self, name: &str) -> Result<(Vec<f64>, Vec<usize>), RunFileError> {
        self.storage.read(&format!("/parameters/{name}"))
    }

    /// Whether a split has solutions of a differential equation.
    pub fn has_series(&self, split: &str) -> bool {
        self.storage.exists(&format!("/trajectories/{split}/state"))
    }

    /// Names of the states of [`Reader::series`].
    pub fn states(&self, split: &str) -> Result<Vec<String>, RunFileError> {
        self.names(&format!("/trajectories/{split}"), "states")
    }

    /// The solutions of a split. Files written before there were dense curves have none.
    pub fn series(&self, split: &str) -> Result<Series, RunFileError> {
        let root = format!("/trajectories/{split}");
        let dense = match self.storage.exists(&format!("{root}/dense")) {
            true => DenseSeries {
                time: self.storage.read(&format!("{root}/dense/time"))?.0,
                group: self.storage.read(&format!("{root}/dense/group"))?.0,
                state: self.storage.read(&format!("{root}/dense/state"))?.0,
                sd: self.dense_sd(&root)?,
                networks: self.dense_networks(&root)?,
            },
            false => DenseSeries::default(),
        };
        Ok(Series {
            time: self.storage.read(&format!("{root}/time"))?.0,
            group: self.storage.read(&format!("{root}/group"))?.0,
            state: self.storage.read(&format!("{root}/state"))?.0,
            observed: self.storage.read(&format!("{root}/observed"))?.0,
            dense,
        })
    }

    fn dense_sd(&self, root: &str) -> Result<Vec<f64>, RunFileError> {
        let path = format!("{root}/dense/sd");
        if !self.storage.exists(&path) {
            return Ok(vec![]);
        }
        let sd = self.storage.read::<f64>(&path)?.0;
        Ok(if sd.iter().all(|v| v.is_nan()) { vec![] } else { sd })
    }

    fn dense_networks(&self, root: &str) -> Result<Vec<DenseNetwork>, RunFileError> {
        let root = format!("{root}/dense/networks");
        let of = |name: String| {
            let path = format!("{root}/{name}");
            Ok(DenseNetwork {
                inputs: self.names(&path, "inputs")?,
                outputs: self.names(&path, "outputs")?,
                input: self.storage.read(&format!("{path}/input"))?.0,
                output: self.storage.read(&format!("{path}/output"))?.0,
                reference: match self.storage.exists(&format!("{path}/reference")) {
                    true => self.storage.read(&format!("{path}/reference"))?.0,
                    false => vec![],
                },
                name,
            })
        };
        self.members(&root)?.into_iter().map(of).collect()
    }

    fn evaluations(&self, path: &str) -> Result<Vec<f64>, RunFileError> {
        self.storage.read_rows(path, 0..self.n_evaluations)
    }

    fn names(&self, path: &str, attribute: &str) -> Result<Vec<String>, RunFileError> {
        let group = self.group_at(path)?;
        self.storage.read_names(&group, attribute)
    }

    fn group_at(&self, path: &str) -> Result<Group, RunFileError> {
        if !self.storage.exists(path) {
            return Err(self.storage.missing(path));
        }
        self.storage.check("open", path, self.storage.file.group(path))
    }
}
