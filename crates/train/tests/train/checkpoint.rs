//! Checkpoints that are kept, damaged, passed over or refused.

use std::fs;
use std::path::{Path, PathBuf};

use candle_core::{DType, Device, Tensor};
use surprisal_core::{Diagnose, Parameter, Parameters, Role};
use surprisal_train::state::{Progress, State, values};
use surprisal_train::stopping::Best;
use surprisal_train::{OptimizerConfig, checkpoint};
use tempfile::TempDir;

use crate::setup::adamw;

/// A weight, a bias, and what AdamW and averages remember of them.
struct Run {
    directory: TempDir,
    parameters: Vec<Parameter>,
    state: State,
}

fn parameters(width: usize) -> Vec<Parameter> {
    let mut set = Parameters::new();
    let values = (0..2 * width).map(|i| 0.1 * i as f64).collect();
    set.add_values("w", Role::Weight, values, &[2, width], DType::F64, &Device::Cpu).unwrap();
    set.add_values("b", Role::Bias, vec![0.5; 2], &[2], DType::F32, &Device::Cpu).unwrap();
    set.iter().cloned().collect()
}

impl Run {
    fn new() -> Self {
        let optimizer: OptimizerConfig = adamw(0.1);
        let parameters = parameters(3);
        let mut state = State::start(&parameters, optimizer.get(), 0.9).unwrap();
        state.best = Some(values(&parameters).unwrap());
        state.progress.best = Some(Best { nll: -0.1, evaluation: 2, epoch: 3 });
        Self { directory: TempDir::new().unwrap(), parameters, state }
    }

    fn path(&self) -> &Path {
        self.directory.path()
    }

    /// Writes the checkpoint of a step, which is also the value of every entry.
    fn save(&mut self, step: u64) -> PathBuf {
        self.state.progress = Progress { step, epoch: 1, ..self.state.progress.clone() };
        self.fill(step as f64);
        checkpoint::save(self.path(), &self.parameters, &self.state).unwrap()
    }

    fn fill(&self, x: f64) {
        for p in &self.parameters {
            p.var.set(&(p.var.ones_like().unwrap() * x).unwrap()).unwrap();
        }
    }

    /// Step loaded, and the messages on files passed over; the weights have to be of that step.
    fn load(&self) -> (Option<u64>, Vec<String>) {
        self.fill(-1.0);
        let (state, passed_over) = checkpoint::load_latest(self.path(), &self.parameters).unwrap();
        let expected = state.as_ref().map_or(-1.0, |s| s.progress.step as f64);
        for p in &self.parameters {
            let values = p.var.flatten_all().unwrap().to_dtype(DType::F64).unwrap().to_vec1::<f64>().unwrap();
            assert!(values.iter().all(|v| *v == expected), "{} {values:?}", p.name);
        }
        (state.map(|s| s.progress.step), passed_over.iter().map(ToString::to_string).collect())
    }

    fn names(&self) -> Vec<String> {
        let mut names: Vec<String> =
            fs::read_dir(self.path()).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}

fn numbers(tensors: &[Tensor]) -> Vec<Vec<f64>> {
    tensors.iter().map(|t| t.flatten_all().unwrap().to_dtype(DType::F64).unwrap().to_vec1().unwrap()).collect()
}

#[test]
fn the_newest_three_are_kept() {
    let mut run = Run::new();
    assert_eq!(run.load(), (None, vec![]));
    assert_eq!(checkpoint::newest(run.path()), None);
    for step in [1, 7, 20, 100, 2000] {
        let path = run.save(step);
        assert_eq!(checkpoint::newest(run.path()), Some(path));
    }
    assert_eq!(run.names(), ["step-000000020.safetensors", "step-000000100.safetensors", "step-000002000.safetensors"]);
    assert_eq!(run.load(), (Some(2000), vec![]));
}

#[test]
fn everything_comes_back() {
    let mut run = Run::new();
    run.state.memory = run.state.memory.iter().enumerate().map(|(i, t)| (t + i as f64).unwrap()).collect();
    run.save(9);
    let (state, _) = checkpoint::load_latest(run.path(), &run.parameters).unwrap();
    let state = state.unwrap();
    assert_eq!(state.progress, run.state.progress);
    assert_eq!(numbers(&state.memory), numbers(&run.state.memory));
    assert_eq!(numbers(state.average.as_ref().unwrap()), numbers(run.state.average.as_ref().unwrap()));
    assert_eq!(numbers(state.best.as_ref().unwrap()), numbers(run.state.best.as_ref().unwrap()));
}

#[test]
fn equal_states_give_equal_files() {
    let mut run = Run::new();
    let content = fs::read(run.save(3)).unwrap();
    assert!((0..20).all(|_| fs::read(run.save(3)).unwrap() == content));
}

#[test]
fn a_damaged_file_is_passed_over_with_a_message() {
    let mut run = Run::new();
    run.save(1);
    let newest = run.save(2);
    let whole = fs::read(&newest).unwrap();
    let damage = |content: &[u8]| {
        fs::write(&newest, content).unwrap();
        run.load()
    };
    for length in (0..whole.len()).step_by(7) {
        let (step, messages) = damage(&whole[..length]);
        assert_eq!((step, messages.len()), (Some(1), 1), "cut to {length} bytes");
        assert!(messages[0].starts_with(&format!("checkpoint {}: ", newest.display())), "{}", messages[0]);
    }
    let mut longer = whole.clone();
    longer.push(0);
    assert_eq!(damage(&longer).0, Some(1));
    let (mut n_unseen, mut n_checksum) = (0, 0);
    // every fifth: 5 and 8 share no divisor, so each place of a byte has its turn
    for bit in (0..8 * whole.len()).step_by(5) {
        let mut flipped = whole.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        let (step, messages) = damage(&flipped);
        n_unseen += usize::from(step == Some(2));
        n_checksum += usize::from(messages.iter().any(|m| m.ends_with("its checksum is wrong")));
    }
    // what is left unseen are blanks of the header: [`Run::load`] finds the very weights of step 2
    assert!(n_unseen < 12, "{n_unseen} of {} flips unseen", 8 * whole.len() / 5);
    assert!(n_checksum > 8 * 48 / 5);
}

#[test]
fn two_damaged_files_are_both_named() {
    let mut run = Run::new();
    let paths = [1, 2, 3].map(|step| run.save(step));
    fs::write(&paths[2], "").unwrap();
    let second = fs::read(&paths[1]).unwrap();
    fs::write(&paths[1], &second[..second.len() / 2]).unwrap();
    let (step, messages) = run.load();
    assert_eq!(step, Some(1));
    assert!(messages[0].contains("step-000000003") && messages[1].contains("step-000000002"), "{messages:?}");
}

#[test]
fn only_damaged_files_are_an_error_with_a_hint() {
    let mut run = Run::new();
    for step in [1, 2] {
        fs::write(run.save(step), b"no checkpoint").unwrap();
    }
    let error = checkpoint::load_latest(run.path(), &run.parameters).unwrap_err();
    assert!(error.to_string().starts_with("checkpoint "), "{error}");
    let hint = "remove the damaged file to resume from the one before it, or start a new run";
    assert_eq!(error.hint().as_deref(), Some(hint));
}

#[test]
fn weights_of_another_model_are_refused() {
    let mut run = Run::new();
    let path = run.save(1);
    let error = checkpoint::load_latest(run.path(), &parameters(4)).unwrap_err().to_string();
    assert_eq!(error, format!("checkpoint {}: w has shape [2, 3], the model wants [2, 4]", path.display()));

    let mut other = Parameters::new();
    other.add_values("v", Role::Weight, vec![0.0], &[1], DType::F64, &Device::Cpu).unwrap();
    let other: Vec<Parameter> = other.iter().cloned().collect();
    let error = checkpoint::load_latest(run.path(), &other).unwrap_err().to_string();
    assert!(error.ends_with("it holds no weights of this model"), "{error}");
    let more: Vec<Parameter> = run.parameters.iter().chain(&other).cloned().collect();
    let error = checkpoint::load_latest(run.path(), &more).unwrap_err().to_string();
    assert!(error.ends_with("it lacks value/v"), "{error}");
}

#[test]
fn what_a_killed_writer_left_is_ignored() {
    let mut run = Run::new();
    run.save(5);
    for name in ["step-000000006.partial", "step-000000007.safetensors.partial", "notes.txt"] {
        fs::write(run.path().join(name), b"half a file").unwrap();
    }
    assert_eq!(run.load(), (Some(5), vec![]));
    for step in 6..10 {
        run.save(step);
    }
    assert_eq!(run.load(), (Some(9), vec![]));
}

#[test]
fn weights_alone_are_plain_safetensors() {
    let mut run = Run::new();
    run.save(4);
    let path = run.path().join("weights.safetensors");
    checkpoint::save_weights(&path, &run.parameters).unwrap();
    let weights = candle_core::safetensors::load(&path, &Device::Cpu).unwrap();
    assert_eq!(weights.len(), 2);
    assert_eq!(weights["w"].to_vec2::<f64>().unwrap(), [[4.0; 3]; 2]);
    assert_eq!(weights["b"].to_vec1::<f32>().unwrap(), [4.0; 2]);
}
