//! Checkpoints survive damage: the newest whole one is used, and a bad one says what is wrong.

use std::fs;
use std::path::{Path, PathBuf};

use surprisal_core::Diagnose as _;
use surprisal_train::checkpoint;

use crate::setup::{Loss, constant_gaussian, small_table};

/// Four checkpoints at steps 1 to 4 of a small table; returns the files that are left.
fn four(folder: &Path) -> Vec<PathBuf> {
    let setup = small_table(&Loss::mean(constant_gaussian()), 1);
    let fit = setup.fit(folder);
    let mut state = fit.start().unwrap();
    for step in 1..=4 {
        state.progress.step = step;
        checkpoint::save(folder, &setup.parameters(), &state).unwrap();
    }
    let mut files: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

fn load(folder: &Path) -> (Option<u64>, Vec<String>) {
    let setup = small_table(&Loss::mean(constant_gaussian()), 2);
    let (state, passed_over) = checkpoint::load_latest(folder, &setup.parameters()).unwrap();
    (state.map(|s| s.progress.step), passed_over.iter().map(ToString::to_string).collect())
}

#[test]
fn the_newest_three_are_kept_and_the_newest_is_loaded() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(four(folder.path()).len(), 3);
    fs::write(folder.path().join("step-000000009.partial"), "half").unwrap();
    assert_eq!(load(folder.path()), (Some(4), vec![]));
}

#[test]
fn a_damaged_file_is_passed_over_with_a_word() {
    let folder = tempfile::tempdir().unwrap();
    let files = four(folder.path());
    let mut newest = fs::read(&files[2]).unwrap();
    *newest.last_mut().unwrap() ^= 1;
    fs::write(&files[2], &newest).unwrap();
    let second = fs::read(&files[1]).unwrap();
    fs::write(&files[1], &second[..second.len() / 2]).unwrap();
    let (step, words) = load(folder.path());
    assert_eq!(step, Some(2));
    assert!(words[0].contains("step-000000004") && words[0].contains("its checksum is wrong"), "{words:?}");
    assert!(words[1].contains("step-000000003"), "{words:?}");
}

#[test]
fn where_nothing_is_whole_the_error_has_a_hint() {
    let folder = tempfile::tempdir().unwrap();
    for file in four(folder.path()) {
        fs::write(file, "nothing").unwrap();
    }
    let setup = small_table(&Loss::mean(constant_gaussian()), 2);
    let error = checkpoint::load_latest(folder.path(), &setup.parameters()).unwrap_err();
    assert!(error.hint().is_some_and(|hint| hint.contains("remove the damaged file")), "{error}");
}

#[test]
fn an_empty_folder_is_no_error() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(load(folder.path()), (None, vec![]));
}
