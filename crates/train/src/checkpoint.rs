//! Checkpoints: one safetensors file each, written whole or not at all.
//!
//! The file is written under a temporary name, synced, and renamed; its metadata holds the counters
//! as JSON and a SHA-256 over counters and tensors, so that a damaged file is known and the one
//! before it is used. The newest three are kept.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use candle_core::{DType, Device, Tensor};
use safetensors::tensor::{Dtype, SafeTensors, TensorView};
use sha2::{Digest, Sha256};
use surprisal_core::Parameter;

use crate::TrainError;
use crate::state::{Progress, State};

/// Checkpoints kept, the newest among them.
const KEPT: usize = 3;

/// Key of the metadata entry with counters and checksum.
const SEAL: &str = "surprisal";

/// Writes the state and weights to `directory/step-<step>.safetensors`; returns its path.
pub fn save(directory: &Path, parameters: &[Parameter], state: &State) -> Result<PathBuf, TrainError> {
    let mut tensors = Vec::new();
    for (i, parameter) in parameters.iter().enumerate() {
        let name = &parameter.name;
        tensors.push((format!("value/{name}"), parameter.var.as_detached_tensor()));
        if let Some(average) = &state.average {
            tensors.push((format!("average/{name}"), average[i].clone()));
        }
        if let Some(best) = &state.best {
            tensors.push((format!("best/{name}"), best[i].clone()));
        }
    }
    tensors.extend(state.memory.iter().enumerate().map(|(i, t)| (format!("memory/{i:05}"), t.clone())));
    tensors.extend(state.path.iter().enumerate().map(|(i, t)| (format!("path/{i:05}"), t.clone())));
    let path = directory.join(format!("step-{:09}.safetensors", state.progress.step));
    let progress = serde_json::to_string(&state.progress).map_err(|e| damaged(&path, e))?;
    write(&path, &tensors, &progress)?;
    for old in list(directory)?.into_iter().rev().skip(KEPT) {
        fs::remove_file(&old).map_err(|source| TrainError::Io { path: old.clone(), source })?;
    }
    Ok(path)
}

/// Writes selected weights alone, for inference.
pub fn save_weights(path: &Path, parameters: &[Parameter]) -> Result<(), TrainError> {
    let tensors: Vec<_> = parameters.iter().map(|p| (p.name.clone(), p.var.as_detached_tensor())).collect();
    write(path, &tensors, "{}")
}

/// The newest checkpoint that is whole, loaded into the parameters; the second value lists the
/// damaged ones passed over. `None` if there is no checkpoint at all.
pub fn load_latest(directory: &Path, parameters: &[Parameter]) -> Result<(Option<State>, Vec<TrainError>), TrainError> {
    let mut passed_over = Vec::new();
    for path in list(directory)?.into_iter().rev() {
        match load(&path, parameters) {
            Ok(state) => return Ok((Some(state), passed_over)),
            Err(error @ TrainError::Checkpoint { .. }) => passed_over.push(error),
            Err(error) => return Err(error),
        }
    }
    match passed_over.pop() {
        Some(error) => Err(error),
        None => Ok((None, passed_over)),
    }
}

/// The newest checkpoint file, if there is one.
pub fn newest(directory: &Path) -> Option<PathBuf> {
    list(directory).ok()?.pop()
}

fn load(path: &Path, parameters: &[Parameter]) -> Result<State, TrainError> {
    let (mut tensors, progress) = read(path)?;
    let progress: Progress = serde_json::from_str(&progress).map_err(|e| damaged(path, e))?;
    let mut family = |prefix: &str| -> Result<Option<Vec<Tensor>>, TrainError> {
        let found: Vec<Option<Tensor>> =
            parameters.iter().map(|p| tensors.remove(&format!("{prefix}/{}", p.name))).collect();
        if found.iter().all(Option::is_none) {
            return Ok(None);
        }
        parameters
            .iter()
            .zip(found)
            .map(|(p, tensor)| {
                let tensor = tensor.ok_or_else(|| damaged(path, format!("it lacks {prefix}/{}", p.name)))?;
                if tensor.dims() != p.var.dims() || tensor.dtype() != p.var.dtype() {
                    let (found, wanted) = (tensor.shape(), p.var.shape());
                    return Err(damaged(path, format!("{} has shape {found:?}, the model wants {wanted:?}", p.name)));
                }
                Ok(tensor.to_device(p.var.device())?)
            })
            .collect::<Result<Vec<_>, _>>()
            .map(Some)
    };
    let values = family("value")?.ok_or_else(|| damaged(path, "it holds no weights of this model"))?;
    let (average, best) = (family("average")?, family("best")?);
    let device = parameters.first().map_or(&Device::Cpu, |p| p.var.device()).clone();
    let series = |prefix: &str| -> candle_core::Result<Vec<Tensor>> {
        tensors
            .iter()
            .filter(|(name, _)| name.starts_with(prefix))
            .map(|(_, tensor)| tensor.to_device(&device))
            .collect()
    };
    let (memory, points) = (series("memory/")?, series("path/")?);
    crate::state::set_values(parameters, &values)?;
    Ok(State { progress, memory, average, best, path: points })
}

/// Checkpoint files, oldest first.
fn list(directory: &Path) -> Result<Vec<PathBuf>, TrainError> {
    let io = |source| TrainError::Io { path: directory.to_path_buf(), source };
    let mut paths = Vec::new();
    for entry in fs::read_dir(directory).map_err(io)? {
        let path = entry.map_err(io)?.path();
        let name = path.file_name().and_then(|n| n.to_str()).unwrap_or_default();
        if name.starts_with("step-") && name.ends_with(".safetensors") {
            paths.push(path);
        }
    }
    paths.sort();
    Ok(paths)
}

fn damaged(path: &Path, reason: impl ToString) -> TrainError {
    TrainError::Checkpoint { path: path.to_path_buf(), reason: reason.to_string() }
}

fn bytes(tensor: &Tensor) -> candle_core::Result<(Dtype, Vec<u8>)> {
    let flat = tensor.to_device(&Device::Cpu)?.flatten_all()?;
    Ok(match flat.dtype() {
        DType::F32 => (Dtype::F32, flat.to_vec1::<f32>()?.iter().flat_map(|x| x.to_le_bytes()).collect()),
        DType::F64 => (Dtype::F64, flat.to_vec1::<f64>()?.iter().flat_map(|x| x.to_le_bytes()).collect()),
        other => candle_core::bail!("a parameter of type {other:?}"),
    })
}

fn checksum<'a>(progress: &str, tensors: impl Iterator<Item = (&'a str, &'a [u8])>) -> String {
    let mut hasher = Sha256::new();
    hasher.update(progress.as_bytes());
    for (name, data) in tensors {
        hasher.update((name.len() as u64).to_le_bytes());
        hasher.update(name.as_bytes());
        hasher.update((data.len() as u64).to_le_bytes());
        hasher.update(data);
    }
    hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

fn write(path: &Path, tensors: &[(String, Tensor)], progress: &str) -> Result<(), TrainError> {
    let mut owned = BTreeMap::new();
    for (name, tensor) in tensors {
        let (dtype, data) = bytes(tensor)?;
        owned.insert(name.as_str(), (dtype, tensor.dims().to_vec(), data));
    }
    let sum = checksum(progress, owned.iter().map(|(name, (_, _, data))| (*name, data.as_slice())));
    // One entry alone: the order of several is not fixed, and equal states must give equal files.
    let seal = serde_json::json!({"progress": progress, "sha256": sum}).to_string();
    let metadata = [(SEAL.to_string(), seal)].into_iter().collect();
    let views = owned
        .iter()
        .map(|(name, (dtype, shape, data))| Ok((*name, TensorView::new(*dtype, shape.clone(), data)?)))
        .collect::<Result<Vec<_>, safetensors::SafeTensorError>>()
        .map_err(|e| damaged(path, e))?;
    let content = safetensors::serialize(views, Some(metadata)).map_err(|e| damaged(path, e))?;

    let io = |source| TrainError::Io { path: path.to_path_buf(), source };
    let temporary = path.with_extension("partial");
    let mut file = File::create(&temporary).map_err(io)?;
    file.write_all(&content).map_err(io)?;
    file.sync_all().map_err(io)?;
    fs::rename(&temporary, path).map_err(io)?;
    if let Some(directory) = path.parent() {
        File::open(directory).and_then(|d| d.sync_all()).map_err(io)?;
    }
    Ok(())
}

fn read(path: &Path) -> Result<(BTreeMap<String, Tensor>, String), TrainError> {
    let content = fs::read(path).map_err(|source| TrainError::Io { path: path.to_path_buf(), source })?;
    let (_, header) = SafeTensors::read_metadata(&content).map_err(|e| damaged(path, e))?;
    let seal = header.metadata().as_ref().and_then(|m| m.get(SEAL)).cloned();
    let seal: serde_json::Value = seal.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default();
    let entry = |key: &str| {
        let text = seal[key].as_str().map(String::from);
        text.ok_or_else(|| damaged(path, format!("its metadata lacks `{key}`")))
    };
    let (progress, sum) = (entry("progress")?, entry("sha256")?);
    let file = SafeTensors::deserialize(&content).map_err(|e| damaged(path, e))?;
    let views: BTreeMap<String, TensorView<'_>> = file.tensors().into_iter().collect();
    if checksum(&progress, views.iter().map(|(name, view)| (name.as_str(), view.data()))) != sum {
        return Err(damaged(path, "its checksum is wrong"));
    }
    let tensors = views
        .iter()
        .map(|(name, view)| {
            let dtype = match view.dtype() {
                Dtype::F64 => DType::F64,
                Dtype::F32 => DType::F32,
                other => return Err(damaged(path, format!("{name} is of type {other:?}"))),
            };
            Ok((name.clone(), Tensor::from_raw_buffer(view.data(), dtype, view.shape(), &Device::Cpu)?))
        })
        .collect::<Result<_, TrainError>>()?;
    Ok((tensors, progress))
}
