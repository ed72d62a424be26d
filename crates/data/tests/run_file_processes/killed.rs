//! A run may be killed at any moment; its file must open, and go on.

use std::process::Command;
use std::time::Duration;

use surprisal_data::run_file::{PerSampleQuantity, Reader, Writer};

use crate::example::{self, N_TEST, value};

const VICTIM: &str = "SURPRISAL_TEST_RUN_FILE_VICTIM";

/// Not a test of its own: the process that `a_killed_writer_leaves_a_readable_file` kills.
#[test]
#[ignore = "run by another test, in a process of its own"]
fn victim() {
    let path = std::env::var_os(VICTIM).map(std::path::PathBuf::from).expect("started by another test");
    let mut writer = Writer::create(&path, &example::layout()).unwrap();
    std::fs::write(path.with_extension("ready"), "").unwrap();
    for evaluation in 0.. {
        example::append(&mut writer, evaluation).unwrap();
    }
}

#[test]
fn a_killed_writer_leaves_a_readable_file() {
    let _turn = crate::one_at_a_time();
    let n_kills: u64 = std::env::var("SURPRISAL_TEST_KILLS").ok().and_then(|n| n.parse().ok()).unwrap_or(20);
    let mut most = 0;
    for kill in 0..n_kills {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("run.h5");
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "killed::victim", "--ignored", "--nocapture"])
            .env(VICTIM, &path)
            .stdout(std::process::Stdio::null())
            .spawn()
            .unwrap();
        while !path.with_extension("ready").exists() {
            assert!(child.try_wait().unwrap().is_none(), "the writer died by itself");
            std::thread::sleep(Duration::from_millis(1));
        }
        // Spread over two octaves, so that kills land in every phase of an append.
        std::thread::sleep(Duration::from_micros(5_000 + (kill * 7_919) % 90_000));
        child.kill().unwrap();
        child.wait().unwrap();

        let n_evaluations = check(&path, kill);
        most = most.max(n_evaluations);
        let keep = n_evaluations.saturating_sub(2);
        let mut writer = Writer::open(&path, &example::layout(), keep).unwrap();
        for evaluation in keep..keep + 3 {
            example::append(&mut writer, evaluation).unwrap();
        }
        drop(writer);
        assert_eq!(check(&path, kill), keep + 3);
    }
    assert!(most > 0, "no writer lived long enough to write anything");
}

/// Every number of every complete evaluation; their count.
fn check(path: &std::path::Path, kill: u64) -> usize {
    let run = Reader::open(path).unwrap_or_else(|e| panic!("kill {kill}: {e}"));
    let n = run.n_evaluations();
    let expected = |place| (0..n).map(|e| value(e, place)).collect::<Vec<_>>();
    assert_eq!(run.curve("train", "nll").unwrap(), expected(1), "kill {kill}");
    assert_eq!(run.curve("hot", "nll").unwrap(), expected(2), "kill {kill}");
    assert_eq!(run.steps().unwrap(), (0..n as u64).map(|e| e * 10).collect::<Vec<_>>(), "kill {kill}");
    for quantity in [PerSampleQuantity::Nll, PerSampleQuantity::SquaredError] {
        let curve = run.per_sample("hot", quantity).unwrap();
        assert_eq!(curve.values.len(), n * N_TEST, "kill {kill}");
        for evaluation in 0..n {
            for (sample, &found) in curve.evaluation(evaluation).iter().enumerate() {
                let nll = value(evaluation, sample);
                let expected = if quantity == PerSampleQuantity::Nll { nll } else { nll * nll };
                assert_eq!(found, expected, "kill {kill}, evaluation {evaluation}, sample {sample}");
            }
        }
    }
    for evaluation in 0..n {
        assert_eq!(run.pit_at("hot", evaluation).unwrap(), example::pit(evaluation), "kill {kill}");
    }
    assert_eq!(run.group("train").unwrap(), [0, 0, 1, 1, 2, 2]);
    n
}
