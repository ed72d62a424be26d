//! Studies on data that the project does not ship: complete, and their data can be brought and verified.

use std::path::PathBuf;
use std::process::Command;

use crate::place::{Place, project};

/// Some that need data.
const STUDIES: [&str; 2] = ["acac_forces", "silicon_forces"];

/// Exit code, standard output and standard error.
fn get_data(arguments: &[&str]) -> (i32, String, String) {
    let output = Command::new(project().join("scripts/get_data")).args(arguments).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

/// Folder and name of every study.
fn studies() -> Vec<(PathBuf, String)> {
    let folders = std::fs::read_dir(project().join("experiments")).unwrap();
    let mut studies: Vec<_> = folders.map(|f| f.unwrap().path()).filter(|f| f.is_dir()).collect();
    studies.sort();
    studies.into_iter().map(|f| (f.clone(), f.file_name().unwrap().to_str().unwrap().to_owned())).collect()
}

#[test]
fn a_study_lacks_nothing_but_its_data() {
    let place = Place::new();
    std::fs::create_dir(place.path("nothing")).unwrap();
    assert!(studies().len() > STUDIES.len());
    for (folder, study) in studies() {
        let text = std::fs::read_to_string(folder.join("README.md")).unwrap();
        assert!(text.contains(&format!("surprisal reproduce {study}\n")), "{study}: {text}");
        for figure in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()).filter(|f| f.ends_with(".png"))
        {
            assert!(folder.join(figure).is_file(), "{study} shows {figure}");
        }
        let folder_name = folder.to_str().unwrap();
        let shown = place.fail(&["reproduce", folder_name, "--run", "none-of-them"]);
        assert!(shown.contains("the study has no such run"), "{study}: what it expects can be read: {shown}");
        if !folder.join("data.toml").exists() {
            assert!(!text.contains("get_data"), "{study} has no data.toml");
            continue;
        }
        // Configurations and what they should give are right: only the files are missing.
        assert!(text.contains(&format!("scripts/get_data {study} ")), "{study}: {text}");
        let root = format!("data_root={}", place.path("nothing").display());
        let shown = place.fail(&["reproduce", folder_name, "--set", &root]);
        assert!(
            shown.starts_with("exit 2\n") && shown.contains("needs data that the project does not ship"),
            "{shown}"
        );
        assert!(shown.contains("<folder>/nothing/") && shown.contains(&format!("scripts/get_data {study}")), "{shown}");
    }
}

#[test]
fn studies_on_generated_data_give_what_they_should() {
    let place = Place::new();
    for (study, runs) in [
        ("counts", &["generated_negative_binomial", "generated_poisson"][..]),
        ("shares", &["generated"]),
        ("lasso", &["generated"]),
        ("worst_cases", &["generated_mean", "generated_worst"]),
        ("outliers", &[]),
        ("branches", &[]),
        ("angles", &[]),
        ("label_smoothing", &[]),
    ] {
        let folder = project().join("experiments").join(study);
        let mut arguments = vec!["reproduce", folder.to_str().unwrap(), "--out", study];
        runs.iter().for_each(|run| arguments.extend(["--run", run]));
        let shown = place.succeed(&arguments);
        assert!(shown.contains("as expected") && !shown.contains("FAILED"), "{shown}");
    }
}

#[test]
fn data_is_brought_and_verified() {
    let place = Place::new();
    std::fs::create_dir(place.path("from")).unwrap();
    let excerpt = std::fs::read(project().join("crates/surprisal/tests/fixtures/acac.xyz")).unwrap();
    // The excerpt begins with the whole of one file of the study; another is damaged.
    std::fs::write(place.path("from/isolated_atoms.xyz"), &excerpt[..455]).unwrap();
    place.write("from/train_300K.xyz", "15\n");
    let (from, into) = (place.path("from"), place.path("into"));
    let arguments = ["acac_forces", "--from", from.to_str().unwrap(), "--into", into.to_str().unwrap()];
    let (code, out, err) = get_data(&arguments);
    assert_eq!(code, 1, "{err}");
    assert!(out.starts_with("acac/isolated_atoms.xyz: copied from "), "{out}");
    assert_eq!(std::fs::read(into.join("acac/isolated_atoms.xyz")).unwrap(), &excerpt[..455]);
    assert!(err.contains("train_300K.xyz has 3 bytes, expected 880100"), "{err}");
    assert!(err.contains("test_MD_600K.xyz is missing") && err.contains("from https://"), "{err}");
    assert!(!into.join("acac/train_300K.xyz").exists());

    // As long as it should be, but another.
    let mut other = excerpt[..455].to_vec();
    other[454] = b' ';
    std::fs::write(into.join("acac/isolated_atoms.xyz"), other).unwrap();
    let (_, _, err) = get_data(&["acac_forces", "--into", into.to_str().unwrap()]);
    assert!(err.contains("isolated_atoms.xyz has SHA-256 "), "{err}");
    assert!(get_data(&arguments).1.contains("copied"), "what is wrong is replaced");
    assert!(get_data(&arguments).1.contains("is there, verified"));
}

#[test]
fn an_unknown_study_is_named() {
    let (code, _, err) = get_data(&["acac"]);
    assert_eq!(code, 2);
    assert!(err.contains("no study `acac`") && STUDIES.iter().all(|study| err.contains(study)), "{err}");
}
